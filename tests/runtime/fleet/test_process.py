from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from loro_core.runtime.fleet.process import LINES_PER_S, PIPE_S, READ_BYTES, NotStarted, open_child
from tests.runtime.fleet.families import lives, marked, on_linux, programs, until

pytestmark = on_linux

SERVER = str(Path(__file__).with_name("child_server.py"))
PYTHON = (sys.executable, "-I", "-S")


class Ears:
    def __init__(self):
        self.lines = []

    def __call__(self, stream, text):
        self.lines.append((stream, text))

    def said(self, text):
        return any(text in line for _, line in self.lines)


def child(command, mark, ears=lambda *_: None, *, grace_s=5.0, **more):
    return open_child(command, hear=ears, grace_s=grace_s, environment={"LORO_TEST_MARK": mark}, **more)


def script(code):
    return [*PYTHON, "-c", code]


async def test_what_it_writes_is_heard_to_the_last_line_and_its_status_is_told(mark):
    ears = Ears()
    async with child(["sh", "-c", "echo one; echo two >&2; printf three; exit 7"], mark, ears) as process:
        assert await process.wait() == 7
        assert sorted(ears.lines) == [("stderr", "two"), ("stdout", "one"), ("stdout", "three")]
    assert not lives(process.pid)
    assert not lives(process.keeper_pid)


async def test_it_inherits_our_variables_without_our_keys(mark, monkeypatch):
    monkeypatch.setenv("LARGE_MODEL_API_KEY", "sk-1")
    monkeypatch.setenv("OF_THE_USER", "yes")
    ears = Ears()
    async with child(["sh", "-c", 'echo "$LARGE_MODEL_API_KEY $OF_THE_USER $LORO_TEST_MARK"'], mark, ears) as process:
        await process.wait()
    assert ears.lines == [("stdout", f" yes {mark}")]


async def test_a_signal_that_ends_it_is_told(mark):
    async with child(["sleep", "60"], mark) as process:
        os.kill(process.pid, signal.SIGKILL)
        assert await process.wait() == -9


async def test_it_leads_a_session_of_its_own_with_usual_signals_and_no_descriptor_of_ours(mark):
    ears = Ears()
    code = """
import os, signal
print(os.getsid(0) == os.getpid())
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
ignored = next(int(line.split()[1], 16) for line in open("/proc/self/status") if line.startswith("SigIgn:"))
print([number for number in range(1, 32) if ignored >> (number - 1) & 1])
print(sorted(map(int, os.listdir("/proc/self/fd")))[:-1])
"""
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)  # as in the background of a shell
    try:
        async with child(script(code), mark, ears) as process:
            await process.wait()
    finally:
        signal.signal(signal.SIGQUIT, before)
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25); from 32 on they are the C library's own.
    assert ears.lines == [("stdout", text) for text in ("True", "True", "[13, 25]", "[0, 1, 2]")]


@pytest.mark.parametrize(
    ("command", "more", "reason", "lasting"),
    [
        (["loro-has-no-such-program"], {}, "there is no program 'loro-has-no-such-program'", True),
        (["./none"], {"directory": "/"}, "there is no program './none' in '/'", True),
        (["/etc/passwd"], {}, "'/etc/passwd' cannot be run: Permission denied", True),
        (["true"], {"directory": "/none/such"}, "there is no directory '/none/such'", True),
        (["true", "a\0b"], {}, "cannot be started: embedded null byte", True),
    ],
)
async def test_what_cannot_be_started_says_why(command, more, reason, lasting, mark):
    with pytest.raises(NotStarted) as caught:
        async with child(command, mark, **more):
            pass
    assert (caught.value.reason, caught.value.lasting) == (reason, lasting)


async def test_leaving_asks_the_whole_family_to_end(mark):
    ears = Ears()
    async with child(["sh", "-c", "trap 'echo asked; exit 0' TERM; sleep 60 & wait"], mark, ears) as process:
        # Not the fork that is still the shell, for that one has the shell's trap.
        await until(lambda: "sleep" in programs(mark))
        began = time.monotonic()
    assert ears.lines == [("stdout", "asked")]
    assert time.monotonic() - began < 2.0
    assert not lives(process.pid)


async def test_one_that_does_not_listen_is_killed_after_its_grace(mark):
    ears = Ears()
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    async with child(script(deaf), mark, ears, grace_s=0.2) as process:
        await until(lambda: ears.said("up"))
        began = time.monotonic()
    assert 0.2 <= time.monotonic() - began < 2.0
    assert await process.wait() == -9


