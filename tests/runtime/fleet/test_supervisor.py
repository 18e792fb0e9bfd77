"""Supervision of a server that is as bad as it is told, on the real clock."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from loro_core.decide.fleet.lifecycle import GIVE_UP_AFTER
from loro_core.fleet import Deployment
from loro_core.models import InstanceState as State
from loro_core.models import InstanceStatus, Launch, Model
from loro_core.runtime.fleet.log_ring import LogRing
from loro_core.runtime.fleet.ports import Ports
from loro_core.runtime.fleet.supervisor import Supervisor
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fleet.families import lives, marked, on_linux, until

pytestmark = on_linux

SERVER = str(Path(__file__).with_name("child_server.py"))


class Watched:
    """A supervisor with all that it told."""

    def __init__(self, *words, mark, ports=None, command=None, **launch):
        self.told: list[InstanceStatus] = []
        self.log = LogRing()
        model = Model(
            name="m",
            deployment=Deployment(name="m", provider="openai", model="m"),
            slots=3,
            launch=Launch(
                kind="command",
                command=command or (sys.executable, "-I", "-S", SERVER, "--port", "{port}", *words),
                environment={"LORO_TEST_MARK": mark},
                **{"load_timeout_s": 5.0, "stop_grace_s": 5.0, **launch},
            ),
        )
        self.supervisor = Supervisor(
            "m-1", model, on_change=self.told.append, log=self.log, rng=random.Random(1), ports=ports or Ports()
        )

    @property
    def states(self):
        found: list[State] = []
        for status in self.told:
            if not found or status.state is not found[-1]:
                found.append(status.state)
        return found

    @property
    def status(self):
        return self.supervisor.status

    async def reach(self, state, within_s=8.0):
        return await until(lambda: self.status.state is state, within_s)

    def lines(self, stream):
        return [line.text for line in self.log.lines() if line.stream == stream]


@asynccontextmanager
async def running(*words, mark, start=True, **launch):
    """Give a running supervisor; its run is over, and nothing of it left, when the block is."""
    watched = Watched(*words, mark=mark, **launch)
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.supervisor.run)
        if start:
            watched.supervisor.start()
        yield watched
        watched.supervisor.stop()
    assert watched.status.state is State.STOPPED
    assert marked(mark) == []


def get(url):
    with urllib.request.urlopen(url, timeout=2) as answer:
        return answer.read()


async def test_an_instance_is_loaded_then_ready_then_stopped(mark):
    async with running("load=0.2", "say=tensor 1|tensor 2", mark=mark) as watched:
        await watched.reach(State.READY)
        status = watched.status
        assert status.base_url is not None and status.base_url.endswith("/v1")
        assert get(status.base_url) == str(status.pid).encode()
        assert status.load_s is not None and 0.2 <= status.load_s < 5
        assert (status.slots, status.restarts, status.reason) == (3, 0, "")
        assert time.time() - status.since < 5
        assert watched.lines("stdout") == ["tensor 1", "tensor 2"]
        await until(lambda: watched.status.memory_bytes)
        assert 2**20 < watched.status.memory_bytes < 2**27
        watched.supervisor.stop()
        await watched.reach(State.STOPPED)
        assert not lives(status.pid)
    assert watched.states == [State.STARTING, State.LOADING, State.READY, State.STOPPING, State.STOPPED]
    last = watched.status
    assert (last.pid, last.base_url, last.memory_bytes) == (None, None, None)
    assert watched.lines("loro") == ["starting", "loading", "ready", "stopping", "stopped"]


async def test_it_is_not_ready_before_its_health_is_good(mark, tmp_path):
    loaded = tmp_path / "loaded"
    async with running(f"until={loaded}", mark=mark) as watched:
        await watched.reach(State.LOADING)
        base_url = watched.status.base_url
        await until(lambda: can_connect(base_url))
        with pytest.raises(urllib.error.HTTPError):
            get(base_url)
        assert watched.status.state is State.LOADING
        loaded.touch()
        await watched.reach(State.READY)


def can_connect(url):
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


async def test_one_that_is_killed_is_started_again_with_another_process(mark):
    async with running(mark=mark) as watched:
        await watched.reach(State.READY)
        first = watched.status
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: watched.status.state is not State.READY, 1.0)
        assert watched.status.reason == "ended by SIGKILL"
        assert await watched.reach(State.READY) < (first.load_s or 0) + 1.0
        assert watched.status.restarts == 1
        assert watched.status.pid != first.pid
        assert get(watched.supervisor.base_url) == str(watched.status.pid).encode()


@pytest.mark.slow
async def test_one_that_dies_at_every_start_fails_with_its_last_words(mark):
    async with running("exit=4", "say=loading layers", mark=mark) as watched:
        await watched.reach(State.FAILED, 15)
        lines = watched.status.reason.splitlines()
        assert lines[0] == f"it died {GIVE_UP_AFTER} times in a row, the last time: exited with status 4"
        assert sorted(lines[1:]) == ["cannot go on", "loading layers"]
        assert watched.states.count(State.STARTING) == GIVE_UP_AFTER
        assert State.READY not in watched.states
        assert watched.status.pid is None
        watched.supervisor.start()
        await watched.reach(State.LOADING)
        assert watched.status.restarts == 0


async def test_a_program_that_is_not_there_fails_at_once(mark):
    async with running(mark=mark, command=("loro-has-no-such-program",)) as watched:
        await watched.reach(State.FAILED)
        assert watched.status.reason == "there is no program 'loro-has-no-such-program'"
        assert watched.states == [State.STARTING, State.FAILED]


async def test_one_that_never_gets_ready_is_ended_after_its_load_timeout(mark):
    async with running("never", mark=mark, load_timeout_s=1.5) as watched:
        await watched.reach(State.WAITING)
        assert watched.status.reason.startswith("no good health answer within 1.5 s (")
        assert watched.states == [State.STARTING, State.LOADING, State.STOPPING, State.WAITING]


async def test_a_deaf_one_is_killed_after_its_grace(mark):
    async with running("deaf", mark=mark, stop_grace_s=0.3) as watched:
        await watched.reach(State.READY)
        watched.supervisor.stop()
        assert 0.3 <= await watched.reach(State.STOPPED) < 2.0
    assert "still there after 0.3 s: killed" in watched.lines("loro")


async def test_a_grandchild_that_holds_the_pipe_does_not_hold_up_a_stop(mark):
    async with running("grandchild", "daemon", mark=mark) as watched:
        await watched.reach(State.READY)
        began = time.monotonic()
        watched.supervisor.stop()
        await watched.reach(State.STOPPED)
        assert time.monotonic() - began < 3.0


async def test_a_grandchild_of_a_killed_one_is_gone_before_the_next_start(mark):
    async with running("grandchild", mark=mark) as watched:
        await watched.reach(State.READY)
        before = set(marked(mark))
        os.kill(watched.status.pid, signal.SIGKILL)
        await until(lambda: watched.status.restarts == 1)
        assert not before & set(marked(mark))
        await watched.reach(State.READY)


@pytest.fixture
def impatient(monkeypatch):
    """Take a silent server for dead soon."""
    monkeypatch.setattr("loro_core.runtime.fleet.supervisor.EVERY_S", 0.05)
    monkeypatch.setattr("loro_core.runtime.fleet.supervisor.WITHIN_S", 0.1)
    monkeypatch.setattr("loro_core.decide.fleet.liveness.SILENT_FOR_S", 0.2)


async def test_one_that_hangs_is_ended_and_started_again(mark, impatient):
    async with running("hang-after=0.5", "deaf", mark=mark, stop_grace_s=0.1) as watched:
        await watched.reach(State.READY)
        first = watched.status.pid
        await until(lambda: watched.status.restarts == 1)
        assert watched.status.reason.startswith("no health answer for ")
        assert not lives(first)
        await watched.reach(State.READY)


async def test_one_that_says_it_is_broken_is_ended_and_started_again(mark, impatient):
    async with running("break-after=0.4", mark=mark) as watched:
        await watched.reach(State.READY)
        await until(lambda: watched.status.restarts == 1)
        assert watched.status.reason == "not healthy: status 503"


async def test_a_server_that_listens_in_a_grandchild_is_ours(mark):
    async with running("grandchild-serves", mark=mark) as watched:
        await watched.reach(State.READY)


async def test_a_good_answer_of_a_stranger_at_the_port_is_not_believed(mark):
    """An orphan of an earlier run answers as well as our own server does."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as probe_socket:
        port = probe_socket.getsockname()[1]
    stranger = await trio.lowlevel.open_process(
        [sys.executable, "-I", "-S", SERVER, "--port", str(port), "shared"], stdout=subprocess.DEVNULL
    )

    class Unlucky(Ports):
        def __init__(self):
            super().__init__()
            self.taken = 0

        def take(self, host):
            self.taken += 1
            return port if self.taken == 1 else super().take(host)

    try:
        await until(lambda: can_connect(f"http://127.0.0.1:{port}/"))
        async with running("shared", mark=mark, ports=Unlucky()) as watched:
            await watched.reach(State.READY)
            assert watched.status.restarts == 1
            assert State.WAITING not in watched.states, "a taken port is no death"
            assert any(f"its port was taken by process {stranger.pid} (" in line for line in watched.lines("loro"))
            assert get(watched.status.base_url) == str(watched.status.pid).encode()
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_port_that_was_taken_between_the_choice_and_the_bind_is_changed(mark):
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        class Unlucky(Ports):
            taken = 0

            def take(self, host):
                self.taken += 1
                return stranger.getsockname()[1] if self.taken < 3 else super().take(host)

        async with running(mark=mark, ports=Unlucky()) as watched:
            await watched.reach(State.READY)
            assert watched.status.restarts == 2
            assert State.WAITING not in watched.states


