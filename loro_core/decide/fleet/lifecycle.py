"""The life of one instance: when its process is started, watched, ended, and started again.

    state      event                     becomes    and does
    ---------  ------------------------  ---------  ------------------------------------------------------------------
    STOPPED    StartAsked                STARTING   Spawn; all earlier deaths are forgotten
    STARTING   Spawned                   LOADING    StartProbing
               NotSpawned                *death*
               NotSpawned, lasting       FAILED     no program of that name: waiting does not mend it
               StopAsked                 STOPPING   nothing yet: whether there is a process is still to be heard
    LOADING    Healthy                   READY
               Exited                    *death*
               Exited, its port taken    STARTING   Spawn, with another port; MOST_MOVES times, then it is a death
               PortTaken                 STOPPING   Terminate; then as above
               LoadTimedOut              STOPPING   Terminate; then *death*
               StopAsked                 STOPPING   Terminate
    READY      Exited                    *death*
               HealthLost                STOPPING   Terminate; then *death*
               StopAsked(drain)          DRAINING
               StopAsked                 STOPPING   Terminate
    DRAINING   Idle                      STOPPING   Terminate
               StopAsked (not to drain)  STOPPING   Terminate
               StartAsked                READY      it is wanted after all, and has never stopped
               HealthLost                STOPPING   Terminate
               Exited                    STOPPED
    STOPPING   Spawned                   STOPPING   Terminate
               GraceOver                 STOPPING   Kill
               StartAsked                STOPPING   it is started once this process is gone
               StopAsked                 STOPPING   it is not, and no death is held against it
               Exited, NotSpawned        STOPPED, STARTING with Spawn, or *death*, as was said before
    WAITING    PauseOver                 STARTING   Spawn
               StopAsked                 STOPPED
    FAILED     StartAsked                STARTING   Spawn; all earlier deaths are forgotten
               StopAsked                 STOPPED    the reason stays

    *death*: it had been READY for STEADY_S      STARTING   Spawn at once; earlier deaths are forgotten
             less, the n-th time in a row        WAITING    Pause: 0.25 s x 2^(n-1), 30 s at most, half of it by chance
             less, GIVE_UP_AFTER in a row        FAILED     with the last lines of its log in the reason

What is not in the table changes nothing: it is late. `Exited` says that every process of the instance is gone, so there
are never two of them: Spawn comes only after it, or where there was none.
"""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from loro_core.models import InstanceState

