"""The numbers of several workers as those of one gateway.

Counters and gauges are added; a window of latencies becomes the window of all samples, so that its quantiles are those
of all replies and not averages of quantiles. What a model's speed was learned from is not added up: it is each
worker's own, and is shown nowhere.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from loro_core.app.ledger import LedgerSums
from loro_core.app.metrics import Metrics, Mode, UpstreamNumbers
from loro_core.decide.estimate import FirstTokens, Window

T = TypeVar("T")

_OF_PARTS = (Metrics, Mode, UpstreamNumbers, LedgerSums)
_SETTINGS = ("_window",)
"""What is said, not counted: alike in every worker."""


def added_up(parts: Sequence[Metrics]) -> Metrics:
    """Return the numbers of all `parts` together, sharing nothing with them. parts: at least one."""
    whole: Metrics = _sum(parts)
    return whole


def without_gauges(metrics: Metrics, window: int) -> Metrics:
    """Return what remains of a worker that is gone: its counts, and of its latencies the latest `window`."""
    gone = added_up([metrics])
    for upstream in gone.upstreams.values():
        upstream.in_flight = 0
    for mode in (gone.quick, gone.direct):
        mode.latencies = {name: _latest(latencies, window) for name, latencies in mode.latencies.items()}
    return gone


def _sum(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Counter):
        return sum(values, Counter())
    if isinstance(first, Mapping):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _sum([value[name] for value in values if name in value]) for name in names}
    if isinstance(first, Window):
        return _union(values)
    if isinstance(first, FirstTokens):
        return FirstTokens()
    if isinstance(first, _OF_PARTS):
        whole = object.__new__(type(first))
        for name in vars(first):
            part = [getattr(value, name) for value in values]
            setattr(whole, name, part[0] if name in _SETTINGS else _sum(part))
        return whole
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return sum(values)
    raise TypeError(f"nothing says how to add up a {type(first).__name__}")


def _union(windows: Sequence[Window]) -> Window:
    values = array("d")
    for window in windows:
        values.extend(window.values())
    return Window.of(values, sum(w.total for w in windows), sum(w.sum for w in windows))


def _latest(window: Window, size: int) -> Window:
    values = window.values()
    return Window.of(values[max(0, len(values) - size) :], window.total, window.sum)
