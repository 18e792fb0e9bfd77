from __future__ import annotations

import dataclasses
import itertools
import random
from dataclasses import replace

import pytest

from loro_core.decide.balance import BUILT_IN, balancer
from loro_core.testing.check_balancer import check_balancer, choices


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_built_in_balancers_keep_the_contract(name):
    check_balancer(BUILT_IN[name])


def test_one_that_a_configuration_weighs_keeps_it_too():
    check_balancer(balancer(weights={"prefix": 3, "busy": 2, "weight": 0.5, "turn": 1, "latency": 2, "call": 1}))


def test_candidates_and_tickets_are_of_every_kind():
    asked = list(choices())
    assert len({what for what, _, _ in asked}) == len(asked) > 50
    every = [c for _, candidates, _ in asked for c in candidates]
    assert all(c.in_flight < c.slots for c in every)
    assert {c.first_token_s is None for c in every} == {c.holds_call for c in every} == {True, False}
    assert all(c.matched <= 3 for c in every) and len({c.model for c in every}) > 1


class Altered:
    """A balancer that does what it is told."""

    name = "altered"

    def __init__(self, pick):
        self._pick = pick

    def pick(self, candidates, ticket, now, rng):
        return self._pick(candidates, ticket, now, rng)


class Scoring(Altered):
    """One that scores as it is told, too."""

    def __init__(self, score):
        super().__init__(first)
        self._score = score

    def score(self, candidates, ticket, now, rng):
        return self._score(candidates, ticket, now, rng)


def first(candidates, *_):
    return candidates[0]


def raises(candidates, *_):
    raise LookupError("nobody")


def sorts(candidates, *_):
    candidates.sort(key=lambda c: c.in_flight)
    return candidates[0]


counter = itertools.count()


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (Altered(raises), "raised LookupError: nobody"),
        (Altered(lambda *_: None), "picked None, needs one of the candidates"),
        (Altered(lambda candidates, *_: replace(candidates[0])), "needs one of the candidates"),
        (Altered(lambda candidates, *_: candidates[next(counter) % len(candidates)]), "picked differently"),
        (Altered(lambda candidates, t, now, rng: candidates[-1 if now > 2000 else 0]), "hangs on the hour"),
        (Altered(lambda candidates, *_: candidates[int(random.random() * 0)]), "used `random` itself"),
        (Scoring(lambda candidates, *_: candidates.clear() or []), "gave 0 scores|changed its arguments"),
        (Scoring(lambda candidates, *_: [c.in_flight for c in candidates]), "a score is 3, needs a number in 0..1"),
        (Scoring(lambda candidates, *_: [float("nan") for _ in candidates]), "a score is nan"),
        (Scoring(lambda candidates, *_: [None for _ in candidates]), "a score is None"),
        (Scoring(lambda candidates, *_: [0.5]), "gave 1 scores, needs one for each of 2 candidates"),
        (Scoring(raises), "its score raised LookupError"),
        (Scoring(lambda candidates, *_: [1 / (2 + next(counter)) for _ in candidates]), "scored differently"),
        (
            Scoring(lambda candidates, *_: [c.in_flight / 10 for c in sorted_in_place(candidates)]),
            "changed its arguments",
        ),
    ],
)
def test_a_balancer_that_breaks_a_sentence_is_told_which(one, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_balancer(one)


def sorted_in_place(candidates):
    candidates.sort(key=lambda c: -c.in_flight)
    return candidates


def test_a_list_that_it_is_handed_is_not_its_own():
    with pytest.raises(AssertionError, match="changed its arguments"):
        check_balancer(Altered(sorts))


@pytest.mark.parametrize("name", ["", "Cheap", "my balancer", "mein_lastverteiler", "x" * 41, "ü", None])
def test_name(name):
    one = Altered(first)
    one.name = name
    with pytest.raises(AssertionError, match="its name is"):
        check_balancer(one)


def test_chance_from_rng_is_pure():
    check_balancer(Altered(lambda candidates, ticket, now, rng: rng.choice(candidates)))


def test_something_that_is_no_balancer():
    with pytest.raises(AssertionError, match="lacks a part"):
        check_balancer(dataclasses.make_dataclass("Half", [("name", str)])("half"))
