"""The process between loro and a model's server: whatever becomes of either, nothing of the server is left behind.

    python -I -S keeper.py LINK_FD OWNER_PID PROGRAM [ARGUMENT ...]

It starts the program as the leader of a session of its own and ends once every process of its *family* is gone: the
program, what it has started, and what these have started, also those that have left their session (on Linux, where
the orphans of the family become the keeper's own children).

    what happens                                it does
    ------------------------------------------  -----------------------------------------------------------------------
    the program runs                            says "pid N"
    the program cannot be started               says "not ERRNO", and ends
    the program ends                            says "exited STATUS"; asks what is left to end, kills it after
                                                LEFTOVER_S, unless it was asked to end everything: then all have the
                                                time that loro gives them
    loro says "T"                               asks the family to end (SIGTERM)
    loro says "K"                               kills it (SIGKILL) until nothing is left
    loro is gone: the link ends, or its         asks the family to end, kills it after ORPHAN_S
    process does; or the keeper is told to end
    nothing is left                             ends: the link's end of file tells it

Where the keeper itself is killed, Linux kills the program with it (PR_SET_PDEATHSIG), and loro, which sees the link
end, the rest of its session. The signal is about the thread that forked; here there is only one.

It imports nothing of loro's and little of Python's: it starts in a few hundredths of a second and takes some 12 MB.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

ORPHAN_S = 0.5
"""So long a family has to end when loro is gone: nobody is left who could wait for it, or be told."""

LEFTOVER_S = 1.0
"""So long those have to end who are left when their leader has died by itself."""

SWEEP_FIRST_S = 0.02
SWEEP_LAST_S = 1.0
"""How often what was killed is killed again, with growing pauses: a process that is being made while its parent dies is
seen the next time, and one that waits in the kernel for a device may wait long."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform.startswith("linux")


class Keeper:
    """Keeps one family. link: to loro. owner: loro's process id."""

    def __init__(self, link: socket.socket, owner: int) -> None:
        self._link = link
        self._owner = owner
        self._leader = 0
        self._leader_ended = False
        self._asked = False
        self._kill_at = math.inf
        self._sweep_s = SWEEP_FIRST_S
        self._told_to_end = False

    def run(self, command: Sequence[str]) -> None:
        """Keep `command` from its start until nothing of it is left."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        wake = self._wake_on_signals()
        self._leader, failure = _start(command)
        if failure:
            self._tell(f"not {failure}")
            return
        self._tell(f"pid {self._leader}")
        _let_go_of_output()
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        poll.register(wake, select.POLLIN)
        owner = _watch(self._owner)
        if owner is not None:
            poll.register(owner, select.POLLIN)
        orphaned = os.getppid() != self._owner
        while True:
            if orphaned or self._told_to_end:
                self._end_within(ORPHAN_S)
            if self._reap() and not self._group_exists():
                return
            if time.monotonic() >= self._kill_at:
                self._signal(signal.SIGKILL)
            ready = {fd for fd, _ in poll.poll(self._patience_ms())}
            if wake in ready:
                os.read(wake, 512)
            if owner in ready:
                orphaned = True
            if self._link.fileno() in ready and not self._listen():
                poll.unregister(self._link)
                orphaned = True

    def _wake_on_signals(self) -> int:
        """Return a descriptor that is readable after a signal."""
        wake, written = os.pipe()
        for fd in (wake, written):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._be_told_to_end)
        return wake

    def _be_told_to_end(self, *_: object) -> None:
        self._told_to_end = True

    def _listen(self) -> bool:
        """Do what loro says; return whether it is still there."""
        try:
            words = self._link.recv(64)
        except OSError:
            return False
        if b"T" in words:
            self._asked = True
            self._signal(signal.SIGTERM)
        if b"K" in words:
            self._kill_at = 0.0
        return bool(words)

    def _tell(self, word: str) -> None:
        with suppress(OSError):
            self._link.sendall(f"{word}\n".encode())

    def _patience_ms(self) -> float | None:
        now = time.monotonic()
        if now >= self._kill_at or self._leader_ended:
            self._sweep_s = min(self._sweep_s * 1.2, SWEEP_LAST_S)
            return self._sweep_s * 1000
        return None if self._kill_at == math.inf else (self._kill_at - now) * 1000

    def _reap(self) -> bool:
        """Bury those who have ended; return whether no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._leader:
                self._leader_ended = True
                self._tell(f"exited {os.waitstatus_to_exitcode(status)}")
                if not self._asked:
                    self._end_within(LEFTOVER_S)

    def _end_within(self, seconds: float) -> None:
        if not self._asked:
            self._asked = True
            self._signal(signal.SIGTERM)
        self._kill_at = min(self._kill_at, time.monotonic() + seconds)

    def _group_exists(self) -> bool:
        try:
            os.killpg(self._leader, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # on macOS also of zombies that are not ours to bury
            return _LINUX
        return True

    def _signal(self, number: signal.Signals) -> None:
        """Send it to the leader's group, and to those of the family that have left it."""
        if not self._leader:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader, number)
        for pid in list(_descendants(os.getpid())) if _LINUX else ():
            with suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self._leader:
                    os.kill(pid, number)


def _start(command: Sequence[str]) -> tuple[int, int]:
    """Return (process id, 0) of the program once it runs, or (0, errno)."""
    here, there = os.pipe()  # closed by exec: an end of file says that the program runs
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == keeper:
                signal.set_wakeup_fd(-1)
                # What is ignored stays so across exec: SIGPIPE by Python, SIGINT and SIGQUIT by a shell's background.
                for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                    with suppress(OSError, ValueError):
                        signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
                os.execvp(command[0], list(command))  # noqa: S606  # to start it is what we are for
        except OSError as error:
            os.write(there, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(there)
    with os.fdopen(here, "rb") as reading:
        failure = int(reading.read() or b"0")
    if failure:
        os.waitpid(pid, 0)
        return 0, failure
    return pid, 0


def _let_go_of_output() -> None:
    """Keep the program's pipes open no longer than it does itself."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)


def _watch(pid: int) -> int | None:
    """Return a descriptor that is readable once process `pid` has ended; None where there are none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _descendants(root: int) -> Iterator[int]:
    """Yield the process ids of all that descend from `root`."""
    children: dict[int, list[int]] = {}
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                # "pid (name) state ppid ...": the name may hold anything. Whoever has ended meanwhile has no file.
                with suppress(OSError, ValueError, IndexError), open(f"{entry.path}/stat", "rb") as stat:  # noqa: PTH123
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
                    children.setdefault(parent, []).append(int(entry.name))
    waiting = children.get(root, [])
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def main(arguments: Sequence[str]) -> None:
    link = socket.socket(fileno=int(arguments[0]))
    link.set_inheritable(False)
    try:
        Keeper(link, int(arguments[1])).run(arguments[2:])
    except OSError as error:
        with suppress(OSError):
            link.sendall(f"not {error.errno or errno.EIO}\n".encode())
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
