"""What lasts: events, followed logs, loads told aloud. Bounded, alive, over at the drain, gone with their reader."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from loro_core.app.admin.streams import COMMENT_AFTER_S, MOST_WAITING, Waiting, event
from loro_core.errors import UpstreamError
from loro_core.models import FleetEvent, InstanceState
from tests.app.admin.fakes import administered, two_models
from tests.app.admin.following import following

EVENT_STREAM = "text/event-stream"


def loading(house, accept=EVENT_STREAM):
    return following(house.service, "/-/models/qwen/load", "POST", accept=accept)


async def test_events_come_as_they_happen(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house, following(house.service, "/-/events") as reader:
        assert reader.status == 200
        await trio.testing.wait_all_tasks_blocked()
        fleet.instance("qwen", InstanceState.STARTING)
        assert await reader.event() == {
            "kind": "state",
            "at": fleet.now,
            "model": "qwen",
            "instance": "qwen-1",
            "state": "starting",
        }
        fleet.tell(FleetEvent(kind="reloaded", at=1.0, model="bge", reason="it changed"))
        assert await reader.event() == {"kind": "reloaded", "at": 1.0, "model": "bge", "reason": "it changed"}


async def test_how_all_stand_is_told_at_once_as_often_as_asked_and_after_what_happens(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house, following(house.service, "/-/events?standing=2") as reader:
        start = trio.current_time()
        told = []

        async def next_one(kind: str) -> float:
            one = await reader.event()
            told.append(one)
            assert one["kind"] == kind
            return round(trio.current_time() - start, 3)

        assert await next_one("standing") == 0
        assert told[0]["total"]["models"] == 2
        assert await next_one("standing") == 2
        await trio.sleep(0.5)
        fleet.instance("qwen", InstanceState.STARTING)
        fleet.instance("qwen", InstanceState.LOADING)
        assert [await next_one("state"), await next_one("state"), await next_one("standing")] == [2.5, 2.5, 2.6]
        assert told[-1]["models"][0]["state"] == "loading"
        assert await next_one("standing") == 4.6


@pytest.mark.parametrize("query", ["standing=", "standing=x", "standing=0.1", "standing=61", "every=1"])
async def test_events_asked_for_badly_are_400(autojump_clock, query):
    async with administered(two_models()) as house:
        heard = await house.get(f"/-/events?{query}")
    assert (heard.status, heard.json["error"]["param"]) == (400, query.partition("=")[0])


async def test_of_how_all_stand_a_slow_reader_gets_the_latest_alone():
    waiting = Waiting()
    waiting.put_latest(b"1")
    waiting.put(b"a")
    waiting.put_latest(b"2")
    assert await waiting.take() == b"a2"
    waiting.put_latest(b"3")
    waiting.end()
    assert [await waiting.take(), await waiting.take()] == [b"3", b""]


async def test_a_silent_stream_says_that_it_is_alive(autojump_clock):
    async with administered(two_models()) as house, following(house.service, "/-/events") as reader:
        with trio.move_on_after(3.5 * COMMENT_AFTER_S):
            await reader.event()
    assert reader.text.count(": keep-alive") == 3


async def test_a_reader_that_leaves_is_forgotten(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house:
        async with following(house.service, "/-/events"):
            await trio.testing.wait_all_tasks_blocked()
            assert len(fleet.subscribers) == 1
        assert not fleet.subscribers
        async with following(house.service, "/-/models/qwen/log?follow=1"):
            await trio.testing.wait_all_tasks_blocked()
            assert fleet.log("qwen").followers == 1
        assert not fleet.log("qwen").followers


async def test_streams_end_whole_when_the_server_drains(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house:
        followed = following(house.service, "/-/models/qwen/log?follow=1")
        async with following(house.service, "/-/events") as events, followed as log:
            await trio.testing.wait_all_tasks_blocked()
            fleet.instance("qwen", InstanceState.STARTING)
            await trio.testing.wait_all_tasks_blocked()
            start = trio.current_time()
            house.drain.begin()
            assert [one["state"] for one in await events.rest()] == ["starting"]
            assert await log.rest() == []
            assert events.over and log.over
            assert trio.current_time() - start < 0.05
        assert not fleet.subscribers


async def test_a_followed_log_begins_with_the_last_lines_and_loses_none(autojump_clock):
    fleet = two_models()
    for i in range(5):
        fleet.log("qwen").write(f"old {i}")
    target = "/-/models/qwen/log?follow=1&lines=2"
    async with administered(fleet) as house, following(house.service, target) as reader:
        fleet.log("qwen").write("new 0")
        await trio.testing.wait_all_tasks_blocked()
        fleet.log("qwen").write("new 1", stream="stdout")
        lines = [await reader.event() for _ in range(4)]
    assert [line["text"] for line in lines] == ["old 3", "old 4", "new 0", "new 1"]
    assert lines[-1] == {"at": 1_800_000_000.0, "instance": "qwen-1", "stream": "stdout", "text": "new 1"}


async def test_head_of_a_stream_has_no_body_and_ends(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house:
        heard = await house.ask("HEAD", "/-/events")
    assert (heard.status, heard.body) == (200, b"")
    assert heard.headers["content-type"].startswith(EVENT_STREAM)


async def test_a_load_may_be_told_as_it_goes(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house, loading(house) as reader:
        told = await reader.rest()
    # The last change may be part of how the model stands in the end.
    assert [one["state"] for one in told[:2]] == ["starting", "loading"]
    assert told[-1]["kind"] == "done" and told[-1]["model"]["state"] == "ready"
    assert reader.over


async def test_a_load_that_fails_on_the_way_ends_with_the_error(autojump_clock):
    fleet = two_models()
    fleet.failure = UpstreamError("model 'qwen' could not be loaded: out of memory", deployment="qwen")
    async with administered(fleet) as house, loading(house) as reader:
        told = await reader.rest()
    assert "out of memory" in told[-1]["error"]["message"]
    assert reader.over


async def test_who_leaves_while_a_model_loads_is_noticed_at_once(autojump_clock):
    for accept in (EVENT_STREAM, "application/json"):
        fleet = two_models(load_s=100)
        async with administered(fleet) as house:
            with trio.move_on_after(10):
                async with loading(house, accept) as reader:
                    await reader.event()
                    await reader.rest()
            await trio.testing.wait_all_tasks_blocked()
        assert fleet.calls == [("load", "qwen"), ("left", "qwen")]
        assert not fleet.subscribers


async def test_a_slow_reader_loses_the_oldest_and_is_told_how_many():
    waiting = Waiting(3)
    for i in range(5):
        waiting.put(event({"kind": "state", "n": i}))
    taken = await waiting.take()
    assert taken == event({"kind": "missed", "count": 2}) + b"".join(
        event({"kind": "state", "n": i}) for i in (2, 3, 4)
    )
    waiting.put(event({"n": 5}))
    assert await waiting.take() == event({"n": 5})


async def test_after_the_end_there_is_nothing_more():
    waiting = Waiting()
    waiting.put(b"a")
    waiting.end()
    waiting.put(b"b")
    assert [await waiting.take(), await waiting.take()] == [b"a", b""]


async def test_a_flood_costs_a_slow_reader_no_more_than_the_bound(autojump_clock):
    """The reader stops reading; the fleet goes on; the rest arrives with the number of those missed."""
    fleet = two_models()
    flood = 3 * MOST_WAITING
    async with administered(fleet) as house, following(house.service, "/-/events", held_back=True) as reader:
        await trio.testing.wait_all_tasks_blocked()
        for i in range(flood):
            fleet.tell(FleetEvent(kind="state", at=float(i), model="qwen"))
        await trio.testing.wait_all_tasks_blocked()
        seen, missed, last = 0, 0, None
        while seen + missed < flood:
            one = await reader.event()
            if one["kind"] == "missed":
                missed += one["count"]
            else:
                seen += 1
                last = one["at"]
    assert missed > 0 and last == flood - 1
