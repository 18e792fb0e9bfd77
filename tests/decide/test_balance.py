"""Which instance gets a call."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.balance import BUILT_IN, SCORERS, Held, PeakEwma, Scored, balance_problems, balancer
from loro_core.decide.scorers import BUSY, not_crowded, two_of
from loro_core.errors import ConfigError
from loro_core.models import Candidate, Ticket

TICKET = Ticket(id=1, models=("m",), prefix=(11, 12, 13, 14))


def on(instance, in_flight=0, slots=4, *, model="m", **more) -> Candidate:
    return Candidate(instance=instance, model=model, in_flight=in_flight, slots=slots, **more)


def pick(name, *candidates, ticket=TICKET, seed=1) -> str:
    return BUILT_IN[name].pick(candidates, ticket, 100.0, random.Random(seed)).instance


def shares(name, *candidates, ticket=TICKET) -> Counter[str]:
    """Return how often each is picked in a thousand times."""
    rng = random.Random(3)
    return Counter(BUILT_IN[name].pick(candidates, ticket, 100.0, rng).instance for _ in range(1000))


def test_least_busy_looks_at_the_share_of_the_slots():
    assert pick("least-busy", on("a", 2, 4), on("b", 3, 8)) == "b"
    assert shares("least-busy", on("a", 1, 4), on("b", 2, 8), on("c", 3, 4)).keys() == {"a", "b"}


def test_round_robin_takes_who_was_not_picked_for_longest():
    assert pick("round-robin", on("a", last_picked=9.0), on("b", 3, last_picked=2.0), on("c", last_picked=5.0)) == "b"
    assert pick("round-robin", on("a", last_picked=9.0), on("b", 3)) == "b"
    assert pick("round-robin", on("a", last_picked=2.0, served=3), on("b", last_picked=2.0, served=2)) == "b"


def test_weighted_gives_each_its_share():
    found = shares("weighted", on("a", weight=3), on("b", 3, weight=1))
    assert 700 < found["a"] < 800


def test_latency_weighs_the_time_to_the_first_token_by_the_load():
    assert pick("latency", on("a", 0, first_token_s=0.9), on("b", 0, first_token_s=0.2)) == "b"
    assert pick("latency", on("a", 0, first_token_s=0.4), on("b", 3, first_token_s=0.2)) == "a"


def test_latency_tries_an_idle_instance_that_was_never_measured_and_waits_for_what_it_shows():
    measured = on("a", 2, first_token_s=0.2), on("b", 2, first_token_s=0.9)
    assert pick("latency", *measured, on("new")) == "new"
    assert pick("latency", *measured, on("new", 1)) == "a"


def test_two_choices_never_takes_the_busier_of_two_and_leaves_none_out():
    assert pick("two-choices", on("a", 2), on("b", 1)) == "b"
    found = shares("two-choices", on("a", 1), on("b", 2), on("c", 3))
    assert set(found) == {"a", "b"} and found["a"] > found["b"] > 200


def test_prefix_keeps_to_who_knows_the_prompt_until_it_is_crowded():
    assert pick("prefix", on("a", 2, matched=3), on("b", 0, matched=2)) == "a"
    assert pick("prefix", on("a", 3, matched=4), on("b", 0, matched=2)) == "b"
    assert pick("prefix", on("a", 8, 16, matched=4), on("b", 0, 16)) == "a"
    assert pick("prefix", on("a", 9, 16, matched=4), on("b", 0, 16)) == "b"


def test_prefix_keeps_to_who_had_the_call_though_it_is_crowded():
    assert pick("prefix", on("a", 3, matched=4, holds_call=True), on("b", 0, matched=2)) == "a"


def test_prefix_is_least_busy_where_prompts_tell_nothing():
    assert pick("prefix", on("a", 1, matched=2), on("b", 0, matched=2)) == "b"
    assert pick("prefix", on("a", 1), on("b", 0), ticket=Ticket(id=1, models=("m",))) == "b"


def test_prefix_prefers_who_had_the_call_among_those_who_know_the_prompt_as_well():
    assert pick("prefix", on("a", 1, matched=2, holds_call=True), on("b", 0, matched=2)) == "a"


def test_sticky_keeps_to_who_had_the_call_however_busy():
    assert pick("sticky", on("a", 3, holds_call=True), on("b", 0)) == "a"
    assert pick("sticky", on("a", 3), on("b", 0)) == "b"


def test_of_equals_the_ticket_prefers_the_first_of_its_models_and_else_chance_decides():
    either = Ticket(id=1, models=("m", "n"))
    equals = on("a", model="n"), on("b"), on("c"), on("d", model="other")
    assert shares("least-busy", *equals, ticket=either).keys() == {"b", "c"}
    assert pick("least-busy", on("a", model="n"), on("b", 1), ticket=either) == "a"


def test_filters_leave_what_they_should():
    rng = random.Random(1)
    three = (on("a", 0), on("b", 2), on("c", 3))
    assert [c.instance for c in not_crowded(three, TICKET, 0.0, rng)] == ["a", "b"]
    assert len(two_of(three, TICKET, 0.0, rng)) == 2 and two_of(three[:1], TICKET, 0.0, rng) == three[:1]


numbers = st.integers(0, 20)
candidates_of = st.lists(
    st.builds(
        lambda number, slots, busy, **more: on(f"i{number}", busy % slots, slots, **more),
        number=st.integers(0, 10**6),
        slots=st.integers(1, 16),
        busy=numbers,
        model=st.sampled_from("mnx"),
        weight=st.integers(1, 100),
        first_token_s=st.none() | st.floats(0, 1e6),
        last_picked=st.none() | st.floats(0, 1e9),
        served=numbers,
        matched=st.integers(0, 4),
        holds_call=st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda c: c.instance,
)
tickets = st.sampled_from([TICKET, Ticket(id=2, models=("n", "m"), call="c"), Ticket(id=3, models=("x",))])


@given(candidates_of, tickets, st.sampled_from(sorted(BUILT_IN)), st.integers(0, 9))
def test_a_policy_picks_a_candidate_and_hangs_on_its_arguments_alone(candidates, ticket, name, seed):
    before = list(candidates)
    one, other = (BUILT_IN[name].pick(candidates, ticket, 5.0, random.Random(seed)) for _ in range(2))
    assert any(one is c for c in candidates) and one is other
    assert candidates == before


@given(candidates_of, tickets, st.sampled_from(sorted(SCORERS)), st.integers(0, 9))
def test_scores_are_between_nought_and_one(candidates, ticket, name, seed):
    scores = SCORERS[name].score(candidates, ticket, 5.0, random.Random(seed))
    assert len(scores) == len(candidates)
    assert all(0.0 <= score <= 1.0 for score in scores)


@given(candidates_of, tickets, st.integers(0, 9))
def test_a_filter_leaves_some_of_the_candidates(candidates, ticket, seed):
    for some in (not_crowded, two_of):
        left = some(candidates, ticket, 5.0, random.Random(seed))
        assert left and all(any(one is c for c in candidates) for one in left)


@given(candidates_of, tickets, st.integers(0, 9))
def test_prefix_never_adds_to_a_crowd(candidates, ticket, seed):
    picked = BUILT_IN["prefix"].pick(candidates, ticket, 5.0, random.Random(seed))
    fewest, least = min(c.in_flight for c in candidates), min(c.in_flight / c.slots for c in candidates)
    crowded = picked.in_flight >= fewest + 3 and picked.in_flight / picked.slots > least + 0.5
    assert picked.holds_call or not crowded


def test_a_configuration_names_a_policy():
    assert balancer("least-busy") is balancer("least_busy") is BUILT_IN["least-busy"]
    assert balancer() is BUILT_IN["prefix"]
    mine = Scored("mine", ((BUSY, 1.0),))
    assert balancer("mine", extra={"mine": mine}) is mine


class Mornings:
    """A stranger's policy that can be weighed, too."""

    name = "mornings"

    def pick(self, candidates, ticket, now, rng):
        return candidates[0]

    def score(self, candidates, ticket, now, rng):
        return [1.0, *(0.0 for _ in candidates[1:])]


