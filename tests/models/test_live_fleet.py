"""The fleet with real processes: fake servers, so that what they do can be chosen and counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import trio

from loro_core.errors import UpstreamBusy, UpstreamClosed
from tests.models.fakes import fake_model, most_at_once, records, swaps
from tests.models.live import Answer, live_fleet

pytestmark = pytest.mark.slow


REPOSITORY = Path(__file__).parents[2]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_cold_model_is_loaded_asked_and_ended_with_the_fleet() -> None:
    async with live_fleet(fake_model("a", "--load-s", 0.3)) as live:
        answer = await live.ask("a", first_token_timeout_s=2.0)
        assert answer.error is None
        assert answer.model == "a"
        (instance,) = live.instances("a")
        assert instance.pid == answer.pid
        assert instance.load_s is not None
        assert instance.load_s >= 0.3
    assert not alive(answer.pid)


async def test_forty_interleaved_requests_for_two_models_in_the_room_of_one(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    options = ("--load-s", 0.2, "--tokens", 6, "--gap-s", 0.01, "--log", log)
    answers: list[Answer] = []
    async with live_fleet(
        fake_model("a", *options, slots=4), fake_model("b", *options, slots=4), max_instances=1
    ) as live:

        async def ask(name: str) -> None:
            answers.append(await live.ask(name))

        async with trio.open_nursery() as nursery:
            for n in range(40):
                nursery.start_soon(ask, "ab"[n % 2])
                await trio.sleep(0.005)
    assert [answer.error for answer in answers] == [None] * 40
    assert all(answer.finished for answer in answers)
    assert Counter(answer.model for answer in answers) == {"a": 20, "b": 20}
    served = sorted(records(log), key=lambda record: record.arrived.monotonic_s)
    assert most_at_once(served) <= 4
    # Whose turn it is changes once at the least; once more is allowed.
    assert swaps([record.model for record in served]) <= 2
    assert all(record.end == "finished" for record in served)


async def test_a_worker_killed_in_mid_stream_breaks_that_stream_and_the_next_request_has_a_new_one() -> None:
    load_s = 0.3
    async with live_fleet(fake_model("a", "--load-s", load_s, "--tokens", 100, "--gap-s", 0.05, slots=2)) as live:
        broken, started = Answer(), trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(live.ask, "a", answer=broken))
            await broken.began.wait()
            cold_s = trio.current_time() - started
            os.kill(broken.pid, signal.SIGKILL)
            killed_at = trio.current_time()
        assert isinstance(broken.error, UpstreamClosed)
        assert broken.error.phase == "decode"
        # On a busy machine the process may be known to be dead too late to be named.
        assert "SIGKILL" in broken.error.message or "closed the connection" in broken.error.message
        assert broken.ended_at - killed_at < 0.5
        following = Answer()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(live.ask, "a", answer=following))
            await following.began.wait()
            assert trio.current_time() - killed_at < cold_s + 1.0
            nursery.cancel_scope.cancel()
        assert following.pid != broken.pid


@pytest.mark.timing
async def test_a_server_sees_within_50_ms_that_its_caller_has_left(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    left_at: list[float] = []
    async with live_fleet(fake_model("a", "--tokens", 400, "--gap-s", 0.02, "--log", log)) as live:
        for _ in range(5):
            answer = Answer()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(live.ask, "a", answer=answer))
                await answer.began.wait()
                left_at.append(time.monotonic())
                nursery.cancel_scope.cancel()
            assert live.instances("a")[0].in_flight == 0
            while sum(record.end == "gone" for record in records(log)) < len(left_at):  # noqa: ASYNC110  # a log
                await trio.sleep(0.01)
    ended_at = sorted(record.ended.monotonic_s for record in records(log) if record.ended is not None)
    # The best of five: a busy machine can only make it look later than it is.
    assert min(ended - left for ended, left in zip(ended_at, left_at, strict=True)) < 0.05


async def test_five_hundred_requests_are_spread_over_two_instances(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    model = fake_model("a", "--tokens", 3, "--gap-s", 0.004, "--log", log, slots=8, min_instances=2, max_instances=2)
    sums = {"a-1": 0.0, "a-2": 0.0}
    answers: list[Answer] = []
    async with live_fleet(model, max_waiting=500) as live:
        await live.until_ready("a", 2)

        async def ask() -> None:
            answers.append(await live.ask("a"))

        async def watch() -> None:
            while True:
                for instance in live.instances("a"):
                    sums[instance.id] += instance.in_flight
                await trio.sleep(0.005)

        async with trio.open_nursery() as watching:
            watching.start_soon(watch)
            async with trio.open_nursery() as nursery:
                for _ in range(500):
                    nursery.start_soon(ask)
                    await trio.sleep(0.003)
            watching.cancel_scope.cancel()
    assert len(answers) == 500
    assert not any(answer.error for answer in answers)
    low, high = sorted(sums.values())
    assert high - low <= 0.1 * high
    by_process = Counter(answer.pid for answer in answers)
    assert len(by_process) == 2


async def test_a_conversation_stays_at_the_instance_that_knows_it() -> None:
    model = fake_model("a", "--tokens", 2, slots=4, min_instances=2, max_instances=2)
    stayed = turns = 0
    async with live_fleet(model, balance="prefix") as live:
        await live.until_ready("a", 2)
        talks = [[f"This is conversation {n}, and so it begins. " * 12] for n in range(4)]
        first: dict[int, int] = {}
        for _ in range(10):
            for n, talk in enumerate(talks):
                answer = await live.ask("a", *talk)
                assert answer.error is None
                stayed += answer.pid == first.setdefault(n, answer.pid)
                turns += 1
                talk += [answer.text, "And then? " * 10]
    assert stayed >= 0.9 * turns
    assert len(set(first.values())) == 2  # and they are not all at the same one


async def test_a_dead_model_says_what_it_died_of() -> None:
    dies = ("/bin/sh", "-c", "echo 'cannot load it: told to die' >&2; exit 3")
    async with live_fleet(fake_model("a", launch={"command": dies})) as live:
        answer = await live.ask("a")
        assert isinstance(answer.error, UpstreamBusy)
        assert "told to die" in answer.error.message
        assert any("told to die" in line.text for line in live.fleet.log("a").lines())


async def test_whoever_leaves_while_a_model_loads_leaves_no_process() -> None:
    async with live_fleet(fake_model("a", "--load-s", 30)) as live:
        with trio.move_on_after(1.0):
            await live.ask("a")
        while live.instances("a"):
            await live.fleet.changed()
    assert live.instances("a") == []


def test_nothing_is_left_two_seconds_after_the_owner_was_killed() -> None:
    owner = subprocess.Popen([sys.executable, "-m", "tests.models.owner"], cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        pids = json.loads(owner.stdout.readline())
        assert len(pids) == 3
        assert all(map(alive, pids))
    finally:
        owner.kill()
        owner.communicate()
    deadline = time.monotonic() + 2.0
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))
