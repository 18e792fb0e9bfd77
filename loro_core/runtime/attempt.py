"""One leg: a call to one deployment, tried again while nothing was said, under its own deadlines.

first token   from the start of the leg to the first delta that says something, retries and waits included
idle          between two deltas after that; the time the client takes to read does not count
settle        after every choice has its finish reason, for usage and [DONE]; running out of it is no failure
reply         a whole call that does not stream
A live stream has no total cap. Once something was delivered nothing is tried again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Sequence

import trio

from loro_core.chat import Delta
from loro_core.decide.retry import Budget, wait_before_retry
from loro_core.errors import UpstreamError, UpstreamTimeout
from loro_core.fleet import Leg
from loro_core.plugin.api import Call, Provider
from loro_core.runtime.observe import LegEnded, LegOutcome, LegRetried, LegSpoke, LegStarted, LegWaited, Observer

SETTLE_S = 1.0
"""Some upstreams keep the connection open after the last chunk and never send [DONE]."""

Deliver = Callable[[Sequence[Delta]], Awaitable[None]]


async def run_leg(
    leg: Leg, provider: Provider, call: Call, deliver: Deliver, *, observer: Observer, rng: random.Random
) -> None:
    """Bring one leg to its end, handing each batch of deltas to `deliver` in order.

    deliver: is awaited before more is read from the upstream, so a slow client slows the upstream down.
    Raises the UpstreamError that ended the leg; its phase is "decode" if anything had been delivered.
    After Cancelled the upstream's connection is closed; some deltas may have been delivered.
    """
    start = trio.current_time()
    observer(LegStarted(leg=leg, deployment=call.deployment))
    tries = _Tries(leg, provider, call, deliver=deliver, observer=observer, start=start)
    outcome: LegOutcome = "cancelled"
    failure: UpstreamError | None = None
    try:
        await tries.run(rng)
        outcome = "finished"
    except UpstreamError as error:
        outcome, failure = "failed", error
        raise
    finally:
        if outcome != "finished":
            tries.note_wait(answered=False)
        duration_s = trio.current_time() - start
        ended = LegEnded(leg=leg, deployment=call.deployment, outcome=outcome, duration_s=duration_s, error=failure)
        observer(ended)


class _Tries:
    def __init__(
        self, leg: Leg, provider: Provider, call: Call, *, deliver: Deliver, observer: Observer, start: float
    ) -> None:
        self._leg = leg
        self._provider = provider
        self._call = call
        self._deliver = deliver
        self._observer = observer
        self._start = start
        self._began = False
        self._waiting = call.request.stream  # A whole reply's first token is its last: no measure of anything.
        self._ended_choices: set[int] = set()
        limit = call.deployment
        self._deadline = start + (limit.first_token_timeout_s if call.request.stream else limit.reply_timeout_s)

    async def run(self, rng: random.Random) -> None:
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._try_once()
            except UpstreamError as error:
                if self._began:
                    error.phase = "decode"
                    raise
                left = Budget(
                    retries=self._call.deployment.max_retries + 1 - attempt,
                    time_s=self._deadline - trio.current_time(),
                )
                wait_s = wait_before_retry(error, attempt=attempt, budget=left, rng=rng)
                if wait_s is None:
                    raise
                self._observer(LegRetried(leg=self._leg, deployment=self._call.deployment, error=error, wait_s=wait_s))
                await trio.sleep(wait_s)
            else:
                return

    async def _try_once(self) -> None:
        with trio.CancelScope(deadline=self._deadline) as scope:
            async with self._provider.open(self._call) as stream:
                async for deltas in stream:
                    scope.deadline = math.inf
                    self._take_note(deltas)
                    await self._deliver(deltas)
                    scope.deadline = self._next_deadline()
        if scope.cancelled_caught and not self._complete:
            raise self._silence()

    def note_wait(self, *, answered: bool) -> None:
        """Tell the observer that the wait for the answer's first token is over, once."""
        if not self._waiting:
            return
        self._waiting = False
        now = trio.current_time()
        self._observer(
            LegWaited(
                leg=self._leg,
                deployment=self._call.deployment,
                after_s=now - self._start,
                answered=answered,
                prompt_chars=self._call.request.prompt_chars,
                at=now,
            )
        )

    def _take_note(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            if self._waiting and delta.answers:
                self.note_wait(answered=True)
            if delta.finish_reason is not None:
                self._ended_choices.add(delta.index)
            if not self._began and (delta.adds or delta.finish_reason is not None):
                self._began = True
                if self._call.request.stream:
                    after_s = trio.current_time() - self._start
                    self._observer(LegSpoke(leg=self._leg, deployment=self._call.deployment, after_s=after_s))

    @property
    def _complete(self) -> bool:
        return len(self._ended_choices) >= self._call.request.n

    def _next_deadline(self) -> float:
        if not self._began:
            return self._deadline
        idle_s = self._call.deployment.idle_timeout_s
        return trio.current_time() + (min(SETTLE_S, idle_s) if self._complete else idle_s)

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
