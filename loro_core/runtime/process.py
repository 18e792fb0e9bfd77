"""One process of ours with all that it starts: watched by a keeper, its output read line by line, and ended for sure.

    open_child    starts a keeper (`runtime.keeper`), which starts the program, and reads what both say
    wait          returns when every process of the family is gone and what they wrote has been read
    leaving       asks the family to end, kills it after a grace, and waits until it is gone, also when cancelled

The pipes are read until their end, and no longer than PIPE_S after the family is gone: a stranger who was handed one of
them cannot hold up anybody.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from loro_core.decide.launching import inherited
from loro_core.wire.log_lines import LogLines

LOGGER = logging.getLogger("loro.process")

KEEPER = Path(__file__).with_name("keeper.py")

PIPE_S = 0.5
"""What was written before the end is in the pipe; it takes no time to read."""

STUCK_S = 10.0
"""A process that a kill has not ended after so long waits in the kernel, for a disk or a device; nobody can end it."""

READ_BYTES = 4096
LINES_PER_S = 5000
"""A program that writes without end is read at this pace, and waits: every line costs the loop some microseconds, and
there are calls under way."""

_LASTING = frozenset(
    {errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.E2BIG}
)

Hear = Callable[[str, str], None]
"""("stdout" or "stderr", a line) is what a process has written."""


class NotStarted(Exception):
    """A process could not be started. reason: for people. lasting: and cannot be before somebody changes something."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


class Child:
    """A program that was started. pid: its own. keeper_pid: its keeper's, of whom all its processes descend."""

    def __init__(self, pid: int, keeper: trio.Process, link: socket.socket) -> None:
        self.pid = pid
        self.keeper_pid = keeper.pid
        self._keeper = keeper
        self._link = link
        self._status: int | None = None
        self._gone = trio.Event()

    def __repr__(self) -> str:
        return f"<Child {self.pid}{' gone' if self._gone.is_set() else ''}>"

    async def wait(self) -> int:
        """Return the program's exit status, -n for signal n, once nothing of it is left and all it wrote was heard."""
        await self._gone.wait()
        return -signal.SIGKILL if self._status is None else self._status

    def terminate(self) -> None:
        """Ask every process of the family to end."""
        self._say(b"T")

    def kill(self) -> None:
        """End every process of the family."""
        self._say(b"K")

    def _say(self, word: bytes) -> None:
        with suppress(OSError):
            self._link.send(word)

    async def follow(self, said: bytes, hearing: Sequence[trio.Event]) -> None:
        """Read what the keeper says until it is gone, then wait a little for those who read the pipes.

        said: what it has said already. hearing: set by each who has read a pipe to its end.
        """
        while True:
            *lines, said = said.split(b"\n")
            for line in lines:
                if line.startswith(b"exited "):
                    self._status = int(line[7:])
            data = await _receive(self._link)
            if not data:
                break
            said += data
        if self._status is None:
            LOGGER.error("process.keeper_gone pid=%d keeper=%d", self.pid, self.keeper_pid)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        await self._keeper.wait()
        with trio.move_on_after(PIPE_S):
            for heard in hearing:
                await heard.wait()
        self._gone.set()


@asynccontextmanager
async def open_child(
    command: Sequence[str],
    *,
    hear: Hear,
    grace_s: float,
    directory: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Child, None]:
    """Start `command` and give it; when the block is left, however, nothing of it is left.

    hear: is called for every line that the family writes; it may not raise.
    grace_s: from SIGTERM to SIGKILL when the block is left while the family lives.
    directory: where it is started. environment: its variables beside ours (`decide.launching.inherited`).
    Raises NotStarted if it cannot be started.
    """
    if sys.platform == "win32":
        raise NotStarted("models' servers cannot be started on Windows", lasting=True)
    if directory is not None and not Path(directory).is_dir():  # noqa: ASYNC240  # one stat before a process is made
        raise NotStarted(f"there is no directory {directory!r}", lasting=True)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours:
        with theirs:
            keeper = await _start_keeper(command, theirs, directory, environment)
        try:
            child, said = await _started(keeper, ours, command, directory)
        except BaseException:
            # The link's end tells it that nobody wants it any more.
            ours.close()
            with trio.CancelScope(shield=True):
                await keeper.wait()
                await _close(keeper)
            raise
        try:
            async with trio.open_nursery() as nursery:
                # Whoever reads goes on reading when we are cancelled, until nothing is left.
                reading = trio.CancelScope(shield=True)
                nursery.start_soon(_read, reading, keeper, partial(child.follow, said), hear)
                try:
                    yield child
                finally:
                    with trio.CancelScope(shield=True):
                        await _end(child, grace_s)
                        reading.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await _close(keeper)


