"""An acknowledged answer that stalls: what is said meanwhile, and how long the user hears nothing."""

from __future__ import annotations

import itertools

import pytest

from loro_core.decide.release.profile import PROFILES, Releaser
from loro_core.decide.stages import spoken_s
from tests.app.serving import Heard, serving
from tests.runtime.fakes import STOP, Move, PlayingProvider, says


def stalling(seconds: float) -> PlayingProvider:
    answer: list[Move] = [seconds, says("Because of the air."), STOP]
    return PlayingProvider(answer)


async def stall(seconds: float, question: str = "Why is the sky blue?", **environ) -> Heard:
    async with serving(None, stalling(seconds), LORO_REPLY_POLICY="race", **environ) as client:
        return await client.ask(messages=[{"role": "user", "content": question}])


def lines(heard: Heard) -> list[tuple[float, str]]:
    """Return what was written, with its time."""
    written = zip(heard.at_s, heard.events, strict=True)
    texts = (
        (at, chunk) for (at, event), chunk in zip(written, [*heard.chunks, None], strict=True) if event != "[DONE]"
    )
    return [
        (at, text)
        for at, chunk in texts
        if chunk and chunk["choices"] and (text := chunk["choices"][0]["delta"].get("content"))
    ]


def holes(written: list[tuple[float, str]]) -> list[float]:
    """Return the silences: from the estimated end of what was said to what comes next."""
    quiet_from_s, found = 0.0, []
    for at_s, text in written:
        found.append(max(0.0, at_s - quiet_from_s))
        quiet_from_s = max(quiet_from_s, at_s) + spoken_s(text)
    return found


@pytest.mark.parametrize("question", ["Why is the sky blue?", "天空为什么是蓝色的？"])
async def test_a_stall_of_eight_seconds_leaves_no_hole_longer_than_two_and_a_half(question, autojump_clock):
    heard = await stall(8.0, question)
    written = lines(heard)
    assert max(holes(written)) <= 2.5, written
    assert len({text for _, text in written}) == len(written) >= 3
    assert heard.text.endswith("ecause of the air.") and heard.events[-1] == "[DONE]"


@pytest.mark.parametrize("client", ["pipecat", "livekit", "vapi"])
@pytest.mark.parametrize("question", ["Why is the sky blue?", "天空为什么是蓝色的？", "どうして空は青いの？"])
async def test_what_a_client_holds_back_leaves_no_longer_hole(question, client, autojump_clock):
    """The lead-in is not heard before the next line, so the silence begins before it."""
    async with serving(None, stalling(12.0), LORO_REPLY_POLICY="race") as server:
        heard = await server.ask(messages=[{"role": "user", "content": question}], headers={"x-loro-client": client})
    releaser = Releaser(PROFILES[client])
    released = [(at_s, text) for at_s, piece in lines(heard)[:-1] for text in releaser.feed(piece)]
    assert len(released) >= 2
    assert 1.5 <= max(holes(released)[1:]) <= 2.5, released


async def test_the_answer_is_heard_soon_after_its_first_token_even_behind_progress_lines(autojump_clock):
    for seconds in (3.0, 5.0, 8.0, 13.0):
        written = lines(await stall(seconds))
        spoken_until_s = 0.0
        for at_s, text in written[:-1]:
            spoken_until_s = max(spoken_until_s, at_s) + spoken_s(text)
        assert spoken_until_s - seconds <= 6.0


async def test_a_long_stall_runs_out_of_lines_and_then_waits(autojump_clock):
    written = lines(await stall(60.0, LORO_MODELS_LARGE_FIRST_TOKEN_TIMEOUT_S="100"))
    texts = [text for _, text in written]
    assert len(set(texts)) == len(texts) == 8  # the words, six lines, the answer


async def test_an_answer_in_time_hears_no_progress_line(autojump_clock):
    assert len(lines(await stall(1.2))) == 2


async def test_a_stall_that_ends_in_an_error_is_an_error(autojump_clock):
    heard = await stall(60.0, LORO_MODELS_LARGE_FIRST_TOKEN_TIMEOUT_S="6")
    assert heard.chunks[-1]["error"]["code"] == "upstream_timeout" and "[DONE]" not in heard.events


async def test_progress_can_be_switched_off(autojump_clock):
    assert len(lines(await stall(8.0, LORO_REPLY_PROGRESS="false"))) == 2


async def test_times_rise(autojump_clock):
    times = [at for at, _ in lines(await stall(13.0))]
    assert all(a <= b for a, b in itertools.pairwise(times))
