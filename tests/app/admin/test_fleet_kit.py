"""What the admin API takes for granted of a fleet: true of the one in memory that its tests use, and of the real."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from loro_core.app.admin.fleet import Fleet
from loro_core.app.admin.registering import REGISTERED
from loro_core.fleet import Deployment
from loro_core.models import FleetEvent, InstanceState, LogLine, Model
from tests.app.admin.fakes import FakeFleet, process
from tests.runtime.fleet.fleet_bench import World, fleet_of, model

GONE = (InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.DRAINING)
LOAD_S = 4.0


@asynccontextmanager
async def in_memory(load_s: float) -> AsyncIterator[FakeFleet]:
    yield FakeFleet(process("one"), process("two"), load_s=load_s)


@asynccontextmanager
async def real(load_s: float) -> AsyncIterator[Fleet]:
    async with fleet_of(World(load_s={"one": load_s}), model("one"), model("two")) as fleet:
        yield fleet


FLEETS = [in_memory, real]
fleets = pytest.mark.parametrize("fleet_with", FLEETS, ids=["in memory", "real"])


def state(fleet: Fleet, name: str) -> InstanceState:
    return next(status.state for status in fleet.models() if status.model.name == name)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not condition():  # noqa: ASYNC110 - it is asked, as the admin API asks it
            await trio.sleep(0.01)


@asynccontextmanager
async def hearing(fleet: Fleet) -> AsyncIterator[list[FleetEvent]]:
    heard: list[FleetEvent] = []

    async def hear(events: AsyncIterator[FleetEvent]) -> None:
        async for event in events:
            heard.append(event)  # noqa: PERF401 - whoever looks at it does so meanwhile

    async with fleet.subscribe() as events, trio.open_nursery() as nursery:
        nursery.start_soon(hear, events)
        yield heard
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


@fleets
async def test_models_are_listed_in_their_order_and_have_a_log(autojump_clock, fleet_with):
    async with fleet_with(LOAD_S) as fleet:
        assert [status.model.name for status in fleet.models()] == ["one", "two"]
        assert state(fleet, "one") is InstanceState.STOPPED
        assert list(fleet.log("one").lines()) == []


@fleets
async def test_a_load_returns_when_it_is_ready_and_its_steps_are_told(autojump_clock, fleet_with):
    async with fleet_with(LOAD_S) as fleet:
        async with hearing(fleet) as heard:
            start = trio.current_time()
            await fleet.load("one")
            assert trio.current_time() - start == pytest.approx(LOAD_S, abs=0.1)
            assert state(fleet, "one") is InstanceState.READY
        told = [event.state for event in heard if event.model == "one" and event.kind == "state"]
        assert told[0] is InstanceState.STARTING and told[-1] is InstanceState.READY
        assert all(event.instance for event in heard)
        start = trio.current_time()
        await fleet.load("one")  # it is there
        assert trio.current_time() == start


@fleets
async def test_a_load_that_is_left_by_all_is_given_up(autojump_clock, fleet_with):
    async with fleet_with(math.inf) as fleet:
        with trio.move_on_after(1):
            await fleet.load("one")
        await until(lambda: state(fleet, "one") is InstanceState.STOPPED)


@fleets
async def test_unload_returns_at_once_and_drain_when_it_is_done(autojump_clock, fleet_with):
    async with fleet_with(LOAD_S) as fleet:
        for drain in (True, False):
            await fleet.load("one")
            start = trio.current_time()
            await fleet.unload("one", drain=drain)
            assert trio.current_time() == start
            await wait_all_tasks_blocked()
            assert state(fleet, "one") in GONE
        await fleet.load("two")
        await fleet.drain("two")
        assert state(fleet, "two") is InstanceState.STOPPED


@fleets
async def test_a_registered_address_is_ready_until_it_is_taken_out(autojump_clock, fleet_with):
    far = Model(
        name="far",
        deployment=Deployment(name="far", provider="playing", base_url="http://10.0.0.7/v1", model="far"),
        slots=3,
        source=REGISTERED,
    )
    async with fleet_with(LOAD_S) as fleet:
        async with hearing(fleet) as heard:
            fleet.register(far)
            (status,) = [status for status in fleet.models() if status.model.name == "far"]
            assert status.model.source == REGISTERED
            await wait_all_tasks_blocked()
            (instance,) = next(s for s in fleet.models() if s.model.name == "far").instances
            assert (instance.state, instance.base_url, instance.slots) == (InstanceState.READY, "http://10.0.0.7/v1", 3)
            fleet.unregister("far")
            await until(lambda: "far" not in [status.model.name for status in fleet.models()])
        kinds = [event.kind for event in heard if event.model == "far"]
        assert kinds.index("registered") < kinds.index("unregistered")


@fleets
async def test_a_follower_gets_every_line_from_the_call_on(autojump_clock, fleet_with):
    async with fleet_with(LOAD_S) as fleet:
        log: Any = fleet.log("one")

        def write(text: str) -> None:
            log.add(LogLine(at=1.0, instance="one-1", stream="stderr", text=text))

        write("before")
        lines: Any = fleet.log("one").follow()
        write("at once")
        assert (await lines.__anext__()).text == "at once"
        write("later")
        assert (await lines.__anext__()).text == "later"
        assert [line.text for line in fleet.log("one").lines()] == ["before", "at once", "later"]
        if hasattr(lines, "aclose"):
            await lines.aclose()


@fleets
@pytest.mark.parametrize("call", ["load", "unload", "drain"])
async def test_a_call_may_be_cancelled_at_any_time(autojump_clock, fleet_with, call):
    for seconds in (0.0, 0.01, 2.0):
        async with fleet_with(LOAD_S) as fleet:
            doing: Callable[[str], Awaitable[None]] = getattr(fleet, call)
            with trio.move_on_after(seconds):
                await doing("one")
            await fleet.load("one")
            assert state(fleet, "one") is InstanceState.READY
