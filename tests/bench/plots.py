"""Plots as SVG, by hand: rounds on a line for each side, and distributions by their quantiles; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from tests.bench.findings import Series, Spread, amount

WIDTH = 720
_LEFT, _RIGHT = 96, 150
_ROW = 26
_HEIGHT = 260
COLOURS = {
    "straight": "#7a7f87",
    "direct": "#1f6feb",
    "loro": "#1f6feb",
    "race": "#d9720b",
    "instant": "#1a8a4a",
    "adaptive": "#8250df",
    "nginx": "#0e8f9c",
    "litellm": "#c4314b",
}
_OTHER = "#7a7f87"
LOGARITHMIC_FROM = 20
"""Where the largest value is so many times the smallest, a linear axis would show only the largest."""


LOGARITHMIC_TO = 1e12
"""And where it is so many times the smallest, a mark a decade would be no scale any more."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from values to pixels. marks: the values that get a line."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool
    marks: tuple[float, ...]

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> Axis:
        """Return an axis that shows all `values`: logarithmic if they are far apart and above 0, else from 0."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        if low > 0 and LOGARITHMIC_FROM <= high / low <= LOGARITHMIC_TO:
            floor, ceiling = math.floor(math.log10(low)), math.ceil(math.log10(high))
            marks = tuple(10.0**k for k in range(floor, ceiling + 1))
            return cls(marks[0], marks[-1], start, end, True, marks)
        step = _step(max(high, 0.0) - min(low, 0.0))
        first, last = math.floor(min(low, 0.0) / step), math.ceil(max(high, 0.0) / step) or 1
        marks = tuple(k * step for k in range(first, last + 1))
        return cls(marks[0], marks[-1], start, end, False, marks)

    def at(self, value: float) -> float:
        """Return the pixel of `value`, kept within the axis."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _step(span: float) -> float:
    """Return a round distance of marks, so that about five are in `span`."""
    if span <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= span / 5)


def rounds(series: Series) -> str:
    """Return a plot of a series: a line for each side, a tick for each round, a dot and a number at their median."""
    sides = {side: values for side, values in series.sides.items() if values}
    axis = Axis.over([v for values in sides.values() for v in values], _LEFT, WIDTH - _RIGHT)
    bottom = _ROW * len(sides) + 8
    parts = [_vertical(axis, mark, bottom) for mark in axis.marks]
    for row, (side, values) in enumerate(sides.items()):
        y, spread, colour = _ROW * row + 18, Spread.of(values), COLOURS.get(side.partition(",")[0], _OTHER)
        ticks = "".join(f'<path d="M{axis.at(v):.1f} {y - 5}v10"/>' for v in values)
        extent = f'<path d="M{axis.at(spread.low):.1f} {y}H{axis.at(spread.high):.1f}" stroke-width="2"/>'
        median = f'<circle cx="{axis.at(spread.median):.1f}" cy="{y}" r="4"/>'
        number = escape(amount(spread.median, series.unit))
        parts += [
            f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(side)}</text>',
            f'<g stroke="{colour}" fill="{colour}">{extent}{ticks}{median}</g>',
            f'<text x="{WIDTH - _RIGHT + 14}" y="{y + 4}" class="value">{number}</text>',
        ]
    return _svg(bottom + 22, parts, f"{series.name}, {', '.join(sides)}")


def quantiles(name: str, curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Return a plot of distributions: quantiles from left to right, each nine as wide as the one before it."""
    curves = {side: points for side, points in curves.items() if points}
    values = [value for points in curves.values() for _, value in points]
    axis = Axis.over(values, _HEIGHT - 30, 12)
    right = WIDTH - _RIGHT
    parts = []
    for mark in axis.marks:
        y = axis.at(mark)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(amount(mark, ""))}</text>')
    for p in (0.5, 0.9, 0.99, 0.999):
        x = _nines(p, right)
        parts.append(f'<path class="grid" d="M{x:.1f} 12V{_HEIGHT - 30}"/>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{100 * p:g} %</text>')
    ends = _apart([axis.at(points[-1][1]) for points in curves.values()])
    for (side, points), end in zip(curves.items(), ends, strict=True):
        colour = COLOURS.get(side, _OTHER)
        line = " ".join(f"{_nines(p, right):.1f},{axis.at(value):.1f}" for p, value in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{right + 14}" y="{end + 4:.1f}" fill="{colour}" class="side">{escape(side)}</text>')
    return _svg(_HEIGHT, parts, f"{name}, {', '.join(curves)}")


def _nines(p: float, right: float) -> float:
    return _LEFT + min(1.0, -math.log10(1 - p) / 3) * (right - _LEFT)


def _apart(positions: Sequence[float], distance: float = 15) -> list[float]:
    """Return `positions`, moved down where two would be nearer than `distance`, in the same order."""
    moved = list(positions)
    ordered = sorted(range(len(moved)), key=moved.__getitem__)
    for before, after in pairwise(ordered):
        moved[after] = max(moved[after], moved[before] + distance)
    return moved


def _vertical(axis: Axis, mark: float, bottom: int) -> str:
    x = axis.at(mark)
    label = f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{escape(amount(mark, ""))}</text>'
    return f'<path class="grid" d="M{x:.1f} 4V{bottom}"/>{label}'


def _svg(height: int, parts: Sequence[str], label: str) -> str:
    opening = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label, quote=True)}">'
    return f"{opening}{''.join(parts)}</svg>"
