"""The balancer `fullest`: what has work gets more of it, so that the rest falls idle and can be stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from loro_core import Candidate, Ticket


@dataclass(frozen=True, slots=True)
class Fullest:
    """Picks the instance with the greatest share of its slots taken, the first of equals."""

    name: str = "fullest"

    def pick(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> Candidate:
        scores = self.score(candidates, ticket, now, rng)
        return candidates[scores.index(max(scores))]

    def score(self, candidates: Sequence[Candidate], ticket: Ticket, now: float, rng: random.Random) -> list[float]:
        """Return each one's share: `balance_weights` can weigh this against other scores."""
        return [candidate.in_flight / candidate.slots for candidate in candidates]