async def test_a_prescribed_port_that_is_taken_says_by_whom(mark):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        async with running(mark=mark, port=port) as watched:
            await watched.reach(State.WAITING)
            assert watched.status.reason.startswith(f"port {port} is taken by ")
            assert f"process {os.getpid()} (" in watched.status.reason


async def test_draining_waits_for_the_last_call(mark):
    async with running(mark=mark) as watched:
        await watched.reach(State.READY)
        watched.supervisor.stop(drain=True)
        await watched.reach(State.DRAINING)
        await trio.sleep(0.05)
        assert lives(watched.status.pid)
        watched.supervisor.idle()
        await watched.reach(State.STOPPED)


async def test_a_stop_while_it_loads_abandons_the_load(mark):
    async with running("load=60", mark=mark, load_timeout_s=60.0) as watched:
        await watched.reach(State.LOADING)
        watched.supervisor.stop()
        assert await watched.reach(State.STOPPED) < 2.0


async def test_a_stop_before_the_process_is_there_ends_it_as_soon_as_it_is(mark):
    async with running(mark=mark) as watched:
        watched.supervisor.stop()
        await watched.reach(State.STOPPED)
    assert watched.states == [State.STARTING, State.STOPPING, State.STOPPED]


async def test_wanted_again_while_it_stops_it_comes_again(mark):
    async with running("slow-end=0.2", mark=mark) as watched:
        await watched.reach(State.READY)
        first = watched.status.pid
        watched.supervisor.stop()
        await watched.reach(State.STOPPING)
        watched.supervisor.start()
        await watched.reach(State.READY)
        assert watched.status.pid != first


