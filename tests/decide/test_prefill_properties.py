"""What holds of the ladder whatever becomes of the calls."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from loro_core.decide.prefill import FIRST_PAUSE_S, LONGEST_PAUSE_S, MISSES, Ladder, Rung, TakenUp
from loro_core.fleet import Deployment

LARGE = Deployment(name="large", provider="scripted", model="l")
GOOD = (TakenUp.WENT_ON, TakenUp.ECHOED)


class Model(RuleBasedStateMachine):
    """Calls that begin and end in any order. open_calls: told natively, and not over."""

    def __init__(self) -> None:
        super().__init__()
        self.ladder = Ladder()
        self.now = 0.0
        self.open_calls = 0
        self.misses = 0
        self.shut_s: float | None = None
        self.tries_while_shut: list[float] = []

    @rule(seconds=st.sampled_from([1.0, 60.0, FIRST_PAUSE_S, LONGEST_PAUSE_S]))
    def time_goes_on(self, seconds: float) -> None:
        self.now += seconds

    @rule(native=st.booleans(), bare=st.booleans())
    def a_call_begins(self, native: bool, bare: bool) -> None:
        rung = self.ladder.first(LARGE, native=native, bare=bare, now=self.now)
        assert native or rung is not Rung.NATIVE
        assert bare or rung is not Rung.NONE
        if rung is Rung.NATIVE:
            self.open_calls += 1
            if self.shut_s is not None:
                self.tries_while_shut.append(self.now)
        elif native:
            assert self.shut_s is not None, "a rung that nothing speaks against is left out"

    @precondition(lambda self: self.open_calls)
    @rule()
    def it_is_refused(self) -> None:
        self.open_calls -= 1
        self.ladder.refused(LARGE, Rung.NATIVE, self.now)
        self._shut()

    @precondition(lambda self: self.open_calls)
    @rule(how=st.sampled_from(TakenUp))
    def it_is_taken_up(self, how: TakenUp) -> None:
        self.open_calls -= 1
        self.ladder.taken_up(LARGE, how, self.now)
        if how in GOOD:
            self.misses, self.shut_s, self.tries_while_shut = 0, None, []
            assert self.ladder.echoes(LARGE) is (how is TakenUp.ECHOED)
            return
        self.misses += 1
        if self.misses >= MISSES:
            self._shut()

    @precondition(lambda self: self.open_calls)
    @rule()
    def it_is_cancelled(self) -> None:
        self.open_calls -= 1

    def _shut(self) -> None:
        if self.shut_s is None:
            self.shut_s = self.now

    @invariant()
    def a_shut_rung_is_tried_ever_more_rarely(self) -> None:
        if self.shut_s is None:
            return
        times = [self.shut_s, *self.tries_while_shut]
        pauses = [after - before for before, after in pairwise(times)]
        for number, pause_s in enumerate(pauses):
            assert pause_s >= min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S)

    @invariant()
    def nobody_else_is_concerned(self) -> None:
        other = Deployment(name="other", provider="scripted", model="l")
        assert self.ladder.first(other, native=True, bare=True, now=self.now) is Rung.NATIVE


TestLadder = Model.TestCase
