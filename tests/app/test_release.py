"""An acknowledgement is shaped for the client that asks, and what counts is when that client can begin to speak."""

from __future__ import annotations

import pytest

from tests.app.serving import serving
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

LATE: list[Move] = [1.2, says("Because"), 0.1, says(" of"), 0.1, says(" the air."), 0.1, says(" Blue light."), STOP]


async def ask(client_name: str | None = None, *, small: str = "", **more):
    """Return what a client of this name hears, and when it could begin to speak."""
    acknowledging = PlayingProvider([says(small), STOP]) if small else None
    policy = {"LORO_REPLY_POLICY": "race" if small else "instant"}
    async with serving(acknowledging, PlayingProvider(LATE), **policy) as client:
        heard = await client.ask(headers={"x-loro-client": client_name} if client_name else {}, **more)
        numbers = (await client.get("/metrics")).json
    return heard, numbers["quick_response_mode"]["first_speakable_latency"]["avg"]


@pytest.mark.parametrize("name", ["pipecat", "pipecat-token", "vapi", "elevenlabs", "plain"])
async def test_the_acknowledgement_is_spoken_at_once(name, autojump_clock):
    heard, speakable_s = await ask(name)
    assert heard.text.endswith("Because of the air. Blue light.")
    assert speakable_s < 0.01


async def test_each_client_gets_the_end_of_sentence_that_it_waits_for(autojump_clock):
    first = {name: (await ask(name))[0].chunks[0]["choices"][0]["delta"]["content"] for name in ("vapi", "elevenlabs")}
    assert "<flush />" in first["vapi"] or len(first["vapi"]) >= 30
    assert first["elevenlabs"].endswith((" ", "... "))


async def test_there_is_one_space_between_a_shaped_acknowledgement_and_the_answer(autojump_clock):
    for name in ("pipecat", "pipecat-token", "livekit", "elevenlabs", "plain"):
        heard, _ = await ask(name)
        assert "  " not in heard.text and " Because" in heard.text, heard.text


async def test_a_small_models_words_are_completed_so_that_they_are_let_out(autojump_clock):
    heard, speakable_s = await ask("pipecat", small="Let me think about that one.")
    assert heard.text.startswith("Let me think about that one. ") and not heard.text.startswith(
        "Let me think about that one. Because"
    )
    assert speakable_s < 0.01


async def test_without_an_acknowledgement_speech_waits_for_the_answers_first_sentence(autojump_clock):
    async with serving(None, PlayingProvider(LATE), LORO_REPLY_POLICY="direct") as client:
        await client.ask()
        numbers = (await client.get("/metrics")).json
    assert numbers["direct_mode"]["first_speakable_latency"]["avg"] == pytest.approx(1.5, abs=0.01)


async def test_an_unknown_client_is_refused_by_name(autojump_clock):
    heard, _ = await ask("pipcat")
    assert heard.status == 400 and heard.json["error"]["param"] == "x-loro-client"
    assert "pipecat-token" in heard.json["error"]["message"]


async def test_the_sender_shows_who_it_is(autojump_clock):
    heard, _ = await ask(None, call={"id": "c1"}, messages=[{"role": "user", "content": "Why is the sky blue?"}])
    words = heard.chunks[0]["choices"][0]["delta"]["content"]
    assert "<flush />" in words or len(words) >= 30
