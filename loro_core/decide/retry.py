"""What may be tried again, and after how long. All of it before the first delta: afterwards words would come twice."""

from __future__ import annotations

import random

from msgspec import Struct

from loro_core.errors import (
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnreachable,
)

RETRYABLE_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""As the official OpenAI SDKs retry, less the 5xx that say "never" (501, 505); 529 is "overloaded"."""

FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""A 429 with one of these codes stays a 429 however long one waits."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


class Budget(Struct, frozen=True, kw_only=True):
    """What is left for further tries.

    retries: how many more. time_s: seconds until the first token must be there; a wait that would not fit is not begun.
    """

    retries: int
    time_s: float


def wait_before_retry(error: UpstreamError, *, attempt: int, budget: Budget, rng: random.Random) -> float | None:
    """Return how many seconds to wait before trying again, None to give up with `error`.

    attempt: how many tries have failed, from 1.
    The wait doubles from 0.1 s to 5 s with full jitter on its upper half, so that many callers do not come back
    together; an upstream's Retry-After is obeyed instead, if it fits the budget.
    """
    if budget.retries <= 0 or not _is_retryable(error):
        return None
    ceiling_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))
    wait_s = ceiling_s * (0.5 + rng.random() / 2)
    if isinstance(error, UpstreamStatus) and error.retry_after_s is not None:
        wait_s = max(error.retry_after_s, 0.0)
    return wait_s if wait_s < budget.time_s else None


def _is_retryable(error: UpstreamError) -> bool:
    if error.phase == "decode":
        return False
    if isinstance(error, UpstreamStatus):
        return error.upstream_status in RETRYABLE_STATUSES and error.code not in FINAL_CODES
    if isinstance(error, UpstreamTimeout):
        # A connection that could not be made in time may be made next time; an upstream that took the request and
        # stays silent has the work already, and would get it twice.
        return error.phase == "connect"
    if isinstance(error, UpstreamProtocolError):
        return False
    return isinstance(error, (UpstreamUnreachable, UpstreamClosed))
