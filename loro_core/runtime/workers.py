"""Worker processes: started, watched, started again when they die, drained together.

    starting   the process runs, its link is open        -> ready | dead: it ended, or was not ready in START_WITHIN_S
    ready      it said so                                -> dead
    dead       unasked                                   -> starting, after decide.backoff's wait | given up
    dead       while draining or stopping                -> over

All workers accept at the same listening sockets, which the supervisor opened and keeps: a client that connects while
one is being started again is served by another, and none is lost with the one that died. A worker's end of its link
is its life line: when the supervisor is gone, however it went, every worker reads an end of file and ends.
"""

from __future__ import annotations

import logging
import math
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import trio

from loro_core.decide.backoff import Deaths, GiveUp, died
from loro_core.runtime.link import Link, LinkClosed

LOGGER = logging.getLogger("loro.workers")

START_WITHIN_S = 60.0
"""So long a worker may take to load its plugins."""

STOP_WITHIN_S = 3.0
"""How long a worker that has lost its link, or that has drained, may take to end; then it is killed."""

NOT_STARTED = 127
"""The exit status of what could not be started, as a shell gives it."""


class Worker:
    """One worker process. number: from 1; the one that takes a dead one's place has the same. name: in the log."""

    def __init__(self, number: int, name: str, pid: int, link: Link) -> None:
        self.number = number
        self.name = name
        self.pid = pid
        self.link = link
        self.ready = trio.Event()


class Hub(Protocol):
    """Who the workers talk to. Neither call may raise."""

    def hear(self, worker: Worker, message: bytes) -> None:
        """Take in what a worker tells; set `worker.ready` when it says that it is."""

    async def answer(self, worker: Worker, question: bytes) -> bytes:
        """Return the answer to what a worker asks."""

    def ended(self, worker: Worker) -> None:
        """Take in that a worker is gone."""


