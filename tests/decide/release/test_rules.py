"""When each kind of client lets text out to speech, on texts as they are streamed."""

from __future__ import annotations

import pytest

from loro_core.decide.release.profile import PROFILES, Releaser, released

QUESTION = "Let me think about that one."


def streamed(name: str, *pieces: str) -> list[list[str]]:
    """What is handed over at each piece, and at the end."""
    releaser = Releaser(PROFILES[name])
    return [*(releaser.feed(piece) for piece in pieces), releaser.finish()]


def test_pipecat_hands_a_sentence_over_at_the_next_visible_character():
    assert streamed("pipecat", QUESTION, " ", "S", "o,") == [[], [], [QUESTION], [], [" So,"]]


def test_pipecat_holds_three_points_before_a_small_letter():
    assert streamed("pipecat", "Let me think... ", "the answer") == [[], [], ["Let me think... the answer"]]


def test_pipecat_asks_once_more_at_the_end_of_the_word():
    """A title is no end, but a word that opens sentences makes one of it."""
    assert streamed("pipecat", "It is up to me.", " So", " it") == [[], [], ["It is up to me."], [" So it"]]
    assert streamed("pipecat", "Ask Dr.", " Smith", " it") == [[], [], [], ["Ask Dr. Smith it"]]


@pytest.mark.parametrize("name", ["pipecat", "livekit", "elevenlabs"])
def test_decimals_and_addresses_end_no_sentence(name):
    assert released(PROFILES[name], "The measured value is about 3.5 degrees, see loro.example for it") == 0


@pytest.mark.parametrize("sentence", ["让我想一想。", "そうですね、少し見てみます。", "वह देखते हैं।"])
def test_pipecat_knows_the_full_stops_of_other_scripts(sentence):
    assert streamed("pipecat", sentence, "嗯，")[1] == [sentence]


def test_livekit_joins_a_short_sentence_with_the_next():
    assert streamed("livekit", "Sure. So,", " let me look into that. Now", " it") == [
        [],
        [],
        ["Sure. So, let me look into that."],
        [" Now it"],
    ]


def test_livekit_holds_the_last_word_until_something_follows_it():
    assert streamed("livekit", QUESTION, " So", ",") == [[], [], [QUESTION], [" So,"]]


@pytest.mark.parametrize(
    ("lead_in", "at_once"), [("では、", False), ("では，", True), ("では", False), ("では ", True)]
)
def test_livekit_holds_a_lead_in_that_ends_in_an_ideographic_comma(lead_in, at_once):
    sentence = "ただいまその件について詳しくお調べしております。"
    assert (released(PROFILES["livekit"], sentence + lead_in) == len(sentence)) is at_once


def test_livekit_takes_no_accented_capital_for_a_sentences_opening():
    assert streamed("livekit", "Vamos a ver qué podemos hacer. Él,", " no")[0] == []
    assert streamed("livekit", "Vamos a ver qué podemos hacer. Así,", " no")[0] == ["Vamos a ver qué podemos hacer."]


def test_livekit_takes_two_short_words_for_an_abbreviation():
    assert streamed("livekit", "I can certainly look into that. Okay. Now,", " it")[0] == []


def test_livekit_takes_markup_out_before_it_counts():
    assert streamed("livekit", "**Let me look** into this. So,", " it")[0] == ["**Let me look** into this."]
    assert streamed("livekit", "*Let me look into this here. So,", " it")[0] == []


def test_vapi_hands_over_thirty_characters_that_end_in_a_mark():
    assert streamed("vapi", "Sure, let me check that for you.")[0] == ["Sure, let me check that for you."]
    assert streamed("vapi", "Sure, let me check this.")[0] == []


@pytest.mark.parametrize("token", ["<flush />", "<flush/>", "<Flush>", "< flush / >".replace(" / ", " /"), "</flush>"])
def test_vapi_hands_over_everything_before_a_flush(token):
    assert streamed("vapi", f"Okay, {token}", "the")[0] == [f"Okay, {token}"]


def test_home_assistant_starts_after_sixty_characters_and_then_holds_nothing():
    assert streamed("homeassistant", "x" * 60, "y", "z") == [[], ["x" * 60 + "y"], ["z"], []]


def test_elevenlabs_needs_the_space_behind_the_ellipsis():
    assert streamed("elevenlabs", "Let me see...", " ", "it is") == [[], ["Let me see... "], [], ["it is"]]


@pytest.mark.parametrize("name", ["plain", "pipecat-token"])
def test_some_clients_hold_nothing(name):
    assert streamed(name, "Su", "re") == [["Su"], ["re"], []]


@pytest.mark.parametrize("name", PROFILES)
def test_a_page_without_a_full_stop_is_not_taken_to_be_held_for_ever(name):
    releaser = Releaser(PROFILES[name])
    for _ in range(2000):
        releaser.feed(" word`")
    assert releaser.released >= 9000
