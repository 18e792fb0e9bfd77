"""The built-in policies: when an acknowledgement is worth saying, and how long better words are waited for.

direct    the answering model alone, its tool calls unannounced.
race      both models start at the same instant; the acknowledging model's words are written when they are ready.
instant   a phrase is written at once; the answering model is told at its start that it was said.
adaptive  direct where the turn wants no words or is an emergency, or the answer will be quick enough for nobody to
          notice (`gate`); else a phrase, held while the answer may still be first, which the acknowledging model may
          better meanwhile.

In all of them an answer that is there first drops the acknowledgement: that is the merge's doing, not the policy's.
"""

from __future__ import annotations

import random

from msgspec import Struct

from loro_core.chat import ChatRequest
from loro_core.decide.estimate import UNMEASURED
from loro_core.decide.gate import worth
from loro_core.decide.language import language_of
from loro_core.decide.tone import tone_of_call
from loro_core.fleet import Acknowledge, Expectation, Leg, Plan, Snapshot


class Direct(Struct, frozen=True):
    """The answering model alone."""

    name: str = "direct"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        return Plan(policy=self.name, reason="policy", announce_tools=False)


class Race(Struct, frozen=True):
    """Both models at once; the acknowledging one has `words_deadline_s`, then a phrase takes its place."""

    name: str = "race"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        asks = bool(fleet.deployments.get(Leg.ACK))
        deadline_s = fleet.words_deadline_s if asks else 0.0
        return Plan(policy=self.name, acknowledge=Acknowledge(ask_model=asks, deadline_s=deadline_s), reason="policy")


class Instant(Struct, frozen=True):
    """A phrase at 0 ms, known to the answering model from its start."""

    name: str = "instant"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        return Plan(
            policy=self.name,
            acknowledge=Acknowledge(ask_model=False, deadline_s=0.0, tell_answer=True),
            reason="policy",
        )


class Adaptive(Struct, frozen=True):
    """Acknowledge only if it is worth it."""

    name: str = "adaptive"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:  # noqa: ARG002
        verdict = worth(
            request,
            fleet.turn,
            _expectation(fleet),
            slack_s=fleet.slack_s,
            floor_s=fleet.floor_s,
            first_turn=fleet.first_turn,
            tone=tone_of_call(request, language_of(request)),
        )
        if not verdict.acknowledge:
            return Plan(policy=self.name, reason=verdict.reason.value)
        asks = bool(fleet.deployments.get(Leg.ACK))
        acknowledge = Acknowledge(
            ask_model=asks,
            # While the words are held anyway, the model may take its time.
            deadline_s=max(fleet.quick_deadline_s, verdict.not_before_s) if asks else 0.0,
            not_before_s=verdict.not_before_s,
            # Where nobody betters the words, the answering model can be told of them at its start.
            tell_answer=not asks,
        )
        return Plan(policy=self.name, acknowledge=acknowledge, reason=verdict.reason.value)


def _expectation(fleet: Snapshot) -> Expectation:
    answering = fleet.deployments.get(Leg.ANSWER, ())
    return fleet.expectations.get(answering[0].name, UNMEASURED) if answering else UNMEASURED


BUILT_IN = (Direct(), Race(), Instant(), Adaptive())
