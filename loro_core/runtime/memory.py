"""How much memory this process and its children may use."""

from __future__ import annotations

import re
from pathlib import Path

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEMINFO = Path("/proc/meminfo")


def usable_memory(cgroup_limit: Path = CGROUP_LIMIT, meminfo: Path = MEMINFO) -> int | None:
    """Return the bytes that the machine has, or the container's limit if that is less; None if neither can be found.

    Source: the kernel's Documentation/admin-guide/cgroup-v2.rst ("memory.max"), proc_meminfo(5).
    """
    found = [bytes_ for bytes_ in (_limit(cgroup_limit), _total(meminfo)) if bytes_ is not None]
    return min(found, default=None)


def _limit(file: Path) -> int | None:
    text = _read(file).strip()
    return int(text) if text.isdecimal() else None  # "max": no limit


def _total(file: Path) -> int | None:
    total = re.search(r"^MemTotal:\s+([0-9]+) kB$", _read(file), re.MULTILINE)
    return int(total[1]) * 1024 if total else None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
