"""Signals that ask a process to end, sent to a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# Ends at the first signal, says so, and then takes a while: in the run of trio, after it, and in the interpreter's end.
PROGRAM = """
import os, signal, sys, time, trio
from loro_core.runtime.signals import ending_signals

def linger(where, write=os.write, clock=time.monotonic):
    write(1, where)
    until = clock() + 0.3
    while clock() < until:
        pass

async def main():
    with ending_signals(signal.SIGTERM, signal.SIGINT) as signals:
        print("ready", flush=True)
        async for number in signals:
            print(number.name, flush=True)
            break
    linger(b"clearing up\\n")

class Last:
    def __del__(self, linger=linger):
        linger(b"last\\n")

sys.last_of_all = Last()
trio.run(main)
linger(b"after\\n")
sys.exit(7)
"""


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for found in process.stdout:
        if found.rstrip() == line:
            return
    pytest.fail(f"it ended before {line!r}, with {process.wait()}")


@pytest.mark.parametrize("where", ["clearing up", "after", "last"])
def test_asked_to_end_once_more_it_still_clears_up_and_ends_with_its_own_status(process, where):
    read_until(process, "ready")
    process.send_signal(signal.SIGTERM)
    read_until(process, where)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 7


def test_one_that_comes_at_once_is_told(process):
    read_until(process, "ready")
    process.send_signal(signal.SIGINT)
    read_until(process, "SIGINT")
    assert process.wait(10) == 7


def test_a_last_ctrl_c_ends_the_clearing_up(process):
    read_until(process, "ready")
    process.send_signal(signal.SIGTERM)
    read_until(process, "clearing up")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) not in (0, 7)
