from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.bench.accounting import TICK_S, cpu_s, family, read_stat, resident_bytes

LINE = "42 (a (strange) name) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0 1 1 1"


def test_a_process_is_read_with_the_children_it_has_waited_for():
    stat = read_stat(LINE)
    assert stat.parent == 7 and stat.cpu_s == pytest.approx(250 * TICK_S)


def test_a_family_is_all_descendants():
    assert family(1, {2: 1, 3: 2, 4: 3, 9: 8}) == [1, 2, 3, 4]


BURN = "import time\nwhile time.process_time() < 0.2: pass\n"
WAITS = BURN + "print(flush=True); input()"
PARENTS = {
    "that runs": f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAITS!r}])",
    "that has ended": f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}]); print(flush=True)",
}


@pytest.mark.parametrize("child", PARENTS)
def test_what_a_child_burns_is_its_parents(child):
    command = [sys.executable, "-c", f"{PARENTS[child]}; input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        assert cpu_s(process.pid) >= 0.2 - 3 * TICK_S
        process.stdin.write(b"\n\n")  # both end
        process.stdin.close()


def test_our_own_time_is_what_the_clock_of_the_process_says():
    before_s, clock_s = cpu_s(os.getpid()), time.process_time()
    while time.process_time() < clock_s + 0.1:
        pass
    assert cpu_s(os.getpid()) - before_s == pytest.approx(time.process_time() - clock_s, abs=3 * TICK_S)


def test_memory_that_is_held_is_counted():
    before = resident_bytes(os.getpid())
    held = bytearray(b"x") * (20 << 20)
    assert resident_bytes(os.getpid()) - before == pytest.approx(len(held), rel=0.2)


def test_a_process_that_is_gone_is_told():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with pytest.raises(ProcessLookupError, match="is gone"):
        cpu_s(process.pid)
