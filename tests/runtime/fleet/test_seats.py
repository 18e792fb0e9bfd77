"""A leg's calls to models of a fleet: where its tries are made, what counts against whom, whose clock runs when."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from loro_core.chat import ChatRequest, Delta, Message, Usage
from loro_core.errors import UpstreamBusy, UpstreamClosed, UpstreamError, UpstreamStatus, UpstreamTimeout
from loro_core.fleet import Deployment, Leg
from loro_core.models import LOCAL, InstanceStatus
from loro_core.plugin.api import Call, Continues, UpstreamHttp
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.fleet.model_fleet import ModelFleet
from loro_core.runtime.fleet.seats import NOBODY, Asking
from loro_core.runtime.observe import LegRetried, LegWaited
from loro_core.runtime.upstreams import Upstreams
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fakes import STOP, Move, NoHttp, Notes, PlayingProvider, says
from tests.runtime.fleet.fleet_bench import World, fleet_of, model

GOOD: Sequence[Move | str] = [0.1, says("Hello"), 0.1, says(" there"), STOP]
CLOSES = "closes"


class ByInstance:
    """Plays a list of moves by the instance that is called, GOOD for any other. CLOSES: the connection ends."""

    name = "playing"

    def __init__(self, scripts: Mapping[str, Sequence[Move | str]] | None = None) -> None:
        self.scripts = dict(scripts or {})
        self.called: list[str] = []
        self.open_calls = 0

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[Sequence[Delta]]]:
        instance = call.deployment.base_url.split("/")[2]
        self.called.append(instance)
        async with AsyncExitStack() as stack:
            self.open_calls += 1
            stack.callback(self._closed)
            script = self.scripts.get(instance, GOOD)
            moves = [UpstreamClosed("it closed") if isinstance(move, str) else move for move in script]
            yield await stack.enter_async_context(PlayingProvider(moves).open(call))

    def _closed(self) -> None:
        self.open_calls -= 1

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        await trio.lowlevel.checkpoint()


class Asker:
    """Asks a fleet through `Upstreams` and `run_leg`, as a reply does. text: what was delivered so far."""

    def __init__(self, fleet: ModelFleet, provider: ByInstance | None = None) -> None:
        self.provider = provider or ByInstance()
        self.notes = Notes()
        self.text = ""
        self._upstreams = Upstreams({"playing": self.provider, "openai": self.provider}, lambda _: NoHttp(), fleet)

    async def ask(self, name: str, *, stream: bool = True, asking: Asking = NOBODY, **limits: Any) -> str:
        self.text = ""
        stands_for = Deployment(name=name, provider=LOCAL, model=name, **{"max_retries": 0, **limits})
        request = ChatRequest(model=name, messages=(Message.of("user", "Why?"),), stream=stream)
        provider, call = await self._upstreams.call(stands_for, request, asking)
        await run_leg(Leg.ANSWER, provider, call, self._deliver, observer=self.notes, rng=random.Random(1))
        return self.text

    async def _deliver(self, deltas: Sequence[Delta]) -> None:
        self.text += "".join(delta.content or "" for delta in deltas)


def instances(fleet: ModelFleet) -> dict[str, InstanceStatus]:
    return {instance.id: instance for status in fleet.models() for instance in status.instances}


async def two_ready(fleet: ModelFleet, world: World, name: str = "a") -> None:
    await fleet.load(name)
    while len(world.alive) < 2 or not all(i.base_url or i.state.value == "ready" for i in instances(fleet).values()):
        await fleet.changed()
    await trio.sleep(1)


async def test_the_wait_for_a_load_is_not_the_models_time(autojump_clock):
    async with fleet_of(World(load_s={"a": 50.0}), model("a")) as fleet:
        asker = Asker(fleet)
        start = trio.current_time()
        assert await asker.ask("a", first_token_timeout_s=0.2) == "Hello there"
        assert trio.current_time() - start == pytest.approx(50.2)


async def test_a_model_that_stays_silent_is_told_so_in_its_own_time_and_blamed(autojump_clock):
    async with fleet_of(World(load_s={"a": 50.0}), model("a")) as fleet:
        asker = Asker(fleet, ByInstance({"a-1": [100.0]}))
        start = trio.current_time()
        with pytest.raises(UpstreamTimeout, match="no first token within 2 s"):
            await asker.ask("a", first_token_timeout_s=2.0)
        assert trio.current_time() - start == pytest.approx(52.0)
        assert instances(fleet)["a-1"].failed == 1
        assert instances(fleet)["a-1"].in_flight == 0


async def test_a_failed_try_is_made_at_another_instance_at_once(autojump_clock):
    world = World()
    async with fleet_of(world, model("a", min_instances=2, max_instances=2)) as fleet:
        await two_ready(fleet, world)
        asker = Asker(fleet, ByInstance({"a-1": [CLOSES]}))
        for _ in range(4):
            start = trio.current_time()
            assert await asker.ask("a") == "Hello there"
            assert trio.current_time() - start == pytest.approx(0.2)
        failed = asker.provider.called.count("a-1")
        assert failed >= 1
        assert asker.provider.called.count("a-2") == 4
        assert instances(fleet)["a-1"].failed == failed
        assert instances(fleet)["a-2"].served == 4
        assert [note.wait_s for note in asker.notes.of(LegRetried)] == [0.0] * failed


async def test_a_failed_try_is_made_at_another_model_of_the_same_alias(autojump_clock):
    world = World()
    async with fleet_of(world, model("a", aliases=("chat",)), model("b", aliases=("chat",))) as fleet:
        await fleet.load("a")
        asker = Asker(fleet, ByInstance({"a-1": [CLOSES]}))
        assert await asker.ask("chat") == "Hello there"
        assert asker.provider.called == ["a-1", "b-1"]


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_what_the_request_is_refused_for_is_asked_nobody_else_and_blamed_on_nobody(autojump_clock, status):
    world = World()
    async with fleet_of(world, model("a", min_instances=2, max_instances=2)) as fleet:
        await two_ready(fleet, world)
        no = UpstreamStatus("no", upstream_status=status)
        asker = Asker(fleet, ByInstance({"a-1": [no], "a-2": [no]}))
        with pytest.raises(UpstreamStatus):
            await asker.ask("a")
        assert len(asker.provider.called) == 1
        assert all(instance.failed == 0 for instance in instances(fleet).values())


async def test_nothing_is_tried_again_once_something_was_said(autojump_clock):
    world = World()
    async with fleet_of(world, model("a", min_instances=2, max_instances=2)) as fleet:
        await two_ready(fleet, world)
        breaks: Sequence[Move | str] = [0.1, says("Hel"), CLOSES]
        asker = Asker(fleet, ByInstance({"a-1": breaks, "a-2": breaks}))
        with pytest.raises(UpstreamClosed) as caught:
            await asker.ask("a")
        assert caught.value.phase == "decode"
        assert asker.text == "Hel"
        assert len(asker.provider.called) == 1


async def test_when_all_have_failed_the_last_error_is_told(autojump_clock):
    world = World()
    async with fleet_of(world, model("a", min_instances=2, max_instances=2)) as fleet:
        await two_ready(fleet, world)
        asker = Asker(fleet, ByInstance({"a-1": [CLOSES], "a-2": [CLOSES]}))
        with pytest.raises(UpstreamClosed):
            await asker.ask("a")
        assert Counter(asker.provider.called) == {"a-1": 1, "a-2": 1}


async def test_a_stream_whose_server_is_killed_says_what_became_of_it(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet:
        await fleet.load("a")
        asker = Asker(fleet, ByInstance({"a-1": [0.1, says("Hel"), 0.5, CLOSES]}))

        async def kill() -> None:
            await trio.sleep(0.62)  # the connection breaks before the process is known to be dead
            world.supervisors["a-1"].die()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            with pytest.raises(UpstreamClosed, match=r"'a': its server stopped .*killed by signal 9"):
                await asker.ask("a")
        asker.provider.scripts.clear()
        start = trio.current_time()
        assert await asker.ask("a") == "Hello there"
        assert trio.current_time() - start < 0.5 + 1.0  # its load time and a second


async def test_the_only_instance_is_asked_again_once_it_is_back(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet:
        await fleet.load("a")
        asker = Asker(fleet, ByInstance({"a-1": [0.1, CLOSES]}))

        async def kill() -> None:
            await trio.sleep(0.1)
            world.supervisors["a-1"].die()
            asker.provider.scripts.clear()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            assert await asker.ask("a", max_retries=1) == "Hello there"
        assert world.started == ["a-1", "a-1"]


async def test_all_tries_of_a_call_together_wait_no_longer_than_the_queue_lets_them(autojump_clock):
    async def hold(fleet: ModelFleet, seconds: float) -> None:
        async with fleet.seat(["a"]):
            await trio.sleep(seconds)

    async with fleet_of(World(), model("a"), queue_deadline_s=3.0) as fleet, trio.open_nursery() as nursery:
        await fleet.load("a")
        asker = Asker(fleet, ByInstance({"a-1": [CLOSES]}))
        nursery.start_soon(hold, fleet, 2.0)
        await wait_all_tasks_blocked()
        start = trio.current_time()

        async def then_hold() -> None:
            await trio.sleep(1)
            await hold(fleet, 5.0)  # it gets the seat when the first try has failed

        nursery.start_soon(then_hold)
        with pytest.raises(UpstreamBusy):
            await asker.ask("a", max_retries=3)
        assert trio.current_time() - start == pytest.approx(3.0, abs=0.3)
        assert len(asker.provider.called) == 1


async def test_a_busy_fleet_is_not_tried_again(autojump_clock):
    async with fleet_of(World(dead_at_start={"a"}), model("a")) as fleet:
        asker = Asker(fleet)
        with pytest.raises(UpstreamBusy):
            await asker.ask("a", max_retries=3)
        assert not asker.notes.of(LegRetried)
        assert not asker.provider.called


async def test_who_asks_is_told_that_it_waits(autojump_clock):
    told: list[str] = []
    async with fleet_of(World(), model("a")) as fleet:
        await Asker(fleet).ask("a", asking=Asking(caller="me", told=lambda waiting: told.append(waiting.state)))
    assert told == ["loading"]


async def test_a_whole_reply_needs_a_seat_too(autojump_clock):
    async with fleet_of(World(load_s={"a": 5.0}), model("a")) as fleet:
        asker = Asker(fleet)
        assert await asker.ask("a", stream=False, reply_timeout_s=1.0) == "Hello there"
        assert instances(fleet)["a-1"].served == 1


async def test_how_fast_a_model_speaks_is_measured(autojump_clock):
    spoken: list[Move] = [0.5]
    for n in range(11):
        spoken += [says(f" {n}"), 0.1]
    counted = Delta(usage=Usage(prompt_tokens=1, completion_tokens=21))
    async with fleet_of(World(), model("a")) as fleet:
        asker = Asker(fleet, ByInstance({"a-1": [*spoken, STOP]}))
        await asker.ask("a")
        assert instances(fleet)["a-1"].tokens_per_s == pytest.approx(10, rel=0.02)
        asker.provider.scripts["a-1"] = [*spoken[:-1], STOP, counted]
        await asker.ask("a")
        assert instances(fleet)["a-1"].tokens_per_s == pytest.approx(20, rel=0.02)


async def test_a_provider_that_continues_does_so_at_a_seat(autojump_clock):
    class Continuing(ByInstance):
        def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
            return True

    async with fleet_of(World(), model("a")) as fleet:
        for provider, can in ((ByInstance(), False), (Continuing(), True)):
            upstreams = Upstreams({"playing": provider, "openai": provider}, lambda _: NoHttp(), fleet)
            request = ChatRequest(model="a", messages=(Message.of("user", "Why?"),), stream=True)
            stands_for = Deployment(name="a", provider=LOCAL, model="a")
            seated, _ = await upstreams.call(stands_for, request)
            assert isinstance(seated, Continues) is can


async def test_a_name_nobody_serves_is_unreachable(autojump_clock):
    async with fleet_of(World(), model("a")) as fleet:
        with pytest.raises(UpstreamError, match="no local model 'b'"):
            await Asker(fleet).ask("b")


async def test_a_check_finds_a_model_that_may_be_loaded_and_one_that_cannot(autojump_clock):
    async with fleet_of(World(dead_at_start={"bad"}), model("good"), model("bad")) as fleet:
        upstreams = Upstreams({"playing": ByInstance()}, lambda _: NoHttp(), fleet)
        with pytest.raises(UpstreamBusy):
            await Asker(fleet).ask("bad")
        found = {n: await upstreams.check(Deployment(name=n, provider=LOCAL, model=n)) for n in ("good", "bad", "none")}
        assert found["good"] is None
        assert "status 1" in str(found["bad"])
        assert "no local model" in str(found["none"])


async def test_cancelled_at_any_step_of_a_failover_every_seat_and_connection_is_given_back(autojump_clock):
    world = World()
    async with fleet_of(world, model("a", aliases=("chat",)), model("b", aliases=("chat",))) as fleet:
        await fleet.load("a")
        asker = Asker(fleet, ByInstance({"a-1": [0.1, CLOSES]}))

        def make():
            async def run() -> None:
                await asker.ask("chat")

            return run

        def check() -> None:
            assert asker.provider.open_calls == 0
            assert all(instance.in_flight == 0 for instance in instances(fleet).values())
            assert fleet.seating.waiting("a") == fleet.seating.waiting("b") == 0

        assert await cancel_at_every_checkpoint(make, check) > 5


async def test_what_the_gate_learns_is_the_models_time_without_the_wait_for_a_seat(autojump_clock):
    async with fleet_of(World(load_s={"a": 50.0}), model("a")) as fleet:
        asker = Asker(fleet)
        await asker.ask("a")
        (waited,) = asker.notes.of(LegWaited)
        assert waited.answered
        assert waited.after_s == pytest.approx(0.1)


async def test_who_leaves_before_there_was_a_seat_has_learned_nothing_of_the_model(autojump_clock):
    async with fleet_of(World(load_s={"a": 50.0}), model("a")) as fleet:
        asker = Asker(fleet)
        with trio.move_on_after(20):
            await asker.ask("a")
        (waited,) = asker.notes.of(LegWaited)
        assert not waited.answered
        assert waited.after_s == pytest.approx(0.0)


async def test_a_call_has_room_where_a_slot_is_free_at_an_instance_that_is_ready(autojump_clock):
    async with fleet_of(World(load_s={"a": 5.0}), model("a")) as fleet:
        assert not fleet.has_room(["a"])
        async with fleet.seat(["a"]):
            assert not fleet.has_room(["a"])
        assert fleet.has_room(["a"])
