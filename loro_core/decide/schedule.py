"""The built-in policies: when an acknowledgement is worth saying, and how long better words are waited for.

direct    the answering model alone.
race      both models start at the same instant; the acknowledging model's words are written when they are ready.
instant   a phrase is written at once; the answering model is told at its start that it was said.
adaptive  direct where the answering model is quick enough for nobody to notice; else a phrase, which the
          acknowledging model may better within a short while; where there is none, as in instant.

In all of them an answer that is there first drops the acknowledgement: that is the merge's doing, not the policy's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from loro_core.chat import ChatRequest
from loro_core.fleet import Acknowledge, Deployment, Leg, Load, Plan, Snapshot

ENOUGH_SAMPLES = 8
"""So many first tokens are measured before `adaptive` trusts their 90th percentile; until then it acknowledges,
since a needless word costs less than a long silence."""


@dataclass(frozen=True, slots=True)
class Direct:
    """The answering model alone."""

    name: str = "direct"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        return Plan(policy=self.name, reason="policy")


@dataclass(frozen=True, slots=True)
class Race:
    """Both models at once; the acknowledging one has `words_deadline_s`, then a phrase takes its place."""

    name: str = "race"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        asks = bool(fleet.deployments.get(Leg.ACK))
        deadline_s = fleet.words_deadline_s if asks else 0.0
        return Plan(policy=self.name, acknowledge=Acknowledge(ask_model=asks, deadline_s=deadline_s), reason="policy")


@dataclass(frozen=True, slots=True)
class Instant:
    """A phrase at 0 ms, known to the answering model from its start."""

    name: str = "instant"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        return Plan(
            policy=self.name,
            acknowledge=Acknowledge(ask_model=False, deadline_s=0.0, tell_answer=True),
            reason="policy",
        )


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Acknowledge only if the answer will probably be late."""

    name: str = "adaptive"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        expected_s = _expected_first_token_s(fleet)
        if expected_s is not None and expected_s <= fleet.slack_s:
            return Plan(policy=self.name, reason="quick model")
        asks = bool(fleet.deployments.get(Leg.ACK))
        deadline_s = fleet.quick_deadline_s if asks else 0.0
        return Plan(
            policy=self.name,
            acknowledge=Acknowledge(ask_model=asks, deadline_s=deadline_s, tell_answer=not asks),
            reason="unmeasured model" if expected_s is None else "slow model",
        )


def _expected_first_token_s(fleet: Snapshot) -> float | None:
    """Return how late the answer's first token may well be, None where too little is known."""
    answering: tuple[Deployment, ...] = fleet.deployments.get(Leg.ANSWER, ())
    if not answering:
        return None
    load = fleet.loads.get(answering[0].name, Load())
    if load.samples < ENOUGH_SAMPLES:
        return None
    return load.first_token_p90_s


BUILT_IN = (Direct(), Race(), Instant(), Adaptive())
