"""The table of moves of an instance, row by row; the laws are in test_lifecycle_properties.py."""

from __future__ import annotations

import random

import pytest

from loro_core.decide.lifecycle import (
    FIRST_PAUSE_S,
    GIVE_UP_AFTER,
    LONGEST_PAUSE_S,
    MOST_MOVES,
    STEADY_S,
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
    how,
    says_port_is_taken,
)
from loro_core.models import InstanceState as State

TO_LOADING = (StartAsked(), Spawned(7))
TO_READY = (*TO_LOADING, Healthy())
TAKEN = Exited(1, ("bind: Address already in use",))


class Life:
    """A lifecycle on a clock of its own."""

    def __init__(self, *events, own_port=True):
        self.now = 100.0
        self.rng = random.Random(1)
        self.machine = Lifecycle(now=self.now, own_port=own_port)
        self.feed(*events)

    def feed(self, *events):
        """Return what the last of the events brings about."""
        actions = []
        for event in events:
            actions = self.machine.receive(event, self.now, self.rng)
        return actions

    @property
    def told(self):
        return self.machine.state, self.machine.reason

    def at(self, state):
        return self.machine.state is state


def test_a_start_goes_through_loading_to_ready():
    life = Life()
    assert life.feed(StartAsked()) == [Spawn()]
    assert life.at(State.STARTING)
    assert life.feed(Spawned(7)) == [StartProbing()]
    assert life.at(State.LOADING)
    assert life.feed(Healthy()) == []
    assert life.told == (State.READY, "")
    assert life.machine.restarts == 0


def test_a_second_wish_to_start_starts_nothing():
    for events in [(StartAsked(),), TO_LOADING, TO_READY, (*TO_READY, Exited(1))]:
        life = Life(*events)
        before = life.told
        assert life.feed(StartAsked()) == []
        assert life.told == before


@pytest.mark.parametrize("events", [TO_LOADING, TO_READY])
def test_a_stop_asks_then_kills_and_ends_stopped(events):
    life = Life(*events)
    assert life.feed(StopAsked()) == [Terminate()]
    assert life.at(State.STOPPING)
    assert life.feed(GraceOver()) == [Kill()]
    assert life.feed(Exited(-9)) == []
    assert life.told == (State.STOPPED, "")


def test_a_stop_while_starting_waits_to_hear_whether_there_is_a_process():
    life = Life(StartAsked())
    assert life.feed(StopAsked()) == []
    assert life.at(State.STOPPING)
    assert life.feed(Spawned(7)) == [Terminate()]
    life.feed(Exited(-15))
    assert life.at(State.STOPPED)
    life = Life(StartAsked(), StopAsked(), NotSpawned("no memory"))
    assert life.at(State.STOPPED)


def test_draining_ends_with_the_last_call():
    life = Life(*TO_READY)
    assert life.feed(StopAsked(drain=True)) == []
    assert life.at(State.DRAINING)
    assert life.feed(StopAsked(drain=True)) == []
    assert life.feed(Idle()) == [Terminate()]


def test_draining_is_cut_short_by_a_stop():
    life = Life(*TO_READY, StopAsked(drain=True))
    assert life.feed(StopAsked(drain=False)) == [Terminate()]


def test_what_is_wanted_again_while_it_drains_goes_on():
    life = Life(*TO_READY, StopAsked(drain=True))
    assert life.feed(StartAsked()) == []
    assert life.at(State.READY)
    assert life.feed(Idle()) == []


def test_one_that_dies_while_it_drains_stays_dead():
    life = Life(*TO_READY, StopAsked(drain=True))
    assert life.feed(Exited(-11)) == []
    assert life.at(State.STOPPED)
    assert life.machine.reason == "ended by SIGSEGV while it was drained"


def test_what_is_wanted_again_while_it_stops_is_started_when_it_is_gone():
    life = Life(*TO_READY, StopAsked())
    assert life.feed(StartAsked()) == []
    assert life.feed(Exited(-15)) == [Spawn()]
    assert life.at(State.STARTING)


def test_the_last_wish_counts_while_it_stops():
    life = Life(*TO_READY, StopAsked(), StartAsked(), StopAsked())
    assert life.feed(Exited(-15)) == []
    assert life.at(State.STOPPED)


def test_a_stop_takes_back_a_death_that_was_being_dealt_with():
    life = Life(*TO_READY, HealthLost("silent"), StopAsked())
    life.feed(Exited(-9))
    assert life.at(State.STOPPED)


