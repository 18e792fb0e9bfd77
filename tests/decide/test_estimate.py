"""Windows and nearest-rank quantiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.estimate import PRIOR_S, UNMEASURED, FirstTokens, Summary, Window, nearest_rank


def test_nearest_rank_is_the_value_at_ceil_pn_minus_one():
    values = [1.0, 2.0, 3.0, 4.0]
    assert [nearest_rank(values, p) for p in (0.0, 0.25, 0.26, 0.5, 0.95, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]


def test_an_empty_window_says_zero():
    assert Window(5).summary() == Summary()
    assert Window(5).quantiles(0.5, 0.9) == (0.0, 0.0)


def test_what_is_not_finite_is_no_measurement():
    window = Window(5)
    window.add(math.nan)
    window.add(math.inf)
    assert (len(window), window.total) == (0, 0)


@given(st.lists(st.floats(0, 1e6), max_size=50), st.integers(1, 20))
def test_a_window_holds_the_latest_and_counts_all(values, size):
    window = Window(size)
    for value in values:
        window.add(value)
    kept = sorted(values[-size:])
    assert len(window) == len(kept) and window.total == len(values)
    if kept:
        summary = window.summary()
        assert (summary.min, summary.max) == (kept[0], kept[-1])
        assert summary.p50 in kept and summary.p95 in kept and summary.p50 <= summary.p95


# --- first tokens ------------------------------------------------------------------------------------------------


def tokens(*seconds: float, prompt_chars: int = 100, now: float = 0.0) -> FirstTokens:
    first_tokens = FirstTokens()
    for after_s in seconds:
        first_tokens.add(after_s, prompt_chars=prompt_chars, now=now)
    return first_tokens


def test_an_unmeasured_deployment_is_like_those_that_others_measured():
    assert UNMEASURED.measured == 0.0
    assert [after_s for after_s, _ in UNMEASURED.points] == list(PRIOR_S)
    assert UNMEASURED.within(0.3) == pytest.approx(2 / 9)


def test_a_few_calls_outweigh_what_was_thought_before():
    after = [tokens(*[0.08] * n).expectation(100, 0.0).within(0.3) for n in (0, 1, 3, 7, 32)]
    assert after == sorted(after) and after[0] < 0.25 and after[3] > 0.99


def test_the_latest_calls_count_most():
    quick_then_slow = tokens(*[0.08] * 32, *[1.5] * 8).expectation(100, 0.0)
    slow_then_quick = tokens(*[1.5] * 32, *[0.08] * 8).expectation(100, 0.0)
    assert quick_then_slow.within(0.3) < 0.5 < slow_then_quick.within(0.3)


def test_one_call_more_is_seen_at_once_when_a_quick_model_turns_slow():
    assert tokens(*[0.08] * 32).expectation(100, 0.0).within(0.3) > 0.99
    assert tokens(*[0.08] * 32, 1.5).expectation(100, 0.0).within(0.3) < 0.92


def test_what_was_measured_long_ago_gives_way_to_the_prior():
    first_tokens = tokens(*[0.08] * 32)
    shares = [first_tokens.expectation(100, after_s).measured for after_s in (0.0, 3600.0, 24 * 3600.0)]
    assert shares[0] > 0.99 and shares == sorted(shares, reverse=True) and shares[2] < 0.01


def test_prompts_of_another_size_count_only_while_there_are_few_of_this():
    first_tokens = tokens(*[2.0] * 32, prompt_chars=60_000)
    assert first_tokens.expectation(100, 0.0).within(1.0) < UNMEASURED.within(1.0)
    for _ in range(8):
        first_tokens.add(0.08, prompt_chars=100, now=0.0)
    assert first_tokens.expectation(100, 0.0).within(0.3) > 0.98
    assert first_tokens.expectation(60_000, 0.0).within(0.3) < 0.01


def test_a_conversation_that_grows_into_the_next_size_is_no_stranger_there():
    first_tokens = tokens(*[0.08] * 8, prompt_chars=1000)
    assert first_tokens.expectation(1100, 0.0).within(0.3) > 0.98


def test_a_model_that_hangs_is_slow_though_it_never_said_a_first_token():
    first_tokens = tokens(*[0.08] * 32)
    for _ in range(8):
        first_tokens.add(30.0, prompt_chars=100, now=0.0, answered=False)
    assert first_tokens.expectation(100, 0.0).within(0.3) < 0.5


def test_calls_cancelled_early_do_not_make_a_slow_model_look_quick():
    """A platform that asks while the user still speaks cancels most calls after 200 ms."""
    first_tokens = FirstTokens()
    for _ in range(32):
        first_tokens.add(0.2, prompt_chars=100, now=0.0, answered=False)
    assert first_tokens.expectation(100, 0.0).within(0.3) < 0.1
    slow = tokens(*[1.5] * 8)
    for _ in range(24):
        slow.add(0.2, prompt_chars=100, now=0.0, answered=False)
    assert slow.expectation(100, 0.0).within(0.3) < 0.1


WAITS = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10**6), st.floats(0, 10**5), st.booleans()), max_size=60)


@given(WAITS, st.integers(0, 10**6), st.floats(0, 10**5))
def test_shares_add_up_to_one_in_ascending_order(waits, prompt_chars, now):
    first_tokens = FirstTokens()
    for after_s, chars, at, answered in waits:
        first_tokens.add(after_s, prompt_chars=chars, now=at, answered=answered)
    expectation = first_tokens.expectation(prompt_chars, now)
    shares = [share for _, share in expectation.points]
    assert min(shares) >= 0.0 and sum(shares) == pytest.approx(1.0)
    assert [p[0] for p in expectation.points] == sorted(p[0] for p in expectation.points)
    assert 0.0 <= expectation.measured <= 1.0


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.floats(0, 10))
def test_a_call_that_ended_early_never_makes_an_early_answer_likelier(seconds, ended_s):
    before = tokens(*seconds)
    after = tokens(*seconds)
    after.add(ended_s, prompt_chars=60_000, now=0.0, answered=False)
    assert (
        after.expectation(100, 0.0).within(ended_s - 1e-9) <= before.expectation(100, 0.0).within(ended_s - 1e-9) + 1e-9
    )
