"""The fleet with the real llama.cpp, which serves models made on the spot: they speak legible nonsense."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from loro_core.errors import UpstreamClosed
from tests.models.fakes import llama_model, swaps
from tests.models.live import Answer, Live, live_fleet

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("llamacpp")]

Paths = dict[str, Path]


@pytest.fixture(scope="module")
def paths(gguf_models: Callable[[str], Path]) -> Paths:
    """Two models that begin their answers with their names. They are made before the clock of a test runs."""
    return {"alpha": gguf_models("Alpha"), "beta": gguf_models("Beta")}


async def first_word(live: Live, name: str, answer: Answer) -> float:
    """Return how long `name` takes to its first word; the call is left then."""
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(live.ask, name, answer=answer, max_retries=1))
        await answer.began.wait()
        nursery.cancel_scope.cancel()
    return trio.current_time() - start


async def test_forty_interleaved_requests_for_two_models_in_the_room_of_one(paths: Paths) -> None:
    answers: dict[str, list[Answer]] = {"alpha": [], "beta": []}
    served: list[str] = []
    models = [llama_model(name, paths[name], slots=4) for name in answers]
    async with live_fleet(*models, max_instances=1) as live:

        async def ask(name: str) -> None:
            answer = await live.ask(name)
            answers[name].append(answer)
            served.append(name)

        async with trio.open_nursery() as nursery:
            for n in range(40):
                nursery.start_soon(ask, ("alpha", "beta")[n % 2])
                await trio.sleep(0.005)
        starts = Counter(
            line.instance
            for name in answers
            for line in live.fleet.log(name).lines()
            if line.stream == "loro" and line.text == "starting"
        )
    for name, given in answers.items():
        assert [answer.error for answer in given] == [None] * 20
        assert all(answer.finished for answer in given)
        assert all(answer.text.startswith(name.title()) for answer in given if answer.text)
    # Each is loaded once at the least; once more is allowed.
    assert sum(starts.values()) <= 3
    assert swaps(served) <= 2


async def test_a_worker_killed_in_mid_stream_breaks_that_stream_and_the_next_request_has_a_new_one(
    paths: Paths,
) -> None:
    async with live_fleet(llama_model("alpha", paths["alpha"])) as live:
        cold_s = await first_word(live, "alpha", Answer())
        broken = Answer()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(live.ask, "alpha", answer=broken))
            await broken.began.wait()
            (instance,) = live.instances("alpha")
            assert instance.pid is not None
            os.kill(instance.pid, signal.SIGKILL)
            killed_at = trio.current_time()
        if broken.error is not None:  # else it had said all before it was dead
            assert isinstance(broken.error, UpstreamClosed)
            assert broken.error.phase == "decode"
            assert broken.ended_at - killed_at < 0.5
        following = Answer()
        await first_word(live, "alpha", following)
        assert trio.current_time() - killed_at < cold_s + 1.0
        assert following.text


async def test_a_conversation_stays_at_the_instance_that_knows_it(paths: Paths) -> None:
    model = llama_model("alpha", paths["alpha"], slots=2, min_instances=2, max_instances=2)
    async with live_fleet(model, balance="prefix") as live:
        await live.until_ready("alpha", 2)
        talk = ["Let us talk about files and strings. " * 12]
        for _ in range(10):
            answer = await live.ask("alpha", *talk)
            assert answer.error is None
            talk += [answer.text or "...", "And then?"]
        served = sorted(instance.served for instance in live.instances("alpha"))
    assert sum(served) == 10
    assert served[1] >= 9


async def test_whoever_leaves_frees_the_slot_of_the_server(paths: Paths) -> None:
    async with live_fleet(llama_model("alpha", paths["alpha"])) as live:
        await live.fleet.load("alpha")
        for _ in range(5):
            await first_word(live, "alpha", Answer())
        answer = await live.ask("alpha")
        assert answer.error is None
        (instance,) = live.instances("alpha")
        assert instance.in_flight == 0
        assert instance.failed == 0
