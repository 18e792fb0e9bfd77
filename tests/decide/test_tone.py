"""How grave a turn is."""

from __future__ import annotations

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.tone import Tone, tone_of, tone_of_call


def test_turns_are_as_grave_as_they_are(turns):
    wrong = [(t.text, found, t.tone) for t in turns if (found := tone_of(t.text, t.language).value) != t.tone]
    assert len(wrong) <= 0.01 * len(turns), wrong


def test_no_emergency_and_no_grave_news_are_missed(turns):
    assert [t.text for t in turns if t.tone != "plain" and tone_of(t.text, t.language) is Tone.PLAIN] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_turns_of_every_tone(turns, language):
    assert {t.tone for t in turns if t.language == language} == {tone.value for tone in Tone}


@pytest.mark.parametrize(
    "turn",
    [
        "my phone died again",
        "how did Napoleon die",
        "the battery is dead",
        "I'm dying to see that film",
        "play killing me softly",
        "he killed it on stage",
        "my dead sea scrolls essay",
        "what is cancer research",
        "I was born in July, so I am a Cancer",
        "the funeral march by Chopin",
        "set fire to the rain by Adele",
        "are emergency exits marked in green",
    ],
)
def test_what_is_said_of_things_and_strangers_is_not_grave(turn):
    assert tone_of(turn, "en") is Tone.PLAIN


def test_a_language_without_rules_is_plain():
    assert tone_of("mio padre è morto", "it") is tone_of("mio padre è morto", None) is Tone.PLAIN


def test_an_emergency_lasts_for_three_turns_and_grave_news_for_one():
    def tone_after(*texts: str) -> Tone:
        return tone_of_call(ChatRequest(model="m", messages=tuple(Message.of("user", t) for t in texts)), "en")

    emergency, news = "there's a fire in my kitchen", "my dog died yesterday"
    assert [tone_after(emergency, *["what now"] * n) for n in range(4)] == [Tone.URGENT] * 3 + [Tone.PLAIN]
    assert [tone_after(news, *["what now"] * n) for n in range(2)] == [Tone.GRAVE, Tone.PLAIN]
    assert tone_of_call(ChatRequest(model="m", messages=(Message.of("assistant", emergency),)), "en") is Tone.PLAIN
