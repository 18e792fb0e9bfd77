"""The shipped phrases: each can be said to anybody, at once, before anything of the answer is known."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from loro_core.decide.category import Category
from loro_core.decide.history import WINDOW, spoken_form
from loro_core.decide.screen import screen
from loro_core.decide.words import Phrasebook


def sayings(book: Phrasebook) -> Iterator[tuple[str, str, str, str]]:
    """Yield (language, sentence, lead-in or "", all that is said) of everything in the book."""
    for language, chapter in book.chapters.items():
        for phrases in chapter.phrases.values():
            for sentence, lead_in in itertools.product(phrases.sentences, phrases.lead_ins or ("",)):
                yield language, sentence, lead_in, chapter.join.join(filter(None, (sentence, lead_in)))


def test_there_are_phrases_in_english_and_chinese(book):
    assert book.languages == {"en", "zh"}


@pytest.mark.parametrize("category", Category)
def test_every_category_has_enough_phrases_never_to_repeat_within_the_window(book, category):
    for language, chapter in book.chapters.items():
        assert len(chapter.phrases[category].sentences) >= max(8, WINDOW + 1), (language, category)


def test_each_is_short(book):
    for language, _, _, said in sayings(book):
        if language == "zh":
            assert len(said) <= 14, said
        else:
            assert len(said.split()) <= 8, said


def test_each_passes_the_screen_that_a_models_words_must_pass(book):
    """Right script and language, no digits, no question, no yes or no, no promise, no time, no claim."""
    for language, _, _, said in sayings(book):
        assert screen(said, language=language) == said


def test_a_sentence_ends_and_a_lead_in_does_not(book):
    for _, sentence, lead_in, _ in sayings(book):
        assert sentence[-1] in ".!。！", sentence
        assert not lead_in or lead_in[-1] in ",，", lead_in


def test_an_english_phrase_with_a_lead_in_is_let_out_to_speech_at_once(book):
    """LiveKit holds a sentence below 20 characters, Vapi a chunk below 30."""
    for language, sentence, lead_in, said in sayings(book):
        if language == "en" and lead_in:
            assert len(sentence) >= 20, sentence
            assert len(said) >= 30, said


def test_no_phrase_is_the_beginning_of_another(book):
    """Else one said would count as the other in the returned history."""
    for language, chapter in book.chapters.items():
        forms = [spoken_form(s) for phrases in chapter.phrases.values() for s in phrases.sentences]
        for one, other in itertools.permutations(forms, 2):
            assert not other.startswith(one), (language, one, other)


def test_no_phrase_agrees_to_a_wish(book):
    """The answer may refuse it."""
    for _, _, _, said in sayings(book):
        assert not re.search(r"\b(?:sure|of course|certainly)\b|好的|可以|没问题", said.casefold()), said
