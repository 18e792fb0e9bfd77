"""The fleet on the jumping clock, its instances played: who gets a seat when, and what is left when somebody leaves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from loro_core.errors import ConfigError, NotFound, UpstreamBusy, UpstreamError
from loro_core.models import InstanceState, Launch, ModelKind
from loro_core.runtime.fleet.model_fleet import REGISTERED, Changes, ModelFleet
from loro_core.runtime.fleet.seats import Waiting
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fleet.fleet_bench import STOP_S, World, fleet_of, model


def states(fleet: ModelFleet, name: str) -> list[InstanceState]:
    return [instance.state for status in fleet.models() if status.model.name == name for instance in status.instances]


def in_flight(fleet: ModelFleet) -> int:
    return sum(instance.in_flight for status in fleet.models() for instance in status.instances)


async def hold(fleet: ModelFleet, name: str, seconds: float, log: list[str] | None = None) -> None:
    async with fleet.seat([name]) as seat:
        if log is not None:
            log.append(seat.instance)
        await trio.sleep(seconds)


async def test_a_model_is_loaded_for_whom_asks_for_it(autojump_clock):
    world = World(load_s={"a": 3.0})
    async with fleet_of(world, model("a")) as fleet:
        assert states(fleet, "a") == []
        start = trio.current_time()
        async with fleet.seat(["a"]) as seat:
            assert trio.current_time() - start == pytest.approx(3.0)
            assert seat.queued_s == pytest.approx(3.0)
            assert seat.deployment.base_url == f"http://{seat.instance}/v1"
            assert seat.deployment.name == "a"
            assert in_flight(fleet) == 1
        assert in_flight(fleet) == 0
        start = trio.current_time()
        async with fleet.seat(["a"]) as seat:
            assert trio.current_time() == start
            assert seat.position == 0
        (status,) = fleet.models()
        assert status.instances[0].served == 2
        assert status.queue_p95_s == pytest.approx(3.0)


async def test_an_alias_that_an_embedding_model_shares_leads_a_chat_past_it(autojump_clock):
    chats, embeds = model("a", aliases=("main",)), model("b", aliases=("main",), kinds=frozenset({ModelKind.EMBEDDING}))
    async with fleet_of(World(), embeds, chats) as fleet:
        assert fleet.serving("main") == ("a",)
        assert fleet.serving("b") == ()


async def test_a_name_is_served_by_its_model_and_an_alias_by_all_who_share_it(autojump_clock):
    one, other = model("a", aliases=("chat", "b")), model("b", aliases=("chat",))
    async with fleet_of(World(), one, other) as fleet:
        assert fleet.serving("a") == ("a",)
        assert fleet.serving("b") == ("b",)
        assert fleet.serving("chat") == ("a", "b")
        assert fleet.serving("c") == ()


async def test_a_load_that_nobody_waits_for_any_more_is_given_up_at_once(autojump_clock):
    world = World(load_s={"a": math.inf})
    async with fleet_of(world, model("a")) as fleet:
        with trio.move_on_after(5):
            await hold(fleet, "a", 1)
        left = trio.current_time()
        while world.alive:
            await fleet.changed()
        assert trio.current_time() - left <= STOP_S + 0.01
        assert fleet.seating.waiting("a") == 0


async def test_a_load_goes_on_for_the_others(autojump_clock):
    world = World(load_s={"a": 5.0})
    async with fleet_of(world, model("a")) as fleet, trio.open_nursery() as nursery:
        log: list[str] = []
        nursery.start_soon(hold, fleet, "a", 1, log)
        with trio.move_on_after(2):
            await hold(fleet, "a", 1)
        await trio.sleep(4)
        assert len(log) == 1
        assert world.started == log


async def test_a_waiting_caller_can_see_its_place_and_what_it_waits_for(autojump_clock):
    seen: list[tuple[int, str]] = []
    places: list[Waiting] = []
    world = World(load_s={"a": 1.0})
    async with fleet_of(world, model("a")) as fleet, trio.open_nursery() as nursery:
        nursery.start_soon(hold, fleet, "a", 10)
        await trio.sleep(0.5)

        async def wait() -> None:
            async with fleet.seat(["a"], told=places.append) as seat:
                seen.append((seat.position, "seated"))

        nursery.start_soon(wait)
        await trio.sleep(0.1)
        seen.append((places[0].position, places[0].state))
        await trio.sleep(1)
        seen.append((places[0].position, places[0].state))
    assert seen == [(2, "loading"), (1, "queued"), (2, "seated")]
    assert places[0].position == 0


async def test_nobody_is_told_of_a_wait_that_there_is_not(autojump_clock):
    places: list[Waiting] = []
    async with fleet_of(World(), model("a")) as fleet:
        await fleet.load("a")
        async with fleet.seat(["a"], told=places.append):
            pass
    assert not places


async def test_a_full_queue_refuses_with_429_and_says_when_to_come_back(autojump_clock):
    async with fleet_of(World(), model("a"), max_waiting=1) as fleet, trio.open_nursery() as nursery:
        await fleet.load("a")
        nursery.start_soon(hold, fleet, "a", 5)
        await wait_all_tasks_blocked()
        nursery.start_soon(hold, fleet, "a", 5)
        await trio.sleep(0.1)
        with pytest.raises(UpstreamBusy) as caught:
            await hold(fleet, "a", 1)
        assert caught.value.status == 429
        assert int(caught.value.headers["retry-after"]) >= 1
        assert caught.value.headers["x-loro-queue-position"] == "2"


async def test_whoever_waited_too_long_is_refused_with_503(autojump_clock):
    async with fleet_of(World(), model("a"), queue_deadline_s=2.0) as fleet, trio.open_nursery() as nursery:
        await fleet.load("a")
        nursery.start_soon(hold, fleet, "a", 5)
        await trio.sleep(0.1)
        start = trio.current_time()
        with pytest.raises(UpstreamBusy) as caught:
            await hold(fleet, "a", 1)
        assert trio.current_time() - start == pytest.approx(2.0, abs=0.01)
        assert caught.value.status == 503
        assert int(caught.value.headers["retry-after"]) >= 1


async def test_a_model_that_cannot_be_started_is_refused_with_its_reason(autojump_clock):
    async with fleet_of(World(dead_at_start={"a"}), model("a")) as fleet:
        with pytest.raises(UpstreamBusy, match="exited with status 1"):
            await hold(fleet, "a", 1)
        start = trio.current_time()
        with pytest.raises(UpstreamBusy, match="exited with status 1"):
            await hold(fleet, "a", 1)
        assert trio.current_time() == start


async def test_two_models_share_the_room_of_one_and_no_call_is_cut(autojump_clock):
    world = World()
    served: list[str] = []
    async with fleet_of(world, model("a", slots=2), model("b", slots=2), max_instances=1) as fleet:

        async def call(name: str) -> None:
            async with fleet.seat([name]) as seat:
                served.append(name)
                for _ in range(10):
                    await trio.sleep(0.05)
                    assert seat.instance in world.alive
                    assert fleet.state(seat.instance) in (InstanceState.READY, InstanceState.DRAINING)

        async with trio.open_nursery() as nursery:
            for n in range(40):
                nursery.start_soon(call, "ab"[n % 2])
                await trio.sleep(0.01)
    assert sorted(served) == ["a"] * 20 + ["b"] * 20
    assert len(world.started) <= 3


async def test_unloading_lets_calls_finish_or_cuts_them(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet, trio.open_nursery() as nursery:
        await fleet.load("a")
        nursery.start_soon(hold, fleet, "a", 3)
        await wait_all_tasks_blocked()
        start = trio.current_time()
        await fleet.drain("a")
        assert trio.current_time() - start == pytest.approx(3 + STOP_S, abs=0.01)
        assert not world.alive

        await fleet.load("a")
        nursery.start_soon(hold, fleet, "a", 3)
        await wait_all_tasks_blocked()
        start = trio.current_time()
        await fleet.unload("a", drain=False)
        while world.alive:
            await fleet.changed()
        assert trio.current_time() - start == pytest.approx(STOP_S, abs=0.01)


async def test_draining_ends_when_the_call_that_kept_it_is_cancelled(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet, trio.open_nursery() as nursery:
        await fleet.load("a")
        nursery.start_soon(hold, fleet, "a", math.inf)
        await wait_all_tasks_blocked()
        await fleet.unload("a")
        await trio.sleep(10)
        assert states(fleet, "a") == [InstanceState.DRAINING]
        nursery.cancel_scope.cancel()
    assert not world.alive


async def test_loading_by_hand_says_why_it_could_not(autojump_clock):
    async with fleet_of(World(dead_at_start={"bad"}), model("bad"), model("good")) as fleet:
        await fleet.load("good")
        assert states(fleet, "good") == [InstanceState.READY]
        with pytest.raises(UpstreamError, match=r"'bad' could not be loaded: .*status 1"):
            await fleet.load("bad")
        with pytest.raises(NotFound):
            await fleet.load("none")


async def test_a_load_by_hand_is_given_up_with_the_last_of_those_who_wait_for_it(autojump_clock):
    world = World(load_s={"a": math.inf})
    async with fleet_of(world, model("a")) as fleet:

        async def load(seconds: float) -> None:
            with trio.move_on_after(seconds):
                await fleet.load("a")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(load, 1)
            nursery.start_soon(load, 3)
            await trio.sleep(2)
            assert world.alive
        await trio.sleep(2 * STOP_S)
        assert not world.alive


async def test_a_model_that_is_kept_loaded_goes_on_loading_when_nobody_waits_for_it(autojump_clock):
    world = World(load_s={"a": 5.0})
    async with fleet_of(world, model("a", pinned=True)) as fleet:
        with trio.move_on_after(1):
            await fleet.load("a")
        await trio.sleep(5)
        assert states(fleet, "a") == [InstanceState.READY]


async def test_a_model_larger_than_the_machine_is_refused_by_hand_and_by_call(autojump_clock):
    async with fleet_of(World(), model("a", memory_bytes=100), memory_bytes=50) as fleet:
        with pytest.raises(UpstreamError, match="could not be loaded"):
            await fleet.load("a")
        with pytest.raises(UpstreamBusy):
            await hold(fleet, "a", 1)


def address(name: str, url: str = "http://10.0.0.1:8000/v1"):
    made = model(name, launch=None, source=REGISTERED)
    return replace(made, deployment=replace(made.deployment, base_url=url))


async def test_an_address_is_registered_called_and_taken_out_again(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet, fleet.subscribe() as events:
        fleet.register(address("far"))
        assert states(fleet, "far") == [InstanceState.READY]
        with pytest.raises(ConfigError, match="far"):
            fleet.register(address("far"))
        async with fleet.seat(["far"]) as seat:
            assert seat.deployment.base_url == "http://10.0.0.1:8000/v1"
            fleet.unregister("far")
            assert in_flight(fleet) == 1
        assert fleet.serving("far") == ()
        assert [status.model.name for status in fleet.models()] == ["a"]
        with pytest.raises(NotFound):
            fleet.unregister("far")
        told = [(event.kind, event.model) async for event in _first(events, 4)]
        assert ("registered", "far") in told
        assert ("unregistered", "far") in told
    assert not world.started


async def _first(events, most):
    with trio.move_on_after(1):
        for _ in range(most):
            yield await anext(events)


async def test_nothing_is_kept_of_models_that_were_taken_out_again(autojump_clock):
    async with fleet_of(World(), model("a")) as fleet:
        for n in range(5):
            name = f"far-{n}"
            fleet.register(address(name))
            await hold(fleet, name, 0.1)
            fleet.log(name)
            fleet.unregister(name)
        kept: list[Iterable[str]] = [fleet.seating._logs, fleet.seating._queued_s, fleet.seating.instances]
        assert not [name for of in kept for name in of if name.startswith("far")]


async def test_a_new_configuration_takes_effect_and_calls_under_way_finish(autojump_clock):
    world = World()
    async with fleet_of(world, model("a"), model("b")) as fleet:
        await fleet.load("a")
        fleet.register(address("far"))
        async with fleet.seat(["a"]) as seat:
            other = model("a", launch=Launch(kind="fake", command=("another",)))
            changes = fleet.apply({"a": other, "c": model("c")})
            assert changes == Changes(added=("c",), changed=("a",), removed=("b",))
            await trio.sleep(5)
            assert seat.instance in world.alive
            assert fleet.serving("far") == ("far",)
        await trio.sleep(1)
        async with fleet.seat(["a"]):
            pass
        await trio.sleep(1)
        assert seat.instance not in world.alive
        with pytest.raises(UpstreamBusy):
            await hold(fleet, "b", 1)


async def test_more_slots_hold_at_once_without_a_new_process(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet, trio.open_nursery() as nursery:
        await fleet.load("a")
        nursery.start_soon(hold, fleet, "a", 5)
        nursery.start_soon(hold, fleet, "a", 5)
        await trio.sleep(0.1)
        assert in_flight(fleet) == 1
        fleet.apply({"a": model("a", slots=2)})
        assert in_flight(fleet) == 2
        assert len(world.started) == 1


async def test_events_tell_each_step_of_a_load(autojump_clock):
    async with fleet_of(World(), model("a")) as fleet, fleet.subscribe() as events:
        await fleet.load("a")
        told = [event.state async for event in _first(events, 3)]
    assert told == [InstanceState.STARTING, InstanceState.LOADING, InstanceState.READY]


async def test_a_listener_that_is_behind_holds_nobody_up_and_knows_what_it_missed(autojump_clock):
    async with fleet_of(World(), model("a")) as fleet, fleet.subscribe() as events:
        for _ in range(200):
            await fleet.load("a")
            await fleet.drain("a")
        assert events.missed > 0
        assert (await anext(events)).kind == "state"


async def test_the_events_end_with_the_fleet(autojump_clock):
    heard: list[object] = []
    ended = trio.Event()

    async def listen(fleet: ModelFleet) -> None:
        async with fleet.subscribe() as events:
            heard.extend([event async for event in events])
        ended.set()

    async with trio.open_nursery() as nursery:
        async with fleet_of(World(), model("a")) as fleet:
            nursery.start_soon(listen, fleet)
            await fleet.load("a")
        await ended.wait()
    assert len(heard) >= 3


async def test_at_the_end_whoever_waits_is_refused_and_calls_may_finish(autojump_clock):
    world = World()
    refused: list[UpstreamBusy] = []
    done: list[str] = []

    async def wait(fleet: ModelFleet) -> None:
        try:
            await hold(fleet, "a", 1)
        except UpstreamBusy as error:
            refused.append(error)

    async def work(fleet: ModelFleet) -> None:
        async with fleet.seat(["a"]):
            await trio.sleep(3)
            done.append("whole")

    async with trio.open_nursery() as nursery:
        async with fleet_of(world, model("a"), drain_s=10.0) as fleet:
            nursery.start_soon(work, fleet)
            await trio.sleep(1)
            nursery.start_soon(wait, fleet)
            await trio.sleep(0.1)
        assert done == ["whole"]
        await wait_all_tasks_blocked()
    assert "stopping" in refused[0].message


async def test_when_the_end_is_near_nothing_is_loaded_and_what_is_up_serves_on(autojump_clock):
    world = World(load_s={"cold": 60.0})
    near, refused = trio.Event(), list[float]()
    async with fleet_of(world, model("up"), model("cold"), model("never"), leaving=near.wait) as fleet:
        await fleet.load("up")

        async def ask(name: str) -> None:
            with pytest.raises(UpstreamBusy, match="stopping"):
                await hold(fleet, name, 1)
            refused.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "cold")
            nursery.start_soon(hold, fleet, "up", 5)
            await trio.sleep(1)
            near.set()
            began = trio.current_time()
            await wait_all_tasks_blocked()
            assert refused == [began]
            await ask("never")
            assert refused == [began, began]
            await hold(fleet, "up", 1)  # it waits for the one before it
            assert trio.current_time() - began == pytest.approx(5.0)
    assert world.started == ["up-1", "cold-1"]


async def test_pinned_models_are_not_started_again_while_all_ends(autojump_clock):
    world = World()
    async with fleet_of(world, model("a", pinned=True)) as fleet:
        await trio.sleep(2)
        assert states(fleet, "a") == [InstanceState.READY]
    assert len(world.started) == 1


async def test_a_process_that_dies_is_replaced_and_the_queue_waits_for_it(autojump_clock):
    world = World()
    async with fleet_of(world, model("a")) as fleet:
        await fleet.load("a")
        (instance,) = world.alive
        world.supervisors[instance].die()
        await wait_all_tasks_blocked()
        async with fleet.seat(["a"]) as seat:
            assert seat.queued_s < 1
        assert len(world.started) == 2


async def test_a_bug_in_one_supervisor_is_one_failed_instance(autojump_clock, caplog):
    world = World()
    async with fleet_of(world, model("a"), model("b")) as fleet:
        await fleet.load("a")
        await fleet.load("b")
        world.supervisors["a-1"].break_down()
        await trio.sleep(0.1)
        assert states(fleet, "a") == [InstanceState.FAILED]
        await hold(fleet, "b", 1)
        with pytest.raises(UpstreamBusy, match="error of loro's own"):
            await hold(fleet, "a", 1)
    assert "fleet.broken instance=a-1" in caplog.text


async def test_what_the_block_raises_comes_out_as_itself(autojump_clock):
    world = World()

    async def fail() -> None:
        async with fleet_of(world, model("a")) as fleet:
            await fleet.load("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    world.nothing_left()


async def test_cancelled_at_any_step_nothing_is_left(autojump_clock):
    worlds: list[World] = []

    def make():
        world = World()
        worlds.append(world)

        async def run() -> None:
            async with fleet_of(world, model("a"), model("b"), max_instances=1) as fleet:
                await hold(fleet, "a", 1)
                await hold(fleet, "b", 1)

        return run

    steps = await cancel_at_every_checkpoint(make, lambda: worlds[-1].nothing_left())
    assert steps > 10


async def test_a_caller_cancelled_at_any_step_gives_back_what_it_had(autojump_clock):
    world = World()
    async with fleet_of(world, model("a"), model("b"), max_instances=1) as fleet:

        def make():
            async def run() -> None:
                await hold(fleet, "a", 0.1)
                await hold(fleet, "b", 0.1)

            return run

        def check() -> None:
            assert in_flight(fleet) == 0
            assert fleet.seating.waiting("a") == fleet.seating.waiting("b") == 0

        assert await cancel_at_every_checkpoint(make, check) > 3
