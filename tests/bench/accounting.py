"""What processes have used, by the operating system's accounting (Linux's /proc): processor time and memory.

A process stands for itself and all its descendants; those that have ended are in their parents' account.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
"""The grain of the account: what is measured must use many times as much."""

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Stat:
    """A line of /proc/PID/stat. cpu_s: user and system time, its own and that of the children it has waited for."""

    parent: int
    cpu_s: float


def read_stat(line: str) -> Stat:
    """Return what a line of /proc/PID/stat says. Its second field is a name in parentheses, which may hold any."""
    fields = line[line.rindex(")") + 2 :].split()  # from the third field on
    return Stat(parent=int(fields[1]), cpu_s=sum(map(int, fields[11:15])) * TICK_S)


def family(pid: int, parents: Mapping[int, int]) -> list[int]:
    """Return `pid` and its descendants. parents: by process, its parent."""
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def cpu_s(pid: int) -> float:
    """Return the processor time that `pid` and its descendants have used. Raises ProcessLookupError if it is gone."""
    stats = _stats()
    if pid not in stats:
        raise ProcessLookupError(f"process {pid} is gone")
    return sum(stats[member].cpu_s for member in family(pid, {p: stat.parent for p, stat in stats.items()}))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of `pid` and its descendants; what they share counts for each of them."""
    members = family(pid, {p: stat.parent for p, stat in _stats().items()})
    return sum(_resident_bytes(member) for member in members)


def _stats() -> dict[int, Stat]:
    stats = {}
    for path in _PROC.iterdir():
        if path.name.isdigit():
            try:
                stats[int(path.name)] = read_stat((path / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
                continue
    return stats


def _resident_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)
