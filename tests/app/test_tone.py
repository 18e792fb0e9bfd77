"""Grave news and emergencies, from the request to what is heard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.serving import serving
from tests.decide.seam_figures import load_book
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

EMERGENCY = (
    "call an ambulance he's not breathing",
    "叫救护车我爸没有呼吸了",
    "llame a una ambulancia mi marido no respira",
)
GRAVE = ("my dad passed away this morning and I don't know what to do", "我妈妈上周去世了我该怎么办")
ANSWER = "Listen to me."


def playing(*moves: Move) -> PlayingProvider:
    return PlayingProvider([*moves, STOP])


def asking(*turns: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]}


@pytest.mark.parametrize("policy", ["adaptive", "race", "instant"])
@pytest.mark.parametrize("said", EMERGENCY)
async def test_nothing_is_said_before_the_answer_in_an_emergency(said, policy, autojump_clock):
    small, large = playing(0.01, says("Let me look at that for you.")), playing(3.0, says(ANSWER))
    async with serving(small, large, LORO_REPLY_POLICY=policy) as client:
        assert (await client.ask(**asking(said))).text == ANSWER
        after = await client.ask(**asking(said, ANSWER, "he is on the floor and does not move"))
    assert after.text == ANSWER and small.calls == []


async def test_an_emergency_is_the_reason_in_the_access_line(autojump_clock, caplog):
    caplog.set_level("INFO", logger="loro.access")
    async with serving(None, playing(3.0, says(ANSWER))) as client:
        await client.ask(**asking(EMERGENCY[0]))
    assert "urgent" in str(caplog.records[-1].__dict__)


@pytest.mark.parametrize("policy", ["adaptive", "race", "instant"])
@pytest.mark.parametrize("said", GRAVE)
async def test_grave_news_get_sober_words_of_the_book_and_no_lines_after_them(said, policy, autojump_clock):
    small, large = playing(0.01, says("Let me look at that for you.")), playing(12.0, says(ANSWER))
    async with serving(small, large, LORO_REPLY_POLICY=policy) as client:
        heard = await client.ask(**asking(said))
    words = heard.text.removesuffix(ANSWER).strip()
    sober = load_book().chapters["en" if said.isascii() else "zh-CN"].grave
    assert sober is not None and words in sober.sentences and small.calls == []
