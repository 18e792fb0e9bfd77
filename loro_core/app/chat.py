"""POST /v1/chat/completions: one request from its bytes to its access line.

decode -> plan -> choose the phrase -> run the legs -> count
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import trio

from loro_core.app.access import GONE, reply_fields
from loro_core.app.legs import AckLeg, AnswerLeg, Line, without_our_words
from loro_core.app.metrics import Acknowledgement, Metrics, Outcome, ReplyRecord
from loro_core.app.replies import Ledger, StreamedReply, WholeReply
from loro_core.app.routes import Fields
from loro_core.chat import ChatRequest
from loro_core.decide.contract import hold_to_contract
from loro_core.decide.hygiene import KnownWords
from loro_core.decide.merge import Merge
from loro_core.decide.phrasebook import Phrasebook
from loro_core.decide.release.profile import FALLBACK, Profile, Releaser
from loro_core.decide.release.recognise import recognise
from loro_core.decide.tone import Tone
from loro_core.decide.wording import Opening
from loro_core.decide.words import choose
from loro_core.errors import BadRequest, InternalError, LoroError
from loro_core.fleet import Acknowledge, Deployment, Leg, Plan, Snapshot
from loro_core.plugin.api import Policy
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.race import run_race
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.leg_trace import TRACE_HEADER, TRACE_LEGS
from loro_core.wire.openai_in import RequestRules, decode_chat_request
from loro_core.wire.openai_out import ReplyHead

LOGGER = logging.getLogger("loro.chat")

POLICY_HEADER = "x-loro-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """policies: by name; default_policy is one of them. snapshot: what policies may know, but for the loads.

    default_client: whose rules of release hold for a sender that nothing tells apart.
    """

    policies: Mapping[str, Policy]
    default_policy: str
    rules: RequestRules
    snapshot: Snapshot
    phrasebook: Phrasebook
    default_client: Profile = FALLBACK
    apology: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """A request and what was decided about it."""

    asked: ChatRequest
    plan: Plan
    profile: Profile
    opening: Opening | None


class Chat:
    """Serves chat completions."""

    def __init__(self, settings: ChatSettings, line: Line, metrics: Metrics) -> None:
        self._settings = settings
        self._line = line
        self._metrics = metrics
        self._known = KnownWords.of(settings.phrasebook)

    async def handle(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        try:
            asked = decode_chat_request(request.body, self._settings.rules)
            fields["model"] = asked.model
            turn = self._decide(asked, request.header)
        except LoroError as error:
            self._metrics.count_refused(error)
            raise
        await self._serve(turn, request, reply, fields)

    def _decide(self, asked: ChatRequest, header: Callable[[str], str | None]) -> _Turn:
        policies = self._settings.policies
        wanted = header(POLICY_HEADER)
        policy = policies.get(wanted or self._settings.default_policy)
        if policy is None:
            raise BadRequest(f"unknown policy {wanted!r}; there are {', '.join(sorted(policies))}", param=POLICY_HEADER)
        plan = hold_to_contract(self._plan(policy, asked), asked)
        profile = recognise(header, asked) or self._settings.default_client
        opening = None
        if plan.acknowledge is not None:
            plan, opening = self._word(plan, plan.acknowledge, asked, profile)
        return _Turn(asked=asked, plan=plan, profile=profile, opening=opening)

    def _word(
        self, plan: Plan, acknowledge: Acknowledge, asked: ChatRequest, profile: Profile
    ) -> tuple[Plan, Opening | None]:
        """Return what is said first, and `plan` as it can be with these words."""
        phrase = choose(self._settings.phrasebook, asked, self._line.rng)
        if phrase is None and not acknowledge.words:
            # Nothing tells in which language a model's words would have to be, or nothing should be said.
            return replace(plan, acknowledge=None, reason="no words for this turn"), None
        if phrase is not None and phrase.tone is Tone.GRAVE:
            # A small model is not trusted to find the words here.
            acknowledge = replace(acknowledge, ask_model=False)
        return replace(plan, acknowledge=acknowledge), Opening.of(acknowledge, phrase, profile)

    def _plan(self, policy: Policy, asked: ChatRequest) -> Plan:
        snapshot = replace(self._settings.snapshot, loads=self._metrics.loads())
        try:
            return policy.plan(asked, snapshot, trio.current_time(), self._line.rng)
        except Exception:
            # A stranger's policy may break; the answer needs none.
            LOGGER.exception("policy.failed policy=%s", policy.name)
            return Plan(policy=policy.name, reason="policy failed")

    async def _serve(self, turn: _Turn, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        asked, plan = turn.asked, turn.plan
        ledger = Ledger(received=request.received_at, speech=Releaser(turn.profile))
        answer = AnswerLeg(
            self._line,
            self._deployment(Leg.ANSWER),
            without_our_words(asked, self._known),
            plan.acknowledge,
            turn.opening,
        )
        acknowledge = self._ack_leg(turn)
        head = ReplyHead(
            id=f"chatcmpl-{os.urandom(12).hex()}",
            created=int(time.time()),
            model=asked.model,
            include_usage=asked.include_usage,
        )
        headers = [(POLICY_HEADER, plan.policy)]
        out: StreamedReply | WholeReply
        if asked.stream:
            trace_legs = request.header(TRACE_HEADER) == TRACE_LEGS
            out = StreamedReply(reply, head, headers, ledger, trace_legs=trace_legs)
        else:
            out = WholeReply(reply, head, headers, ledger)
        merge = Merge(acknowledging=acknowledge is not None, choices=asked.n, apology=self._settings.apology)
        outcome: Outcome = "error"
        error: LoroError | None = InternalError("the reply broke on an error of loro's own")
        try:
            await run_race(merge, answer, acknowledge, out.write)
            error = ledger.error
            if error is not None and not reply.started:
                raise error
        except trio.Cancelled:
            outcome, error = "cancelled", None
            raise
        finally:
            record = ReplyRecord(
                request_id=request.id,
                model=asked.model,
                policy=plan.policy,
                reason=plan.reason,
                quick=plan.acknowledge is not None,
                stream=asked.stream,
                outcome="finished" if ledger.finished else outcome,
                status=_status(reply, error),
                error=None if error is None else error.code or error.type,
                acknowledgement=_acknowledgement(acknowledge, ledger),
                told=None if answer.telling is None else answer.telling.told.rung,
                taken_up=None if answer.telling is None else answer.telling.taken_up,
                words_rejected=acknowledge.found.rejected if acknowledge and acknowledge.found else None,
                first_response_s=ledger.first_response_s,
                client=turn.profile.name,
                first_speakable_s=ledger.since_received(ledger.speakable),
                acknowledged_s=ledger.since_received(ledger.acknowledged),
                answer_first_token_s=ledger.since_received(ledger.answered),
                answer_s=answer.duration_s,
                total_s=trio.current_time() - request.received_at,
                usage=ledger.usage,
                finish_reason=ledger.finish_reason,
            )
            self._metrics.count(record)
            fields.update(reply_fields(record))

    def _deployment(self, leg: Leg) -> Deployment:
        return self._settings.snapshot.deployments[leg][0]

    def _ack_leg(self, turn: _Turn) -> AckLeg | None:
        if turn.plan.acknowledge is None or turn.opening is None:
            return None
        small = self._settings.snapshot.deployments.get(Leg.ACK, ())
        return AckLeg(self._line, turn.plan.acknowledge, turn.opening, small[0] if small else None, turn.asked)


def _status(reply: Reply, error: LoroError | None) -> int:
    if reply.started:
        return 200
    return GONE if error is None else error.status


def _acknowledgement(leg: AckLeg | None, ledger: Ledger) -> Acknowledgement:
    if leg is None:
        return "none"
    if leg.found is not None:
        if ledger.acknowledged is not None:
            return leg.found.source
        if not leg.found.text:
            return "silent"
    return "dropped" if ledger.answered is not None else "none"
