"""What holds of an instance's life however its process, its clock and whoever wants it behave."""

from __future__ import annotations

import random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loro_core.decide.lifecycle import (
    GIVE_UP_AFTER,
    STEADY_S,
    Action,
    Event,
    Exited,
    GraceOver,
    HealthLost,
    Healthy,
    Idle,
    Kill,
    Lifecycle,
    LoadTimedOut,
    NotSpawned,
    Pause,
    PauseOver,
    PortTaken,
    Spawn,
    Spawned,
    StartAsked,
    StartProbing,
    StopAsked,
    Terminate,
)
from loro_core.models import InstanceState as State

TAKEN = ("bind: address already in use",)
ALIVE = (State.LOADING, State.READY, State.DRAINING)


class Instance(RuleBasedStateMachine):
    """A world with at most one process, which the machine's actions start and end."""

    @initialize(seed=st.integers(0, 9), own_port=st.booleans())
    def begin(self, seed: int, own_port: bool) -> None:
        self.now = 0.0
        self.rng = random.Random(seed)
        self.life = Lifecycle(own_port=own_port)
        self.spawning = self.process = self.pausing = self.terminated = self.probing = False
        self.wanted = False
        self.deaths = 0
        self.ready_at: float | None = None

    def feed(self, event: Event) -> None:
        before = self.life.state
        for action in self.life.receive(event, self.now, self.rng):
            self.act(action)
        if before is not State.WAITING or self.life.state is not State.WAITING:
            self.pausing = self.life.state is State.WAITING

    def act(self, action: Action) -> None:
        match action:
            case Spawn():
                assert not self.process and not self.spawning, "two processes"
                self.spawning = True
                self.ready_at = None
            case StartProbing():
                assert self.process
                self.probing = True
            case Terminate() | Kill():
                assert self.process, "there is nothing to end"
                assert isinstance(action, Terminate) or self.terminated, "killed without having been asked"
                self.terminated = True
                self.probing = False
            case Pause(seconds):
                assert 0 < seconds <= 30.0
                assert not self.process

    @rule()
    def it_is_wanted(self) -> None:
        self.wanted = True
        self.feed(StartAsked())

    @rule(drain=st.booleans())
    def it_is_not_wanted(self, drain: bool) -> None:
        self.wanted = False
        self.feed(StopAsked(drain))

    @precondition(lambda self: self.spawning)
    @rule(pid=st.integers(2, 9))
    def a_process_starts(self, pid: int) -> None:
        self.spawning, self.process, self.terminated = False, True, False
        self.feed(Spawned(pid))

    @precondition(lambda self: self.spawning)
    @rule(lasting=st.booleans())
    def no_process_starts(self, lasting: bool) -> None:
        self.spawning = False
        self.feed(NotSpawned("no", lasting))

    @precondition(lambda self: self.process)
    @rule(status=st.sampled_from([0, 1, -9, -15]), tail=st.sampled_from([(), ("a",), TAKEN]))
    def the_process_ends(self, status: int, tail: tuple[str, ...]) -> None:
        self.process = self.probing = False
        self.feed(Exited(status, tail))

    @precondition(lambda self: self.probing)
    @rule(event=st.sampled_from([Healthy(), LoadTimedOut(1.0), HealthLost("silent"), PortTaken("nginx")]))
    def a_probe_tells(self, event: Event) -> None:
        self.feed(event)

    @precondition(lambda self: self.terminated and self.process)
    @rule()
    def its_time_to_end_is_over(self) -> None:
        self.feed(GraceOver())

    @precondition(lambda self: self.pausing)
    @rule()
    def the_pause_is_over(self) -> None:
        self.feed(PauseOver())

    @rule(event=st.sampled_from([Idle(), PauseOver(), Healthy(), HealthLost("late"), LoadTimedOut(1.0)]))
    def something_late_comes(self, event: Event) -> None:
        if not isinstance(event, Idle) and (self.probing or self.pausing):
            return
        self.feed(event)

    @rule(seconds=st.sampled_from([0.1, 5.0, STEADY_S]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def its_state_tells_whether_there_is_a_process(self) -> None:
        if not hasattr(self, "life"):
            return
        state = self.life.state
        if state in ALIVE:
            assert self.process
        elif state is State.STARTING:
            assert self.spawning
        elif state is State.STOPPING:
            assert self.process or self.spawning
        else:
            assert not self.process and not self.spawning

    @invariant()
    def a_probe_looks_only_at_a_process_that_lives_and_is_not_ended(self) -> None:
        if hasattr(self, "life"):
            assert self.probing is (self.life.state in ALIVE)

    @invariant()
    def a_failure_has_a_reason(self) -> None:
        if hasattr(self, "life") and self.life.state in (State.FAILED, State.WAITING):
            assert self.life.reason

    @invariant()
    def what_nobody_wants_is_not_started(self) -> None:
        if hasattr(self, "life") and not self.wanted:
            assert self.life.state in (State.STOPPED, State.STOPPING, State.DRAINING)

    @invariant()
    def it_is_never_left_in_a_state_that_nothing_ends(self) -> None:
        """From wherever it is, a stop and the end of its process lead to STOPPED."""
        if not hasattr(self, "life"):
            return
        copy = Lifecycle(own_port=True)
        for slot, value in vars(self.life).items():
            setattr(copy, slot, value)
        copy.receive(StopAsked(), self.now, random.Random(0))
        if self.spawning:
            copy.receive(Spawned(9), self.now, random.Random(0))
        if self.process or self.spawning:
            copy.receive(GraceOver(), self.now, random.Random(0))
            copy.receive(Exited(-9), self.now, random.Random(0))
        assert copy.state is State.STOPPED

    @invariant()
    def it_is_not_started_again_for_ever(self) -> None:
        if hasattr(self, "life"):
            assert self.life._quick_deaths <= GIVE_UP_AFTER  # the limit itself: no path counts past it


TestInstance = Instance.TestCase
