"""What the ladder remembers of a model."""

from __future__ import annotations

import pytest

from loro_core.decide.prefill import FIRST_PAUSE_S, LONGEST_PAUSE_S, MISSES, MOST_MODELS, Ladder, Rung, TakenUp
from loro_core.fleet import Deployment

LARGE = Deployment(name="large", provider="scripted", model="l")


def first(ladder: Ladder, now: float = 0.0, *, native: bool = True, bare: bool = False, of: Deployment = LARGE) -> Rung:
    return ladder.first(of, native=native, bare=bare, now=now)


@pytest.mark.parametrize(("native", "rung"), [(True, Rung.NATIVE), (False, Rung.HINT)])
@pytest.mark.parametrize("bare", [True, False])
def test_a_model_nobody_knows_is_told_as_well_as_can_be(native, bare, rung):
    assert first(Ladder(), native=native, bare=bare) is rung


def test_a_refusal_is_remembered_and_looked_at_again_by_one_call():
    ladder = Ladder()
    ladder.refused(LARGE, Rung.NATIVE, now=100.0)
    assert first(ladder, 100.0 + FIRST_PAUSE_S - 1) is Rung.HINT
    again = 100.0 + FIRST_PAUSE_S
    assert [first(ladder, again), first(ladder, again), first(ladder, again + 1)] == [Rung.NATIVE, Rung.HINT, Rung.HINT]


def test_many_refusals_at_once_are_one():
    ladder = Ladder()
    for number in range(20):
        ladder.refused(LARGE, Rung.NATIVE, now=0.1 * number)
    assert first(ladder, FIRST_PAUSE_S) is Rung.NATIVE


def test_the_pause_doubles_to_a_day():
    ladder = Ladder()
    ladder.refused(LARGE, Rung.NATIVE, now=0.0)
    tried = [now for now in range(0, 10 * 86_400, 60) if first(ladder, float(now)) is Rung.NATIVE]
    pauses = [after - before for before, after in zip([0, *tried], tried, strict=False)]
    assert pauses[:4] == [600, 1200, 2400, 4800]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE_S


def test_a_model_that_goes_on_again_is_as_good_as_new():
    ladder = Ladder()
    ladder.refused(LARGE, Rung.NATIVE, now=0.0)
    assert first(ladder, FIRST_PAUSE_S) is Rung.NATIVE
    ladder.taken_up(LARGE, TakenUp.WENT_ON, FIRST_PAUSE_S)
    assert first(ladder, FIRST_PAUSE_S + 1) is Rung.NATIVE
    ladder.refused(LARGE, Rung.NATIVE, now=1000.0)
    assert first(ladder, 1000.0 + FIRST_PAUSE_S) is Rung.NATIVE


@pytest.mark.parametrize("miss", [TakenUp.BEGAN_ANEW, TakenUp.SAID_NOTHING])
def test_one_greeting_is_no_proof_but_several_in_a_row_are(miss):
    ladder = Ladder()
    for _ in range(MISSES - 1):
        ladder.taken_up(LARGE, miss, 0.0)
    ladder.taken_up(LARGE, TakenUp.WENT_ON, 0.0)
    for _ in range(MISSES - 1):
        ladder.taken_up(LARGE, miss, 0.0)
        assert first(ladder) is Rung.NATIVE
    ladder.taken_up(LARGE, miss, 0.0)
    assert first(ladder) is Rung.HINT


def test_a_model_that_repeats_the_words_stays_native_and_is_known_to():
    ladder = Ladder()
    assert not ladder.echoes(LARGE)
    for _ in range(2 * MISSES):
        ladder.taken_up(LARGE, TakenUp.ECHOED, 0.0)
    assert first(ladder) is Rung.NATIVE and ladder.echoes(LARGE)
    ladder.taken_up(LARGE, TakenUp.BEGAN_ANEW, 0.0)
    assert ladder.echoes(LARGE), "a greeting says nothing about what it does where it goes on"
    ladder.taken_up(LARGE, TakenUp.WENT_ON, 0.0)
    assert not ladder.echoes(LARGE)


def test_a_template_without_a_system_message_is_spared_hints_that_bring_one():
    ladder = Ladder()
    ladder.refused(LARGE, Rung.HINT, now=0.0)
    assert first(ladder, native=False, bare=True) is Rung.NONE
    assert first(ladder, native=False, bare=False) is Rung.HINT
    ladder.accepted(LARGE)
    assert first(ladder, native=False, bare=True) is Rung.HINT


@pytest.mark.parametrize(
    ("rung", "bare", "below"),
    [
        (Rung.NATIVE, True, Rung.HINT),
        (Rung.NATIVE, False, Rung.HINT),
        (Rung.HINT, True, Rung.NONE),
        (Rung.HINT, False, None),
        (Rung.NONE, True, None),
    ],
)
def test_what_is_below(rung, bare, below):
    assert Ladder().below(rung, bare=bare) is below


@pytest.mark.parametrize(
    "other", [Deployment(name="large", provider="scripted", model="m"), Deployment(name="b", provider="p", model="l")]
)
def test_models_are_known_apart(other):
    ladder = Ladder()
    ladder.refused(LARGE, Rung.NATIVE, now=0.0)
    assert first(ladder, of=other) is Rung.NATIVE


def test_memory_is_bounded_and_keeps_what_is_used():
    ladder = Ladder()
    for number in range(3 * MOST_MODELS):
        ladder.refused(LARGE, Rung.NATIVE, now=0.0)
        other = Deployment(name="large", provider="scripted", model=str(number))
        ladder.refused(other, Rung.NATIVE, now=0.0)
    assert first(ladder) is Rung.HINT
    forgotten = Deployment(name="large", provider="scripted", model="0")
    assert first(ladder, of=forgotten) is Rung.NATIVE
