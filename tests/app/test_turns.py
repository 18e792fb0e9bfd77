"""Turns through the composed gateway: sent again, revised, interrupted, and what is worth saying to them."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from loro_core.chat import Delta
from loro_core.errors import UpstreamClosed, UpstreamUnreachable
from tests.app.serving import Client, Heard, serving
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

CALL = {"x-loro-call": "call-1"}
SKY = "Why is the sky blue at noon?"
ANSWER: list[Move] = [1.2, says("Because of"), 0.1, says(" the air."), STOP]


def user(*turns: str) -> dict[str, Any]:
    """Return the messages of a conversation in which the user has the first and the last word."""
    return {"messages": [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)]}


def large(*moves: Move) -> PlayingProvider:
    return PlayingProvider(list(moves) or ANSWER)


class Asking:
    """Requests made one after the other while earlier ones go on. heard: what came of each, None if it left."""

    def __init__(self, client: Client, nursery: trio.Nursery) -> None:
        self._client, self._nursery = client, nursery
        self.heard: dict[str, Heard | None] = {}

    def ask(self, name: str, *, leaves_after_s: float = 1000.0, **request) -> None:
        async def run() -> None:
            self.heard[name] = None
            with trio.move_on_after(leaves_after_s):
                self.heard[name] = await self._client.ask(**{"headers": CALL, **request})

        self._nursery.start_soon(run)


async def numbers_of(client: Client):
    return (await client.get("/metrics")).json


# --- sent again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
async def test_an_identical_request_gets_the_same_bytes_from_one_upstream_call(stream, autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            for name, wait_s in (("first", 0.0), ("second", 0.4), ("third", 0.85)):
                await trio.sleep(wait_s)
                asking.ask(name, stream=stream, **user(SKY))
        numbers = await numbers_of(client)
        first, second, third = (asking.heard[name] for name in ("first", "second", "third"))
        assert first and second and third
        assert first.status == 200 and first.body == second.body == third.body
        assert first.headers["content-type"] == second.headers["content-type"]
        assert len(client.large.calls) == 1
    assert numbers["adopted"] == 2 and numbers["turns"] == {"new": 1, "resent": 2}
    assert sum(numbers["decisions"].values()) == 1


async def test_the_second_reads_on_when_the_first_leaves(autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            asking.ask("first", leaves_after_s=0.9, **user(SKY))
            await trio.sleep(0.4)
            asking.ask("second", **user(SKY))
        second = asking.heard["second"]
        assert asking.heard["first"] is None
        assert second is not None and second.text.endswith("because of the air.") and second.complete
        assert len(client.large.calls) == 1 and client.large.open_calls == 0


async def test_when_all_have_left_the_upstream_is_let_go_at_once(autojump_clock):
    async with serving(None, large(60.0, says("Air."), STOP)) as client, trio.open_nursery() as nursery:
        asking = Asking(client, nursery)
        asking.ask("first", leaves_after_s=0.5, **user(SKY))
        await trio.sleep(0.3)
        asking.ask("second", leaves_after_s=0.5, **user(SKY))
        await trio.sleep(0.4)
        assert client.large.open_calls == 1
        await trio.sleep(0.101)
        assert client.large.open_calls == 0 and client.service.counts.in_flight == 0


async def test_a_request_sent_again_after_a_failure_is_made_again_without_the_same_words_twice(autojump_clock):
    broken = PlayingProvider([1.0, UpstreamClosed("gone", phase="prefill")], ANSWER)
    async with serving(None, broken, MAX_RETRIES="0") as client:
        first = await client.ask(headers=CALL, **user(SKY))
        second = await client.ask(headers=CALL, **user(SKY))
        numbers = await numbers_of(client)
    assert first.text and "error" in first.chunks[-1]
    assert second.text == "Because of the air."
    assert numbers["decisions"]["resent"] == 1 and numbers["adopted"] == 0


async def test_an_error_before_anything_was_said_is_everybodys_status(autojump_clock):
    dead = large(1.0, UpstreamUnreachable("refused"))
    async with serving(None, dead, LORO_REPLY_POLICY="direct", MAX_RETRIES="0") as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            asking.ask("first", **user(SKY))
            await trio.sleep(0.5)
            asking.ask("second", **user(SKY))
        assert [h.status for h in asking.heard.values() if h] == [502, 502]
        assert len(dead.calls) == 1


async def test_strangers_with_the_same_question_are_answered_apart(autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            asking.ask("one", headers={}, **user(SKY))
            await trio.sleep(0.2)
            asking.ask("other", headers={}, **user(SKY))
        one, other = asking.heard["one"], asking.heard["other"]
        assert one and other and one.chunks[0]["id"] != other.chunks[0]["id"]
        assert len(client.large.calls) == 2


async def test_within_a_conversation_no_name_is_needed(autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            for name in ("first", "second"):
                asking.ask(name, headers={}, **user("Hello there, my friend", "Hello!", SKY))
                await trio.sleep(0.2)
        assert len(client.large.calls) == 1


async def test_adoption_can_be_turned_off(autojump_clock):
    async with serving(None, large(), LORO_REPLY_ADOPT_WITHIN_S="0") as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            for name in ("first", "second"):
                asking.ask(name, **user(SKY))
                await trio.sleep(0.2)
        assert len(client.large.calls) == 2


# --- asked before the user has finished --------------------------------------------------------------------------


class Working(PlayingProvider):
    """Counts what a model would be paid for: the tokens it gave."""

    def __init__(self, *scripts) -> None:
        super().__init__(*scripts)
        self.tokens = 0

    async def _play(self, script):
        async for deltas in super()._play(script):
            self.tokens += sum(bool(delta.content) for delta in deltas)
            yield deltas


WORDY: list[Move] = [1.2, *[move for word in range(50) for move in (says(f"{word} "), 0.02)], STOP]


@pytest.mark.parametrize("closes", [True, False], ids=["the client closes the old stream", "the client leaves it open"])
@pytest.mark.parametrize(
    "sends",
    [[SKY] * 3, ["Why is the", "Why is the sky blue", SKY], ["Why is", SKY, SKY]],
    ids=["the same", "growing", "growing, then the same"],
)
async def test_three_pre_emptive_sends_of_a_turn_cost_no_more_than_one(sends, closes, autojump_clock):
    """LiveKit asks up to three times while the user still speaks."""
    upstream = Working(WORDY)
    async with serving(None, upstream) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            for number, text in enumerate(sends):
                # Who asks the same again cannot have closed the stream before: it would be gone.
                leaves = closes and number + 1 < len(sends) and sends[number + 1] != text
                asking.ask(str(number), leaves_after_s=0.3 if leaves else 1000.0, **user(text))
                await trio.sleep(0.3)
        last = asking.heard["2"]
        assert last is not None and last.text.endswith("48 49 ") and last.events[-1] == "[DONE]"
        assert upstream.tokens <= 1.1 * 50
        assert len(upstream.calls) == len(set(sends)) and upstream.open_calls == 0


async def test_a_revised_turn_ends_the_old_call_at_once_and_is_acknowledged_with_the_same_words(autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            asking.ask("old", **user("Why is the sky blue"))
            await trio.sleep(0.5)
            asking.ask("new", **user("Why is the sky blue at night?"))
            await trio.sleep(0.001)
            assert client.large.open_calls == 1 and len(client.large.calls) == 2
        old, new = asking.heard["old"], asking.heard["new"]
        numbers = await numbers_of(client)
    assert old is not None and new is not None
    assert old.chunks[-1]["error"]["code"] == "superseded" and "[DONE]" not in old.events
    assert old.text and new.text == f"{old.text} because of the air."
    assert numbers["turns"] == {"new": 1, "revised": 1} and numbers["errors"] == {"superseded": 1}


async def test_an_old_request_that_nothing_was_written_to_is_refused(autojump_clock):
    async with serving(None, large(), LORO_REPLY_POLICY="direct") as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            asking.ask("old", **user("Why is the sky"))
            await trio.sleep(0.5)
            asking.ask("new", **user(SKY))
        old, new = asking.heard["old"], asking.heard["new"]
    assert old is not None and (old.status, old.json["error"]["code"]) == (409, "superseded")
    assert new is not None and new.text == "Because of the air."


async def test_a_request_beside_the_answer_does_not_end_it(autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            asking = Asking(client, nursery)
            asking.ask("answer", **user(SKY))
            await trio.sleep(0.3)
            asking.ask("title", **user("Give this conversation a title of at most five words, please."))
        answer, title = asking.heard["answer"], asking.heard["title"]
    assert answer and title and answer.events[-1] == title.events[-1] == "[DONE]"


# --- what is worth saying ----------------------------------------------------------------------------------------


async def talk(client: Client, turns: int) -> list[Heard]:
    """Return the replies to so many turns of one conversation."""
    history = ["Hello there, my friend"]
    replies = []
    for number in range(turns):
        replies.append(await client.ask(headers=CALL, **user(*history)))
        history += [replies[-1].text, f"And what do you think about question number {number} of mine?"]
    return replies


async def test_a_model_that_is_quick_is_never_talked_over(autojump_clock):
    async with serving(None, large(0.08, says("Because of the air."), STOP)) as client:
        replies = await talk(client, 40)
        numbers = await numbers_of(client)
    assert {reply.text for reply in replies} == {"Because of the air."}
    assert numbers["decisions"]["quick_model"] >= 30


async def test_a_model_that_is_slow_is_always_announced_and_soon_at_once(autojump_clock):
    async with serving(None, large(1.5, says("Because of the air."), STOP)) as client:
        replies = await talk(client, 20)
        numbers = await numbers_of(client)
    assert all(reply.text != "Because of the air." for reply in replies)
    assert max(reply.first_text_s for reply in replies) <= 0.31
    assert max(reply.first_text_s for reply in replies[7:]) <= 0.01
    assert numbers["decisions"]["slow_model"] >= 12 and numbers["acknowledgements"]["by_phrase"] == 20


async def test_a_model_that_turns_slow_leaves_one_silence_at_most(autojump_clock):
    quick: list[Move] = [0.08, says("Because of the air."), STOP]
    async with serving(None, PlayingProvider(*[quick] * 20, [1.5, *quick[1:]])) as client:
        replies = await talk(client, 30)
    assert all(reply.text == "Because of the air." for reply in replies[:20])
    assert sum(reply.text == "Because of the air." for reply in replies[20:]) <= 1


async def test_a_model_that_thinks_aloud_first_is_slow(autojump_clock):
    thinking: list[Move] = [0.05, Delta(fields={"reasoning_content": "Hm."}), 2.0, says("Because of the air."), STOP]
    async with serving(None, large(*thinking)) as client:
        replies = await talk(client, 8)
    assert all(reply.text != "Because of the air." for reply in replies)


async def test_before_the_clients_floor_nothing_is_written(autojump_clock):
    async with serving(None, large(), LORO_REPLY_FLOOR_S="0.4") as client:
        heard = await client.ask(**user(SKY))
    assert heard.first_text_s == pytest.approx(0.4, abs=0.01)


async def test_the_first_turn_can_be_left_alone(autojump_clock):
    async with serving(None, large(), LORO_REPLY_FIRST_TURN="false") as client:
        assert (await client.ask(**user(SKY))).text == "Because of the air."
        assert (await client.ask(**user("Hello there, my friend", "Hello!", SKY))).text != "Because of the air."


async def test_who_interrupts_a_reply_gets_no_words_the_next_time(autojump_clock):
    long = large(1.2, says("Because of the air."), says(" It scatters blue light."), STOP)
    async with serving(None, long) as client:
        said = (await client.ask(headers=CALL, **user(SKY))).text
        words, rest = said.split("because")
        after = await client.ask(headers=CALL, **user(SKY, f"{words}because", "No, tell me about the sea instead"))
        heard_out = await client.ask(headers=CALL, **user(SKY, said, "And now tell me about the sea as well"))
        numbers = await numbers_of(client)
    assert after.text == f"Because{rest}" and len(heard_out.text) > len(after.text)
    assert numbers["turns"]["after_barge_in"] == 1 and numbers["decisions"]["barge_in"] == 1


async def test_the_reason_stands_in_the_access_line(autojump_clock, caplog):
    caplog.set_level("INFO", logger="loro.access")
    async with serving(None, large()) as client:
        await client.ask(**user("stop saying let me see", "Of course.", SKY))
    line = caplog.records[-1]
    assert "wish" in str(line.__dict__) and "new" in str(line.__dict__)


# --- cancellation ------------------------------------------------------------------------------------------------


async def test_two_readers_cancelled_at_every_checkpoint_leave_nothing(autojump_clock):
    upstream = large(0.3, says("Because"), 0.1, says(" of the air."), STOP)
    async with serving(None, upstream, LORO_REPLY_POLICY="race") as client:
        calls = iter(range(10_000))

        def make():
            async def run() -> None:
                headers = {"x-loro-call": str(next(calls))}
                async with trio.open_nursery() as nursery:
                    asking = Asking(client, nursery)
                    asking.ask("first", headers=headers, **user(SKY))
                    await trio.sleep(0.2)
                    asking.ask("second", headers=headers, **user(SKY))
                first, second = asking.heard["first"], asking.heard["second"]
                assert first and second and first.body == second.body

            return run

        def nothing_is_left() -> None:
            assert upstream.open_calls == 0
            assert client.service.counts.connections == 0 and client.service.counts.in_flight == 0

        assert await cancel_at_every_checkpoint(make, nothing_is_left) > 10
