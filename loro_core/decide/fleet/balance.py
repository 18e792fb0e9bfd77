"""Balancing policies: which of the instances that have a free slot gets the call.

A policy filters, scores and picks:

    candidates -> filters -> sum of weight x score, each score in 0..1 -> the best

Of equals the one whose model stands first in the ticket's list is picked, of those again one by lot. What a policy
knows of an instance stands in its `Candidate`; it keeps nothing itself, so one object serves all.

    name           filters       scores                              for
    -------------  ------------  ----------------------------------  ---------------------------------------------
    prefix         not crowded   prefix, then call, then busy        prompts are read once: conversations
    least-busy                   busy                                calls that have nothing in common
    latency                      latency                             instances of unlike speed
    two-choices    two by lot    busy                                several gateways before the same instances
    round-robin                  turn                                equal calls at equal instances
    weighted                     weight                              shares that somebody has reckoned out
    sticky                       call, then busy                     servers that keep more than a prompt of a call

`prefix` keeps to the instance that knows most of the prompt while that one is not crowded beside the others, and to the
one that had the call while it has a slot free; with a prompt that nobody knows it is `least-busy`.
"""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from msgspec import Struct

from loro_core.decide.fleet.prefixes import PrefixIndex as PrefixIndex  # noqa: PLC0414  # what fills in `matched`
from loro_core.decide.fleet.prefixes import prefix_hashes as prefix_hashes  # noqa: PLC0414
from loro_core.decide.fleet.scorers import (
    BUSY,
    CALL,
    LATENCY,
    PREFIX,
    TURN,
    WEIGHT,
    Filter,
    Scorer,
    not_crowded,
    two_of,
)
from loro_core.errors import ConfigError
from loro_core.models import Candidate, Ticket

FIRST = 1e6
"""A weight that no sum of the following ones outdoes by a difference that matters: "this, then those"."""

THEN = 1e3

EQUAL = 1e-9
"""Sums that differ by less are equal: they differ by rounding. Relative to the best one."""

DEFAULT = "prefix"


