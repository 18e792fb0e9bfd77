"""How turns are read that no rule was written from. The bars are below what `tests.decide.turn_figures` prints."""

from __future__ import annotations

import pytest

from loro_core.decide.languages import LANGUAGES
from tests.decide.turn_figures import SETS, figures, turns_of

HELD_OUT = sorted(set(SETS) - {"turns"})


@pytest.mark.parametrize("name", SETS)
def test_no_turn_is_greeted_that_does_not_greet(name):
    assert figures(list(turns_of(name))).greeted == []


@pytest.mark.parametrize("name", SETS)
def test_no_grave_news_are_taken_for_plain_ones(name):
    assert figures(list(turns_of(name))).missed == []


@pytest.mark.parametrize("name", HELD_OUT)
def test_few_turns_get_words_that_do_not_fit(name):
    found = figures(list(turns_of(name)))
    assert len(found.foolish) <= 0.05 * found.turns, found.foolish


@pytest.mark.parametrize("name", HELD_OUT)
def test_nearly_all_turns_are_read_in_their_language(name):
    found = figures(list(turns_of(name)))
    assert found.right("language") >= 0.94, found.language


@pytest.mark.parametrize("name", HELD_OUT)
def test_the_sets_are_as_large_as_they_are_said_to_be(name):
    turns = list(turns_of(name))
    for tag in LANGUAGES:
        assert len([turn for turn in turns if turn.language == tag]) >= 12, tag
    assert len({turn.text for turn in turns}) == len(turns)


def test_no_held_out_turn_is_among_those_the_rules_are_written_from():
    written = {turn.text.casefold() for turn in turns_of("turns")}
    for name in HELD_OUT:
        assert not [turn.text for turn in turns_of(name) if turn.text.casefold() in written], name