async def test_a_leader_that_ends_at_once_leaves_its_workers_the_whole_grace(mark):
    ears = Ears()
    worker = """
import os, signal, time
def save(*_):
    time.sleep(0.3)
    os.write(1, b'saved\\n')
    os._exit(0)
signal.signal(15, save)
print('up', flush=True)
time.sleep(60)
"""
    async with child(["sh", "-c", f'{sys.executable} -I -S -c "{worker}" & wait'], mark, ears):
        await until(lambda: ears.said("up"))
    assert ears.said("saved"), ears.lines


async def test_what_its_leader_leaves_behind_is_ended_too(mark):
    """A worker process that outlives its crashed parent keeps the memory that the next start needs."""
    async with child(["sh", "-c", "sleep 60 & exec sleep 61"], mark) as process:
        await until(lambda: len(marked(mark)) == 3)
        os.kill(process.pid, signal.SIGKILL)
        with trio.fail_after(3):
            assert await process.wait() == -9
        assert marked(mark) == []


async def test_who_has_left_the_session_is_found_all_the_same(mark):
    async with child(["sh", "-c", "(setsid sleep 60 &); sleep 61"], mark):
        await until(lambda: len(marked(mark)) == 4)
    assert marked(mark) == []


async def test_a_stranger_that_holds_the_pipe_holds_up_nobody(mark):
    """A pipe that never ends once kept a supervisor waiting for ever."""
    ears = Ears()
    async with child(["sh", "-c", "echo hi; exec sleep 60"], mark, ears) as process:
        await until(lambda: ears.said("hi"))
        ours = os.open(f"/proc/{process.pid}/fd/1", os.O_WRONLY)  # and we are none of its family
        try:
            began = time.monotonic()
            os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == -9
            assert time.monotonic() - began < PIPE_S + 1.5
        finally:
            os.close(ours)


async def test_much_output_is_read_while_nobody_waits(mark):
    ears = Ears()
    async with child(script("for _ in range(2000): print('y' * 99)"), mark, ears) as process:
        assert await process.wait() == 0
    assert len(ears.lines) == 2000


async def test_one_that_writes_without_end_leaves_the_loop_to_others(mark):
    ears = Ears()
    async with child(["yes"], mark, ears, grace_s=1.0):
        await until(lambda: ears.lines)
        before = len(ears.lines)
        await trio.sleep(0.3)
        assert len(ears.lines) - before < 0.3 * LINES_PER_S + 2 * READ_BYTES


async def test_cancelling_leaves_nothing_of_a_deaf_family(mark):
    ears = Ears()
    deaf = (
        "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.fork(); print('up', flush=True); time.sleep(60)"
    )
    with trio.CancelScope() as scope:
        async with child(script(deaf), mark, ears, grace_s=0.2):
            await until(lambda: len(ears.lines) == 2)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert marked(mark) == []


async def test_cancelling_at_whatever_moment_of_the_start_leaves_nothing(mark):
    for after_s in (0.0, 0.001, 0.005, 0.02, 0.04, 0.06, 0.08):
        with trio.move_on_after(after_s):
            async with child(["sleep", "60"], mark):
                await trio.sleep_forever()
        assert marked(mark) == []


async def test_a_killed_keeper_takes_the_program_with_it(mark):
    async with child(["sh", "-c", "sleep 60 & exec sleep 61"], mark) as process:
        await until(lambda: len(marked(mark)) == 3)
        os.kill(process.keeper_pid, signal.SIGKILL)
        with trio.fail_after(3):
            assert await process.wait() == -9
        await until(lambda: not marked(mark), 2.0)


_OWNER = """
import sys, trio
from loro_core.runtime.fleet.process import open_child
async def main():
    async with open_child(sys.argv[1:], hear=lambda stream, text: print(text, flush=True), grace_s=60):
        await trio.sleep_forever()
trio.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_its_owner_is_killed_nothing_is_left_after_two_seconds(number, mark):
    family = (
        "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.fork(); os.fork() or os.setsid();"
        "print('up', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, *script(family)],
        stdout=subprocess.PIPE,
        env={**os.environ, "LORO_TEST_MARK": mark},
    )
    with owner:
        assert owner.stdout is not None
        for _ in range(4):
            assert owner.stdout.readline() == b"up\n"
        assert len(marked(mark)) == 6  # the owner, the keeper and a family of four
        owner.send_signal(number)
        owner.wait(5)
    began = time.monotonic()
    while marked(mark):
        assert time.monotonic() - began < 2.0
        time.sleep(0.02)
