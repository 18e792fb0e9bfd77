"""What the simulation has to show, in its quick form. `make sim` prints the whole of it."""

from __future__ import annotations

import pytest

from tests.sim import scenarios
from tests.sim.__main__ import main, table


@pytest.mark.parametrize("policy", ["prefix", "least-busy", "latency", "two-choices", "round-robin"])
def test_500_requests_on_two_instances_keep_their_calls_under_way_within_ten_percent(policy):
    found = scenarios.spread(policy)
    assert sum(found.calls) == 500
    assert found.apart <= 0.1


def test_a_call_of_ten_turns_stays_at_one_instance_where_its_prompt_is_known():
    found = scenarios.affinity("prefix", calls=60)
    other = scenarios.affinity("round-robin", calls=60)
    assert found.home >= 0.9 > other.home
    assert found.known > other.known
    assert found.first_token_p50_s < other.first_token_p50_s / 2


def test_with_one_slow_instance_the_least_busy_one_halves_the_wait():
    least, turns = (
        scenarios.one_slow(policy, known_slots=False, requests=1500) for policy in ("least-busy", "round-robin")
    )
    assert least.p95_s <= turns.p95_s / 2


def test_where_the_slots_are_known_no_policy_lets_the_slow_one_pile_up():
    found = [
        scenarios.one_slow(policy, known_slots=True, requests=1500).p95_s for policy in ("least-busy", "round-robin")
    ]
    worst = scenarios.one_slow("least-busy", known_slots=False, requests=1500).p95_s
    assert max(found) <= worst


@pytest.mark.parametrize("models", [2, 3])
def test_requests_in_turn_for_models_with_room_for_one_make_the_fewest_loads_and_one_more_at_most(models):
    found = scenarios.interleaved(requests=40, models=models)
    assert found.answered == found.requests
    assert found.loads <= found.fewest + 1


def test_requests_that_come_by_and_by_are_all_answered_with_far_fewer_loads_than_there_are():
    found = scenarios.interleaved(within_s=20.0)
    assert found.answered == found.requests
    assert found.loads <= found.requests / 4


def test_an_hour_of_a_day_refuses_nobody():
    found = scenarios.day("prefix", hours=1.0, calls_an_hour=600)
    assert found.requests > 300
    assert found.refused == 0


def test_the_same_seed_plays_the_same_day():
    one, other = (scenarios.day("prefix", hours=0.5, calls_an_hour=600, seed=3) for _ in range(2))
    assert (one.requests, one.loads, one.queue_p95_s) == (other.requests, other.loads, other.queue_p95_s)


def test_a_decision_costs_much_the_same_among_many():
    """By the steps it takes, not the clock: a policy sees no more candidates of a thousand than of a hundred."""
    seen = []

    class Counting:
        name = "counting"

        def pick(self, candidates, ticket, now, rng):
            seen.append(len(candidates))
            return candidates[0]

    for nodes in (100, 300):
        scenarios.one_model(nodes, requests=20, balancer=Counting())
    assert max(seen) <= 17


def test_names_that_there_are_none_of_are_told(capsys):
    assert main(["nothing"]) == 2
    assert "nothing" in capsys.readouterr().err
    table("t", ("a", "b"), [("x", "1")])
    assert "x  1" in capsys.readouterr().out
