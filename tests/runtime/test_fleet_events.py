from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from loro_core.models import FleetEvent
from loro_core.runtime.fleet_events import Listeners


def event(number: int) -> FleetEvent:
    return FleetEvent(kind="state", at=float(number), model="a")


async def test_a_listener_hears_what_happens_from_its_coming_to_the_end(autojump_clock):
    listeners, heard = Listeners(), list[float]()
    listeners.tell(event(0))

    async def listen() -> None:
        with listeners.listening() as events:
            async for one in events:
                heard.append(one.at)  # what was heard before the end is looked at

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await wait_all_tasks_blocked()
        listeners.tell(event(1))
        listeners.tell(event(2))
        await wait_all_tasks_blocked()
        assert heard == [1.0, 2.0]
        listeners.tell(event(3))
        listeners.end()
    assert heard == [1.0, 2.0, 3.0]


async def test_one_that_is_behind_loses_the_oldest_and_is_told_how_many(autojump_clock):
    listeners = Listeners(kept=2)
    with listeners.listening() as slow, listeners.listening() as quick:
        for number in range(5):
            listeners.tell(event(number))
            assert (await anext(quick)).at == number
        assert (slow.missed, quick.missed) == (3, 0)
        assert [(await anext(slow)).at for _ in range(2)] == [3.0, 4.0]
    listeners.tell(event(9))
    assert slow.missed == 3


async def test_whoever_comes_after_the_end_hears_nothing(autojump_clock):
    listeners = Listeners()
    listeners.end()
    with listeners.listening() as events, pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_cancelled_while_it_waits_a_listener_loses_nothing(autojump_clock):
    listeners = Listeners()
    with listeners.listening() as events:
        with trio.move_on_after(1):
            await anext(events)
        listeners.tell(event(1))
        assert (await anext(events)).at == 1.0
