"""What the user hears, by hand: a word takes 0.4 s, a character of Chinese 1 / 4.5 s."""

from __future__ import annotations

import pytest

from loro_core.decide.hearing import MOST_WAITING_CHARACTERS, MOST_WAITING_PIECES, Hearing
from loro_core.decide.release.profile import PROFILES


def heard(name: str, *pieces: tuple[float, str], end: float | None = None, complete: bool = True) -> Hearing:
    """Return what is heard of `pieces`, whose reply is over with the last of them if no end is given."""
    hearing = Hearing(PROFILES[name])
    for at, text in pieces:
        hearing.feed(text, at)
    hearing.end(pieces[-1][0] if end is None else end, complete=complete)
    return hearing


def test_a_hole_is_from_the_end_of_speech_to_the_next_that_is_handed_over():
    found = heard("plain", (1.0, "One two three. "), (4.0, "Four."))
    assert found.begun == 1.0 and found.longest_hole_s == pytest.approx(4.0 - 2.2)


def test_what_comes_while_speech_is_running_makes_no_hole():
    found = heard("plain", (1.0, "One two three. "), (1.9, "Four five. "), (3.0, "Six."))
    assert found.longest_hole_s == 0.0  # spoken until 1.0 + 5 * 0.4 = 3.0


def test_speech_goes_on_from_where_it_is_not_from_where_text_comes():
    found = heard("plain", (0.0, "one two three four five "), (0.1, "six seven eight nine ten "), (5.0, "Well."))
    assert found.longest_hole_s == pytest.approx(1.0)


def test_the_longest_of_several_counts():
    found = heard("plain", (0.0, "One. "), (1.0, "Two. "), (4.0, "Three. "), (5.0, "Four."))
    assert found.longest_hole_s == pytest.approx(4.0 - 1.4)


def test_text_that_the_client_holds_back_ends_no_silence():
    """The answer's first piece is there at 2.0, but Pipecat has its sentence at 3.0 only."""
    pieces = ((0.0, "Let me see. So,"), (2.0, " the sky"), (2.5, " is blue."), (3.0, " That"))
    assert heard("pipecat", *pieces).longest_hole_s == pytest.approx(3.0 - 1.2)
    assert heard("pipecat-token", *pieces).longest_hole_s == pytest.approx(2.0 - 1.6)


def test_an_acknowledgement_that_the_client_holds_begins_no_speech():
    found = heard("pipecat", (0.1, "Sure,"), (2.0, " the sky is blue."), (2.1, " It"))
    assert found.begun == 2.1


def test_the_reply_s_end_lets_out_what_was_held():
    found = heard("pipecat", (0.0, "Okay."), end=1.5)
    assert found.begun == 1.5 and found.longest_hole_s == 0.0


def test_a_silence_goes_on_to_the_reply_s_end():
    assert heard("plain", (0.0, "Let me see."), end=3.0).longest_hole_s == pytest.approx(1.8)


def test_what_is_held_when_a_reply_breaks_off_was_not_heard():
    found = heard("pipecat", (0.0, "Let me see. So,"), (1.0, " because"), end=5.0, complete=False)
    assert found.longest_hole_s == pytest.approx(5.0 - 1.2)
    assert heard("pipecat", (0.0, "Okay."), end=1.5, complete=False).begun is None


def test_the_end_comes_once():
    found = heard("plain", (0.0, "Let me see."), end=3.0)
    found.end(9.0)
    assert found.longest_hole_s == pytest.approx(1.8)


def test_a_reply_that_says_nothing_has_no_speech_and_no_hole():
    found = Hearing(PROFILES["plain"])
    found.end(7.0)
    assert found.begun is None and found.longest_hole_s == 0.0


def test_scripts_without_spaces_are_spoken_by_characters():
    assert heard("plain", (0.0, "我先想想看。"), (3.0, "好。")).longest_hole_s == pytest.approx(3.0 - 5 / 4.5)


def test_a_word_in_pieces_is_one_word():
    found = heard("plain", (0.0, "un"), (0.1, "believ"), (0.2, "able"), (2.0, " things"))
    assert found.longest_hole_s == pytest.approx(2.0 - 0.4)


def test_a_latin_word_behind_an_ideograph_is_a_word():
    assert heard("plain", (0.0, "用"), (0.0, "Python"), (2.0, "写")).longest_hole_s == pytest.approx(
        2.0 - 1 / 4.5 - 0.4
    )


def test_a_flush_token_is_not_spoken():
    assert heard("vapi", (0.0, "Okay, <flush />"), (2.0, " well <flush />")).longest_hole_s == pytest.approx(1.6)


@pytest.mark.parametrize("mark", ["...", " — ", "😀", "<flush />"])
def test_marks_alone_are_nothing_to_hear(mark):
    found = heard("plain", (0.0, mark), (1.0, "One."), (2.0, mark), (4.0, "Two."))
    assert found.begun == 1.0 and found.longest_hole_s == pytest.approx(4.0 - 1.4)


def test_a_long_reply_is_not_kept_while_it_is_spoken():
    hearing, words = Hearing(PROFILES["plain"]), 2 * MOST_WAITING_CHARACTERS // 5
    for n in range(words):
        hearing.feed(" word", 0.001 * n)
        assert len(hearing._waiting) <= MOST_WAITING_PIECES
        assert sum(map(len, hearing._waiting)) <= MOST_WAITING_CHARACTERS + 5 * MOST_WAITING_PIECES
    hearing.end(words)
    assert hearing.longest_hole_s == pytest.approx(words - 0.4 * words)
