"""What "auto" comes to: the machine's memory or a container's, the smaller one."""

from __future__ import annotations

import pytest

from loro_core.app.config.budget import AUTO_SHARE, memory_budget
from loro_core.app.config.scheduling import SchedulerSettings

AUTO = SchedulerSettings(memory="auto")
GIB = 1 << 30


@pytest.fixture
def machine(tmp_path):
    """Return a function that writes the files of a system and tells what "auto" comes to there, in GiB."""

    def machine(**files):
        names = {
            "own": "proc/self/cgroup",
            "total": "proc/meminfo",
            "top": "sys/fs/cgroup/memory.max",
            "slice": "sys/fs/cgroup/a.slice/memory.max",
            "service": "sys/fs/cgroup/a.slice/b.service/memory.max",
            "old": "sys/fs/cgroup/memory/memory.limit_in_bytes",
        }
        for name, text in files.items():
            path = tmp_path / names[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        budget = memory_budget(AUTO, tmp_path)
        return None if budget is None else budget / AUTO_SHARE / GIB

    return machine


def test_what_is_said_is_taken():
    assert memory_budget(SchedulerSettings(memory=5)) == 5
    assert memory_budget(SchedulerSettings()) is None


def test_a_machine_is_known_by_its_total(machine):
    assert machine(total=f"MemTotal:       {8 * GIB // 1024} kB\nMemFree: 1 kB", top="max") == pytest.approx(8)


@pytest.mark.parametrize("tightest", ["top", "slice", "service"])
def test_the_tightest_control_group_holds(machine, tightest):
    limits = {"top": "max", "slice": 6 * GIB, "service": 5 * GIB} | {tightest: 2 * GIB}
    total = f"MemTotal: {8 * GIB // 1024} kB"
    assert machine(total=total, own="0::/a.slice/b.service", **limits) == pytest.approx(2)


def test_control_groups_of_the_first_version(machine):
    assert machine(total=f"MemTotal: {8 * GIB // 1024} kB", old=3 * GIB) == pytest.approx(3)
    assert machine(old=9223372036854771712) == pytest.approx(8), "its word for no limit is a large number"


def test_where_nothing_is_known_there_is_no_bound(machine):
    assert machine() is None


def test_this_machine_has_some_memory():
    assert (memory_budget(AUTO) or 0) > 1 << 27
