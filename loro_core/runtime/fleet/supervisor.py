"""One instance of a model, kept as `decide.fleet.lifecycle` says: its process started, probed, measured, ended.

    the run's task   takes events from the mailbox, asks the lifecycle, does what it says, tells what changed. Nobody
                     else writes the instance's state.
    one life         from a port to the end of a process: `open_child`, and whoever watches it while it lives
    watching         probes until it is healthy or out of time, then now and then; measures its memory; waits out the
                     grace of an end. All end with the life they belong to, so nothing of an earlier one is heard later.

An instance is ready when a health answer was good and the port is its own: every socket that listens there belongs to a
process that descends from the one we started.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import trio
from msgspec import Struct

from loro_core.decide.fleet.launching import base_url_of, command_of, environment_of
from loro_core.decide.fleet.lifecycle import (
    TAIL_LINES,
    Action,
    Event,
    Exited,
    GraceOver,
    HealthLost,
    Healthy,
    Idle,
    Kill,
    Lifecycle,
    LoadTimedOut,
    NotSpawned,
    Pause,
    PauseOver,
    PortTaken,
    Spawn,
    Spawned,
    StartAsked,
    StartProbing,
    StopAsked,
    Terminate,
)
from loro_core.decide.fleet.liveness import EVERY_S, WITHIN_S, Liveness, Probe
from loro_core.models import InstanceState, InstanceStatus, Launch, LogLine, Model
from loro_core.runtime.fleet.listeners import Ownership, resident_bytes, who_listens
from loro_core.runtime.fleet.log_ring import LogRing
from loro_core.runtime.fleet.ports import PORTS, Ports, is_free
from loro_core.runtime.fleet.probing import probe
from loro_core.runtime.fleet.process import Child, NotStarted, open_child

LOGGER = logging.getLogger("loro.supervisor")

HOST = "127.0.0.1"
"""Servers of ours listen where only this machine reaches them: what is asked of them goes through loro."""

FIRST_PROBE_S = 0.02
LONGEST_PROBE_S = 0.5
"""How long to wait between two questions for the health of one that loads: the wait grows by half each time."""

SURE_AFTER_S = 0.2
"""A stranger at an instance's port is believed when it is still there after so long."""

MEASURE_EVERY_S = 5.0
MEMORY_STEP = 0.02
"""A change of memory that is told: by this share."""


class _Measured(Struct, frozen=True):
    memory_bytes: int


class _Life(Struct):
    """One process from its start on."""

    child: Child
    watchers: trio.Nursery
    base_url: str
    health_url: str
    port: int
    began: float


