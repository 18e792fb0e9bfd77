"""What became of an acknowledgement, and what was spent in vain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import Usage
from loro_core.decide.bill import Bill
from loro_core.decide.outcome import Outcome, outcome_of

MOMENTS = st.none() | st.floats(0, 10)


@pytest.mark.parametrize(
    ("written", "heard", "answered", "wordless", "found"),
    [
        (0.1, 0.1, 1.0, False, Outcome.SPOKEN),
        (0.1, 0.9, 1.0, False, Outcome.SPOKEN),  # its second line was let out
        (0.1, 0.1, None, False, Outcome.SPOKEN),
        (0.1, 1.0, 1.0, False, Outcome.LATE),
        (0.1, 1.3, 1.0, False, Outcome.LATE),
        (0.1, None, None, False, Outcome.LATE),
        (None, 1.3, 1.0, False, Outcome.DROPPED),
        (None, 1.3, 1.0, True, Outcome.SILENT),
        (None, None, None, True, Outcome.SILENT),
        (None, None, None, False, Outcome.CUT),
    ],
)
def test_what_became_of_a_planned_acknowledgement(written, heard, answered, wordless, found):
    moments = {"written": written, "heard": heard, "answered": answered}
    assert outcome_of(planned=True, wordless=wordless, **moments) is found


@given(st.booleans(), MOMENTS, MOMENTS, MOMENTS)
def test_what_was_not_planned_was_skipped(wordless, written, heard, answered):
    moments = {"written": written, "heard": heard, "answered": answered}
    assert outcome_of(planned=False, wordless=wordless, **moments) is Outcome.SKIPPED


@given(st.booleans(), MOMENTS, MOMENTS, MOMENTS)
def test_only_what_was_heard_before_the_answer_was_spoken(wordless, written, heard, answered):
    found = outcome_of(planned=True, wordless=wordless, written=written, heard=heard, answered=answered)
    first = written is not None and heard is not None and (answered is None or heard < answered)
    assert (found is Outcome.SPOKEN) == first


SPENT = Usage(prompt_tokens=10, completion_tokens=5)


@pytest.mark.parametrize(
    ("bill", "tokens", "characters"),
    [
        (Bill(usage=SPENT, characters=20), 0, 0),
        (Bill(usage=SPENT, characters=20, wasted="late"), 15, 0),
        (Bill(characters=20, wasted="late"), 0, 20),
        (Bill(characters=20), 0, 0),
    ],
)
def test_waste_is_told_in_tokens_where_they_were_counted_else_in_characters(bill, tokens, characters):
    assert (bill.wasted_tokens, bill.wasted_characters) == (tokens, characters)