async def _start_keeper(
    command: Sequence[str], link: socket.socket, directory: str | None, environment: Mapping[str, str] | None
) -> trio.Process:
    # Isolated and without site packages: what stands in the model's environment or directory is not the keeper's.
    start = [sys.executable, "-I", "-S", str(KEEPER), str(link.fileno()), str(os.getpid()), *command]
    try:
        return await trio.lowlevel.open_process(
            start,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # what a terminal sends is loro's to answer
            pass_fds=(link.fileno(),),
            cwd=directory,
            env={**inherited(os.environ), **(environment or {})},
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument or a variable
        number = error.errno if isinstance(error, OSError) else None
        lasting = number is None or number in _LASTING
        raise NotStarted(f"cannot be started: {_why(error)}", lasting=lasting) from error


async def _started(
    keeper: trio.Process, link: socket.socket, command: Sequence[str], directory: str | None
) -> tuple[Child, bytes]:
    """Wait until the program runs; return it, and what the keeper has said beyond that."""
    said = b""
    while b"\n" not in said:
        data = await _receive(link)
        if not data:
            raise NotStarted(f"cannot be started: its keeper ended with status {await keeper.wait()}", lasting=False)
        said += data
    first, _, said = said.partition(b"\n")
    word, _, number = first.partition(b" ")
    if word == b"pid":
        return Child(int(number), keeper, link), said
    raise NotStarted(_not_run(int(number), command[0], directory), lasting=int(number) in _LASTING)


def _not_run(number: int, program: str, directory: str | None) -> str:
    if number == errno.ENOENT:
        where = f" in {directory!r}" if directory is not None and "/" in program else ""
        return f"there is no program {program!r}{where}"
    return f"{program!r} cannot be run: {os.strerror(number)}"


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


async def _read(
    scope: trio.CancelScope, keeper: trio.Process, follow: Callable[[Sequence[trio.Event]], Awaitable[None]], hear: Hear
) -> None:
    """Read all that the family writes while `follow` runs, and the little that is left afterwards."""
    with scope:
        async with trio.open_nursery() as nursery:
            heard = []
            for pipe, stream in ((keeper.stdout, "stdout"), (keeper.stderr, "stderr")):
                if pipe is not None:
                    heard.append(trio.Event())
                    nursery.start_soon(_pump, pipe, stream, hear, heard[-1])
            await follow(heard)
            nursery.cancel_scope.cancel()


async def _pump(pipe: trio.abc.ReceiveStream, stream: str, hear: Hear, heard: trio.Event) -> None:
    decoder = LogLines()
    try:
        while data := await pipe.receive_some(READ_BYTES):
            lines = decoder.decode(bytes(data))
            for line in lines:
                hear(stream, line)
            if len(data) == READ_BYTES:  # there is more
                await trio.sleep(len(lines) / LINES_PER_S)
    finally:
        for line in decoder.finish():
            hear(stream, line)
        heard.set()


async def _end(child: Child, grace_s: float) -> None:
    child.terminate()
    with trio.move_on_after(grace_s):
        await child.wait()
        return
    child.kill()
    with trio.move_on_after(STUCK_S):
        await child.wait()
        return
    LOGGER.error("process.stuck pid=%d keeper=%d after_s=%g", child.pid, child.keeper_pid, STUCK_S)


async def _close(keeper: trio.Process) -> None:
    for pipe in (keeper.stdout, keeper.stderr):
        if pipe is not None:
            await pipe.aclose()


async def _receive(link: socket.socket) -> bytes:
    """Return what comes next; b"" at the end."""
    while True:
        await trio.lowlevel.wait_readable(link)
        try:
            return link.recv(4096)
        except BlockingIOError:
            continue
        except OSError:
            return b""
