"""Whose a listening port is, and how much memory a family of processes takes: from Linux's /proc; unknown elsewhere.

A good health answer says that somebody is healthy. That it is our process which said so must be asked of the kernel:
servers share ports without a word (cpp-httplib sets SO_REUSEPORT), and an orphan of an earlier run answers as well.

These calls read files for some milliseconds: call them in a thread.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

PROC = Path("/proc")
KNOWN = sys.platform.startswith("linux")

_LISTEN = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_MOST_PROCESSES = 10_000


class Ownership(Struct, frozen=True, kw_only=True):
    """Who listens at a port. ours: somebody of the family does. others: who else does, for people, "" for nobody."""

    ours: bool
    others: str = ""


def family(root: int) -> list[int]:
    """Return the process ids of all that descend from `root`, itself not among them."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # "pid (name) state ppid ...": the name may hold anything.
                parent = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = list(children.get(root, ()))
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, ())
    return found


def _family_quickly(root: int) -> list[int]:
    """Return the same by way of lists that the kernel keeps; one that changes meanwhile may lack somebody."""
    found: list[int] = []
    waiting = [root]
    while waiting and len(found) < _MOST_PROCESSES:
        pid = waiting.pop()
        children: list[int] = []
        with suppress(OSError, ValueError):
            for task in (PROC / str(pid) / "task").iterdir():
                children += map(int, (task / "children").read_text().split())
        found += children
        waiting += children
    return found


def who_listens(port: int, root: int) -> Ownership | None:
    """Return who listens at TCP port `port` of this machine: the descendants of `root`, or others.

    None where it cannot be known: no /proc, no table of sockets in it (some sandboxes), or sockets of ours that we may
    not see. Ask it about a port where somebody has answered.
    """
    if not KNOWN:
        return None
    try:
        listening = _listening(port)
    except (OSError, ValueError):
        return None
    if not listening:
        return None
    ours: set[str] = set()
    readable = True
    for pid in family(root):
        readable = _add_sockets(pid, ours) and readable
    strangers = listening - ours
    if strangers and not readable:
        return None
    return Ownership(ours=bool(listening & ours), others=_named(strangers) if strangers else "")


def resident_bytes(root: int) -> int | None:
    """Return the resident memory of all that descend from `root`; None where it cannot be known.

    What they share, such as a file that is mapped into each of them, is counted for each.
    """
    if not KNOWN:
        return None
    pages = 0
    for pid in _family_quickly(root) or family(root):  # not every kernel keeps the lists
        with suppress(OSError, ValueError, IndexError):
            pages += int((PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _listening(port: int) -> set[str]:
    """Return the inodes of the sockets that listen at `port`, at whatever address."""
    ending = f":{port:04X}"
    inodes: set[str] = set()
    for name in ("tcp", "tcp6"):
        with suppress(FileNotFoundError), (PROC / "self" / "net" / name).open(encoding="ascii") as table:
            # sl local_address rem_address st tx:rx tr:when retransmits uid timeout inode ...
            for line in table:
                if ending in line:
                    fields = line.split()
                    if fields[1].endswith(ending) and fields[3] == _LISTEN:
                        inodes.add(fields[9])
    return inodes


def _add_sockets(pid: int, inodes: set[str]) -> bool:
    """Add the inodes of the sockets that process `pid` holds; return whether we may know."""
    try:
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if found := _SOCKET.match(str(descriptor.readlink())):
                    inodes.add(found[1])
    except PermissionError:
        return False
    except OSError:
        pass  # it has ended
    return True


def _named(inodes: Iterable[str]) -> str:
    """Return who holds one of the sockets, for people."""
    wanted = set(inodes)
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            held: set[str] = set()
            if _add_sockets(int(entry.name), held) and held & wanted:
                with suppress(OSError):
                    return f"process {entry.name} ({(entry / 'comm').read_text().strip()})"
    return "another process"
