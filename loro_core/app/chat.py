"""POST /v1/chat/completions: one request from its bytes to its access line.

decode -> classify the turn -> adopt the reply in the making, or: plan -> choose the phrase -> run the legs -> count
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import trio

from loro_core.app.access import GONE, reply_fields
from loro_core.app.legs import Line
from loro_core.app.making import Decision, Making
from loro_core.app.metrics import Metrics, Outcome, ReplyRecord
from loro_core.app.models import expected
from loro_core.app.receipt import LEDGER_HEADER, asks_for_ledger, receipt
from loro_core.app.replies import Ledger, Outlet, Part, StreamOutlet, WholeOutlet, follow
from loro_core.app.routes import Fields
from loro_core.chat import ChatRequest, Turn, TurnKind
from loro_core.decide.announce import Announcer, ToolLines, offers_tools
from loro_core.decide.catalogue import Catalogue, Route
from loro_core.decide.contract import hold_to_contract
from loro_core.decide.hearing import Hearing
from loro_core.decide.hygiene import KnownWords
from loro_core.decide.identity import caller_of
from loro_core.decide.phrasebook import Phrasebook
from loro_core.decide.release.profile import FALLBACK, Profile
from loro_core.decide.release.recognise import recognise
from loro_core.decide.tone import Tone
from loro_core.decide.turn import CallMemory, classify
from loro_core.decide.wording import Opening
from loro_core.decide.words import choose
from loro_core.errors import BadRequest, InternalError, LoroError, Superseded
from loro_core.fleet import Acknowledge, Expectation, Plan, Snapshot
from loro_core.plugin.api import Policy
from loro_core.runtime.broadcast import Send
from loro_core.runtime.calls import Calls, Shared
from loro_core.runtime.fleet.model_fleet import ModelFleet
from loro_core.runtime.fleet.seats import NOBODY, Asking
from loro_core.runtime.fleet.waiter import POSITION_HEADER
from loro_core.runtime.http_reply import Reply
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.leg_trace import TRACE_HEADER, TRACE_LEGS
from loro_core.wire.openai_in import RequestRules, decode_chat_request

LOGGER = logging.getLogger("loro.chat")

POLICY_HEADER = "x-loro-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """policies: by name; default_policy is one of them.

    catalogue: who serves a request, by the model that it names.

    adopt_within_s: how soon after the first an identical request reads the same reply; 0 for never.
    tool_lines: the operator's lines before tool calls; None where calls are not announced.
    comment_after_s: a stream that was silent for so long gets a comment; 0 for never.
    default_client: whose rules of release hold for a sender that nothing tells apart.
    """

    policies: Mapping[str, Policy]
    default_policy: str
    rules: RequestRules
    catalogue: Catalogue
    phrasebook: Phrasebook
    tool_lines: ToolLines | None = None
    adopt_within_s: float = 5.0
    comment_after_s: float = 5.0
    default_client: Profile = FALLBACK


class Chat:
    """Serves chat completions. calls: where replies are made that several requests may read. fleet: of local models."""

    def __init__(
        self,
        settings: ChatSettings,
        line: Line,
        metrics: Metrics,
        calls: Calls[Part, Making],
        fleet: ModelFleet | None = None,
    ) -> None:
        self._fleet = fleet
        self._metrics = metrics
        self._calls = calls
        self._memory = CallMemory()
        self.configure(settings, line)

    def configure(self, settings: ChatSettings, line: Line) -> None:
        """Serve as these say from now on; replies in the making go on as they were begun."""
        self._settings = settings
        self._line = line
        own = settings.tool_lines
        self._known = KnownWords.of(settings.phrasebook).also(own.all() if own is not None else ())

    async def handle(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        header = request.headers.get
        try:
            asked = decode_chat_request(request.body, self._settings.rules)
            fields["model"] = asked.model
            route = self._settings.catalogue.chat(asked.model)
            policy = self._policy(header(POLICY_HEADER) or route.policy)
            profile = recognise(header, asked) or self._settings.default_client
            ledger, trace = header(LEDGER_HEADER), header(TRACE_HEADER)
            tells = asks_for_ledger(ledger)
            if tells:
                # It stands in the chunk of the usage.
                asked = replace(asked, include_usage=True)
        except LoroError as error:
            self._metrics.count_refused(error)
            raise
        now = trio.current_time()
        turn = classify(
            asked,
            self._memory,
            now,
            caller=caller_of(asked, request.headers, request.query),
            options=(policy.name, trace, ledger),
            resent_within_s=self._settings.adopt_within_s,
        )
        fields["turn"] = turn.kind.value
        shared = self._calls.find(turn.key, turn.digest) if turn.kind is TurnKind.RESENT else None
        if shared is not None:
            making = shared.about
        else:
            asking = _asking(route, asked, request)
            decision = self._decide(asked, turn, route, policy, profile, now=now, asking=asking)
            making = self._making(decision, route, now, trace_legs=trace == TRACE_LEGS)
        await self._serve(making, shared, profile, request, tells=tells, reply=reply, fields=fields)

    def _policy(self, wanted: str | None) -> Policy:
        policies = self._settings.policies
        policy = policies.get(wanted or self._settings.default_policy)
        if policy is None:
            raise BadRequest(f"unknown policy {wanted!r}; there are {', '.join(sorted(policies))}", param=POLICY_HEADER)
        return policy

    def _making(self, decision: Decision, route: Route, now: float, *, trace_legs: bool) -> Making:
        turn = decision.turn
        if turn.kind is TurnKind.REVISED:
            superseded = self._calls.supersede(turn.key)
            if superseded is not None:
                superseded.superseded = True
        return Making(
            self._line,
            decision,
            self._known,
            answering=route.answering,
            small=route.acknowledge,
            note=self._memory.begin(turn, decision.asked, now),
            apology=route.apology,
            trace_legs=trace_legs,
        )

    def _decide(
        self,
        asked: ChatRequest,
        turn: Turn,
        route: Route,
        policy: Policy,
        profile: Profile,
        *,
        now: float,
        asking: Asking,
    ) -> Decision:
        plan = self._plan(policy, asked, self._snapshot(asked, turn, route, profile, now), now)
        opening = None
        if plan.acknowledge is not None:
            plan = hold_to_contract(plan, asked)
        if plan.acknowledge is not None:
            plan, opening = self._word(plan, plan.acknowledge, asked, turn, profile)
        announcer = self._announcer(asked, turn, plan, profile)
        return Decision(asked=asked, turn=turn, plan=plan, opening=opening, announcer=announcer, asking=asking)

    def _announcer(self, asked: ChatRequest, turn: Turn, plan: Plan, profile: Profile) -> Announcer | None:
        own = self._settings.tool_lines
        if own is None or not plan.announce_tools or not offers_tools(asked):
            return None
        book, rng = self._settings.phrasebook, self._line.rng
        return Announcer(request=asked, turn=turn, book=book, own=own, profile=profile, rng=rng)

    def _word(
        self, plan: Plan, acknowledge: Acknowledge, asked: ChatRequest, turn: Turn, profile: Profile
    ) -> tuple[Plan, Opening | None]:
        """Return what is said first, and `plan` as it can be with these words."""
        # Asked again, and revised, a turn gets the same words.
        phrase = choose(self._settings.phrasebook, asked, self._line.rng, key=turn.key if turn.sure else turn.digest)
        if phrase is None and not acknowledge.words:
            # Nothing tells in which language a model's words would have to be, or nothing should be said.
            return replace(plan, acknowledge=None, reason="no_words"), None
        if phrase is not None and phrase.tone is Tone.GRAVE:
            # A small model is not trusted to find the words here.
            acknowledge = replace(acknowledge, ask_model=False)
        plan = plan if acknowledge is plan.acknowledge else replace(plan, acknowledge=acknowledge)
        return plan, Opening.of(acknowledge, phrase, profile)

    def _snapshot(self, asked: ChatRequest, turn: Turn, route: Route, profile: Profile, now: float) -> Snapshot:
        return replace(
            route.snapshot,
            loads=self._metrics.loads(),
            expectations=self._expectations(route, asked, now),
            turn=turn,
            floor_s=max(route.snapshot.floor_s, profile.floor_s),
        )

    def _plan(self, policy: Policy, asked: ChatRequest, snapshot: Snapshot, now: float) -> Plan:
        try:
            return policy.plan(asked, snapshot, now, self._line.rng)
        except Exception:
            # A stranger's policy may break; the answer needs none.
            LOGGER.exception("policy.failed policy=%s", policy.name)
            return Plan(policy=policy.name, reason="policy failed")

    def _expectations(self, route: Route, asked: ChatRequest, now: float) -> Mapping[str, Expectation]:
        known = self._metrics.expectations(asked, now)
        return known if self._fleet is None or not route.local else expected(route.answering, self._fleet, known)

    async def _serve(
        self,
        making: Making,
        shared: Shared[Part, Making] | None,
        profile: Profile,
        request: HttpRequest,
        *,
        tells: bool,
        reply: Reply,
        fields: Fields,
    ) -> None:
        """tells: whether the client gets the ledger of its reply."""
        ledger = Ledger(received=request.received_at, hearing=Hearing(profile))

        def record(outcome: Outcome = "error", status: int = 200, error: str | None = None) -> ReplyRecord:
            return _record(
                making,
                request,
                ledger,
                client=profile.name,
                adopted=shared is not None,
                outcome=outcome,
                status=status,
                error=error,
            )

        headers = [*making.headers, (POLICY_HEADER, making.decision.plan.policy)]
        making.wait.when_known(lambda position: headers.append((POSITION_HEADER, str(position))))
        tell = (lambda: receipt(record())) if tells else None
        outlet: Outlet
        if making.decision.asked.stream:
            after_s = self._settings.comment_after_s
            outlet = StreamOutlet(reply, headers, ledger, tell, comment_after_s=after_s, comment=making.wait.comment)
        else:
            outlet = WholeOutlet(reply, headers, ledger, tell)
        outcome: Outcome = "error"
        error: LoroError | None = None
        try:
            await self._run(making, shared, outlet)
        except trio.Cancelled:
            outcome = "cancelled"
            raise
        except BaseException:
            error = InternalError("the reply broke on an error of loro's own")
            raise
        else:
            error = ledger.error
            if error is not None:
                if isinstance(error, Superseded):
                    outcome = "cancelled"
                if not reply.started:
                    raise error
        finally:
            if not ledger.finished:
                ledger.hearing.end(trio.current_time(), complete=False)
            over = record(
                "finished" if ledger.finished else outcome,
                _status(reply, error),
                None if error is None else error.code or error.type,
            )
            self._metrics.count(over)
            fields.late = partial(reply_fields, over)

    async def _run(self, making: Making, shared: Shared[Part, Making] | None, outlet: Outlet) -> None:
        turn = making.decision.turn
        if shared is not None:
            async with shared.join() as reader:
                await follow(reader, outlet)
        elif turn.sure and self._settings.adopt_within_s:

            async def work(send: Send[Part]) -> None:
                await self._make(making, lambda part: send(part, len(part.data)))

            async with self._calls.begin(turn.key, turn.digest, making, work) as reader:
                await follow(reader, outlet)
        else:
            # Nobody can ask for this reply again: it is written by the task that makes it.
            await self._make(making, outlet.write)

    async def _make(self, making: Making, write: Callable[[Part], Awaitable[None]]) -> None:
        try:
            await making.run(write)
        finally:
            self._metrics.pay(making.bills())


def _asking(route: Route, asked: ChatRequest, request: HttpRequest) -> Asking:
    """Return whose request this is, where a queue has to know."""
    if not route.local:
        return NOBODY
    call = caller_of(asked, request.headers, request.query)
    return Asking(caller=request.header("authorization") or request.client, call=call.key if call.certain else "")


def _record(
    making: Making,
    request: HttpRequest,
    ledger: Ledger,
    *,
    client: str,
    adopted: bool,
    outcome: Outcome,
    status: int,
    error: str | None,
) -> ReplyRecord:
    """Return what came of a reply for one request so far. outcome, status, error: how it ended, if it has."""
    asked, plan = making.decision.asked, making.decision.plan
    relay, heard = making.relay, ledger.hearing
    over = ReplyRecord(
        request_id=request.id,
        model=asked.model,
        policy=plan.policy,
        reason=plan.reason,
        turn=TurnKind.RESENT if adopted else making.decision.turn.kind,
        adopted=adopted,
        quick=plan.acknowledge is not None,
        stream=asked.stream,
        outcome=outcome,
        status=status,
        error=error,
        answered_by=relay.answered_by,
        hedge=relay.hedge,
        taken_over=relay.taken_over,
        announced=making.announced,
        longest_hole_s=None if heard.begun is None else heard.longest_hole_s,
        client=client,
        first_response_s=ledger.first_response_s,
        first_speakable_s=ledger.since_received(heard.begun),
        acknowledged_s=ledger.since_received(ledger.acknowledged),
        answer_first_token_s=ledger.since_received(ledger.answered),
        answer_s=relay.duration_s,
        total_s=trio.current_time() - request.received_at,
        usage=making.usage,
        finish_reason=ledger.finish_reason,
    )
    # An earlier request pays for what this one only reads, and of a plain reply that is complete nothing is wasted.
    if not adopted and (making.acknowledges or not ledger.finished):
        bills = [bill for _, bill in making.bills()]
        over.wasted_tokens = sum(bill.wasted_tokens for bill in bills)
        over.wasted_characters = sum(bill.wasted_characters for bill in bills)
    if making.acknowledges:
        over.acknowledgement, over.ack_outcome = making.acknowledgement(ledger), making.outcome(ledger)
        over.told, over.taken_up = making.told, making.taken_up
        over.progressed, over.words_rejected = making.progressed, making.words_rejected
        over.seam_edits = making.seam_edits
    return over


def _status(reply: Reply, error: LoroError | None) -> int:
    if reply.started:
        return 200
    return GONE if error is None else error.status
