"""How an acknowledgement is written for each client."""

from __future__ import annotations

import pytest

from loro_core.decide.history import spoken_form
from loro_core.decide.release.profile import FALLBACK, PROFILES, Phrasing, released, shape, without_tokens

SHORT = Phrasing(sentence="Okay, let me see.", lead_in="So,")
USUAL = Phrasing(sentence="Okay, let me see about that.", lead_in="So,")
LONG = Phrasing(sentence="Okay, let me take a moment to look into that for you properly.", lead_in="So,")
CHINESE = Phrasing(sentence="让我想一想。", lead_in="嗯，")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipecat", "Okay, let me see about that. So,"),
        ("pipecat-token", "Okay, let me see about that."),
        ("livekit", "Okay, let me see about that. So,"),
        ("vapi", "Okay, let me see about that. <flush />"),
        ("homeassistant", "Okay, let me take a moment to look into that for you properly. So,"),
        ("elevenlabs", "Okay, let me see about that... "),
        ("plain", "Okay, let me see about that."),
    ],
)
def test_an_acknowledgement_is_let_out_at_once(name, text):
    shaped = shape([USUAL, LONG], PROFILES[name], join=" ")
    assert (shaped.text, shaped.at_once) == (text, True)
    assert released(PROFILES[name], shaped.text) >= len(USUAL.sentence)


def test_a_longer_candidate_is_taken_where_the_first_would_be_held():
    assert shape([SHORT, USUAL], PROFILES["livekit"], join=" ").spoken == "Okay, let me see about that. So,"
    assert shape([SHORT, USUAL], PROFILES["pipecat"], join=" ").spoken == "Okay, let me see. So,"


def test_if_all_would_be_held_the_first_is_taken_and_says_so():
    shaped = shape([SHORT, USUAL], PROFILES["homeassistant"], join=" ")
    assert (shaped.text, shaped.at_once) == ("Okay, let me see. So,", False)


def test_without_a_lead_in_a_sentence_waits_for_the_answer():
    assert not shape([Phrasing(sentence="Hello, good to have you here!")], PROFILES["pipecat"], join=" ").at_once


def test_scripts_without_spaces_get_none_but_where_the_client_needs_it():
    assert shape([CHINESE], PROFILES["pipecat"], join="").text == "让我想一想。嗯，"
    assert shape([CHINESE], PROFILES["elevenlabs"], join="").text == "让我想一想... "
    assert shape([CHINESE], PROFILES["vapi"], join="").text == "让我想一想。 <flush />"


def test_a_flush_is_written_only_where_the_text_would_be_held():
    """Where its chunking is switched off, Vapi would read the token out."""
    shaped = shape([LONG], PROFILES["vapi"], join=" ")
    assert (shaped.text, shaped.at_once) == (LONG.sentence, True)


def test_the_control_token_is_not_among_the_words():
    assert shape([USUAL], PROFILES["vapi"], join=" ").spoken == USUAL.sentence


def test_no_second_space_is_put_behind_one():
    assert shape([USUAL], PROFILES["elevenlabs"], join=" ").join == ""
    assert shape([USUAL], PROFILES["pipecat"], join=" ").join == " "


def test_an_exclamation_keeps_its_mark():
    greeting = Phrasing(sentence="Hello and welcome!")
    assert shape([greeting], PROFILES["elevenlabs"], join=" ").text == "Hello and welcome! "


def test_the_fallback_has_what_most_clients_need():
    assert shape([USUAL], FALLBACK, join=" ").text == USUAL.sentence + " So,"


@pytest.mark.parametrize(
    ("sentence", "lead_in", "join", "name"),
    [
        ("ただいまその件について詳しくお調べしております。", "では、", "", "livekit"),
        ("دعني ألقي نظرة على هذا الأمر.", "حسنًا،", " ", "livekit"),
        ("You can leave that one to me.", "So,", " ", "pipecat"),
    ],
)
def test_a_lead_in_whose_comma_the_client_does_not_know_gets_a_space(sentence, lead_in, join, name):
    shaped = shape([Phrasing(sentence=sentence, lead_in=lead_in)], PROFILES[name], join=join)
    assert shaped.text == f"{sentence}{join}{lead_in} "
    assert (shaped.at_once, shaped.join) == (True, "")


def test_a_text_that_no_space_lets_out_gets_none():
    assert shape([CHINESE], PROFILES["livekit"], join="").text == "让我想一想。嗯，"


@pytest.mark.parametrize("phrasing", [SHORT, USUAL, LONG, CHINESE])
@pytest.mark.parametrize("name", PROFILES)
def test_what_was_written_less_its_tokens_is_what_was_said(name, phrasing):
    join = "" if phrasing is CHINESE else " "
    shaped = shape([phrasing], PROFILES[name], join=join)
    said = without_tokens(shaped.text)
    assert "<" not in said and spoken_form(said) == spoken_form(shaped.spoken)
    assert said.rstrip(" .。") == shaped.spoken.rstrip(" .。")
