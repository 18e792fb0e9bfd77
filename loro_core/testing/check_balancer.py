"""Whether a balancing policy keeps the contract of `loro_core.Balancer`: a pure function that picks a candidate.

    def test_my_balancer_keeps_the_contract():
        check_balancer(MyBalancer())

One that scores, too, is also held to the contract of `loro_core.Scorer`. The candidates and tickets that it is asked
about are fixed, so a failure comes again; `choices` is there for property tests of one's own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

from loro_core.decide.balance import Balancer
from loro_core.decide.scorers import Scorer
from loro_core.models import Candidate, Ticket
from loro_core.plugin.registry import NAME
from loro_core.testing.check_policy import LONGEST_NAME_CHARS

SEED = 7
LATER_S = 86_400.0
"""Everything is asked again with all times later by this: the clock is only good for differences."""


def check_balancer(balancer: Balancer) -> None:
    """Return if `balancer` keeps the contract, for each of `choices`.

    Raises AssertionError with a sentence that says what was asked and what is wrong with the answer.
    """
    _check_name(balancer)
    for (what, candidates, ticket), (_, same_candidates, same_ticket) in zip(choices(), choices(), strict=True):
        asked = f"asked about {what}"
        _check_pick(balancer, candidates, ticket, asked)
        if isinstance(balancer, Scorer):
            _check_scores(balancer, candidates, ticket, asked)
        assert (candidates, ticket) == (same_candidates, same_ticket), f"{asked} it changed its arguments"


def _check_name(balancer: Balancer) -> None:
    name: object = getattr(balancer, "name", None)
    plain = isinstance(name, str) and len(name) <= LONGEST_NAME_CHARS and NAME.match(name) is not None
    assert plain, (
        f"its name is {name!r}, needs a lower-case letter and then lower-case letters, digits and hyphens,"
        f" {LONGEST_NAME_CHARS} at most"
    )
    assert isinstance(balancer, Balancer), "it lacks a part of the protocol: name, pick"


def _check_pick(balancer: Balancer, candidates: list[Candidate], ticket: Ticket, asked: str) -> None:
    """Check the pick, and that nothing but the arguments decides."""
    before = random.getstate()
    picks = []
    for later_s in (0.0, 0.0, LATER_S):
        them, now = [_later(c, later_s) for c in candidates], 1000.0 + later_s
        theirs = replace(ticket, arrived=ticket.arrived + later_s, deadline=ticket.deadline + later_s)
        rng = random.Random(SEED)  # noqa: S311  # the same chance each time is the point
        try:
            picked = balancer.pick(them, theirs, now, rng)
        except Exception as exc:
            raise AssertionError(f"{asked} it raised {type(exc).__name__}: {exc}") from exc
        assert any(picked is one for one in them), f"{asked} it picked {picked!r}, needs one of the candidates"
        unchanged = [c.instance for c in them] == [c.instance for c in candidates]
        assert unchanged, f"{asked} it changed its arguments"
        picks.append(picked.instance)
    assert picks[0] == picks[1], f"{asked} twice, with the same chance, it picked differently"
    assert picks[0] == picks[2], f"{asked} its pick hangs on the hour: `now` is only good for differences"
    assert random.getstate() == before, f"{asked} it used `random` itself: `rng` is the only source of chance"


def _check_scores(scorer: Scorer, candidates: list[Candidate], ticket: Ticket, asked: str) -> None:
    said = []
    for _ in range(2):
        rng = random.Random(SEED)  # noqa: S311
        try:
            scores: list[object] = [*scorer.score(candidates, ticket, 1000.0, rng)]
        except Exception as exc:
            raise AssertionError(f"{asked} its score raised {type(exc).__name__}: {exc}") from exc
        count = len(candidates)
        assert len(scores) == count, f"{asked} it gave {len(scores)} scores, needs one for each of {count} candidates"
        for one in scores:
            fits = isinstance(one, (int, float)) and math.isfinite(one) and 0 <= one <= 1
            assert fits, f"{asked} a score is {one!r}, needs a number in 0..1"
        said.append(scores)
    assert said[0] == said[1], f"{asked} twice, with the same chance, it scored differently"


def choices() -> Iterator[tuple[str, list[Candidate], Ticket]]:
    """Yield candidates of every kind with tickets of every kind, each with what they are."""
    for what, candidates in _candidates():
        for whose, ticket in _tickets():
            yield f"{what}, for {whose}", [replace(c) for c in candidates], replace(ticket)


def _candidates() -> Iterator[tuple[str, list[Candidate]]]:
    idle = Candidate(instance="small-1", model="small", in_flight=0, slots=1)
    yield "a single candidate", [idle]
    yield "a single candidate with one free slot", [replace(idle, in_flight=3, slots=4)]
    yield "two equal candidates", [idle, replace(idle, instance="small-2")]
    busy = [replace(idle, instance=f"small-{n}", in_flight=n % 4, slots=4 + n % 3) for n in range(1, 8)]
    yield "candidates that are busy to different degrees", busy
    yield "the same the other way round", busy[::-1]
    known = [replace(c, first_token_s=0.1 * n, last_picked=990.0 + n, served=n) for n, c in enumerate(busy)]
    yield "candidates that were measured", known
    yield "candidates of which some were", known[:3] + busy[3:]
    yield "one that is out of all proportion", [*known, replace(idle, instance="slow", first_token_s=1e6, served=10**9)]
    yield "one that answers in no time", [*known, replace(idle, instance="quick", first_token_s=0.0)]
    yield "one that was picked just now", [*known, replace(idle, instance="last", last_picked=1000.0)]
    seen = [replace(c, matched=n % 4, holds_call=n == 2) for n, c in enumerate(known)]
    yield "candidates that know the prompt", seen
    yield "candidates of several models", [*seen, replace(idle, instance="large-1", model="large", matched=3)]
    yield "candidates of a model that the ticket names last", [replace(idle, instance="large-1", model="large")]
    yield "candidates of unlike weight", [replace(c, weight=1 + 50 * n) for n, c in enumerate(busy)]
    yield "a hundred candidates", [replace(idle, instance=f"small-{n}", in_flight=n % 8, slots=8) for n in range(100)]


def _tickets() -> Iterator[tuple[str, Ticket]]:
    plain = Ticket(id=1, models=("small",), arrived=999.0)
    yield "a ticket that says nothing", plain
    yield "a caller's ticket", replace(plain, caller="ann", cost=20_000, deadline=1030.0)
    yield "a ticket with a prompt", replace(plain, prefix=(11, 12, 13))
    yield "a ticket of a call", replace(plain, prefix=(11, 12, 13), call="c", caller="ann")
    yield "a ticket that has failed once", replace(plain, avoid=frozenset({"small-9"}))
    yield "a ticket for several models", replace(plain, models=("small", "medium", "large"), prefix=(11,))


def _later(candidate: Candidate, later_s: float) -> Candidate:
    if candidate.last_picked is None:
        return replace(candidate)
    return replace(candidate, last_picked=candidate.last_picked + later_s)
