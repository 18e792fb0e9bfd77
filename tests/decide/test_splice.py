"""Where one model's text goes on from another's."""

from __future__ import annotations

import pytest

from loro_core.decide.splice import Splice

TEXT = "Light from the sun is scattered by the air, and blue light is scattered the most."


def spliced(said: str, *pieces: str, answer: str | None = None) -> str:
    splice = Splice(said, said if answer is None else answer)
    return "".join(splice.feed(piece) for piece in pieces) + splice.end()


def test_what_goes_on_is_passed_on_at_once():
    splice = Splice("Light from", "Light from")
    assert splice.feed(" the") == " the"
    assert splice.feed(" sun") == " sun"


@pytest.mark.parametrize(
    ("said", "given", "written"),
    [
        ("Light from ", " the sun", "the sun"),
        ("Light from ", "the sun", "the sun"),
        ("Light from", " the sun", " the sun"),
        ("Light fr", "om the sun", "om the sun"),
        ("One.\n", "\n\nTwo.", "\nTwo."),
        ("One.\n\n", "\n\nTwo.", "Two."),
        ("One. ", "\n\nTwo.", "\n\nTwo."),
        ("One.\n\n", " Two.", "Two."),
        ("光は", "空気で", "空気で"),
    ],
)
def test_white_space_at_the_join_is_there_once(said, given, written):
    assert spliced(said, given) == written
    assert spliced(said, *given) == written


@pytest.mark.parametrize("at", range(10, len(TEXT)))
@pytest.mark.parametrize("words", ["", "Let me think about that. So, "])
def test_an_echo_is_taken_off(words, at):
    """Of all that was said, or of the answer in it; in two pieces, or a character at a time."""
    answer, left = TEXT[:at], TEXT[len(TEXT[:at].rstrip()) :]
    for echo in (answer.rstrip(), (words + answer).rstrip()):
        assert answer + spliced(words + answer, echo, left, answer=answer) == TEXT
        assert answer + spliced(words + answer, *(echo + left), answer=answer) == TEXT


def test_the_seam_may_have_changed_the_first_letter():
    splice = Splice("So, light from the", "light from the")
    assert splice.feed("Light from the sun") == " sun" and splice.echoed


def test_a_short_word_that_comes_again_goes_on():
    assert spliced("ha", "haha") == "haha"
    assert spliced("看", "看") == "看"


def test_a_short_echo_ends_a_word():
    assert spliced("The", "The", " sky") == " sky"


def test_half_an_echo_is_no_echo():
    assert spliced("Light from the sun", "Lightning", " strikes") == "Lightning strikes"
    assert spliced("Light from the sun", "Light") == "Light"


def test_a_second_answer_is_seen_before_any_of_it_is_said():
    splice = Splice(TEXT[:60], TEXT[:60])
    pieces = ["Light from the sun is", " scattered widely"]
    assert [splice.feed(piece) for piece in pieces] == ["", ""] and splice.began_anew
    assert splice.feed(" and more") == splice.end() == ""


def test_nobody_thinks_in_mid_sentence():
    splice = Splice("Light from", "Light from")
    assert splice.feed("<th") == splice.feed("ink>") == "" and splice.began_anew


def test_what_looks_like_thinking_and_is_not_is_said():
    assert spliced("if a", "<th", "at") == "<that"


def test_nothing_visible_was_said():
    splice = Splice("\n", "\n")
    assert splice.prefill == "" and splice.feed("\nOne") == "One"
