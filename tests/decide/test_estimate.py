"""Windows and nearest-rank quantiles."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.estimate import Summary, Window, nearest_rank


def test_nearest_rank_is_the_value_at_ceil_pn_minus_one():
    values = [1.0, 2.0, 3.0, 4.0]
    assert [nearest_rank(values, p) for p in (0.0, 0.25, 0.26, 0.5, 0.95, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]


def test_an_empty_window_says_zero():
    assert Window(5).summary() == Summary()
    assert Window(5).quantiles(0.5, 0.9) == (0.0, 0.0)


def test_what_is_not_finite_is_no_measurement():
    window = Window(5)
    window.add(math.nan)
    window.add(math.inf)
    assert (len(window), window.total) == (0, 0)


@given(st.lists(st.floats(0, 1e6), max_size=50), st.integers(1, 20))
def test_a_window_holds_the_latest_and_counts_all(values, size):
    window = Window(size)
    for value in values:
        window.add(value)
    kept = sorted(values[-size:])
    assert len(window) == len(kept) and window.total == len(values)
    if kept:
        summary = window.summary()
        assert (summary.min, summary.max) == (kept[0], kept[-1])
        assert summary.p50 in kept and summary.p95 in kept and summary.p50 <= summary.p95