async def test_the_run_is_over_once_it_was_stopped_for_good(mark):
    watched = Watched(mark=mark)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watched.supervisor.run)
            watched.supervisor.stop()
    with pytest.raises(RuntimeError, match="m-1 was stopped for good"):
        watched.supervisor.start()


async def test_a_cancelled_run_leaves_no_process_and_says_so(mark):
    watched = Watched("deaf", "grandchild", mark=mark, stop_grace_s=0.2)
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.supervisor.run)
        watched.supervisor.start()
        await watched.reach(State.READY)
        nursery.cancel_scope.cancel()
    assert marked(mark) == []
    assert watched.told[-1].state is State.STOPPED
    assert watched.told[-1].pid is None


@pytest.mark.parametrize("drain", [False, True])
async def test_a_stop_between_an_end_and_the_word_of_it_ends_it(drain, autojump_clock, monkeypatch):
    """What watches a process is gone when the process is; a stop in that moment once had nobody to hand itself to."""
    gone = trio.Event()

    class Gone:
        pid = keeper_pid = 1

        async def wait(self):
            await gone.wait()
            return 0

        def terminate(self):
            raise AssertionError("there is nothing to end")

    @asynccontextmanager
    async def open_fake(command, **more):
        yield Gone()
        await trio.sleep(1)  # the pipes are read to their end

    monkeypatch.setattr("loro_core.runtime.fleet.supervisor.open_child", open_fake)
    watched = Watched(mark="")
    async with trio.open_nursery() as nursery:
        await nursery.start(watched.supervisor.run)
        watched.supervisor.start()
        await trio.testing.wait_all_tasks_blocked()
        assert watched.status.state is State.LOADING
        gone.set()
        await trio.testing.wait_all_tasks_blocked()
        watched.supervisor.stop(drain)
    assert watched.states[-2:] == [State.STOPPING, State.STOPPED]


@pytest.mark.slow
async def test_cancelled_at_every_checkpoint_it_leaves_no_process(mark):
    def make():
        watched = Watched(mark=mark)

        async def run():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watched.supervisor.run)
                watched.supervisor.start()
                await watched.reach(State.READY)
                watched.supervisor.stop()

        return run

    def check():
        assert marked(mark) == []

    with trio.CancelScope(shield=True):
        steps = await cancel_at_every_checkpoint(make, check)
    assert steps > 10


def test_a_model_without_a_launch_cannot_be_supervised():
    model = Model(name="m", deployment=Deployment(name="m", provider="openai", model="m", base_url="http://a"))
    with pytest.raises(ValueError, match="'m' has no launch"):
        Supervisor("m-1", model, on_change=lambda _: None, log=LogRing(), rng=random.Random(1))
