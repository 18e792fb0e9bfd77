"""The gate over many turns: how often it is needlessly quick to speak, and how often it leaves a silence."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.estimate import FirstTokens
from loro_core.decide.gate import DELAYED, MISSED, NEEDLESS, PLANNED, timely
from loro_core.fleet import Expectation

SLACK_S = 0.3
TURNS = 1000
Draw = Callable[[random.Random, int], float]
"""(chance, number of the turn) -> when the answer begins."""


@dataclass(frozen=True)
class Outcome:
    """Shares of all turns. needless: words were written, and the answer was within the slack; missed: the answer was
    later, and there were no words. waited_s: how late the words came, on average."""

    needless: float
    missed: float
    waited_s: float


def play(draw: Draw, *, turns: int = TURNS, seed: int = 1, gap_s: float = 8.0) -> Outcome:
    """Return what comes of a process's first `turns` turns, one every `gap_s`, the gate learning from each."""
    rng = random.Random(seed)
    first_tokens = FirstTokens()
    needless = missed = 0
    waits: list[float] = []
    for turn in range(turns):
        now = turn * gap_s
        verdict = timely(first_tokens.expectation(800, now), slack_s=SLACK_S)
        after_s = draw(rng, turn)
        spoken = verdict.acknowledge and after_s > verdict.not_before_s
        if spoken:
            waits.append(verdict.not_before_s)
        needless += spoken and after_s <= SLACK_S
        missed += not spoken and after_s > SLACK_S
        first_tokens.add(after_s, prompt_chars=800, now=now)
    return Outcome(needless / turns, missed / turns, sum(waits) / len(waits) if waits else 0.0)


def around(median_s: float, spread: float = 1.25) -> Draw:
    """Return times whose logarithm is normal: two of three within a factor of `spread`."""
    return lambda rng, _: median_s * spread ** rng.gauss(0, 1)


def either(share: float, quick: Draw, slow: Draw) -> Draw:
    """Return `quick` in a `share` of the turns, by chance; a cache that hits or does not."""
    return lambda rng, turn: (quick if rng.random() < share else slow)(rng, turn)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("turns", [50, 1000])
def test_at_80_ms_at_most_2_percent_are_needless(seed, turns):
    assert play(around(0.08), seed=seed, turns=turns).needless <= 0.02


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("turns", [50, 1000])
def test_at_1_5_s_at_most_2_percent_are_missed_and_none_comes_late(seed, turns):
    outcome = play(around(1.5), seed=seed, turns=turns)
    assert outcome.missed <= 0.02
    assert outcome.waited_s <= (0.02 if turns == 1000 else 0.1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_is_one_or_the_other_by_chance(share, seed):
    outcome = play(either(share, around(0.08), around(1.5)), seed=seed)
    assert outcome.needless <= 0.05
    assert outcome.missed <= 0.02
    assert outcome.waited_s <= SLACK_S


# Nine hosted models (aiewf-eval, 30 turns, 10 runs): median and p95 in ms; spread = (p95 / median) ** (1 / 1.645)
MODELS = {
    "gpt-oss-120b": (0.098, 0.226),
    "nemotron-3-nano": (0.171, 0.199),
    "gemini-2.5-flash": (0.594, 1.349),
    "gpt-4.1": (0.683, 1.052),
    "gpt-5.1": (0.916, 2.011),
    "claude-sonnet-4.5": (2.234, 3.062),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_models_that_others_measured(name):
    median_s, p95_s = MODELS[name]
    outcome = play(around(median_s, (p95_s / median_s) ** (1 / 1.645)))
    assert outcome.needless <= 0.03
    assert outcome.missed <= 0.05


def test_a_model_that_turns_slow_is_noticed_within_a_turn_or_two():
    def draw(rng: random.Random, turn: int) -> float:
        return around(0.08 if turn < 500 else 1.5)(rng, turn)

    outcome = play(draw)
    assert outcome.missed * TURNS <= 2 and outcome.needless * TURNS <= 2


def test_a_model_that_turns_quick_is_noticed_before_many_words_are_needless():
    def draw(rng: random.Random, turn: int) -> float:
        return around(1.5 if turn < 500 else 0.08)(rng, turn)

    outcome = play(draw)
    assert outcome.missed * TURNS <= 2 and outcome.needless * TURNS <= 3


def test_around_the_slack_neither_fault_is_common():
    """Where the answer comes at the slack itself, no words are right and none are wrong; holes still are."""
    outcome = play(around(0.3, 1.1))
    assert outcome.needless <= 0.02


POINTS = st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(0.01, 1.0)), min_size=1, max_size=20)


def expected(points: list[tuple[float, float]]) -> Expectation:
    total = sum(weight for _, weight in points)
    return Expectation(points=tuple(sorted((after_s, weight / total) for after_s, weight in points)), measured=1.0)


@given(POINTS, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_words_are_held_from_the_floor_to_the_slack_and_no_longer(points, slack_s, floor_s):
    verdict = timely(expected(points), slack_s=slack_s, floor_s=floor_s)
    if verdict.acknowledge:
        assert floor_s <= verdict.not_before_s <= max(slack_s, floor_s) + 1e-9


@given(POINTS, st.floats(0.0, 2.0))
def test_an_answer_within_the_slack_for_certain_is_never_talked_over(points, slack_s):
    quick = expected([(after_s % (slack_s + 1e-6), weight) for after_s, weight in points])
    assert not timely(quick, slack_s=slack_s + 1e-6).acknowledge


@given(POINTS, st.floats(0.0, 2.0))
def test_an_answer_that_leaves_a_hole_for_certain_is_always_announced_at_once(points, slack_s):
    slow = expected([(slack_s + 0.5 + after_s, weight) for after_s, weight in points])
    verdict = timely(slow, slack_s=slack_s)
    assert verdict.acknowledge and verdict.not_before_s == 0.0


@given(POINTS, st.floats(0.1, 2.0), st.floats(0.5, 10.0))
def test_a_later_answer_never_takes_the_words_away(points, slack_s, later_s):
    if timely(expected(points), slack_s=slack_s).acknowledge:
        later = expected([(after_s + later_s if after_s > slack_s else after_s, w) for after_s, w in points])
        assert timely(later, slack_s=slack_s).acknowledge


def test_the_weights_are_what_the_text_says():
    assert MISSED > NEEDLESS > 10 * PLANNED and DELAYED * SLACK_S < 0.1 * NEEDLESS
