"""What was measured, as values: series of rounds, the bars they are held against, and their JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loro_core.decide.estimate import nearest_rank

CURVE = (*(k / 50 for k in range(50)), 0.99, 0.995, 0.999)
"""The quantiles that are kept of a distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A median with its extremes."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of `values`, at least one."""
        return cls(median=statistics.median(values), low=min(values), high=max(values))


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Return these / those, round by round: what drifts from round to round is in both. Rounds of 0 are left out."""
    return [a / b for a, b in zip(these, those, strict=True) if b]


def differences(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Return these - those, round by round."""
    return [a - b for a, b in zip(these, those, strict=True)]


def quantile(values: Sequence[float], p: float) -> float:
    """Return the p-quantile of `values`, at least one, by nearest rank."""
    return nearest_rank(sorted(values), p)


def curve(values: Sequence[float]) -> list[list[float]]:
    """Return [p, p-quantile] of `values` for each p of CURVE."""
    ordered = sorted(values)
    return [[p, nearest_rank(ordered, p)] for p in CURVE] if ordered else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One quantity. sides: by who was measured, a value a round, the rounds taken in turn."""

    name: str
    unit: str
    sides: Mapping[str, Sequence[float]]

    def spread(self, side: str) -> Spread:
        return Spread.of(self.sides[side])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a quantity is held against.

    rounds: its value in each round; empty if it was not measured, and then `missing` says why. limit: the most it may
    be, or with `at_least` the least.
    """

    measure: str
    unit: str
    limit: float
    rounds: Sequence[float] = ()
    at_least: bool = False
    missing: str = ""

    @property
    def verdict(self) -> str:
        if not self.rounds:
            return "-"
        value = statistics.median(self.rounds)
        return "PASS" if (value >= self.limit if self.at_least else value <= self.limit) else "MISS"

    @property
    def bar(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {amount(self.limit, self.unit)}"

    @property
    def value(self) -> str:
        if not self.rounds:
            return self.missing or "not measured"
        spread = Spread.of(self.rounds)
        if spread.low == spread.high:
            return amount(spread.median, self.unit)
        low, high = amount(spread.low, ""), amount(spread.high, "")
        return f"{amount(spread.median, self.unit)} ({low} to {high})"


@dataclass(slots=True)
class Finding:
    """What one case found. how: the conditions, in a sentence. curves: distributions, by a name and a side.

    failed: why it could not be measured, "" if it was.
    """

    case: str
    title: str
    how: str
    series: list[Series] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    curves: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for a JSON encoder; `from_json` takes it back."""
        return asdict(self) | {"bars": [asdict(bar) | {"verdict": bar.verdict} for bar in self.bars]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Finding:
        series = [Series(**each) for each in fields["series"]]
        bars = [Bar(**{name: value for name, value in each.items() if name != "verdict"}) for each in fields["bars"]]
        return cls(**{**fields, "series": series, "bars": bars})


def amount(value: float, unit: str) -> str:
    """Return `value` with three digits that count, and its unit."""
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit not in ("", "x") else f"{text}{unit}"
