"""Progress lines while the answer stalls."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.history import spoken_form
from loro_core.decide.stages import FIRST_PAUSE_S, LONGEST_PAUSE_S, Stages, spoken_s

LINES = [
    "Still looking into that. So,",
    "This one takes some thought. Now,",
    "Bear with me here. Well,",
    "Nearly through it. So,",
]


def play(stages: Stages, acknowledgement: str = "Let me think about that. So,", at_s: float = 0.1):
    """Yield (line, when it is written, the silence before it)."""
    stages.spoke(acknowledgement, at_s)
    quiet_from_s = at_s + spoken_s(acknowledgement)
    while (stage := stages.next()) is not None:
        yield stage.text, stage.at_s, stage.at_s - quiet_from_s
        stages.spoke(stage.text, stage.at_s)
        quiet_from_s = stage.at_s + spoken_s(stage.text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("...", 0.0),
        ("Let me see.", 1.2),
        ("Let me see. <flush />", 1.2),
        ("我先想想看。", 5 / 4.5),
        ("用 Python 写", 2 / 4.5 + 0.4),
        ("考えますね。", 1 / 4.5 + 4 / 7),
        ("한번 볼게요.", 5 / 7),
    ],
)
def test_speech_takes_time_by_words_or_by_characters(text, seconds):
    assert spoken_s(text) == pytest.approx(seconds)


@given(st.integers(0, 2**32), st.floats(0, 5))
def test_pauses_grow_and_are_never_felt_as_a_fault(seed, at_s):
    pauses = [pause_s for _, _, pause_s in play(Stages(LINES, (), random.Random(seed)), at_s=at_s)]
    assert len(pauses) == len(LINES)
    pauses = [round(pause_s, 9) for pause_s in pauses]
    assert pauses == sorted(pauses) and pauses[0] >= 1.5 and pauses[-1] <= LONGEST_PAUSE_S + 1e-9


@given(st.integers(0, 2**32))
def test_no_line_comes_twice(seed):
    said = [line for line, _, _ in play(Stages([*LINES, *LINES], (), random.Random(seed)))]
    assert sorted(said) == sorted(LINES)


@given(st.integers(0, 2**32))
def test_lines_that_the_conversation_has_heard_come_last(seed):
    history = (spoken_form(LINES[2]), spoken_form(LINES[0]))
    said = [line for line, _, _ in play(Stages(LINES, history, random.Random(seed)))]
    assert said[-2:] == [LINES[0], LINES[2]]


def test_a_line_is_heard_after_what_is_still_being_spoken():
    stages = Stages(LINES, (), random.Random(1))
    stages.spoke("one two three four five", 0.0)
    stages.spoke("six seven eight nine ten", 0.1)
    stage = stages.next()
    assert stage is not None and stage.at_s == pytest.approx(4.0 + FIRST_PAUSE_S)


def test_without_lines_there_is_silence():
    assert Stages([], (), random.Random(1)).next() is None


@given(st.text(st.characters(max_codepoint=127), max_size=20))
def test_plain_text_takes_as_long_as_any_other(text):
    """Text of ASCII alone is counted in another way: with a letter beyond it, which is no word more, it is not."""
    assert spoken_s(text) == pytest.approx(spoken_s(f"{text} …"))
