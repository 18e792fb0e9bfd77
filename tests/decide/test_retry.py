"""What is tried again, and when."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.retry import LONGEST_WAIT_S, Budget, wait_before_retry
from loro_core.errors import (
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnreachable,
)

PLENTY = Budget(retries=3, time_s=60.0)


def status(number: int, **more) -> UpstreamStatus:
    return UpstreamStatus("no", upstream_status=number, **more)


def wait(error: UpstreamError, attempt: int = 1, budget: Budget = PLENTY) -> float | None:
    return wait_before_retry(error, attempt=attempt, budget=budget, rng=random.Random(7))


@pytest.mark.parametrize(
    "error",
    [
        *(status(code) for code in (408, 409, 429, 500, 502, 503, 504)),
        UpstreamUnreachable("refused"),
        UpstreamTimeout("late", phase="connect"),
        UpstreamClosed("reset before the head"),
    ],
    ids=str,
)
def test_what_may_pass_by_itself_is_tried_again(error):
    assert wait(error) is not None


@pytest.mark.parametrize(
    "error",
    [
        *(status(code) for code in (400, 401, 403, 404, 413, 422, 501)),
        status(429, code="insufficient_quota"),
        UpstreamStatus("in the stream", upstream_status=None),
        UpstreamTimeout("silent", phase="prefill"),
        UpstreamProtocolError("not JSON"),
        UpstreamClosed("cut", phase="decode"),
        UpstreamUnreachable("never", phase="decode"),
    ],
    ids=str,
)
def test_what_would_come_back_the_same_or_twice_is_not(error):
    assert wait(error) is None


def test_retry_after_is_obeyed_instead_of_our_own_wait():
    assert wait(status(429, retry_after_s=2.0)) == 2.0
    assert wait(status(503, retry_after_s=0.0)) == 0.0


def test_a_wait_beyond_the_budget_is_not_begun():
    assert wait(status(429, retry_after_s=2.0), budget=Budget(retries=3, time_s=1.9)) is None
    assert wait(status(500), budget=Budget(retries=0, time_s=60.0)) is None


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_waits_double_with_jitter_and_have_a_ceiling(attempt, seed):
    wait_s = wait_before_retry(status(500), attempt=attempt, budget=PLENTY, rng=random.Random(seed))
    ceiling_s = min(LONGEST_WAIT_S, 0.1 * 2 ** (attempt - 1))
    assert wait_s is not None and ceiling_s / 2 <= wait_s <= ceiling_s
