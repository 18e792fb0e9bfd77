"""How much memory models may take together, where the operator leaves it to the machine: `[scheduler] memory = "auto"`.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst ("memory.max") and filesystems/proc.rst ("MemTotal").
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from loro_core.app.config.scheduling import AUTO_MEMORY, SchedulerSettings

AUTO_SHARE = 0.8
"""The rest is for the system, its file cache, and loro itself."""


def memory_budget(scheduler: SchedulerSettings, root: Path = Path("/")) -> int | None:
    """Return how many bytes all processes of models may take together; None for no bound.

    root: where the files of the system are looked for.
    """
    if scheduler.memory != AUTO_MEMORY:
        return scheduler.memory
    found = [*_control_group_limits(root), *_machine(root)]
    return int(min(found) * AUTO_SHARE) if found else None


def _control_group_limits(root: Path) -> Iterator[int]:
    """Yield the limits of the control groups that this process is in; a container sees its own as the topmost."""
    top = root / "sys/fs/cgroup"
    inside = [line.rpartition(":")[2] for line in _lines(root / "proc/self/cgroup") if line.startswith("0::")]
    for group in [top / name.strip("/") for name in inside] or [top]:
        for one in [group, *group.parents]:
            yield from _number(one / "memory.max")
            if one == top:
                break
    yield from _number(top / "memory/memory.limit_in_bytes")  # version 1


def _machine(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        if name == "MemTotal" and value.split()[:1]:
            yield int(value.split()[0]) * 1024
            return
    if root == Path("/") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _number(file: Path) -> Iterator[int]:
    """Yield the number in `file`, nothing if it is not there or says "max"."""
    yield from (int(line) for line in _lines(file)[:1] if line.isdecimal())


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
