"""When a second deployment is asked beside one that is silent, and how often that may be.

The delay is learned: nineteen of twenty of the deployment's latest answers to prompts of this size have begun by then,
and a quarter of that time is added, for the answers of a steady model are all about to come at that moment. So what is
hedged is the tail; a delay that is fixed is hedged by everybody on a slow day. What a slow day may cost is bounded by
the budget: a token bucket that every call puts a share into and every hedge takes one out of.

    hedges so far <= share * calls so far + BURST        whatever happens

A hedge that the budget does not allow is not made later either: the first-token deadline still holds.
"""

from __future__ import annotations

from loro_core.fleet import Deployment, Expectation

BURST = 2.0
"""So many hedges in a row are allowed after a quiet time, or at the start."""

TAIL = 0.95
"""The share of answers that have begun when a silent one is hedged."""

KNOWN = 0.9
"""The share of an expectation that must be measured: no deployment is hedged by what others take."""

MARGIN = 0.25
MARGIN_S = 0.05
"""So much later than the tail a call is hedged, the greater of the two: jitter makes that much."""


class HedgeBudget:
    """share: of all calls that may be hedged, 0 to 1; with 0 none is."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._tokens = BURST if share > 0 else 0.0

    def __repr__(self) -> str:
        return f"<HedgeBudget {self._tokens:.2f} of {BURST:g}>"

    def count_call(self) -> None:
        """Take in that a call is made which may be hedged."""
        self._tokens = min(BURST, self._tokens + self._share)

    def take(self) -> bool:
        """Return whether a hedge may be made now, and count it."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def hedge_delay(deployment: Deployment, expectation: Expectation | None, *, after_s: float | None) -> float | None:
    """Return how long a call to `deployment` may be silent before a second one is made; None for no second one.

    expectation: when the answer may begin, None if nothing is known. after_s: the operator's own delay, None to learn.
    A delay that its first-token deadline comes before is none.
    """
    delay_s = after_s
    if delay_s is None:
        if expectation is None or expectation.measured < KNOWN:
            return None
        tail_s = _quantile(expectation, TAIL)
        delay_s = tail_s + max(MARGIN_S, MARGIN * tail_s)
    return delay_s if delay_s < deployment.first_token_timeout_s else None


def _quantile(expectation: Expectation, share: float) -> float:
    """Return by when so great a share of answers has begun."""
    sum_ = 0.0
    for after_s, weight in expectation.points:
        sum_ += weight
        if sum_ >= share:
            return after_s
    return expectation.points[-1][0]
