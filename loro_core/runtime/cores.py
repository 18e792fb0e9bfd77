"""How many processors this process may use, which in a container is not how many the machine has."""

from __future__ import annotations

import math
import os
from pathlib import Path

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""Linux's control groups, version 2: "QUOTA PERIOD" in microseconds, or "max PERIOD"."""


def usable_cores() -> int:
    """Return how many processors may be used at once, >= 1: those that we are bound to, and within the quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota = quota_cores(CPU_MAX.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        quota = None
    return max(1, bound if quota is None else min(bound, quota))


def quota_cores(cpu_max: str) -> int | None:
    """Return how many processors a quota comes to, rounded up; None if there is none."""
    quota, _, period = cpu_max.strip().partition(" ")
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return max(1, math.ceil(int(quota) / int(period)))