def test_quick_deaths_are_answered_by_growing_pauses_and_then_by_giving_up():
    life = Life(*TO_LOADING)
    for n in range(1, GIVE_UP_AFTER):
        (pause,) = life.feed(Exited(1, ("no such tensor",)))
        whole = min(FIRST_PAUSE_S * 2 ** (n - 1), LONGEST_PAUSE_S)
        assert isinstance(pause, Pause)
        assert whole / 2 <= pause.seconds <= whole
        assert life.told == (State.WAITING, "exited with status 1")
        assert life.feed(PauseOver()) == [Spawn()]
        assert life.machine.restarts == n
        life.feed(Spawned(7))
    assert life.feed(Exited(1, ("loading", "no such tensor"))) == []
    assert life.at(State.FAILED)
    assert life.machine.reason == (
        f"it died {GIVE_UP_AFTER} times in a row, the last time: exited with status 1\nloading\nno such tensor"
    )


def test_one_that_is_ready_for_a_moment_does_not_start_its_deaths_anew():
    life = Life(*TO_READY)
    for _ in range(GIVE_UP_AFTER - 1):
        life.now += STEADY_S - 1
        life.feed(Exited(-9), PauseOver(), Spawned(8), Healthy())
    life.feed(Exited(-9))
    assert life.at(State.FAILED)


def test_after_a_steady_time_it_is_started_at_once():
    life = Life(*TO_READY)
    life.feed(Exited(-9), PauseOver(), Spawned(8), Healthy())
    life.now += STEADY_S
    assert life.feed(Exited(-9)) == [Spawn()]
    assert life.told == (State.STARTING, "ended by SIGKILL")
    life.feed(Spawned(9))
    (pause,) = life.feed(Exited(1))
    assert isinstance(pause, Pause) and pause.seconds <= FIRST_PAUSE_S, "earlier deaths are forgotten"


def test_a_program_that_is_not_there_fails_at_once_and_a_lack_of_memory_does_not():
    life = Life(StartAsked())
    assert life.feed(NotSpawned("no program 'llama'", lasting=True)) == []
    assert life.told == (State.FAILED, "no program 'llama'")
    life = Life(StartAsked())
    assert isinstance(life.feed(NotSpawned("Cannot allocate memory"))[0], Pause)


def test_a_failed_one_starts_anew_when_asked_and_stops_when_told():
    life = Life(StartAsked(), NotSpawned("no program", lasting=True))
    assert life.feed(StopAsked()) == []
    assert life.told == (State.STOPPED, "no program")
    life = Life(StartAsked(), NotSpawned("no program", lasting=True))
    assert life.feed(StartAsked()) == [Spawn()]
    assert life.machine.restarts == 0


def test_one_that_never_gets_ready_is_ended_and_has_died():
    life = Life(*TO_LOADING)
    assert life.feed(LoadTimedOut(120.0, "status 503")) == [Terminate()]
    assert life.machine.reason == "no good health answer within 120 s (status 503)"
    assert isinstance(life.feed(Exited(-15))[0], Pause)
    assert life.machine.reason == "no good health answer within 120 s (status 503)"


def test_one_that_falls_silent_is_ended_and_started_again():
    life = Life(*TO_READY)
    assert life.feed(HealthLost("no health answer for 60 s")) == [Terminate()]
    assert life.feed(GraceOver()) == [Kill()]
    assert isinstance(life.feed(Exited(-9))[0], Pause)


def test_a_taken_port_is_answered_by_another_one_and_is_no_death():
    life = Life(*TO_LOADING)
    for _ in range(MOST_MOVES):
        assert life.feed(TAKEN) == [Spawn()]
        life.feed(Spawned(8))
    assert isinstance(life.feed(TAKEN)[0], Pause)


def test_a_taken_port_that_was_prescribed_is_a_death():
    life = Life(*TO_LOADING, own_port=False)
    assert isinstance(life.feed(TAKEN)[0], Pause)
    assert life.machine.reason == "exited with status 1: its port was taken"


def test_one_whose_port_another_process_serves_is_moved():
    life = Life(*TO_LOADING)
    assert life.feed(PortTaken("process 9 (nginx)")) == [Terminate()]
    assert life.feed(Exited(-15)) == [Spawn()]
    assert life.machine.reason == "its port was taken by process 9 (nginx)"


def test_a_stop_while_it_waits_to_start_again_stops_it():
    life = Life(*TO_LOADING, Exited(1))
    assert life.feed(StopAsked(drain=True)) == []
    assert life.at(State.STOPPED)
    assert life.feed(PauseOver()) == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-9, "ended by SIGKILL"),
        (-250, "ended by signal 250"),
    ],
)
def test_how_a_process_ended_is_told(status, told):
    assert how(status) == told


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("OSError: [Errno 98] Address already in use", True),
        ("Error: listen EADDRINUSE: address already in use 127.0.0.1:1", True),
        ("couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1", True),
        ("listen tcp 127.0.0.1:1: bind: address already in use", True),
        ("the KV cache is in use", False),
        ("CUDA error 98", False),
    ],
)
def test_a_taken_port_is_read_from_the_log(line, taken):
    assert says_port_is_taken(["starting", line, "bye"]) is taken
