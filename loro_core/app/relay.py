"""The answer of one reply, whichever deployments it takes: the next one where one fails, and one beside a silent one.

    the preferred one                         then
    ----------------------------------------  --------------------------------------------------------------
    fails, nothing of the answer is written   the next one is asked, from the beginning (`decide.takeover`)
    is silent for the learned delay           the next one is asked beside it: the first to answer (`runtime.hedge`)
    fails, a part of the answer is written    the next one that can goes on from there (`decide.splice`)

Whatever the user has heard of this reply is told to a deployment that is asked late: the acknowledgement's words as it
is usually told of them, and where a part of the answer is out, all of it, natively. It makes no difference whether the
one that failed was told of the acknowledgement: what goes on from here must fit what was heard.

Only the last deployment left is tried again where it fails; before it, asking the next one is quicker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import trio

from loro_core.app.legs import FAILS_WITHIN_S, AnswerLeg, Hedging, Line
from loro_core.app.metrics import HedgeResult, TakenOver
from loro_core.chat import ChatRequest, Delta, Usage
from loro_core.decide.hedge import hedge_delay
from loro_core.decide.merge import AnswerBegun, Merge, State
from loro_core.decide.prefill import Rung, TakenUp
from loro_core.decide.release.profile import without_tokens
from loro_core.decide.seam import applied
from loro_core.decide.splice import Splice
from loro_core.decide.taken_up import refuses_prefill
from loro_core.decide.takeover import Given, added, may_be_asked_elsewhere, may_be_gone_on_with
from loro_core.decide.telling import Telling
from loro_core.decide.wording import Opening
from loro_core.errors import UpstreamError, UpstreamProtocolError, UpstreamStatus
from loro_core.fleet import Acknowledge, Deployment, Leg
from loro_core.plugin.api import Continues
from loro_core.runtime.attempt import Deliver, run_leg
from loro_core.runtime.fleet.seats import NOBODY, Asking
from loro_core.runtime.hedge import Hedge, Who
from loro_core.runtime.observe import LegHedged, LegHedgeEnded, LegNotTakenOver, LegSetAside, LegTakenOver


class Relay:
    """The answering call, or calls.

    deployments: who may answer, the preferred one first; at least one. merge: which the answer is fed to; it is asked
    what of it was written.
    answered_by: where several may answer, whose call was the last to be the answer. hedge, taken_over: as in the
    `ReplyRecord`. telling: how the model whose answer it is was told of the words; None if it was not.
    duration_s: from the start of the first call to the end of the last, once it is over.
    """

    def __init__(
        self,
        line: Line,
        deployments: Sequence[Deployment],
        request: ChatRequest,
        plan: Acknowledge | None = None,
        opening: Opening | None = None,
        *,
        merge: Merge,
        asking: Asking = NOBODY,
    ) -> None:
        self._line = line
        self._left = list(deployments)
        self._request = request
        self._plan = plan
        self._opening = opening
        self._merge = merge
        self._asking = asking
        self._given = Given()
        self._spent: Usage | None = None
        self._leg: AnswerLeg | None = None
        self._answering = deployments[0]
        self._doubtful_until = -math.inf
        self.answered_by: str | None = None
        self.hedge: HedgeResult | None = None
        self.taken_over: TakenOver | None = None
        self.duration_s: float | None = None

    @property
    def doubtful_until(self) -> float:
        """Until when words should wait for the answer: whoever was asked last may fail as quickly."""
        leg = self._leg.doubtful_until if self._leg is not None else -math.inf
        return max(leg, self._doubtful_until)

    @property
    def telling(self) -> Telling | None:
        return self._leg.telling if self._leg is not None else None

    async def __call__(self, deliver: Deliver) -> None:
        """Bring the answer to its end; raise the UpstreamError that ended it."""
        start = trio.current_time()
        try:
            if len(self._left) == 1:
                self._leg = self._new_leg(self._left[0])
                await self._leg(deliver)
            else:
                self._left = self._line.standing.order(self._left, start)
                await self._relay(deliver)
        finally:
            self.duration_s = trio.current_time() - start

    async def _relay(self, deliver: Deliver) -> None:
        while True:
            deployment = self._left.pop(0)
            try:
                await self._from_the_beginning(deployment, deliver)
            except UpstreamError as error:
                if self._is_complete:
                    raise
                if self._merge.state is State.ANSWERING:
                    self._line.standing.answered(self._answering)
                    await self._from_where_it_stopped(self._answering, error, deliver)
                    return
                if not may_be_asked_elsewhere(error):
                    raise
                self._note_failure(self._answering)
                if not self._left:
                    raise
                self._merge.receive(AnswerBegun())
                self._doubtful_until = trio.current_time() + FAILS_WITHIN_S
                self._forget()
                self._note_takeover(self._left[0], self._answering, error, goes_on=False)
            else:
                self._line.standing.answered(self._answering)
                return

    @property
    def _is_complete(self) -> bool:
        return len(self._given.ended) >= self._request.n

    def _forget(self) -> None:
        """Begin to listen anew; what the calls so far have counted stays counted."""
        self._spent = self._given.usage or self._spent
        self._given = Given()

    def _note_failure(self, deployment: Deployment) -> None:
        pause_s = self._line.standing.failed(deployment, trio.current_time())
        if pause_s is not None:
            self._line.observer(LegSetAside(leg=Leg.ANSWER, deployment=deployment, pause_s=pause_s))

    def _note_takeover(
        self, deployment: Deployment, failed: Deployment, error: UpstreamError, *, goes_on: bool
    ) -> None:
        self.taken_over = "after" if goes_on else "before"
        self._line.observer(
            LegTakenOver(leg=Leg.ANSWER, deployment=deployment, failed=failed, error=error, goes_on=goes_on)
        )

    # --- from the beginning ----------------------------------------------------------------------------------------

    async def _from_the_beginning(self, deployment: Deployment, deliver: Deliver) -> None:
        """Let `deployment` answer, or the next one beside it, which then is left no more."""

        async def hear(deltas: Sequence[Delta]) -> None:
            deltas = self._counted(deltas)
            self._given.take(deltas)
            await deliver(deltas)

        self._leg = leg = self._new_leg(deployment)
        self._answering, self.answered_by = deployment, deployment.name
        hedging = self._line.hedging
        delay_s = self._delay(hedging, deployment)
        if hedging is None or delay_s is None:
            await leg(hear)
        else:
            await self._hedged(hedging, deployment, leg, delay_s, hear)

    def _delay(self, hedging: Hedging | None, deployment: Deployment) -> float | None:
        if hedging is None or not self._left or not self._request.stream:
            return None
        hedging.budget.count_call()
        known = None
        if hedging.after_s is None:
            known = hedging.expectation(deployment.name, self._request.prompt_chars, trio.current_time())
        return hedge_delay(deployment, known, after_s=hedging.after_s)

    async def _hedged(
        self, hedging: Hedging, deployment: Deployment, leg: AnswerLeg, delay_s: float, hear: Deliver
    ) -> None:
        other = self._left[0]
        beside: AnswerLeg | None = None

        async def second(deliver: Deliver) -> None:
            nonlocal beside
            # Made late: by now more may have been said.
            beside = self._new_leg(other, eager=True)
            await beside(deliver)

        def begin() -> bool:
            if not hedging.budget.take():
                return False
            self._line.observer(LegHedged(leg=Leg.ANSWER, deployment=other, silent=deployment, after_s=delay_s))
            return True

        hedge = Hedge(leg, second, hear, after_s=delay_s, begin=begin)
        try:
            await hedge.run()
        finally:
            won = hedge.winner is Who.SECOND
            if won:
                self._leg, self._answering, self.answered_by = beside, other, other.name
                self._left.remove(other)
            # Whose failure ends this call is seen to by whoever made it.
            for who, one in ((Who.FIRST, deployment), (Who.SECOND, other)):
                failure = hedge.errors.get(who)
                if failure is not None and who is not (hedge.winner or Who.FIRST) and may_be_asked_elsewhere(failure):
                    self._note_failure(one)
            if hedge.begun:
                self.hedge = "failed" if hedge.winner is None else "won" if won else "lost"
                loser = Who.FIRST if won else Who.SECOND
                cancelled = hedge.winner is not None and loser not in hedge.errors
                wasted = (deployment if won else other) if cancelled else None
                self._line.observer(LegHedgeEnded(leg=Leg.ANSWER, deployment=other, won=won, wasted=wasted))

    def _new_leg(self, deployment: Deployment, *, eager: bool = False) -> AnswerLeg:
        return AnswerLeg(
            self._line,
            deployment,
            self._request,
            self._plan,
            self._opening,
            asking=self._asking,
            said=without_tokens(words) if (words := self._merge.words) else "",
            eager=eager or (bool(self._left) and self._left != [deployment]),
        )

    def _counted(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        """Return `deltas`, with what failed calls have counted added to their usage."""
        spent = self._spent
        if spent is None:
            return deltas
        return [d if d.usage is None else replace(d, usage=added(spent, d.usage)) for d in deltas]

    # --- from where it stopped -------------------------------------------------------------------------------------

    async def _from_where_it_stopped(self, failed: Deployment, error: UpstreamError, deliver: Deliver) -> None:
        """Let the next deployment that can go on from what was written; raise why nobody does."""
        if not (self._given.plain and may_be_gone_on_with(self._request) and may_be_asked_elsewhere(error)):
            raise error
        while self._left and self._given.plain:
            deployment = self._left.pop(0)
            answer = self._written
            said = without_tokens(self._merge.words) + answer
            try:
                if not await self._goes_on(deployment, Splice(said, answer), (failed, error), deliver):
                    self._line.observer(LegNotTakenOver(leg=Leg.ANSWER, deployment=deployment))
                    continue
            except UpstreamError as later:
                # Where it could add nothing, the user's trouble is still that the first one broke off.
                if self._is_complete:
                    raise
                if self._has_more_than(answer):
                    failed, error = deployment, later
            else:
                return
        raise error

    @property
    def _written(self) -> str:
        """What of the answer the client has."""
        return applied(self._merge.seam_edits, self._given.text)

    def _has_more_than(self, written: str) -> bool:
        return self._written != written or not self._given.plain

    async def _goes_on(
        self, deployment: Deployment, splice: Splice, broken: tuple[Deployment, UpstreamError], deliver: Deliver
    ) -> bool:
        """Let `deployment` go on with the answer; return whether it can be asked to at all."""
        line, request = self._line, self._request
        provider, call = await line.upstreams.call(deployment, request)
        now = trio.current_time()
        if splice.prefill:
            if not isinstance(provider, Continues) or not provider.continues(deployment, request):
                return False
            if line.ladder.first(deployment, native=True, bare=False, now=now) is not Rung.NATIVE:
                return False
        self._note_takeover(deployment, *broken, goes_on=True)
        given = self._given
        self._spent = given.usage or self._spent
        if self._left:
            call = replace(call, deployment=replace(deployment, max_retries=0))

        went_on = splice.may_end

        async def hear(deltas: Sequence[Delta]) -> None:
            nonlocal went_on
            deltas = [out for delta in self._counted(deltas) for out in _spliced(splice, delta)]
            if any(delta.answers for delta in deltas):
                went_on, self.answered_by = True, deployment.name
            if splice.began_anew or (not went_on and any(delta.finish_reason is not None for delta in deltas)):
                how, what = _NOT_GOING_ON[splice.began_anew]
                line.ladder.taken_up(deployment, how, trio.current_time())
                raise UpstreamProtocolError(
                    f"deployment '{deployment.name}' {what} where it should go on", deployment=deployment.name
                )
            given.take(deltas)
            if deltas:
                await deliver(deltas)

        try:
            await run_leg(
                Leg.ANSWER,
                provider,
                replace(call, prefill=splice.prefill),
                hear,
                observer=line.observer,
                rng=line.rng,
            )
        except UpstreamStatus as error:
            if splice.prefill and refuses_prefill(error, request.parameters):
                line.ladder.refused(deployment, Rung.NATIVE, trio.current_time())
            raise
        if splice.prefill:
            how = TakenUp.ECHOED if splice.echoed else TakenUp.WENT_ON
            line.ladder.taken_up(deployment, how, trio.current_time())
        return True


_NOT_GOING_ON = {
    True: (TakenUp.BEGAN_ANEW, "begins anew"),
    False: (TakenUp.SAID_NOTHING, "ends at once"),
}
"""By whether it said anything."""


def _spliced(splice: Splice, delta: Delta) -> list[Delta]:
    """Return what is to be written of `delta`, by a model that goes on with another's text."""
    text = splice.feed(delta.content) if delta.content else ""
    if delta.finish_reason is not None or delta.tool_calls:
        text += splice.end()
    spliced = replace(delta, content=text or None)
    return [spliced] if spliced.adds or spliced.finish_reason is not None or spliced.usage is not None else []
