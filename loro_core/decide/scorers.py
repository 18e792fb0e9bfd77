"""What speaks for a candidate, and what against it: the parts that balancing policies are put together from.

    scorer    1 is                                              0 is
    --------  ------------------------------------------------  -----------------------------------
    busy      nothing under way                                 all slots taken
    latency   the least of peak first token x load after it     (towards) infinitely slower
    turn      picked the longest ago, or never                  (towards) picked last
    weight    drawn by lot, in proportion to the weights        (towards) not drawn
    prefix    has seen the whole prompt                         has seen none of it
    call      served this conversation last                     did not

Each sees all candidates at once, for most of these are said of one beside the others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from loro_core.models import Candidate, Ticket

Filter = Callable[[Sequence[Candidate], Ticket, float, random.Random], Sequence[Candidate]]
"""Returns some of the candidates, at least one."""

SHORTEST_FIRST_TOKEN_S = 0.001
"""Below this, one instance is as quick as another."""

CROWDED_BY_CALLS = 3
CROWDED_BY_LOAD = 0.5
"""A candidate that has so many calls more than another, and more than so much more of its slots taken, is crowded."""


@runtime_checkable
class Scorer(Protocol):
    """Says how much speaks for each candidate. `balance_weights` composes policies of scorers, by name."""

    @property
    def name(self) -> str:
        """How `balance_weights` calls it: lower-case letters, digits, hyphens."""

    def score(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Sequence[float]:
        """Return a score in 0..1 for each of `candidates`, in their order, 1 for the best: a pure function."""


@dataclass(frozen=True, slots=True)
class Score:
    """A scorer that is a function. of: as `Scorer.score`."""

    name: str
    of: Callable[[Sequence[Candidate], Ticket, float, random.Random], Sequence[float]]

    def score(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Sequence[float]:
        return self.of(candidates, ticket, now, rng)


def load(candidate: Candidate) -> float:
    """Return how much of its slots is taken, 0..1."""
    return min(1.0, candidate.in_flight / candidate.slots)


def _busy(candidates: Sequence[Candidate], *_: object) -> list[float]:
    return [1.0 - c.in_flight / c.slots if c.in_flight < c.slots else 0.0 for c in candidates]


def _latency(candidates: Sequence[Candidate], *_: object) -> list[float]:
    """Score by when a first token is to be expected.

    One that nobody has measured is tried at once while it is idle, and taken for the slowest of the others until its
    first call has told.
    """
    measured = [c.first_token_s for c in candidates if c.first_token_s is not None]
    slowest, quickest = max(measured, default=1.0), min(measured, default=1.0)
    expected = []
    for c in candidates:
        first_token_s = c.first_token_s
        if first_token_s is None:
            first_token_s = slowest if c.in_flight else quickest
        expected.append(max(first_token_s, SHORTEST_FIRST_TOKEN_S) * (c.in_flight + 1) / c.slots)
    least = min(expected)
    return [least / one for one in expected]


def _turn(candidates: Sequence[Candidate], *_: object) -> list[float]:
    keys = [(-1.0 if c.last_picked is None else 1.0, c.last_picked or 0.0, c.served) for c in candidates]
    rank = {key: at for at, key in enumerate(sorted(set(keys)))}
    return [1.0 - rank[key] / len(rank) for key in keys]


def _weight(candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> list[float]:  # noqa: ARG001
    # Efraimidis and Spirakis: the greatest of u^(1/w) is each with the probability w / sum of w.
    return [rng.random() ** (1.0 / c.weight) for c in candidates]


def _prefix(candidates: Sequence[Candidate], ticket: Ticket, *_: object) -> list[float]:
    length = len(ticket.prefix)
    return [c.matched / length if length else 0.0 for c in candidates]


def _call(candidates: Sequence[Candidate], *_: object) -> list[float]:
    return [1.0 if c.holds_call else 0.0 for c in candidates]


BUSY = Score("busy", _busy)
LATENCY = Score("latency", _latency)
TURN = Score("turn", _turn)
WEIGHT = Score("weight", _weight)
PREFIX = Score("prefix", _prefix)
CALL = Score("call", _call)


def not_crowded(candidates: Sequence[Candidate], *_: object) -> Sequence[Candidate]:
    """Return the candidates without those that are crowded while others are not.

    Who holds the call stays: what it knows nobody else does, while what many calls begin with is soon known elsewhere.
    """
    calls, least = min(c.in_flight for c in candidates), min(map(load, candidates))
    return [
        c
        for c in candidates
        if c.holds_call or c.in_flight < calls + CROWDED_BY_CALLS or load(c) <= least + CROWDED_BY_LOAD
    ]


def two_of(candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Sequence[Candidate]:  # noqa: ARG001
    """Return two of the candidates, drawn by lot."""
    return rng.sample(candidates, 2) if len(candidates) > 2 else candidates
