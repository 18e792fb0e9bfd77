"""A streamed reply whose model falls silent: comments that say it is alive, and nothing else that anybody counts."""

from __future__ import annotations

import pytest
import trio

from loro_core.errors import UpstreamError, UpstreamTimeout
from tests.app.serving import serving
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

CALL = {"x-loro-call": "call-1"}
STALLING: list[Move] = [0.5, says("Because"), 12.0, says(" of the air."), STOP]
NO_PROGRESS = {"LORO_REPLY_PROGRESS": "false"}


@pytest.mark.parametrize("headers", [{}, CALL], ids=["written by the task that makes it", "read from a shared one"])
async def test_a_stall_is_bridged_every_five_seconds(headers, autojump_clock):
    async with serving(None, PlayingProvider(STALLING), LORO_REPLY_POLICY="direct") as client:
        heard = await client.ask(headers=headers)
    assert [round(at, 3) for at in heard.keep_alive_s] == [5.5, 10.5]
    assert heard.text == "Because of the air." and heard.events[-1] == "[DONE]"


async def test_the_silence_behind_an_acknowledgement_is_bridged_and_nothing_before_it_is(autojump_clock):
    answer: list[Move] = [11.0, says("Because of the air."), STOP]
    async with serving(None, PlayingProvider(answer), LORO_REPLY_POLICY="race", **NO_PROGRESS) as client:
        acknowledged = await client.ask()
    async with serving(None, PlayingProvider(answer), LORO_REPLY_POLICY="direct") as client:
        alone = await client.ask()
    assert [round(at, 3) for at in acknowledged.keep_alive_s] == [5.0, 10.0]
    assert alone.keep_alive_s == []


async def test_each_reader_of_a_shared_reply_gets_its_own(autojump_clock):
    async with serving(None, PlayingProvider(STALLING), LORO_REPLY_POLICY="direct") as client:
        heard = []

        async def ask(after_s: float) -> None:
            await trio.sleep(after_s)
            heard.append(await client.ask(headers=CALL))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, 0.0)
            nursery.start_soon(ask, 3.0)
    assert len(client.large.calls) == 1
    # The second one read what there was at 3 s; both are told of here from their own beginnings.
    assert sorted([round(at, 3) for at in one.keep_alive_s] for one in heard) == [[5.0], [5.5, 10.5]]
    assert {one.text for one in heard} == {"Because of the air."}


async def test_a_reply_that_is_one_body_has_none(autojump_clock):
    async with serving(None, PlayingProvider([20.0, says("Because."), STOP]), **NO_PROGRESS) as client:
        heard = await client.ask(stream=False)
    assert b"keep-alive" not in heard.body and heard.json["choices"][0]["message"]["content"] == "Because."


async def test_an_error_before_the_first_byte_keeps_its_status_however_late_it_is(autojump_clock):
    failing: UpstreamError = UpstreamTimeout("silent", phase="prefill")
    async with serving(None, PlayingProvider([20.0, failing]), LORO_REPLY_POLICY="direct", MAX_RETRIES="0") as client:
        heard = await client.ask()
    assert heard.status == 504 and b"keep-alive" not in heard.body


async def test_a_dead_upstream_looks_alive_no_longer_than_its_own_deadline(autojump_clock):
    dead: list[Move] = [0.5, says("Because"), 3600.0]
    async with serving(
        None, PlayingProvider(dead), LORO_REPLY_POLICY="direct", LORO_MODELS_LARGE_IDLE_TIMEOUT_S="12"
    ) as client:
        heard = await client.ask()
    assert [round(at, 3) for at in heard.keep_alive_s] == [5.5, 10.5]
    assert heard.at_s[-1] == pytest.approx(12.5) and heard.chunks[-1]["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize(("after_s", "comments"), [("0", 0), ("2.2", 5)])
async def test_how_long_is_a_setting(after_s, comments, autojump_clock):
    environ = {"LORO_REPLY_POLICY": "direct", "LORO_REPLY_COMMENT_AFTER_S": after_s}
    async with serving(None, PlayingProvider(STALLING), **environ) as client:
        assert len((await client.ask()).keep_alive_s) == comments


async def test_comments_are_in_no_number(autojump_clock):
    numbers = []
    for after_s in ("0", "1"):
        environ = {"LORO_REPLY_POLICY": "race", "LORO_REPLY_COMMENT_AFTER_S": after_s, **NO_PROGRESS}
        async with serving(None, PlayingProvider(STALLING), **environ) as client:
            await client.ask()
            numbers.append((await client.get("/metrics")).json["quick_response_mode"])
    assert numbers[0] == numbers[1]


async def test_leaving_between_comments_reaches_the_upstream(autojump_clock):
    async with serving(None, PlayingProvider(STALLING), LORO_REPLY_POLICY="direct") as client:
        with trio.move_on_after(7.0):
            await client.ask()
        await trio.sleep(0.05)
        assert client.large.open_calls == 0
