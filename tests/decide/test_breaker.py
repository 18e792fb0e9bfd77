"""Whether an instance is given calls after some of them failed."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.breaker import DEFAULT_LIMITS, Breaker, BreakerLimits, BreakerState, allowed
from loro_core.models import Candidate

PAUSE_S = DEFAULT_LIMITS.first_pause_s


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(DEFAULT_LIMITS.failures):
        assert breaker.allows(now)
        breaker.asked(now)
        breaker.failed(now)
    assert breaker.state(now) is BreakerState.OPEN
    return breaker


def probed(breaker: Breaker, now: float) -> Breaker:
    assert breaker.allows(now) and breaker.state(now) is BreakerState.HALF_OPEN
    breaker.asked(now)
    return breaker


def test_some_failures_in_a_row_open_it():
    breaker = Breaker()
    assert [breaker.failed(0.0) for _ in range(3)] == [None, None, PAUSE_S]
    assert not breaker.allows(PAUSE_S - 0.1) and breaker.allows(PAUSE_S)
    assert breaker.retry_at == PAUSE_S


def test_an_answer_breaks_the_row():
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(0.0)
        breaker.failed(0.0)
        breaker.answered(0.0)
    assert breaker.allows(0.0)


def test_half_of_the_latest_calls_open_it_though_no_three_in_a_row_failed():
    breaker = Breaker(BreakerLimits(window=8))
    for _ in range(3):
        breaker.answered(0.0)
        assert breaker.failed(0.0) is None
    breaker.answered(0.0)
    assert breaker.failed(0.0) == PAUSE_S


def test_one_call_probes_and_nobody_else_until_it_has_told():
    breaker = probed(opened(), PAUSE_S)
    assert not breaker.allows(PAUSE_S + 100) and breaker.retry_at == math.inf


def test_a_probe_that_is_answered_admits_it_again():
    breaker = probed(opened(), PAUSE_S)
    breaker.answered(PAUSE_S + 1)
    assert breaker.state(PAUSE_S + 1) is BreakerState.CLOSED and breaker.retry_at == -math.inf


def test_a_probe_that_fails_doubles_the_pause_to_a_cap():
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        now = breaker.retry_at
        probed(breaker, now)
        pauses.append(breaker.failed(now))
    assert pauses == [20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0, 300.0]


def test_one_that_comes_and_goes_is_left_alone_for_longer_until_it_was_steady():
    breaker = probed(opened(), 10.0)
    breaker.answered(10.0)
    assert [breaker.failed(11.0) for _ in range(3)][-1] == 20.0
    probed(breaker, 31.0)
    breaker.answered(31.0)
    assert [breaker.failed(31.0 + DEFAULT_LIMITS.steady_s) for _ in range(3)][-1] == PAUSE_S


def test_what_was_under_way_when_it_opened_changes_nothing():
    breaker = opened()
    assert breaker.failed(1.0) is None
    breaker.answered(2.0)
    breaker.let_go(3.0)
    assert not breaker.allows(PAUSE_S - 0.1) and breaker.allows(PAUSE_S)


def test_a_probe_whose_client_went_away_tells_nothing_and_the_next_one_comes_later():
    breaker = probed(opened(), PAUSE_S)
    breaker.let_go(PAUSE_S + 1)
    assert not breaker.allows(PAUSE_S + 1) and breaker.allows(2 * PAUSE_S)


def test_an_instance_without_an_alternative_is_asked_all_the_same():
    a, b = (Candidate(instance=name, model="m", in_flight=0, slots=1) for name in "ab")
    breakers = {"a": opened()}
    assert allowed([a, b], breakers, 0.0) == [b]
    assert allowed([a], breakers, 0.0) == [a]
    assert allowed([a, b], {"a": opened(), "b": opened()}, 0.0) == [a, b]


MOVES = ("ask", "failed", "answered", "let_go")
moves = st.lists(st.tuples(st.sampled_from(MOVES), st.floats(0, 15)), max_size=80)


@given(moves)
def test_whatever_comes_back_one_probe_at_a_time_and_six_a_minute(history):
    breaker, now, probing, probes = Breaker(), 0.0, False, []
    for what, after_s in history:
        now += after_s
        state = breaker.state(now)
        if what == "ask":
            if not breaker.allows(now):
                continue
            if state is BreakerState.HALF_OPEN:
                assert not probing
                probing = True
                probes.append(now)
            breaker.asked(now)
        else:
            getattr(breaker, what)(now)  # the probe's, or of a call that was under way before
        if breaker.state(now) is not BreakerState.HALF_OPEN or breaker.allows(now):
            probing = False
    for at in probes:
        assert sum(1 for other in probes if at <= other < at + 60.0) <= 6


@given(moves, st.floats(0, 1000))
def test_it_is_asked_again_in_the_end_and_one_answer_admits_it(history, after_s):
    breaker, now = Breaker(), 0.0
    for what, pause_s in history:
        now += pause_s
        if what == "ask":
            if breaker.allows(now):
                breaker.asked(now)
        else:
            getattr(breaker, what)(now)
    if breaker.retry_at == math.inf:
        breaker.failed(now)  # the probe that is under way comes back
    now += DEFAULT_LIMITS.longest_pause_s + after_s
    assert breaker.allows(now)
    breaker.asked(now)
    breaker.answered(now)
    assert breaker.state(now) is BreakerState.CLOSED
