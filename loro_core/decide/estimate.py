"""What the latest values say about the next one: quantiles over a bounded window, and when an answer may begin.

First tokens of answers are kept by prompt size. What is expected of the next one is put together from three sources,
each of which fills up what the one before leaves open:

1. the deployment's calls with a prompt of this size; the latest counts most, and all of them count less with time;
2. its calls with other prompts, the nearer sizes more;
3. the prior: a model nobody has measured is like one of those that others have published figures of.

A call that ended before its answer began (the user spoke on, the upstream timed out) is no measurement, but it does
show that the answer takes longer than that. Its weight goes to the longer times (Efron's "redistribute to the right",
which gives the Kaplan-Meier estimate). So a model that hangs is seen to be slow, though it never says a first token.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from loro_core.fleet import Expectation


def nearest_rank(ordered: Sequence[float], p: float) -> float:
    """Return the p-quantile of `ordered` (ascending, not empty) by nearest rank: the value at index ceil(p n) - 1."""
    return ordered[max(0, math.ceil(p * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Seconds over a window; all 0.0 when it is empty."""

    avg: float = 0.0
    min: float = 0.0
    max: float = 0.0
    p50: float = 0.0
    p95: float = 0.0


class Window:
    """The latest `size` values, in memory that is taken at the start and never grows.

    total: how many ever came; sum: what they add up to.
    """

    __slots__ = ("_ring", "_size", "sum", "total")

    def __init__(self, size: int) -> None:
        self._size = size
        self._ring = array("d", bytes(8 * size))
        self.total = 0
        self.sum = 0.0

    @classmethod
    def of(cls, values: array[float], total: int, total_s: float) -> Window:
        """Return a full window of `values`, the oldest first, of `total` that ever came and add up to `total_s`."""
        window = cls(len(values))
        newest = total % len(values) if values else 0  # so many stand before the place of the oldest
        window._ring = values[len(values) - newest :] + values[: len(values) - newest]
        window.total = total
        window.sum = total_s
        return window

    def values(self) -> array[float]:
        """Return the values that are kept, the oldest first."""
        if self.total <= self._size:
            return self._ring[: self.total]
        oldest = self.total % self._size if self._size else 0
        return self._ring[oldest:] + self._ring[:oldest]

    def __len__(self) -> int:
        return min(self.total, self._size)

    def __repr__(self) -> str:
        return f"<Window {len(self)} of {self.total}>"

    def add(self, value: float) -> None:
        """Take in one value; what is not finite is no measurement and is left out."""
        if -math.inf < value < math.inf:
            self._ring[self.total % self._size] = value
            self.total += 1
            self.sum += value

    def quantiles(self, *ps: float) -> tuple[float, ...]:
        """Return a value for each p, 0.0 for all while empty."""
        if not self.total:
            return (0.0,) * len(ps)
        ordered = sorted(self._ring[: len(self)])
        return tuple(nearest_rank(ordered, p) for p in ps)

    def summary(self) -> Summary:
        if not self.total:
            return Summary()
        ordered = sorted(self._ring[: len(self)])
        return Summary(
            avg=sum(ordered) / len(ordered),
            min=ordered[0],
            max=ordered[-1],
            p50=nearest_rank(ordered, 0.5),
            p95=nearest_rank(ordered, 0.95),
        )


# --- first tokens ------------------------------------------------------------------------------------------------

PRIOR_S = (0.098, 0.171, 0.594, 0.683, 0.760, 0.916, 1.193, 2.234, 6.339)
"""Median first tokens of nine models, from a small one on special hardware to one that thinks: aiewf-eval, 30 turns of
a voice agent, ten runs each. Alike likely, until this model's own are known."""

KEPT = 32
"""So many calls a prompt size are kept. With RECENCY the last of them counts a thirtieth of the first."""

RECENCY = 0.9
"""What a call counts against the one after it. All together then count as ten: few enough to follow a model that turns
slow within some calls, enough to know a quick one."""

HALF_LIFE_S = 600.0
"""A call from ten minutes ago counts half: a model's speed follows its load, which changes by the hour."""

ENOUGH = 5.0
"""What the calls of this prompt size must count for nothing else to be asked; seven recent ones do."""

