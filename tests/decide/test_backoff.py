from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.backoff import (
    FIRST_WAIT_S,
    GIVE_UP_AFTER,
    LONGEST_WAIT_S,
    STEADY_S,
    Deaths,
    GiveUp,
    StartAgain,
    died,
)


def test_what_lived_long_is_started_at_once_and_forgiven():
    assert died(Deaths(quick=5), STEADY_S) == (Deaths(), StartAgain(after_s=0.0))


def test_waits_double_up_to_the_longest_and_then_it_is_given_up():
    deaths, waits = Deaths(), []
    for _ in range(GIVE_UP_AFTER):
        deaths, then = died(deaths, 0.0)
        waits.append(then)
    assert waits[:3] == [StartAgain(after_s=FIRST_WAIT_S * factor) for factor in (1, 2, 4)]
    assert waits[-2] == StartAgain(after_s=LONGEST_WAIT_S)
    assert waits[-1] == GiveUp(deaths=GIVE_UP_AFTER)
    assert not any(isinstance(then, GiveUp) for then in waits[:-1])


@given(st.lists(st.floats(0, 2 * STEADY_S), max_size=60))
def test_only_so_many_quick_deaths_in_a_row_are_given_up(lives_s):
    deaths, row = Deaths(), 0
    for lived_s in lives_s:
        deaths, then = died(deaths, lived_s)
        row = 0 if lived_s >= STEADY_S else row + 1
        if row >= GIVE_UP_AFTER:
            assert isinstance(then, GiveUp)
            return
        assert isinstance(then, StartAgain)
        assert 0 <= then.after_s <= LONGEST_WAIT_S