@runtime_checkable
class Balancer(Protocol):
    """Decides which instance gets a call. A pure function: it cannot wait, keeps nothing, and only `rng` is chance."""

    @property
    def name(self) -> str:
        """How a configuration calls it: lower-case letters, digits, hyphens."""

    def pick(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Candidate:
        """Return one of `candidates`, of which there is at least one.

        now: the runtime's clock in seconds, only good for differences. rng: the only source of chance.
        """


class Scored(Struct, frozen=True):
    """The policy that picks the best sum of weight x score of what the filters leave.

    scorers: each with its weight, > 0; at least one. filters: applied in order.
    """

    name: str
    scorers: tuple[tuple[Scorer, float], ...]
    filters: tuple[Filter, ...] = ()

    def pick(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Candidate:
        for some in self.filters:
            candidates = some(candidates, ticket, now, rng)
        if len(candidates) == 1:
            return candidates[0]
        sums = [0.0] * len(candidates)
        for scorer, weight in self.scorers:
            scores = scorer.score(candidates, ticket, now, rng)
            sums = [total + weight * score for total, score in zip(sums, scores, strict=True)]
        least = max(sums) * (1.0 - EQUAL)
        best = [c for c, total in zip(candidates, sums, strict=True) if total >= least]
        if len(best) > 1 and len(ticket.models) > 1:
            best = _preferred(best, ticket.models)
        return best[0] if len(best) == 1 else rng.choice(best)


def _preferred(candidates: Sequence[Candidate], models: Sequence[str]) -> list[Candidate]:
    order = {model: at for at, model in reversed(list(enumerate(models)))}
    places = [order.get(c.model, len(order)) for c in candidates]
    first = min(places)
    return [c for c, place in zip(candidates, places, strict=True) if place == first]


BUILT_IN: Mapping[str, Balancer] = MappingProxyType(
    {
        one.name: one
        for one in (
            Scored("prefix", ((PREFIX, FIRST), (CALL, THEN), (BUSY, 1.0)), (not_crowded,)),
            Scored("least-busy", ((BUSY, 1.0),)),
            Scored("latency", ((LATENCY, 1.0),)),
            Scored("two-choices", ((BUSY, 1.0),), (two_of,)),
            Scored("round-robin", ((TURN, 1.0),)),
            Scored("weighted", ((WEIGHT, 1.0),)),
            Scored("sticky", ((CALL, THEN), (BUSY, 1.0))),
        )
    }
)

SCORERS: Mapping[str, Scorer] = MappingProxyType({one.name: one for one in (BUSY, LATENCY, TURN, WEIGHT, PREFIX, CALL)})
"""What `balance_weights` can name beside what plugins bring."""


def balance_problems(
    name: str, weights: Mapping[str, float] | None = None, extra: Mapping[str, Balancer] | None = None
) -> list[str]:
    """Return what is wrong with these settings, each "key: value and expectation"; empty if all is well.

    Arguments as for `balancer`; what it accepts has no problems, and the other way round.
    """
    balancers, scorers = {**BUILT_IN, **(extra or {})}, _scorers(extra)
    found = []
    if weights and name:
        found.append(f"balance: is {name!r} beside balance_weights, needs one of the two")
    elif name and _spelt(name) not in balancers:
        found.append(f"balance: {_unknown(name, balancers)}")
    for scorer, weight in (weights or {}).items():
        if _spelt(scorer) not in scorers:
            found.append(f"balance_weights.{scorer}: {_unknown(scorer, scorers)}")
        elif isinstance(weight, bool) or not isinstance(weight, (int, float)):
            found.append(f"balance_weights.{scorer}: is {weight!r}, needs a number")
        elif not math.isfinite(weight) or weight < 0:
            found.append(f"balance_weights.{scorer}: is {weight}, needs a finite number >= 0")
    if weights and not found and not any(weights.values()):
        found.append("balance_weights: are all 0, needs one > 0")
    return found


def balancer(
    name: str = "", weights: Mapping[str, float] | None = None, extra: Mapping[str, Balancer] | None = None
) -> Balancer:
    """Return the policy that a configuration asks for.

    name: `balance`; "" if it is not set. weights: `balance_weights`, by scorer, >= 0; composes a policy of its own,
        called "weights". Without both it is DEFAULT.
    extra: what plugins brought, by name (`Registry.balancers`); one that is a `Scorer` may be weighed, too.
    Raises ConfigError with all that is wrong, by key.
    """
    problems = balance_problems(name, weights, extra)
    if problems:
        raise ConfigError(problems)
    if weights:
        scorers = _scorers(extra)
        return Scored("weights", tuple((scorers[_spelt(one)], float(w)) for one, w in weights.items() if w > 0))
    return {**BUILT_IN, **(extra or {})}[_spelt(name or DEFAULT)]


def _scorers(extra: Mapping[str, Balancer] | None) -> dict[str, Scorer]:
    return {**SCORERS, **{name: one for name, one in (extra or {}).items() if isinstance(one, Scorer)}}


def _spelt(name: str) -> str:
    """Return `name` as names are spelt here: who writes keys with underscores writes these so, too."""
    return name.replace("_", "-")


def _unknown(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(_spelt(name), known, n=1)
    hint = f"did you mean {near[0]!r}? Known are " if near else "known are "
    return f"{name!r} is unknown, {hint}{', '.join(sorted(known))}"


class Held(Struct, frozen=True):
    """A stranger's policy, held to its contract: where it breaks it, the call goes to the least busy instance.

    fault: is told what it did, each time, in a sentence.
    """

    balancer: Balancer
    fault: Callable[[str], None]

    @property
    def name(self) -> str:
        return self.balancer.name

    def pick(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Candidate:
        try:
            picked = self.balancer.pick(candidates, ticket, now, rng)
        except Exception as exc:  # noqa: BLE001  # whatever a stranger's code raises, the call is served
            self.fault(f"balancer {self.name!r} raised {type(exc).__name__}: {exc}")
        else:
            if any(picked is one for one in candidates):
                return picked
            self.fault(f"balancer {self.name!r} picked something that is no candidate")
        return BUILT_IN["least-busy"].pick(candidates, ticket, now, rng)


class PeakEwma:
    """A moving average of times to the first token that believes a slow one at once and a quick one by and by.

    Source: Finagle's "peak EWMA" load metric. It sinks with time, so that who was slow once is asked again.
    decay_s: after so long without a sample 1/e of it is left.
    """

    __slots__ = ("_at", "_decay_s", "_value")

    def __init__(self, decay_s: float = 30.0) -> None:
        if decay_s <= 0:
            raise ValueError(f"decay_s is {decay_s}, needs > 0")
        self._decay_s = decay_s
        self._value: float | None = None
        self._at = 0.0

    def observe(self, seconds: float, now: float) -> None:
        """Take in one time to the first token, seen at `now`."""
        if self._value is None or seconds >= self._value:
            self._value = seconds
        else:
            kept = self._kept(now)
            self._value = self._value * kept + seconds * (1.0 - kept)
        self._at = max(self._at, now)

    def value(self, now: float) -> float | None:
        """Return what is to be expected at `now`; None before the first sample."""
        return None if self._value is None else self._value * self._kept(now)

    def _kept(self, now: float) -> float:
        return math.exp(-max(0.0, now - self._at) / self._decay_s)