class Workers:
    """Some workers, all alike.

    command: of a worker's number and the descriptor of its link, what to run. greeting: the first thing it is told.
    farewell: what it is told when it is to end within drain_s.
    name: how the log calls the worker of a number. pass_fds: what it inherits beside the link.
    on_ready: called once, when all are ready for the first time.
    restarts: how often one was started again. gave_up: why it ended unasked, if it did.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        count: int,
        command: Callable[[int, int], Sequence[str]],
        greeting: Callable[[int], bytes],
        farewell: bytes,
        name: Callable[[int], str] = str,
        drain_s: float,
        pass_fds: Sequence[int] = (),
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._hub = hub
        self._command = command
        self._greeting = greeting
        self._farewell = farewell
        self._name = name
        self._drain_s = drain_s
        self._pass_fds = tuple(pass_fds)
        self._on_ready: Callable[[], None] | None = on_ready
        self._leaving = trio.Event()
        self._stopping = trio.Event()
        self._leave_by = math.inf
        self._running: dict[int, Worker] = {}
        self.count = count
        self.restarts = 0
        self.gave_up: str | None = None

    @property
    def running(self) -> Sequence[Worker]:
        """Those whose process runs, the lowest number first."""
        return [self._running[number] for number in sorted(self._running)]

    @property
    def ready(self) -> Sequence[Worker]:
        return [worker for worker in self.running if worker.ready.is_set()]

    async def run(self) -> None:
        """Keep all workers running until `drain` or `stop` was called and they are gone, or one is given up.

        After Cancelled no process is left.
        """
        async with trio.open_nursery() as nursery:
            for number in range(1, self.count + 1):
                nursery.start_soon(self._keep, number)

    def drain(self) -> None:
        """Have every worker end in order; what dies now stays dead."""
        if not self._leaving.is_set():
            self._leave_by = trio.current_time() + self._drain_s + STOP_WITHIN_S
            self._leaving.set()
            self.tell(self._farewell)

    def tell(self, message: bytes) -> None:
        """Tell every worker that runs; one that is started later hears only its greeting."""
        for worker in self.running:
            with suppress(LinkClosed):
                worker.link.tell(message)

    def stop(self) -> None:
        """End every worker now."""
        self._leave_by = trio.current_time()
        self._leaving.set()
        self._stopping.set()

    async def _keep(self, number: int) -> None:
        deaths, name = Deaths(), self._name(number)
        while not self._leaving.is_set():
            started = trio.current_time()
            pid, status = await self._one(number)
            if self._leaving.is_set():
                return
            lived_s = trio.current_time() - started
            deaths, then = died(deaths, lived_s)
            how = _how(status)
            if isinstance(then, GiveUp):
                LOGGER.error("worker.given_up worker=%s pid=%d status=%s deaths=%d", name, pid, how, then.deaths)
                self.gave_up = f"worker {name} died {then.deaths} times in a row soon after its start (last: {how})"
                self.drain()
                return
            LOGGER.error(
                "worker.died worker=%s pid=%d status=%s lived_s=%.1f again_in_s=%.1f",
                *(name, pid, how, lived_s, then.after_s),
            )
            with trio.move_on_after(then.after_s):
                await self._leaving.wait()
            self.restarts += 1

    async def _one(self, number: int) -> tuple[int, int]:
        """Run a worker from its start to its end; return its process id and its exit status."""
        ours, theirs = socket.socketpair()
        link_socket = trio.socket.from_stdlib_socket(ours)
        try:
            with theirs:
                process = await trio.lowlevel.open_process(
                    list(self._command(number, theirs.fileno())),
                    stdin=subprocess.DEVNULL,
                    # A session of its own: what a terminal sends is the supervisor's to answer.
                    start_new_session=True,
                    pass_fds=(theirs.fileno(), *self._pass_fds),
                )
        except BaseException as error:
            link_socket.close()
            if not isinstance(error, OSError):
                raise
            LOGGER.exception("worker.not_started worker=%s", self._name(number))
            return 0, NOT_STARTED
        worker = self._worker(number, process.pid, link_socket)
        self._running[number] = worker
        if self._leaving.is_set():  # it was called to life while we were asked to end
            worker.link.tell(self._farewell)
        LOGGER.info("worker.started worker=%s pid=%d", worker.name, process.pid)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hold, worker, process)
                nursery.start_soon(self._see_it_ready, worker, process)
                await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                process.kill()  # nothing, if it has ended
                await process.wait()
            del self._running[number]
            self._hub.ended(worker)
        return process.pid, process.returncode or 0

    def _worker(self, number: int, pid: int, sock: trio.socket.SocketType) -> Worker:
        async def answer(question: bytes) -> bytes:
            return await self._hub.answer(worker, question)

        link = Link(sock, answer=answer, hear=lambda message: self._hub.hear(worker, message))
        worker = Worker(number, self._name(number), pid, link)
        link.tell(self._greeting(number))
        return worker

    async def _see_it_ready(self, worker: Worker, process: trio.Process) -> None:
        with trio.move_on_after(START_WITHIN_S):
            await worker.ready.wait()
            if self._on_ready is not None and len(self.ready) == self.count:
                self._on_ready()
                self._on_ready = None
            return
        LOGGER.error("worker.not_ready worker=%s pid=%d within_s=%g", worker.name, worker.pid, START_WITHIN_S)
        process.kill()

    async def _hold(self, worker: Worker, process: trio.Process) -> None:
        """Carry the link until the worker has lost it or has had its time to leave; soon after, the process ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._part, nursery.cancel_scope)
            await worker.link.run()
            nursery.cancel_scope.cancel()
        await trio.sleep(STOP_WITHIN_S)
        LOGGER.warning("worker.killed worker=%s pid=%d", worker.name, worker.pid)
        process.kill()

    async def _part(self, link: trio.CancelScope) -> None:
        """Close the link once the time to leave is over: a worker that reads the end of file ends at once."""
        await self._leaving.wait()
        with trio.CancelScope(deadline=self._leave_by):
            await self._stopping.wait()
        link.cancel()


def _how(status: int) -> str:
    """Return how a process ended: its exit status, or the signal's name."""
    if status >= 0:
        return str(status)
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
