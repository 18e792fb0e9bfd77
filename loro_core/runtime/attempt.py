"""One leg: a call to one deployment, tried again while nothing was said, under its own deadlines.

first token   from the start of the leg to the first delta that says something, retries and waits included
idle          between two deltas after that, to a hundredth; the time the client takes to read does not count
settle        after every choice has its finish reason, for usage and [DONE]; running out of it is no failure
reply         a whole call that does not stream
A live stream has no total cap. Once something was delivered nothing is tried again.

Where each try needs a seat first (`Seated`), the wait for it counts in none of these: the queue has its own.

A call whose reply was begun for the model (`Call.prefill`) may be asked in another way when it is refused or ends
without a word. That is no retry: it is not counted, not waited for, and has the same deadlines.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Sequence

import trio

from loro_core.chat import Delta, LastDeltas
from loro_core.decide.retry import Budget, wait_before_retry
from loro_core.errors import UpstreamError, UpstreamTimeout
from loro_core.fleet import Leg
from loro_core.plugin.api import Call, Provider
from loro_core.runtime.fleet.seats import Seated
from loro_core.runtime.lifted import without_deadline
from loro_core.runtime.observe import (
    LegAskedOtherwise,
    LegEnded,
    LegOutcome,
    LegRetried,
    LegSpoke,
    LegStarted,
    LegWaited,
    Observer,
)

SETTLE_S = 1.0
"""Some upstreams keep the connection open after the last chunk and never send [DONE]."""

LEEWAY = 0.01
"""So much of its time a wait between two deltas may be cut short by, so that its deadline need not be moved for each of
them: at 30 s of patience, some three times a second. nginx does the same (NGX_TIMER_LAZY_DELAY, 300 ms)."""

Deliver = Callable[[Sequence[Delta]], Awaitable[None]]

Instead = Callable[["UpstreamError | None"], "Call | None"]
"""(the error, None if the reply was complete without a word) -> what to ask instead, None to leave it at that."""


def _nothing_instead(error: UpstreamError | None) -> Call | None:  # noqa: ARG001
    return None


async def run_leg(
    leg: Leg,
    provider: Provider,
    call: Call,
    deliver: Deliver,
    *,
    observer: Observer,
    rng: random.Random,
    instead: Instead = _nothing_instead,
) -> None:
    """Bring one leg to its end, handing each batch of deltas to `deliver` in order.

    deliver: is awaited before more is read from the upstream, so a slow client slows the upstream down.
    instead: is asked after a try that failed before anything was delivered, and after a prefilled one without a word.
    Raises the UpstreamError that ended the leg; its phase is "decode" if anything had been delivered.
    After Cancelled the upstream's connection is closed; some deltas may have been delivered.
    """
    tries = _Tries(leg, provider, call, deliver=deliver, observer=observer, instead=instead)
    outcome: LegOutcome = "cancelled"
    failure: UpstreamError | None = None
    try:
        while await tries.goes_on(await tries.once(), rng):
            pass
        outcome = "finished"
    except UpstreamError as error:
        outcome, failure = "failed", error
        raise
    finally:
        tries.end(outcome, failure)


class _Tries:
    def __init__(
        self,
        leg: Leg,
        provider: Provider,
        call: Call,
        *,
        deliver: Deliver,
        observer: Observer,
        instead: Instead,
    ) -> None:
        self._leg = leg
        self._provider = provider
        self._seats = provider if isinstance(provider, Seated) else None
        self._call = call
        self._deliver = deliver
        self._observer = observer
        self._start = start = trio.current_time()
        self._instead = instead
        self._attempt = 1
        self._began = False
        self._held: list[Delta] = []
        self._queued_s = 0.0
        self._queues_since: float | None = None
        self._waiting = call.request.stream  # A whole reply's first token is its last: no measure of anything.
        self._ended_choices: set[int] = set()
        limit = call.deployment
        self._deadline = start + (limit.first_token_timeout_s if call.request.stream else limit.reply_timeout_s)
        observer(LegStarted(leg=leg, deployment=limit))

    async def goes_on(self, failure: UpstreamError | None, rng: random.Random) -> bool:
        """Return whether there is to be another try, after the wait before it.

        failure: of the last one, None if it came to its end. Raises it if it is the leg's.
        """
        if self._began:
            if failure is not None:
                failure.phase = "decode"
                raise failure
            return False
        if self._asks_otherwise(failure):
            return True
        if failure is None:
            await self._give_held()
            return False
        wait_s = self._wait_after(failure, rng)
        if wait_s is None:
            raise failure
        self._observer(LegRetried(leg=self._leg, deployment=self._call.deployment, error=failure, wait_s=wait_s))
        await trio.sleep(wait_s)
        self._attempt += 1
        return True

    def end(self, outcome: LegOutcome, failure: UpstreamError | None) -> None:
        """Tell the observer how the leg ended."""
        now = trio.current_time()
        if outcome != "finished":
            self._note_wait(now, answered=False)
        self._observer(
            LegEnded(
                leg=self._leg,
                deployment=self._call.deployment,
                outcome=outcome,
                duration_s=now - self._start,
                error=failure,
            )
        )

    def _asks_otherwise(self, failure: UpstreamError | None) -> bool:
        """Put another call in the place of the one that came to nothing, if there is one."""
        if failure is None and not self._call.prefill:
            return False
        other = self._instead(failure)
        if other is None:
            return False
        self._observer(LegAskedOtherwise(leg=self._leg, deployment=self._call.deployment, error=failure))
        self._call = other
        return True

    def _wait_after(self, failure: UpstreamError, rng: random.Random) -> float | None:
        if self._seats is not None and self._seats.elsewhere(failure):
            return 0.0
        left = Budget(
            retries=self._call.deployment.max_retries + 1 - self._attempt,
            time_s=self._deadline - trio.current_time(),
        )
        return wait_before_retry(failure, attempt=self._attempt, budget=left, rng=rng)

    async def once(self) -> UpstreamError | None:
        """Make the call once; return why it failed, None if it came to its end."""
        self._held.clear()
        self._ended_choices.clear()
        try:
            if self._seats is None:
                await self._hear(self._provider, self._call)
                return None
            self._queues_since = trio.current_time()
            async with self._seats.take(self._call) as (provider, call):
                queued_s = trio.current_time() - self._queues_since
                self._queues_since = None
                self._queued_s += queued_s
                self._deadline += queued_s
                await self._hear(provider, call)
        except UpstreamError as error:
            return error
        return None

    async def _hear(self, provider: Provider, call: Call) -> None:
        with trio.CancelScope(deadline=self._deadline) as scope:
            async with provider.open(call) as stream:
                async for deltas in stream:
                    self._take_note(deltas)
                    await without_deadline(scope, self._hand_on(deltas))
                    # Behind the last of them there is only the call's end, for which any deadline will do.
                    if type(deltas) is not LastDeltas or scope.deadline == math.inf:
                        self._be_patient(scope)
        if scope.cancelled_caught and not self._complete:
            raise self._silence()

    async def _hand_on(self, deltas: Sequence[Delta]) -> None:
        if self._call.prefill and not self._began:
            self._held += deltas
            return
        if self._held:
            await self._give_held()
        await self._deliver(deltas)

    async def _give_held(self) -> None:
        if self._held:
            held, self._held = self._held, []
            await self._deliver(held)

    def _take_note(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            if delta.finish_reason is not None:
                self._ended_choices.add(delta.index)
            if self._waiting and delta.answers:
                self._note_wait(trio.current_time(), answered=True)
            # The end of a prefilled reply without a word is no beginning: it may still be asked for otherwise.
            if not self._began and (delta.adds or (delta.finish_reason is not None and not self._call.prefill)):
                self._began = True
                if self._call.request.stream:
                    after_s = trio.current_time() - self._start
                    self._observer(LegSpoke(leg=self._leg, deployment=self._call.deployment, after_s=after_s))

    def _note_wait(self, now: float, *, answered: bool) -> None:
        """Tell the observer that the wait for the answer's first token is over, once; less that for a seat."""
        if not self._waiting:
            return
        self._waiting = False
        queued_s = self._queued_s + (0.0 if self._queues_since is None else now - self._queues_since)
        self._observer(
            LegWaited(
                leg=self._leg,
                deployment=self._call.deployment,
                after_s=now - self._start - queued_s,
                answered=answered,
                prompt_chars=self._call.request.prompt_chars,
                at=now,
            )
        )

    @property
    def _complete(self) -> bool:
        return len(self._ended_choices) >= self._call.request.n

    def _be_patient(self, scope: trio.CancelScope) -> None:
        """Give what comes next its deadline; one that is nearly right stays, for to move it costs more than to look."""
        if not self._began and not self._complete:
            deadline, leeway_s = self._deadline, 0.0
        else:
            idle_s = self._call.deployment.idle_timeout_s
            if self._complete and idle_s > SETTLE_S:
                idle_s = SETTLE_S
            deadline, leeway_s = trio.current_time() + idle_s, LEEWAY * idle_s
        if not 0.0 <= deadline - scope.deadline <= leeway_s:
            scope.deadline = deadline

    def _silence(self) -> UpstreamTimeout:
        deployment = self._call.deployment
        if self._began:
            said = f"fell silent for {deployment.idle_timeout_s:g} s in the middle of its answer"
        elif self._call.request.stream:
            said = f"gave no first token within {deployment.first_token_timeout_s:g} s"
        else:
            said = f"gave no reply within {deployment.reply_timeout_s:g} s"
        return UpstreamTimeout(
            f"deployment '{deployment.name}' {said}",
            deployment=deployment.name,
            phase="decode" if self._began else "prefill",
        )
