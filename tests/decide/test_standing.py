"""Who is asked first after who has failed."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.standing import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Standing
from loro_core.fleet import Deployment

A, B, C = ALL = tuple(Deployment(name=name, provider="p", model="m") for name in "abc")


def failing(times: int, deployment: Deployment = A, now: float = 0.0) -> Standing:
    standing = Standing()
    for _ in range(times):
        standing.failed(deployment, now)
    return standing


def test_without_failures_the_order_is_the_operators():
    assert Standing().order(ALL, 0.0) == [A, B, C]


def test_three_failures_in_a_row_set_it_aside():
    assert failing(FAILURES - 1).order(ALL, 0.0) == [A, B, C]
    assert failing(FAILURES).order(ALL, 0.0) == [B, C, A]


def test_an_answer_in_between_breaks_the_row():
    standing = failing(FAILURES - 1)
    standing.answered(A)
    standing.failed(A, 0.0)
    assert standing.order(ALL, 0.0) == [A, B, C]


def test_after_its_time_one_reply_tries_it_and_the_next_pause_is_twice_as_long():
    standing = failing(FAILURES)
    assert standing.order(ALL, FIRST_PAUSE_S - 0.1)[-1] is A
    assert standing.order(ALL, FIRST_PAUSE_S) == [A, B, C]
    assert standing.order(ALL, FIRST_PAUSE_S) == [B, C, A]
    assert standing.order(ALL, 3 * FIRST_PAUSE_S - 0.1) == [B, C, A]
    assert standing.order(ALL, 3 * FIRST_PAUSE_S) == [A, B, C]


def test_an_answer_brings_it_back():
    standing = failing(FAILURES)
    standing.answered(A)
    assert standing.order(ALL, 0.0) == standing.order(ALL, 0.0) == [A, B, C]


def test_where_all_are_set_aside_the_order_is_the_operators():
    standing = failing(FAILURES)
    for deployment in (B, C):
        for _ in range(FAILURES):
            standing.failed(deployment, 0.0)
    assert standing.order(ALL, 0.0) == [A, B, C]


def test_the_pause_ends_at_ten_minutes():
    standing = failing(FAILURES)
    now, tries = 0.0, []
    while now < 20 * LONGEST_PAUSE_S:
        if standing.order(ALL, now)[0] is A:
            tries.append(now)
        now += 1.0
    assert max(b - a for a, b in itertools.pairwise(tries)) == LONGEST_PAUSE_S


moves = st.tuples(st.sampled_from(ALL), st.sampled_from(["failed", "answered", "order"]), st.floats(0, 100))


@given(st.lists(moves, max_size=60))
def test_everybody_is_asked_once_and_who_has_answered_last_keeps_its_place(history) -> None:
    standing, now = Standing(), 0.0
    row = {deployment.name: 0 for deployment in ALL}
    for deployment, what, after_s in history:
        now += after_s
        if what == "failed":
            standing.failed(deployment, now)
            row[deployment.name] += 1
        elif what == "answered":
            standing.answered(deployment)
            row[deployment.name] = 0
        order = standing.order(ALL, now)
        assert sorted(d.name for d in order) == ["a", "b", "c"]
        steady = [d for d in order if row[d.name] < FAILURES]
        assert steady == [d for d in ALL if row[d.name] < FAILURES]
