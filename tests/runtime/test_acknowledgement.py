"""Whose words come first: the model's if they are whole, in time and fit to be said, else the phrase."""

from __future__ import annotations

import pytest
import trio

from loro_core.chat import Delta, Usage
from loro_core.errors import UpstreamUnreachable
from loro_core.runtime.acknowledgement import FoundWords, find_words

PHRASE = "Let me see. So,"


def admit(said: str) -> tuple[str, str | None]:
    return ("", "digits") if "7" in said else (said.strip(), None)


def model(*moves):
    """An ask that waits, speaks or raises, as the moves say."""

    async def ask(deliver) -> None:
        for move in moves:
            if isinstance(move, float):
                await trio.sleep(move)
            elif isinstance(move, Delta):
                await deliver([move])
            else:
                raise move

    return ask


async def find(*moves, deadline_s: float = 1.0) -> FoundWords:
    return await find_words(PHRASE, model(*moves), admit, deadline=trio.current_time() + deadline_s)


async def test_without_a_model_the_phrase_is_there_at_once(autojump_clock):
    start = trio.current_time()
    assert await find_words(PHRASE, None, admit, deadline=start) == FoundWords(text=PHRASE, source="phrase")
    assert trio.current_time() == start


async def test_the_models_words_are_taken_whole(autojump_clock):
    found = await find(0.1, Delta(content=" Good "), Delta(content="question."), Delta(finish_reason="stop"))
    assert found == FoundWords(text="Good question.", source="model")


@pytest.mark.parametrize(
    ("moves", "rejected"),
    [
        ((2.0, Delta(content="Hm.")), "late"),
        ((Delta(content="Hm,"), 2.0, Delta(content="well.")), "late"),
        ((UpstreamUnreachable("refused"),), "failed"),
        ((Delta(content="Hm."), UpstreamUnreachable("gone")), "failed"),
        ((Delta(content="It is 7."),), "digits"),
        ((Delta(content="  "),), "empty"),
        ((), "empty"),
        ((Delta(content="on and on "), *[Delta(content="and on " * 20)] * 9), "too_long"),
        ((Delta(content="Let me think about"), Delta(finish_reason="length")), "too_long"),
    ],
)
async def test_else_the_phrase_is_and_the_reason_is_known(moves, rejected, autojump_clock):
    start = trio.current_time()
    found = await find(*moves)
    assert (found.text, found.source, found.rejected) == (PHRASE, "phrase", rejected)
    assert trio.current_time() - start <= 1.0


async def test_a_model_that_rambles_is_stopped_before_its_end(autojump_clock):
    start = trio.current_time()
    await find(*[Delta(content="and on " * 20)] * 9, 0.9)
    assert trio.current_time() - start < 0.5


async def test_what_a_rejected_model_spent_is_known(autojump_clock):
    spent = Usage(prompt_tokens=9, completion_tokens=2)
    assert (await find(Delta(content="7"), Delta(usage=spent))).usage == spent
