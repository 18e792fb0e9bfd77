"""When a second call is made, and how many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.estimate import FirstTokens
from loro_core.decide.hedge import BURST, HedgeBudget, hedge_delay
from loro_core.fleet import Deployment, Expectation

LARGE = Deployment(name="large", provider="p", model="m", first_token_timeout_s=6.0)


def known(*seconds: float) -> Expectation:
    tokens = FirstTokens()
    for after_s in seconds:
        tokens.add(after_s, prompt_chars=100, now=0.0)
    return tokens.expectation(100, 0.0)


def test_a_model_that_nobody_has_measured_is_not_hedged():
    assert hedge_delay(LARGE, None, after_s=None) is None
    assert hedge_delay(LARGE, known(), after_s=None) is None
    assert hedge_delay(LARGE, known(0.5, 0.5), after_s=None) is None


def test_the_delay_is_the_tail_of_what_was_measured():
    assert hedge_delay(LARGE, known(*[0.8] * 20), after_s=None) == 1.0
    assert hedge_delay(LARGE, known(*[0.8] * 9, 1.6, *[0.8] * 9), after_s=None) == 1.0
    assert hedge_delay(LARGE, known(*[0.8, 1.6] * 10), after_s=None) == 2.0


def test_a_very_quick_model_is_given_a_moment():
    assert hedge_delay(LARGE, known(*[0.01] * 20), after_s=None) == pytest.approx(0.06)


def test_the_operators_delay_needs_no_measurement():
    assert hedge_delay(LARGE, None, after_s=0.8) == 0.8


@pytest.mark.parametrize("after_s", [6.0, 9.0])
def test_a_delay_that_the_deadline_comes_before_is_none(after_s):
    assert hedge_delay(LARGE, None, after_s=after_s) is None


def test_a_share_of_nothing_is_nothing():
    budget = HedgeBudget(0.0)
    for _ in range(100):
        budget.count_call()
    assert not budget.take()


def test_in_the_long_run_it_is_the_share():
    budget = HedgeBudget(0.05)
    taken = 0
    for _ in range(1000):
        budget.count_call()
        taken += budget.take()
    assert taken in (50, 51, 52)


@given(st.floats(0, 1), st.lists(st.booleans(), max_size=300))
def test_hedges_never_exceed_the_share_and_the_burst(share: float, moves: list[bool]) -> None:
    """moves: a call comes, or a hedge is wanted."""
    budget = HedgeBudget(share)
    calls = hedges = 0
    for is_call in moves:
        if is_call:
            calls += 1
            budget.count_call()
        else:
            hedges += budget.take()
        assert hedges <= share * calls + BURST + 1e-6


@given(st.floats(0.01, 1), st.integers(0, 400))
def test_saving_up_is_bounded(share: float, calls: int) -> None:
    budget = HedgeBudget(share)
    for _ in range(calls):
        budget.count_call()
    assert sum(budget.take() for _ in range(10)) == int(BURST)
