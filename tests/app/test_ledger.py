"""The ledger of each reply: what its user heard and when, what became of the acknowledgement, what was in vain."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest
import trio

from loro_core import Acknowledge, ChatRequest, Delta, Plan, Snapshot, Usage
from loro_core.errors import UpstreamClosed, UpstreamUnreachable
from tests.app.serving import Client, Heard, serving
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

ASKS = {"x-loro-ledger": "usage"}
COUNTED = Delta(usage=Usage(prompt_tokens=10, completion_tokens=5))
WORDS = "Good question, let me see. So,"
LATE: list[Move] = [4.0, says("Because of the air."), 0.1, says(" It is blue."), STOP, COUNTED]


class Saying:
    """A policy whose words are fixed."""

    name = "saying"

    def __init__(self, words: str, **more: Any) -> None:
        self._acknowledge = Acknowledge(words=words, ask_model=False, **more)

    def plan(self, request: ChatRequest, snapshot: Snapshot, now: float, rng: random.Random) -> Plan:
        return Plan(policy=self.name, acknowledge=self._acknowledge, reason="a test's")


class Holding(Saying):
    """Holds its words for longer than the answer takes."""

    name = "held"

    def __init__(self, words: str) -> None:
        super().__init__(words, not_before_s=5.0)


def small(*moves: Move) -> PlayingProvider:
    return PlayingProvider(list(moves) or [0.1, says(WORDS), STOP, COUNTED])


def large(*moves: Move) -> PlayingProvider:
    return PlayingProvider(list(moves) or LATE)


async def said(words: str, client_name: str, *moves: Move, **more: Any) -> dict[str, Any]:
    """Return the ledger of a reply that opens with `words`."""
    async with serving(None, large(*moves), Saying(words), LORO_REPLY_PROGRESS="false") as client:
        return ledger_of(
            await client.ask(headers={**ASKS, "x-loro-client": client_name, "x-loro-policy": "saying"}, **more)
        )


def ledger_of(heard: Heard) -> dict[str, Any]:
    last = heard.chunks[-1] if heard.events else heard.json
    return last["loro"]


async def sums_of(client: Client) -> dict[str, Any]:
    return (await client.get("/metrics")).json["ledger"]


# --- in the reply's end ------------------------------------------------------------------------------------------


async def test_a_client_that_asks_gets_the_ledger_in_the_chunk_of_the_usage(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race", LORO_REPLY_PROGRESS="false") as client:
        heard = await client.ask(headers={**ASKS, "x-loro-client": "pipecat"})
    end = heard.chunks[-1]
    assert end["choices"] == [] and heard.events[-1] == "[DONE]"
    assert end["usage"]["total_tokens"] == 30
    assert end["loro"] == {
        "client": "pipecat",
        "policy": "race",
        "reason": "policy",
        "adopted": False,
        "acknowledgement": {"outcome": "spoken", "source": "model", "words_rejected": None, "progress_lines": 0},
        "announced": None,
        "acknowledgement_ms": pytest.approx(100, abs=1),
        "first_speakable_ms": pytest.approx(100, abs=1),
        "answer_first_token_ms": pytest.approx(4000, abs=1),
        # Five words from 0.1 s on, for "So," is held; the answer's sentence is let out by what follows it.
        "longest_hole_ms": pytest.approx(4100 - 100 - 2000, abs=2),
        "total_ms": pytest.approx(4100, abs=1),
        "answer": {"by": None, "hedge": None, "taken_over": None},
        "seam_edits": {"space": 1, "case": 1},
        "tokens": {
            "acknowledgement": {"prompt_tokens": 10, "completion_tokens": 5},
            "answer": {"prompt_tokens": 10, "completion_tokens": 5},
        },
        "wasted_tokens": 0,
        "wasted_characters": 0,
    }


async def test_a_client_that_does_not_ask_sees_no_change(autojump_clock):
    asks: list[dict[str, Any]] = [{}, {"stream_options": {"include_usage": True}}]
    for more in asks:
        async with serving(None, large(), LORO_REPLY_POLICY="direct") as client:
            heard = await client.ask(**more)
            whole = await client.ask(stream=False)
        assert all("loro" not in chunk for chunk in [*heard.chunks, whole.json])
        assert all(("usage" in chunk) == bool(more) for chunk in heard.chunks)


async def test_the_ledger_is_there_where_nobody_counted_tokens(autojump_clock):
    async with serving(None, large(0.5, says("Air."), STOP), LORO_REPLY_POLICY="direct") as client:
        heard = await client.ask(headers=ASKS)
    end = heard.chunks[-1]
    assert end["usage"] is None and end["choices"] == []
    assert end["loro"]["tokens"] == {"acknowledgement": None, "answer": None}
    assert end["loro"]["acknowledgement"]["outcome"] == "skipped"


async def test_a_reply_that_does_not_stream_has_it_beside_its_usage(autojump_clock):
    async with serving(None, large(0.5, says("Air."), STOP, COUNTED), LORO_REPLY_POLICY="direct") as client:
        heard = await client.ask(headers=ASKS, stream=False)
        plain = await client.ask(stream=False)
    assert heard.json["choices"] == plain.json["choices"] and heard.json["usage"] == plain.json["usage"]
    assert ledger_of(heard)["answer_first_token_ms"] == pytest.approx(500, abs=1)
    assert ledger_of(heard)["first_speakable_ms"] is None


@pytest.mark.parametrize("value", ["", "all", "true"])
async def test_any_other_value_of_the_header_is_refused(value, autojump_clock):
    async with serving(None, large()) as client:
        heard = await client.ask(headers={"x-loro-ledger": value})
    assert heard.status == 400 and heard.json["error"]["param"] == "x-loro-ledger"
    assert "'usage'" in heard.json["error"]["message"]


async def test_each_reader_of_a_shared_reply_has_a_ledger_of_its_own(autojump_clock):
    heard: dict[str, Heard] = {}
    async with serving(None, large(), LORO_REPLY_POLICY="race") as client:

        async def ask(name: str) -> None:
            heard[name] = await client.ask(headers={**ASKS, "x-loro-call": "call-1"})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "first")
            await trio.sleep(1.0)
            nursery.start_soon(ask, "second")
        assert len(client.large.calls) == 1
    first, second = ledger_of(heard["first"]), ledger_of(heard["second"])
    assert (first["adopted"], second["adopted"]) == (False, True)
    assert first["answer_first_token_ms"] == pytest.approx(second["answer_first_token_ms"] + 1000, abs=2)
    assert first["longest_hole_ms"] == pytest.approx(second["longest_hole_ms"] + 1000, abs=2)


async def test_who_asks_for_the_ledger_does_not_share_the_reply_of_one_who_does_not(autojump_clock):
    async with serving(None, large()) as client:
        async with trio.open_nursery() as nursery:
            for more in (ASKS, {}):

                async def ask(headers: dict[str, str] = more) -> None:
                    await client.ask(headers={**headers, "x-loro-call": "call-1"})

                nursery.start_soon(ask)
        assert len(client.large.calls) == 2


# --- what the user heard -----------------------------------------------------------------------------------------


async def test_words_that_the_client_holds_until_the_answer_are_late(autojump_clock):
    found = await said("Sure,", "pipecat")
    assert found["acknowledgement"]["outcome"] == "late"
    assert found["acknowledgement_ms"] < 1
    assert found["first_speakable_ms"] == pytest.approx(4100, abs=1)
    assert found["longest_hole_ms"] == 0.0


async def test_the_same_words_are_spoken_where_the_client_lets_them_out(autojump_clock):
    found = await said("Sure,", "plain")
    assert found["acknowledgement"]["outcome"] == "spoken"
    assert found["longest_hole_ms"] == pytest.approx(4000 - 400, abs=2)


async def test_a_hole_in_the_answer_counts_as_one_behind_the_acknowledgement_does(autojump_clock):
    moves: list[Move] = [0.2, says("One two three. "), 6.0, says("Four."), STOP]
    found = await said("Sure,", "plain", *moves)
    assert found["longest_hole_ms"] == pytest.approx(6200 - 1600, abs=2)


async def test_the_first_words_are_the_first_even_behind_progress_lines(autojump_clock):
    async with serving(None, large(13.0, says("Air."), STOP), LORO_REPLY_POLICY="race") as client:
        found = ledger_of(await client.ask(headers=ASKS))
        numbers = (await client.get("/metrics")).json["quick_response_mode"]
    assert found["acknowledgement"]["progress_lines"] >= 2
    assert found["acknowledgement_ms"] < 1 and numbers["first_response_latency"]["max"] < 0.001
    assert 1500 < found["longest_hole_ms"] <= 2900  # a lead-in is held until the next line, 0.4 s of speech
    assert numbers["longest_hole"]["max"] == pytest.approx(found["longest_hole_ms"] / 1000, abs=0.001)


# --- sums --------------------------------------------------------------------------------------------------------


async def test_what_was_seen_of_every_kind_of_acknowledgement(autojump_clock):
    async with serving(None, large(), Saying("Sure,"), Holding("Hm.")) as client:
        for policy, name in (("saying", "pipecat"), ("saying", "plain"), ("direct", "plain"), ("held", "plain")):
            await client.ask(headers={"x-loro-policy": policy, "x-loro-client": name})
        found = (await sums_of(client))["acknowledgements"]
        scraped = (await client.get("/metrics", accept="text/plain")).body.decode()
    assert found == {"skipped": 1, "spoken": 1, "late": 1, "silent": 0, "dropped": 1, "cut": 0}
    assert 'loro_acknowledgement_outcomes_total{outcome="dropped"} 1' in scraped
    assert 'loro_longest_hole_seconds_count{mode="quick"}' in scraped


async def test_seam_edits_are_counted_by_kind_and_their_words_told_nowhere(autojump_clock, caplog):
    caplog.set_level(logging.INFO, logger="loro.access")
    moves: list[Move] = [1.0, says("Sure! Because"), says(" of the air."), STOP]
    async with serving(None, large(*moves), LORO_REPLY_POLICY="instant") as client:
        heard = await client.ask()
        found = (await sums_of(client))["seam_edits"]
    assert "Sure!" not in heard.text
    assert found["opener"] == 1
    line = next(record.getMessage() for record in caplog.records if "finish_reason" in record.getMessage())
    assert "seam=opener:1" in line and "Sure" not in line
    assert " ack=spoken" in line and " hole_s=" in line


# --- in vain -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "why", "tokens", "characters"),
    [
        ([0.1, says("The sky is 100 km high."), STOP, COUNTED], "digits", 15, 0),
        ([0.1, says("Well"), 30.0, says(WORDS), STOP, COUNTED], "late", 0, 4),
        ([0.1, says("so " * 500), STOP, COUNTED], "too_long", 0, 1500),
        ([0.1, says(WORDS), STOP, COUNTED], None, 0, 0),
    ],
)
async def test_words_that_are_not_taken_were_paid_for_in_vain(moves, why, tokens, characters, autojump_clock):
    async with serving(small(*moves), large(20.0, says("Air."), STOP), LORO_REPLY_POLICY="race") as client:
        found = ledger_of(await client.ask(headers=ASKS))
        sums = await sums_of(client)
    assert (found["wasted_tokens"], found["wasted_characters"]) == (tokens, characters)
    assert sums["wasted_tokens"]["acknowledgement"] == ({why: tokens} if tokens else {})
    assert sums["wasted_characters"]["acknowledgement"] == ({why: characters} if characters else {})


async def test_words_for_which_the_answer_was_too_quick_were_in_vain(autojump_clock):
    moves: list[Move] = [0.1, says("Let me"), 0.2, says(" see."), STOP, COUNTED]
    async with serving(small(*moves), large(0.2, says("Air."), 0.5, STOP), LORO_REPLY_POLICY="race") as client:
        found = ledger_of(await client.ask(headers=ASKS))
        sums = await sums_of(client)
    assert found["acknowledgement"]["outcome"] == "dropped"
    assert (found["wasted_tokens"], found["wasted_characters"]) == (0, 6)
    assert sums["wasted_characters"] == {"acknowledgement": {"dropped": 6}, "answer": {}}


async def test_an_answer_whose_client_left_was_in_vain_as_far_as_it_went(autojump_clock):
    async with serving(None, large(0.5, says("Because"), 60.0, STOP), LORO_REPLY_POLICY="direct") as client:
        with trio.move_on_after(1.0):
            await client.ask()
        sums = await sums_of(client)
    assert sums["wasted_characters"]["answer"] == {"cancelled": 7}
    assert sums["wasted_tokens"]["answer"] == {}


async def test_an_answer_that_broke_off_was_in_vain(autojump_clock):
    broken = large(0.5, says("Because"), COUNTED, UpstreamClosed("gone"))
    async with serving(None, broken, LORO_REPLY_POLICY="direct", MAX_RETRIES="0") as client:
        await client.ask()
        sums = await sums_of(client)
    assert sums["wasted_tokens"]["answer"] == {"failed": 15} and sums["tokens"]["answer"]["prompt"] == 10


async def test_a_dead_upstream_cost_nothing(autojump_clock):
    dead = large(UpstreamUnreachable("refused"))
    async with serving(None, dead, LORO_REPLY_POLICY="direct", MAX_RETRIES="0") as client:
        await client.ask()
        sums = await sums_of(client)
    assert sums["wasted_tokens"]["answer"] == {} == sums["wasted_characters"]["answer"]


async def test_a_superseded_answer_was_in_vain_and_is_billed_once(autojump_clock):
    moves: list[Move] = [0.5, says("Because"), 1.0, says(" of it."), STOP, COUNTED]
    async with serving(None, large(*moves), LORO_REPLY_POLICY="direct") as client:
        async with trio.open_nursery() as nursery:
            for text, pause_s in (("Why is the sky", 0.2), ("Why is the sky", 0.5), ("Why is the sky blue?", 0.0)):

                async def ask(text: str = text) -> None:
                    messages = [{"role": "user", "content": text}]
                    await client.ask(headers={"x-loro-call": "call-1"}, messages=messages)

                nursery.start_soon(ask)
                await trio.sleep(pause_s)
        sums = await sums_of(client)
        assert len(client.large.calls) == 2
    assert sums["wasted_characters"]["answer"] == {"superseded": 7}
    assert sums["tokens"]["answer"] == {"prompt": 10, "completion": 5}


async def test_a_reply_that_its_second_reader_hears_to_the_end_is_not_in_vain(autojump_clock):
    async with serving(None, large(), LORO_REPLY_POLICY="direct") as client:

        async def ask(leaves_after_s: float) -> None:
            with trio.move_on_after(leaves_after_s):
                await client.ask(headers={"x-loro-call": "call-1"})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, 2.0)
            await trio.sleep(1.0)
            nursery.start_soon(ask, 100.0)
        sums = await sums_of(client)
    assert sums["wasted_tokens"] == {"acknowledgement": {}, "answer": {}} == sums["wasted_characters"]
    assert sums["tokens"]["answer"] == {"prompt": 10, "completion": 5}


async def test_a_reset_forgets_the_ledger(autojump_clock):
    async with serving(None, large(), LORO_REPLY_POLICY="instant") as client:
        await client.ask()
        assert sum((await sums_of(client))["acknowledgements"].values()) == 1
        await client.send("POST", "/metrics/reset")
        assert sum((await sums_of(client))["acknowledgements"].values()) == 0


async def test_a_silence_that_the_client_left_in_counts_up_to_then(autojump_clock):
    headers = {"x-loro-client": "plain", "x-loro-policy": "saying"}
    async with serving(None, large(60.0, STOP), Saying("Sure,"), LORO_REPLY_PROGRESS="false") as client:
        with trio.move_on_after(3.0):
            await client.ask(headers=headers)
        numbers = (await client.get("/metrics")).json
    assert numbers["quick_response_mode"]["longest_hole"]["max"] == pytest.approx(3.0 - 0.4, abs=0.01)
    assert numbers["quick_response_mode"]["cancelled"] == 1 and numbers["ledger"]["acknowledgements"]["spoken"] == 1


async def test_a_reply_that_everybody_left_before_a_word_has_a_cut_acknowledgement_and_no_hole(autojump_clock):
    async with serving(None, large(60.0, STOP), Holding("Hm.")) as client:
        with trio.move_on_after(1.0):
            await client.ask(headers={"x-loro-policy": "held"})
        numbers = (await client.get("/metrics")).json
    assert numbers["ledger"]["acknowledgements"]["cut"] == 1
    assert numbers["quick_response_mode"]["longest_hole"]["max"] == 0.0