def test_a_configuration_weighs_scorers():
    candidates = on("a", 3, matched=4), on("b", 0, matched=0)
    rng = random.Random(1)
    assert balancer(weights={"prefix": 3, "busy": 2}).pick(candidates, TICKET, 0.0, rng).instance == "a"
    assert balancer(weights={"prefix": 2, "busy": 3}).pick(candidates, TICKET, 0.0, rng).instance == "b"
    assert balancer(weights={"prefix": 0, "busy": 3}).pick(candidates, TICKET, 0.0, rng).instance == "b"
    strange = balancer(weights={"mornings": 5, "busy": 3}, extra={"mornings": Mornings()})
    assert strange.pick(candidates, TICKET, 0.0, rng).instance == "a"


@pytest.mark.parametrize(
    ("name", "weights", "problems"),
    [
        ("least-bsy", {}, ["balance: 'least-bsy' is unknown, did you mean 'least-busy'? Known are"]),
        ("quickest-of-all", {}, ["balance: 'quickest-of-all' is unknown, known are latency, least-busy"]),
        ("prefix", {"busy": 1}, ["balance: is 'prefix' beside balance_weights, needs one of the two"]),
        (
            "",
            {"prefx": 1, "busy": -1},
            ["'prefx' is unknown, did you mean 'prefix'?", "busy: is -1, needs"],
        ),
        ("", {"busy": True}, ["balance_weights.busy: is True, needs a number"]),
        ("", {"busy": float("nan")}, ["balance_weights.busy: is nan, needs a finite number >= 0"]),
        ("", {"busy": 0}, ["balance_weights: are all 0, needs one > 0"]),
        ("", {"mine": 1}, ["balance_weights.mine: 'mine' is unknown"]),
    ],
)
def test_what_is_wrong_in_a_configuration_is_told_by_its_key(name, weights, problems):
    extra = {"mine": Scored("mine", ((BUSY, 1.0),))}
    found = balance_problems(name, weights, extra)
    assert len(found) == len(problems)
    for one, said in zip(problems, found, strict=True):
        assert one in said
    with pytest.raises(ConfigError) as raised:
        balancer(name, weights, extra)
    assert list(raised.value.problems) == found