STEADY_S = 30.0
"""Whoever has been ready for so long does not die of what it is started with."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0

GIVE_UP_AFTER = 5
"""The pauses before giving up come to 4 s at most: a client does not wait long for a model that cannot be started."""

MOST_MOVES = 3
"""So often in a row a port that somebody else took is answered by taking another one, without counting a death."""

TAIL_LINES = 8
"""So many last lines of the log stand in the reason of a failure."""

# As the libraries of Linux, macOS and BSD, Go, Node and libuv, Rust and llama.cpp's server say it.
_PORT_TAKEN = re.compile(
    r"address (?:is )?already in use|EADDRINUSE|couldn't bind (?:HTTP server )?(?:socket|to)|errno (?:98|48)\b",
    re.IGNORECASE,
)


class StartAsked(Struct, frozen=True):
    """Somebody wants it to run."""


class Spawned(Struct, frozen=True):
    """Its process runs."""

    pid: int


class NotSpawned(Struct, frozen=True):
    """Its process could not be started. lasting: and cannot be as long as nobody changes something."""

    reason: str
    lasting: bool = False


class Healthy(Struct, frozen=True):
    """It gave its first good health answer."""


class PortTaken(Struct, frozen=True):
    """Another process listens at its port. by: which one, for people."""

    by: str


class Exited(Struct, frozen=True):
    """Its process has ended, and every process that it had started is gone.

    status: its exit status; -n if signal n ended it. tail: the last lines of its log, the oldest first.
    """

    status: int
    tail: Sequence[str] = ()


class LoadTimedOut(Struct, frozen=True):
    """No good health answer came in time."""

    within_s: float
    last: str = ""
    """What the latest probe met, for people."""


class HealthLost(Struct, frozen=True):
    """It was ready, and does not answer any more. reason: for people."""

    reason: str


class StopAsked(Struct, frozen=True):
    """Nobody wants it to run. drain: once the calls under way are over."""

    drain: bool = False


class Idle(Struct, frozen=True):
    """Its last call is over."""


class GraceOver(Struct, frozen=True):
    """It was asked to end, and had its time to."""


class PauseOver(Struct, frozen=True):
    """The time to wait before it is started again is over."""


Event = (
    StartAsked
    | Spawned
    | NotSpawned
    | Healthy
    | PortTaken
    | Exited
    | LoadTimedOut
    | HealthLost
    | StopAsked
    | Idle
    | GraceOver
    | PauseOver
)


class Spawn(Struct, frozen=True):
    """Start a process; say Spawned or NotSpawned."""


class StartProbing(Struct, frozen=True):
    """Ask for its health until it is good; say Healthy, PortTaken or LoadTimedOut, and HealthLost later."""


class Terminate(Struct, frozen=True):
    """Ask every process of it to end; say GraceOver when they had their time, and Exited when they are gone."""


class Kill(Struct, frozen=True):
    """End every process of it now."""


class Pause(Struct, frozen=True):
    """Say PauseOver after so many seconds."""

    seconds: float


Action = Spawn | StartProbing | Terminate | Kill | Pause


class _Then(Enum):
    """What follows once the process that is being ended is gone."""

    STOP = "stop"
    START = "start"
    MOVE = "move"
    DIE = "die"


class Lifecycle:
    """One instance.

    own_port: whether each start takes a free port, so that a taken one can be answered by another.
    state, since: where it is, and since when, on the clock of `now`. reason: why, where that is not plain.
    restarts: how often it was started again since it was last asked for.
    """

    def __init__(self, *, now: float = 0.0, own_port: bool = True) -> None:
        self._own_port = own_port
        self._then = _Then.STOP
        self._quick_deaths = 0
        self._moves = 0
        self._ready_since: float | None = None
        self.state = InstanceState.STOPPED
        self.since = now
        self.reason = ""
        self.restarts = 0

    def __repr__(self) -> str:
        return f"<Lifecycle {self.state.value}{self.reason and f': {self.reason}'}>"

    def receive(self, event: Event, now: float, rng: random.Random) -> list[Action]:
        """Take in what happened and return what is to be done, in order."""
        match self.state:
            case InstanceState.STOPPED:
                return self._in_stopped(event, now)
            case InstanceState.STARTING:
                return self._in_starting(event, now, rng)
            case InstanceState.LOADING:
                return self._in_loading(event, now, rng)
            case InstanceState.READY:
                return self._in_ready(event, now, rng)
            case InstanceState.DRAINING:
                return self._in_draining(event, now)
            case InstanceState.STOPPING:
                return self._in_stopping(event, now, rng)
            case InstanceState.WAITING:
                return self._in_waiting(event, now)
            case InstanceState.FAILED:
                return self._in_failed(event, now)

    def _in_stopped(self, event: Event, now: float) -> list[Action]:
        return self._begin(now) if isinstance(event, StartAsked) else []

    def _in_starting(self, event: Event, now: float, rng: random.Random) -> list[Action]:
        match event:
            case Spawned():
                self._become(InstanceState.LOADING, now, self.reason)
                return [StartProbing()]
            case NotSpawned(reason, lasting):
                return self._death(reason, (), now, rng, lasting=lasting)
            case StopAsked():
                self._end(_Then.STOP, now)
                return []
            case _:
                return []

    def _in_loading(self, event: Event, now: float, rng: random.Random) -> list[Action]:
        match event:
            case Healthy():
                self._become(InstanceState.READY, now)
                self._ready_since = now
                self._moves = 0
                return []
            case Exited(status, tail):
                if says_port_is_taken(tail):
                    return self._moved(f"{how(status)}: its port was taken", tail, now, rng)
                return self._death(how(status), tail, now, rng)
            case PortTaken(by):
                return self._end(_Then.MOVE, now, f"its port was taken by {by}")
            case LoadTimedOut(within_s, last):
                return self._end(_Then.DIE, now, f"no good health answer within {within_s:g} s{last and f' ({last})'}")
            case StopAsked():
                return self._end(_Then.STOP, now)
            case _:
                return []

    def _in_ready(self, event: Event, now: float, rng: random.Random) -> list[Action]:
        match event:
            case Exited(status, tail):
                return self._death(how(status), tail, now, rng)
            case HealthLost(reason):
                return self._end(_Then.DIE, now, reason)
            case StopAsked(drain):
                if drain:
                    self._become(InstanceState.DRAINING, now)
                    return []
                return self._end(_Then.STOP, now)
            case _:
                return []

    def _in_draining(self, event: Event, now: float) -> list[Action]:
        match event:
            case Idle() | StopAsked(False):
                return self._end(_Then.STOP, now)
            case StartAsked():
                self._become(InstanceState.READY, now)
                return []
            case HealthLost(reason):
                return self._end(_Then.STOP, now, reason)
            case Exited(status, _):
                self._become(InstanceState.STOPPED, now, f"{how(status)} while it was drained")
                return []
            case _:
                return []

    def _in_stopping(self, event: Event, now: float, rng: random.Random) -> list[Action]:
        match event:
            case Spawned():
                return [Terminate()]
            case GraceOver():
                return [Kill()]
            case StartAsked():
                if self._then is _Then.STOP:
                    self._then = _Then.START
                return []
            case StopAsked():
                self._then = _Then.STOP
                return []
            case Exited(_, tail):
                return self._gone(tail, now, rng)
            case NotSpawned():
                return self._gone((), now, rng)
            case _:
                return []

    def _in_waiting(self, event: Event, now: float) -> list[Action]:
        match event:
            case PauseOver():
                return self._again(now, self.reason)
            case StopAsked():
                self._become(InstanceState.STOPPED, now)
                return []
            case _:
                return []

    def _in_failed(self, event: Event, now: float) -> list[Action]:
        match event:
            case StartAsked():
                return self._begin(now)
            case StopAsked():
                self._become(InstanceState.STOPPED, now, self.reason)
                return []
            case _:
                return []

    def _become(self, state: InstanceState, now: float, reason: str = "") -> None:
        self.state, self.since, self.reason = state, now, reason

    def _begin(self, now: float) -> list[Action]:
        self._quick_deaths = self._moves = self.restarts = 0
        self._ready_since = None
        self._become(InstanceState.STARTING, now)
        return [Spawn()]

    def _again(self, now: float, reason: str) -> list[Action]:
        self.restarts += 1
        self._ready_since = None
        self._become(InstanceState.STARTING, now, reason)
        return [Spawn()]

    def _end(self, then: _Then, now: float, reason: str = "") -> list[Action]:
        self._then = then
        self._become(InstanceState.STOPPING, now, reason)
        return [Terminate()]

    def _gone(self, tail: Sequence[str], now: float, rng: random.Random) -> list[Action]:
        match self._then:
            case _Then.STOP:
                self._become(InstanceState.STOPPED, now, self.reason)
                return []
            case _Then.START:
                return self._begin(now)
            case _Then.MOVE:
                return self._moved(self.reason, tail, now, rng)
            case _Then.DIE:
                return self._death(self.reason, tail, now, rng)

    def _moved(self, reason: str, tail: Sequence[str], now: float, rng: random.Random) -> list[Action]:
        if not self._own_port or self._moves >= MOST_MOVES:
            return self._death(reason, tail, now, rng)
        self._moves += 1
        return self._again(now, reason)

    def _death(
        self, reason: str, tail: Sequence[str], now: float, rng: random.Random, *, lasting: bool = False
    ) -> list[Action]:
        if self._ready_since is not None and now - self._ready_since >= STEADY_S:
            self._quick_deaths = 0
            return self._again(now, reason)
        self._quick_deaths += 1
        if lasting:
            self._become(InstanceState.FAILED, now, _with_tail(reason, tail))
            return []
        if self._quick_deaths >= GIVE_UP_AFTER:
            often = f"it died {self._quick_deaths} times in a row, the last time: {reason}"
            self._become(InstanceState.FAILED, now, _with_tail(often, tail))
            return []
        pause_s = min(FIRST_PAUSE_S * 2 ** (self._quick_deaths - 1), LONGEST_PAUSE_S) * (0.5 + rng.random() / 2)
        self._become(InstanceState.WAITING, now, reason)
        return [Pause(pause_s)]


def how(status: int) -> str:
    """Return how a process ended, for people."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def says_port_is_taken(tail: Sequence[str]) -> bool:
    """Return whether the last lines of a log tell that its server could not listen because somebody else does."""
    return any(_PORT_TAKEN.search(line) for line in tail)


def _with_tail(reason: str, tail: Sequence[str]) -> str:
    return "\n".join([reason, *tail[-TAIL_LINES:]])
