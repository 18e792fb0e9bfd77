"""What balancing policies are for, seen on simulated calls: even load, slow instances avoided, prompts read once."""

from __future__ import annotations

from functools import cache
from statistics import fmean

import pytest

from loro_core.decide.balance import BUILT_IN
from tests.decide.queueing import Instance, Report, conversations, play, poisson

SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_least_busy_keeps_five_hundred_requests_on_two_instances_within_ten_percent(seed):
    instances = [Instance(name=name, slots=256, at_once=256) for name in ("one", "other")]
    report = play(BUILT_IN["least-busy"], instances, poisson(500, 50.0, 2.0, seed), seed)
    assert sum(report.served.values()) == 500
    busy = [(spread, calls) for spread, calls in report.spreads if calls >= 30]
    assert len(busy) > 300
    assert all(spread <= 0.1 * calls for spread, calls in busy)


@cache
def with_a_slow_one(name: str, slots: int, seed: int) -> Report:
    """Three instances and one that takes four times as long, together at 80 % of what they can do."""
    instances = [Instance(name=f"quick-{n}", slots=slots) for n in range(3)]
    instances.append(Instance(name="slow", slots=slots, slowness=4.0))
    return play(BUILT_IN[name], instances, poisson(1000, 0.8 * 3.25, 1.0, seed), seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["least-busy", "latency"])
def test_beside_a_slow_instance_the_queue_is_at_most_half_as_long_as_in_turn(name, seed):
    assert with_a_slow_one(name, 16, seed).queued_p(0.95) <= with_a_slow_one("round-robin", 16, seed).queued_p(0.95) / 2


def talks(name: str, seed: int) -> Report:
    """Sixty conversations of ten turns on three instances, of whose slots a good third is taken."""
    instances = [Instance(name=f"i{n}", slots=4, at_once=4) for n in range(3)]
    return play(BUILT_IN[name], instances, conversations(60, 10, seed=seed, apart_s=4.0), seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_prefix_keeps_nine_turns_of_ten_on_one_instance_and_the_instances_even(seed):
    report, scattered = talks("prefix", seed), talks("least-busy", seed)
    assert fmean(report.shares_on_one()) >= 0.9
    assert fmean(scattered.shares_on_one()) < 0.6
    assert fmean(spread for spread, _ in report.spreads) < 2.0  # calls that one has more than another, of four slots
    assert max(report.served.values()) <= 2 * min(report.served.values())
    assert report.queued_p(0.99) <= scattered.queued_p(0.99) + 0.1
