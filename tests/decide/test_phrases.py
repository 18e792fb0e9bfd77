"""The shipped phrases: each can be said to anybody, at once, before anything of the answer is known."""

from __future__ import annotations

import random

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.category import Category
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.proofreading import problems_in
from loro_core.decide.release.profile import PROFILES, Releaser, shape
from loro_core.decide.wording import Opening
from loro_core.decide.words import choose
from loro_core.fleet import Acknowledge


def test_there_are_phrases_in_every_language_that_has_rules(book):
    assert book.languages == set(LANGUAGES)
    assert len(book.languages) == 12


def test_the_proofreader_finds_nothing(book):
    assert list(problems_in(book)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_six_turns_running_hear_the_same(book, turns, language):
    """In a conversation of one category, the worst case, and in a mixed one."""
    by_category = {
        c.value: [t.text for t in turns if (t.language, t.category) == (language, c.value)] for c in Category
    }
    mixed = [texts[0] for texts in by_category.values()]
    for texts in (*by_category.values(), mixed):
        messages: list[Message] = []
        said: list[str | None] = []
        for number in range(14):
            messages.append(Message.of("user", texts[number % len(texts)]))
            words = choose(book, ChatRequest(model="m", messages=tuple(messages)), random.Random(number))
            sentence = None if words is None else words.phrasing.sentence
            assert sentence is None or sentence not in said[-6:]
            said.append(sentence)
            messages.append(Message.of("assistant", "An answer." if words is None else f"{words.text} An answer."))


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_let_out_at_once_by_every_client(book, turns, language):
    for t in turns:
        if t.language != language or t.tone != "plain" or not t.acknowledge:
            continue
        words = choose(book, ChatRequest(model="m", messages=(Message.of("user", t.text),)), random.Random(t.text))
        if words is None:
            continue
        for name, profile in PROFILES.items():
            if name == "homeassistant" and LANGUAGES[language].words.writing != "words":
                continue
            assert shape(words.candidates, profile, join=words.join).at_once, (t.text, name)


def test_what_is_to_be_acknowledged_is_and_nothing_where_it_must_not_be(book, turns):
    """The gate leaves out more than these, by what it knows beyond the words."""
    for t in turns:
        words = choose(book, ChatRequest(model="m", messages=(Message.of("user", t.text),)), random.Random(1))
        assert words is not None or not t.acknowledge, t.text
        assert words is None or t.acknowledge or t.category == "closing", t.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("client", ["pipecat", "livekit", "vapi", "elevenlabs"])
def test_progress_lines_are_let_out_at_once_behind_the_words(book, turns, language, client):
    """The words' lead-in, which the client still holds, goes before the first of them."""
    turn = next(t.text for t in turns if (t.language, t.category) == (language, "question"))
    words = choose(book, ChatRequest(model="m", messages=(Message.of("user", turn),)), random.Random(1))
    assert words is not None
    opening = Opening.of(Acknowledge(), words, PROFILES[client])
    releaser = Releaser(PROFILES[client])
    assert releaser.feed(opening.shaped(opening.spoken).text)
    lines = list(opening.progress_lines().values())
    assert len(lines) == 6 and all(releaser.feed(words.join + line) for line in lines)
