from __future__ import annotations

import json

import pytest

from tests.bench.findings import Bar, Finding, Series, Spread, amount, curve, differences, quantile, ratios


def test_rounds_are_compared_with_the_round_beside_them():
    # The machine was twice as slow in the second round, for both: the ratio did not change.
    assert ratios([10.0, 20.0], [5.0, 10.0]) == [2.0, 2.0]
    assert differences([10.0, 20.0], [9.0, 19.5]) == [1.0, 0.5]


def test_a_round_in_which_nothing_was_counted_gives_no_ratio():
    assert ratios([10.0, 20.0], [0.0, 10.0]) == [2.0]


def test_quantiles_are_values_that_were_measured():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [quantile(values, p) for p in (0.0, 0.5, 0.99)] == [1.0, 3.0, 5.0]
    assert curve(values)[0] == [0.0, 1.0] and curve(values)[-1] == [0.999, 5.0] and curve([]) == []


def test_a_spread_is_a_median_with_its_extremes():
    assert Spread.of([3.0, 1.0, 9.0]) == Spread(median=3.0, low=1.0, high=9.0)


@pytest.mark.parametrize(
    ("bar", "verdict"),
    [
        (Bar(measure="m", unit="x", limit=2.0, rounds=[1.0, 2.0, 9.0]), "PASS"),
        (Bar(measure="m", unit="x", limit=2.0, rounds=[1.0, 2.1, 2.2]), "MISS"),
        (Bar(measure="m", unit="x", limit=35, rounds=[35.0], at_least=True), "PASS"),
        (Bar(measure="m", unit="x", limit=35, rounds=[34.9], at_least=True), "MISS"),
        (Bar(measure="m", unit="x", limit=35, missing="no nginx"), "-"),
    ],
)
def test_the_median_is_held_against_the_bar(bar, verdict):
    assert bar.verdict == verdict


def test_a_bar_says_what_was_measured_or_why_it_was_not():
    assert Bar(measure="m", unit="ms", limit=2.0, rounds=[1.0, 1.5, 2.5]).value == "1.50 ms (1 to 2.50)"
    assert Bar(measure="m", unit="ms", limit=2.0, rounds=[1.5]).value == "1.50 ms"
    assert Bar(measure="m", unit="ms", limit=2.0, missing="no nginx").value == "no nginx"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (7404.6, "µs", "7,405 µs"),
        (66.31, "ms", "66.3 ms"),
        (1.899, "x", "1.90x"),
        (0.0414, "ms", "0.041 ms"),
        (10, "x", "10x"),
        (0, "", "0"),
        (-0.7784, "ms", "-0.778 ms"),
    ],
)
def test_amounts_have_three_digits_that_count(value, unit, text):
    assert amount(value, unit) == text


def test_a_finding_travels_as_json():
    finding = Finding(
        "burst",
        "A reply",
        "so",
        series=[Series(name="CPU", unit="µs", sides={"direct": [1.0, 2.0]})],
        bars=[Bar(measure="m", unit="x", limit=2.0, rounds=[1.0, 2.0])],
        curves={"TTFT": {"direct": [[0.5, 1.0]]}},
        notes=["n"],
    )
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding
