"""Samples into numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loro_core.app.bench.summary import Difference, Spread, spread, summarise, verdict
from tests.app.bench_samples import sample, timing


def test_spread_is_median_and_extremes():
    assert spread([0.3, 0.1, 0.9]) == Spread(median_s=0.3, min_s=0.1, max_s=0.9)
    assert spread([0.2, 0.4]).median_s == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("first_s", "band"),
    [(0.0, "excellent"), (0.199, "excellent"), (0.2, "good"), (0.499, "good"), (0.5, "needs improvement")],
)
def test_bands(first_s, band):
    assert verdict(first_s) == band


def test_one_slow_reply_does_not_move_a_scenario():
    found = summarise([sample("quick", timing(first_s, 1.0)) for first_s in (0.1, 0.1, 30.0)])
    assert found.rows[0].numbers["first_content"] == Spread(median_s=0.1, min_s=0.1, max_s=30.0)
    assert found.policies[0].averages_s["first_content"] == pytest.approx(0.1)


def test_each_scenario_weighs_alike():
    samples = [sample("quick", timing(0.1, 1.0), scenario="a") for _ in range(9)]
    samples.append(sample("quick", timing(0.5, 3.0), scenario="b"))
    averages = summarise(samples).policies[0].averages_s
    assert averages["first_content"] == pytest.approx(0.3)
    assert averages["total"] == pytest.approx(2.0)


def test_policies_are_compared_over_what_both_answered():
    samples = [
        sample("quick", timing(0.1, 1.0), scenario="short"),
        sample("direct", timing(0.9, 1.1), scenario="short"),
        sample("quick", "timed out", scenario="long"),
        sample("direct", timing(5.0, 9.0), scenario="long"),
    ]
    (comparison,) = summarise(samples).comparisons
    assert comparison.labels == ("short (en)",)
    assert comparison.differences["first_content"].direct_s == pytest.approx(0.9)
    assert comparison.differences["total"].later_s == pytest.approx(-0.1)


def test_nothing_is_compared_without_direct():
    assert summarise([sample("quick", timing(0.1, 1.0)), sample("race", timing(0.2, 1.0))]).comparisons == ()


def test_every_policy_is_compared_with_direct():
    samples = [sample(policy, timing(0.1, 1.0)) for policy in ("instant", "direct", "race")]
    assert [comparison.policy for comparison in summarise(samples).comparisons] == ["instant", "race"]


def test_a_difference_within_directs_own_spread_is_noise():
    samples = [sample("quick", timing(0.1, 1.2))]
    samples += [sample("direct", timing(0.9, total_s)) for total_s in (1.0, 1.1, 1.3)]
    (comparison,) = summarise(samples).comparisons
    total = comparison.differences["total"]
    assert total.spread_s == pytest.approx(0.3)
    assert total.later_s == pytest.approx(0.1)
    assert total.is_noise
    assert not comparison.differences["first_content"].is_noise


def test_one_round_has_no_spread_but_wakeups_are_noise():
    assert Difference(policy_s=1.004, direct_s=1.0, spread_s=0.0).is_noise
    assert not Difference(policy_s=1.006, direct_s=1.0, spread_s=0.0).is_noise


def test_a_scenario_whose_answer_never_came_has_no_first_answer_token():
    silent = replace(timing(0.1, 1.0, acknowledged=True, legs_told=True), first_answer_s=None)
    found = summarise([sample("quick", silent)])
    assert "first_answer" not in found.rows[0].numbers
    assert "first_answer" not in found.policies[0].averages_s
    assert found.legs_told
    assert found.rows[0].acknowledged == found.policies[0].acknowledged == 1


def test_errors_are_counted_by_message():
    samples = [sample("quick", "500: a"), sample("direct", "500: b"), sample("direct", "500: b")]
    found = summarise(samples)
    assert found.errors == (("500: b", 2), ("500: a", 1))
    assert found.replies == 0
    assert [policy.failed for policy in found.policies] == [1, 2]
    assert found.policies[0].averages_s == {}
    assert found.comparisons == ()


def test_replies_in_one_piece_are_told_from_short_ones():
    held = [sample("quick", timing(1.0, 1.0, contents=9, reads=1)) for _ in range(2)]
    assert summarise(held).policies[0].held_back
    assert not summarise([*held, sample("quick", timing(0.5, 1.0))]).policies[0].held_back
    assert not summarise([sample("quick", timing(1.0, 1.0, contents=1, reads=1))]).policies[0].held_back


def test_served_policies_the_most_frequent_first():
    samples = [sample("quick", timing(0.1, 1.0), served=name) for name in ("race", "adaptive", "adaptive", "")]
    assert summarise(samples).policies[0].served == ("adaptive", "race")