class Supervisor:
    """Keeps one instance of `model`, which has a `launch`.

    on_change: is told the new status after every change of state and of memory, in the run's task; it may not raise.
    log: takes what the instance writes, and what is done with it (stream "loro").
    ports: whom to ask for a port where the launch has none.
    """

    def __init__(
        self,
        instance_id: str,
        model: Model,
        *,
        on_change: Callable[[InstanceStatus], None],
        log: LogRing,
        rng: random.Random,
        ports: Ports = PORTS,
    ) -> None:
        if model.launch is None:
            raise ValueError(f"model {model.name!r} has no launch: there is nothing to supervise")
        self._id = instance_id
        self._model = model
        self._launch: Launch = model.launch
        self._on_change = on_change
        self._log = log
        self._rng = rng
        self._ports = ports
        self._lifecycle = Lifecycle(own_port=self._launch.port == 0)
        self._mailbox: deque[Event | _Measured] = deque()
        self._posted = trio.Event()
        self._wanted = False
        self._over = False
        self._life: _Life | None = None
        self._pausing = trio.CancelScope()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._load_s: float | None = None
        self._memory_bytes: int | None = None
        self._since = time.time()
        self._status = self._make_status()

    def __repr__(self) -> str:
        return f"<Supervisor {self._id} {self._status.state.value}>"

    @property
    def status(self) -> InstanceStatus:
        """What is told of the instance; calls, slots in use and speed are for others to fill in."""
        return self._status

    @property
    def base_url(self) -> str | None:
        """Where its OpenAI-like face is; None while it has no process."""
        return self._status.base_url

    def start(self) -> None:
        """Want it to run. It may be called again, and while it stops; not once the run is over."""
        if self._over:
            raise RuntimeError(f"instance {self._id} was stopped for good")
        self._wanted = True
        self._post(StartAsked())

    def stop(self, drain: bool = False) -> None:
        """Want it to end; drain: once `idle` is called. The run is over when it is gone."""
        self._wanted = False
        self._post(StopAsked(drain))

    def idle(self) -> None:
        """Say that its last call is over: one that drains ends now."""
        self._post(Idle())

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the instance until it was asked to stop and has stopped. Once.

        After Cancelled nothing of its process is left: it is asked to end, and killed after the launch's grace.
        """
        try:
            async with trio.open_nursery() as nursery:
                task_status.started()
                while not self._over:
                    await self._receive(nursery)
                nursery.cancel_scope.cancel()
        finally:
            self._over = True
            if self._status.state is not InstanceState.STOPPED:  # it was cancelled; by now nothing of it is left
                self._lifecycle = Lifecycle(now=trio.current_time())
                self._tell(InstanceState.STOPPED)

    async def _receive(self, nursery: trio.Nursery) -> None:
        """Do what the next event in the mailbox asks for."""
        while not self._mailbox:
            self._posted = trio.Event()
            await self._posted.wait()
        event = self._mailbox.popleft()
        if isinstance(event, _Measured):
            self._memory_bytes = event.memory_bytes
            if self._life is not None:
                self._tell(self._status.state)
            return
        before = self._lifecycle.state, self._lifecycle.reason, self._lifecycle.restarts
        actions = self._lifecycle.receive(event, trio.current_time(), self._rng)
        if (self._lifecycle.state, self._lifecycle.reason, self._lifecycle.restarts) != before:
            self._note_change(before[0])
        for action in actions:
            self._act(action, nursery)
        if self._lifecycle.state is InstanceState.STOPPED and isinstance(event, StopAsked | Exited | NotSpawned):
            self._over = not self._wanted

    def _act(self, action: Action, nursery: trio.Nursery) -> None:
        match action:
            case Spawn():
                nursery.start_soon(self._live)
            case Pause(seconds):
                self._say(f"started again in {seconds:.1f} s")
                self._pausing = trio.CancelScope()
                nursery.start_soon(self._pause, seconds)
            case StartProbing():
                self._watch(self._probe)
            case Terminate():
                if self._life is not None:
                    self._life.child.terminate()
                    self._watch(self._wait_out_grace)
            case Kill():
                if self._life is not None:
                    self._say(f"still there after {self._launch.stop_grace_s:g} s: killed")
                    self._life.child.kill()

    def _post(self, event: Event | _Measured) -> None:
        self._mailbox.append(event)
        self._posted.set()

    def _watch(self, watcher: Callable[[_Life], Any]) -> None:
        # Spawned is posted by the life itself, so while there is something to watch there is a nursery for it.
        if self._life is not None:
            self._life.watchers.start_soon(watcher, self._life)

    async def _live(self) -> None:
        """Have one process from its start to its end, and tell both."""
        launch = self._launch
        self._tail.clear()
        try:
            port = launch.port or self._ports.take(HOST)
        except OSError as error:
            self._post(NotSpawned(str(error)))
            return
        event: Event
        try:
            if launch.port and not is_free(HOST, port):
                owner = await trio.to_thread.run_sync(who_listens, port, os.getpid(), abandon_on_cancel=True)
                by = "another process" if owner is None else owner.others or "another instance of ours"
                event = NotSpawned(f"port {port} is taken by {by}")
            else:
                event = await self._live_at(port)
        finally:
            if not launch.port:
                self._ports.give(port)
        self._post(event)

    async def _live_at(self, port: int) -> Exited | NotSpawned:
        launch = self._launch
        began = trio.current_time()
        try:
            async with (
                open_child(
                    command_of(launch, HOST, port),
                    hear=self._hear,
                    grace_s=launch.stop_grace_s,
                    directory=launch.directory,
                    environment=environment_of(launch, HOST, port),
                ) as child,
                trio.open_nursery() as watchers,
            ):
                self._life = _Life(
                    child=child,
                    watchers=watchers,
                    base_url=base_url_of(launch, HOST, port),
                    health_url=f"http://{HOST}:{port}/{launch.health_path.lstrip('/')}",
                    port=port,
                    began=began,
                )
                self._post(Spawned(child.pid))
                try:
                    status = await child.wait()
                finally:
                    self._life = None  # from here on the nursery takes nobody in, and there is nothing to end
                watchers.cancel_scope.cancel()
        except NotStarted as error:
            return NotSpawned(error.reason, error.lasting)
        return Exited(status, tuple(self._tail))

    async def _pause(self, seconds: float) -> None:
        with self._pausing:
            await trio.sleep(seconds)
            self._post(PauseOver())

    async def _wait_out_grace(self, _life: _Life) -> None:
        await trio.sleep(self._launch.stop_grace_s)
        self._post(GraceOver())

    async def _probe(self, life: _Life) -> None:
        within_s = self._launch.load_timeout_s
        last = Probe(connected=False)
        with trio.move_on_at(life.began + within_s) as loading:
            wait_s = FIRST_PROBE_S
            while True:
                last = await probe(life.health_url, WITHIN_S)
                if last.connected and (verdict := await self._whose(life, last)) is not None:
                    self._post(verdict)
                    if isinstance(verdict, PortTaken):
                        return
                    break
                await trio.sleep(wait_s)
                wait_s = min(wait_s * 1.5, LONGEST_PROBE_S)
        if loading.cancelled_caught:
            self._post(LoadTimedOut(within_s, last.told))
            return
        liveness = Liveness()
        while True:
            await trio.sleep(EVERY_S)
            asked_at = trio.current_time()
            lost = liveness.take(await probe(life.health_url, WITHIN_S), asked_at, trio.current_time())
            if lost is not None:
                self._post(HealthLost(lost))
                return

    async def _whose(self, life: _Life, answer: Probe) -> Healthy | PortTaken | None:
        """Return what an answer at the instance's port means; None for nothing yet."""
        owner = await self._look(life)
        if owner is None:
            return Healthy() if answer.good else None
        if owner.others:
            await trio.sleep(SURE_AFTER_S)
            owner = await self._look(life)
            return PortTaken(owner.others) if owner is not None and owner.others else None
        return Healthy() if answer.good and owner.ours else None

    async def _look(self, life: _Life) -> Ownership | None:
        return await trio.to_thread.run_sync(who_listens, life.port, life.child.keeper_pid, abandon_on_cancel=True)

    async def _measure(self, life: _Life) -> None:
        told = 0
        while True:
            measured = await trio.to_thread.run_sync(resident_bytes, life.child.keeper_pid, abandon_on_cancel=True)
            if measured is None:
                return
            if measured and abs(measured - told) > told * MEMORY_STEP:
                told = measured
                self._post(_Measured(measured))
            await trio.sleep(MEASURE_EVERY_S)

    def _hear(self, stream: str, text: str) -> None:
        self._tail.append(text)
        self._log.add(LogLine(at=time.time(), instance=self._id, stream=stream, text=text))

    def _say(self, text: str) -> None:
        self._log.add(LogLine(at=time.time(), instance=self._id, stream="loro", text=text))

    def _note_change(self, before: InstanceState) -> None:
        """Tell that the lifecycle went on."""
        lifecycle, now = self._lifecycle, trio.current_time()
        state = lifecycle.state
        if state is InstanceState.READY and before is InstanceState.LOADING and self._life is not None:
            self._load_s = now - self._life.began
            self._watch(self._measure)
        if before is InstanceState.WAITING:
            self._pausing.cancel()
        self._tell(state)
        status = self._status
        reason = status.reason.partition("\n")[0]  # the lines of the log that may follow are in the log
        if state is not before:
            self._say(f"{state.value}{reason and f': {reason}'}")
            log = LOGGER.error if state is InstanceState.FAILED else LOGGER.info
            log(
                "instance.%s instance=%s model=%s pid=%s restarts=%d reason=%r",
                *(state.value, self._id, self._model.name, status.pid, status.restarts, reason),
            )

    def _tell(self, state: InstanceState) -> None:
        if state is not self._status.state:
            self._since = time.time()
        self._status = self._make_status()
        self._on_change(self._status)

    def _make_status(self) -> InstanceStatus:
        lifecycle, life = self._lifecycle, self._life
        return InstanceStatus(
            id=self._id,
            model=self._model.name,
            state=lifecycle.state,
            since=self._since,
            slots=self._model.slots,
            pid=None if life is None else life.child.pid,
            base_url=None if life is None else life.base_url,
            reason=lifecycle.reason,
            memory_bytes=None if life is None else self._memory_bytes,
            restarts=lifecycle.restarts,
            load_s=self._load_s,
        )