def raises(*_):
    raise LookupError("nobody")


@pytest.mark.parametrize("does", [lambda *_: None, lambda *_: on("z"), raises])
def test_a_stranger_that_breaks_its_contract_does_not_stop_the_call(does):
    class Strange:
        name = "strange"
        pick = staticmethod(does)

    said: list[str] = []
    held = Held(Strange(), said.append)
    picked = held.pick((on("a", 2), on("b", 1)), TICKET, 0.0, random.Random(1))
    assert picked.instance == "b" and len(said) == 1 and "'strange'" in said[0]


def test_a_stranger_that_keeps_it_is_left_alone():
    said: list[str] = []
    held = Held(Mornings(), said.append)
    assert held.name == "mornings"
    assert held.pick((on("a", 2), on("b", 1)), TICKET, 0.0, random.Random(1)).instance == "a" and not said


def test_peak_ewma_believes_a_slow_sample_at_once_and_quick_ones_by_and_by():
    average = PeakEwma(decay_s=10.0)
    assert average.value(0.0) is None
    average.observe(0.2, 0.0)
    average.observe(2.0, 1.0)
    assert average.value(1.0) == 2.0
    average.observe(0.2, 2.0)
    after_one = average.value(2.0)
    assert after_one is not None and 1.5 < after_one < 2.0
    for second in range(3, 60):
        average.observe(0.2, float(second))
    steady = average.value(59.0)
    assert steady is not None and steady == pytest.approx(0.2, rel=0.05)
    assert average.value(159.0) == pytest.approx(0.0, abs=1e-4)
    with pytest.raises(ValueError, match="decay_s is 0"):
        PeakEwma(0)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=20))
def test_peak_ewma_lies_within_what_was_seen(samples):
    average, now = PeakEwma(), 0.0
    for seconds, after_s in samples:
        now += after_s
        average.observe(seconds, now)
        value = average.value(now)
        assert value is not None and seconds * (1 - 1e-9) <= value <= max(s for s, _ in samples) * (1 + 1e-9)
