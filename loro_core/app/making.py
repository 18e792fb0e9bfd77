"""A reply in the making: what was decided about a turn, carried out for whoever reads it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from msgspec import Struct

from loro_core.app.legs import AckLeg, Line, without_our_words
from loro_core.app.metrics import Acknowledgement
from loro_core.app.relay import Relay
from loro_core.app.replies import Encoding, Gist, Ledger, Part, StreamEncoding, WholeEncoding, gist_of
from loro_core.app.waits import Wait
from loro_core.chat import ChatRequest, ReplyUsage, Turn
from loro_core.decide.announce import Announcer, Source
from loro_core.decide.bill import Bill
from loro_core.decide.hygiene import KnownWords
from loro_core.decide.merge import Action, Finish, Merge, State
from loro_core.decide.outcome import Outcome, outcome_of
from loro_core.decide.prefill import Rung, TakenUp
from loro_core.decide.turn import Note
from loro_core.decide.wording import Opening
from loro_core.fleet import Deployment, Leg, Plan
from loro_core.runtime.fleet.seats import NOBODY, Asking
from loro_core.runtime.race import run_race
from loro_core.wire.openai_out import ReplyHead


class Decision(Struct, frozen=True, kw_only=True):
    """A request, what it is to its conversation, and what was decided about it.

    announcer: finds the line before a tool call; None where calls are not to be announced.
    asking: for whom, where a local model has a queue.
    """

    asked: ChatRequest
    turn: Turn
    plan: Plan
    opening: Opening | None = None
    announcer: Announcer | None = None
    asking: Asking = NOBODY


class Making:
    """One run of the legs. answering: who may be asked for the answer, the preferred one first; at least one.

    small: who may be asked for words. note: remembers what is said.

    known: what loro says before answers.
    trace_legs: whether a comment in the stream tells each leg before its first chunk.
    wait: what a client may be told while the answer waits for a local model.
    superseded: set by whoever ends the run because the user went on speaking.
    relay: who gives the answer, and who was asked in vain.
    """

    def __init__(
        self,
        line: Line,
        decision: Decision,
        known: KnownWords,
        *,
        answering: Sequence[Deployment],
        small: Deployment | None,
        note: Note,
        apology: str = "",
        trace_legs: bool = False,
    ) -> None:
        asked, plan, opening = decision.asked, decision.plan, decision.opening
        self.decision = decision
        self.wait = Wait()
        self.superseded = False
        self._note = note
        self._over = False
        self._acknowledged = False
        self._finished = False
        self._answer_characters = 0
        self._merge = Merge(
            acknowledging=opening is not None, choices=asked.n, apology=apology, announce=decision.announcer
        )
        self.relay = Relay(
            line,
            answering,
            without_our_words(asked, known),
            plan.acknowledge,
            opening,
            merge=self._merge,
            asking=NOBODY if decision.asking is NOBODY else replace(decision.asking, told=self.wait.told),
        )
        self._acknowledge: AckLeg | None = None
        if plan.acknowledge is not None and opening is not None:
            self._acknowledge = AckLeg(
                line, plan.acknowledge, opening, small, asked, answer=self.relay, asking=decision.asking
            )
        head = ReplyHead(
            id=f"chatcmpl-{line.rng.getrandbits(96):024x}",
            created=int(time.time()),
            model=asked.model,
            include_usage=asked.include_usage,
        )
        self._encoding: Encoding = StreamEncoding(head, trace_legs=trace_legs) if asked.stream else WholeEncoding(head)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What the head says of the body."""
        return list(self._encoding.headers)

    async def run(self, write: Callable[[Part], Awaitable[None]]) -> None:
        """Make the reply, handing its parts to `write`, one at a time.

        After Cancelled both legs' upstream connections are closed.
        """

        async def carry_out(actions: Sequence[Action]) -> None:
            gist = gist_of(actions)
            part = self._encoding.part(actions, gist)
            if part is not None:
                await write(part)
            self._remember(gist)

        self._note.cut = True
        try:
            await run_race(self._merge, self.relay, self._acknowledge, carry_out)
        finally:
            self._over = True

    def _remember(self, gist: Gist) -> None:
        note = self._note
        if gist.said:
            note.say(gist.said)
            self._answer_characters += gist.answer_characters
        if gist.announces or gist.acknowledges:
            note.acknowledged = True
            self._acknowledged = self._acknowledged or gist.acknowledges
        if isinstance(gist.end, Finish):
            note.cut = False
            self._finished = True

    @property
    def acknowledges(self) -> bool:
        """Whether there are, or were to be, words before the answer."""
        return self._acknowledge is not None

    @property
    def told(self) -> Rung | None:
        """How the answering model was told of the words in the end, None if it was not to be."""
        return None if self.relay.telling is None else self.relay.telling.told.rung

    @property
    def taken_up(self) -> TakenUp | None:
        """What it made of words it was told natively, as far as that was seen."""
        return None if self.relay.telling is None else self.relay.telling.taken_up

    @property
    def words_rejected(self) -> str | None:
        leg = self._acknowledge
        return leg.found.rejected if leg is not None and leg.found is not None else None

    @property
    def progressed(self) -> int:
        """How many lines followed the acknowledgement while the answer did not come."""
        return 0 if self._acknowledge is None else self._acknowledge.progressed

    @property
    def announced(self) -> Source | None:
        """Where the line before a tool call came from, None if there was none."""
        return None if self._merge.announced is None else self._merge.announced.source

    @property
    def usage(self) -> ReplyUsage:
        """What the upstreams counted so far."""
        return self._merge.usage

    @property
    def seam_edits(self) -> dict[str, int]:
        """How often what was changed where the answer joins the acknowledgement, by the kind of change."""
        return Counter(edit.kind.value for edit in self._merge.seam_edits)

    def acknowledgement(self, ledger: Ledger) -> Acknowledgement:
        """Return whose words came first, if any, as the request with this ledger saw it."""
        leg = self._acknowledge
        if leg is None:
            return "none"
        if leg.found is not None:
            if ledger.acknowledged is not None:
                return leg.found.source
            if not leg.found.text:
                return "silent"
        return "dropped" if ledger.answered is not None else "none"

    def outcome(self, ledger: Ledger) -> Outcome:
        """Return what became of the acknowledgement, as the user behind the request with this ledger heard it."""
        leg = self._acknowledge
        return outcome_of(
            planned=leg is not None,
            wordless=leg is not None and leg.found is not None and not leg.found.text,
            written=ledger.acknowledged,
            heard=ledger.hearing.begun,
            answered=ledger.answered,
        )

    def bills(self) -> list[tuple[Leg, Bill]]:
        """Return what the calls that were made came to, as far as it is known; all of it once the run is over."""
        bills = [(Leg.ANSWER, self._answer_bill())]
        leg = self._acknowledge
        if leg is not None and leg.asked:
            words = Bill(usage=leg.usage, characters=leg.characters, wasted=self._unused_words(leg))
            bills.append((Leg.ACK, words))
        return bills

    def _answer_bill(self) -> Bill:
        wasted = None
        if self._over and not self._finished:
            failed = self._merge.state is State.CLOSED
            wasted = "superseded" if self.superseded else "failed" if failed else "cancelled"
        return Bill(usage=self._merge.usage.answer, characters=self._answer_characters, wasted=wasted)

    def _unused_words(self, leg: AckLeg) -> str | None:
        """Return why the model's words were not said; None if they were, or still may be."""
        if leg.found is not None and leg.found.rejected is not None:
            return leg.found.rejected
        settled = self._over or self._merge.state in (State.ANSWERING, State.CLOSED)
        return "dropped" if settled and not self._acknowledged else None
