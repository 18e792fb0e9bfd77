"""What the latest values say about the next one: quantiles over a bounded window."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass


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

    def __len__(self) -> int:
        return min(self.total, self._size)

    def __repr__(self) -> str:
        return f"<Window {len(self)} of {self.total}>"

    def add(self, value: float) -> None:
        """Take in one value; what is not finite is no measurement and is left out."""
        if math.isfinite(value):
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