FARTHER = 0.5
"""What a prompt counts that is twice as long, or half as long, as the next size: a conversation grows from one size
into the next, and must not be strange to loro there."""

SMALLEST_PRIOR = 0.05
"""The prior never goes: it is what an unfinished call's weight falls on where no longer one is known."""

_SMALLEST_BUCKET_CHARS = 1024
_BUCKETS = 8
"""Prompt sizes by powers of two: up to 1 Ki characters, 2 Ki, ... 64 Ki, and more."""


class _Wait(NamedTuple):
    after_s: float
    at: float
    answered: bool


class _Point(NamedTuple):
    after_s: float
    weight: float
    answered: bool


class FirstTokens:
    """When one deployment's answers began. Its memory is bounded."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: tuple[deque[_Wait], ...] = tuple(deque(maxlen=KEPT) for _ in range(_BUCKETS))

    def __repr__(self) -> str:
        return f"<FirstTokens {[len(waits) for waits in self._buckets]}>"

    def add(self, after_s: float, *, prompt_chars: int, now: float, answered: bool = True) -> None:
        """Take in one call. answered: False if the wait ended after `after_s` without a first token."""
        if -math.inf < after_s < math.inf:
            self._buckets[_bucket(prompt_chars)].append(_Wait(after_s, now, answered))

    def expectation(self, prompt_chars: int, now: float) -> Expectation:
        """Return when an answer to a prompt of so many characters may begin, if it is asked for `now`."""
        wanted = _bucket(prompt_chars)
        measured = list(_weighted(self._buckets[wanted], now, 1.0))
        missing = ENOUGH - _weight(measured)
        if missing > 0.0:
            others: list[_Point] = []
            for bucket, waits in enumerate(self._buckets):
                if waits and bucket != wanted:
                    others += _weighted(waits, now, FARTHER ** (abs(bucket - wanted) - 1))
            measured += _scaled(others, missing)
        left = max(SMALLEST_PRIOR, ENOUGH - _weight(measured))
        prior = [_Point(after_s, left / len(PRIOR_S), True) for after_s in PRIOR_S]
        share = _weight(measured) / (_weight(measured) + left)
        return Expectation(points=_redistributed(measured + prior), measured=share)


def _bucket(prompt_chars: int) -> int:
    return min(_BUCKETS - 1, (max(0, prompt_chars - 1) // _SMALLEST_BUCKET_CHARS).bit_length())


def _weighted(waits: deque[_Wait], now: float, nearness: float) -> Iterable[_Point]:
    weight = nearness
    for wait in reversed(waits):
        age_s = max(0.0, now - wait.at)
        yield _Point(wait.after_s, weight * 0.5 ** (age_s / HALF_LIFE_S), wait.answered)
        weight *= RECENCY


def _weight(points: Iterable[_Point]) -> float:
    """Return what `points` count as knowledge: calls that ended early tell little."""
    return sum(p.weight for p in points if p.answered)


def _scaled(points: list[_Point], most: float) -> list[_Point]:
    """Return `points` with their weights cut down to `most` together."""
    weight = _weight(points)
    factor = min(1.0, most / weight) if weight else 1.0
    return [p._replace(weight=p.weight * factor) for p in points]


def _redistributed(points: list[_Point]) -> tuple[tuple[float, float], ...]:
    """Return (seconds, share), ascending, with the weight of unanswered calls moved to the longer times.

    What is longer than all others stays where it is: later than that, nothing is known.
    """
    ordered = sorted(points)
    # Summed from the end: by subtraction, weights as small as these would be lost in rounding.
    from_here = list(accumulate(p.weight for p in reversed(ordered)))[::-1]
    total, factor = from_here[0], 1.0
    result: list[tuple[float, float]] = []
    for point, left, rest in zip(ordered, from_here, [*from_here[1:], 0.0], strict=True):
        if point.answered or rest <= 0.0:
            result.append((point.after_s, point.weight * factor / total))
        else:
            factor *= left / rest
    return tuple(result)


UNMEASURED = FirstTokens().expectation(0, 0.0)
"""What is expected of a deployment that was never called."""
