"""The two legs of one reply: whom to call, with which request, and what becomes of what they say."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import trio

from loro_core.chat import ChatRequest, Delta, Usage
from loro_core.decide.announce import named_lines, offers_tools
from loro_core.decide.hedge import HedgeBudget
from loro_core.decide.history import recent
from loro_core.decide.hygiene import KnownWords, without_acknowledgements
from loro_core.decide.merge import Acknowledged, Progressed
from loro_core.decide.prefill import Ladder
from loro_core.decide.prompt import words_request
from loro_core.decide.release.profile import Releaser
from loro_core.decide.screen import Rejection, screen
from loro_core.decide.stages import FIRST_PAUSE_S, Stages
from loro_core.decide.standing import Standing
from loro_core.decide.telling import Telling, Told
from loro_core.decide.wording import Opening
from loro_core.errors import UpstreamError
from loro_core.fleet import Acknowledge, Deployment, Expectation, Leg
from loro_core.plugin.api import Call, Continues, Provider
from loro_core.runtime.acknowledgement import FoundWords, find_words
from loro_core.runtime.attempt import Deliver, run_leg
from loro_core.runtime.fleet.seats import NOBODY, Asking
from loro_core.runtime.observe import Happening, LegRetried, Observer
from loro_core.runtime.race import Say
from loro_core.runtime.upstreams import Upstreams

FAILS_WITHIN_S = 0.25
"""An upstream that refuses does so within a round trip; one that has not by then works on the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedging:
    """When a second answering model is asked beside a silent one.

    expectation: gives when a deployment may begin to answer a prompt of so many characters, asked now.
    after_s: the operator's delay, None to learn it.
    """

    budget: HedgeBudget
    expectation: Callable[[str, int, float], Expectation | None]
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a reply's words come from, the same for all replies of a gateway.

    observer: told what happens on the legs. hedging: when a second answering model is asked beside a silent one, None
        for never. words_prompt: the acknowledging model's instruction, None for the built-in.
    progress: whether lines follow the words while the answer does not come.
    standing: which answering models have failed lately.
    ladder: what is known of how the answering models can be told what was said.
    """

    upstreams: Upstreams
    observer: Observer
    rng: random.Random
    ladder: Ladder
    hedging: Hedging | None = None
    standing: Standing = field(default_factory=Standing)
    words_prompt: str | None = None
    progress: bool = True


class AnswerLeg:
    """The answering model's call.

    plan, opening: the acknowledgement's, of whose words the model is told where the plan says so.
    said: the words that were said before this call began, of which it is told whatever the plan says.
    eager: another deployment is asked where this one fails, which is quicker than trying this one again.
    asking: for whom, where a local model has a queue.
    telling: how the model was told; None if it was not.
    doubtful_until: a try has failed, and until then the next one has had no time to show that it does not fail as well.
    """

    def __init__(
        self,
        line: Line,
        deployment: Deployment,
        request: ChatRequest,
        plan: Acknowledge | None = None,
        opening: Opening | None = None,
        *,
        said: str = "",
        eager: bool = False,
        asking: Asking = NOBODY,
    ) -> None:
        self._line = line
        self._asking = asking
        self._deployment = deployment
        self._said = said
        self._eager = eager
        self._request = request
        self._plan = plan
        self._opening = opening
        self.telling: Telling | None = None
        self.doubtful_until = -math.inf

    async def __call__(self, deliver: Deliver) -> None:
        provider, call = await self._line.upstreams.call(self._deployment, self._request, self._asking)
        if self._eager:
            call = replace(call, deployment=replace(call.deployment, max_retries=0))
        # Without words nobody waits to see whether it fails.
        observe = self._line.observer if self._plan is None else self._observe
        telling = self.telling = None if self._plan is None else self._tell(provider)
        if telling is None:
            await run_leg(Leg.ANSWER, provider, call, deliver, observer=observe, rng=self._line.rng)
            return

        async def hear(deltas: Sequence[Delta]) -> None:
            for delta in deltas:
                telling.hear(delta, trio.current_time())
            await deliver(deltas)

        def instead(error: UpstreamError | None) -> Call | None:
            told = telling.instead(error, trio.current_time())
            return None if told is None else _with(call, told)

        told = _with(call, telling.told)
        await run_leg(Leg.ANSWER, provider, told, hear, observer=observe, rng=self._line.rng, instead=instead)
        telling.ended(trio.current_time())

    def _tell(self, provider: Provider) -> Telling | None:
        """Return how the model is told of the words, None where it is not or where there are none."""
        plan, opening = self._plan, self._opening
        if plan is None or opening is None or not (self._said or (plan.tell_answer and opening.spoken)):
            return None
        # Words that are held back may be dropped for a quicker answer, and that must not begin in mid-sentence.
        sure = bool(self._said) or plan.not_before_s <= 0
        return Telling(
            self._line.ladder,
            self._deployment,
            self._request,
            self._said or opening.spoken,
            language=opening.language,
            native=sure and isinstance(provider, Continues) and provider.continues(self._deployment, self._request),
            now=trio.current_time(),
        )

    def _observe(self, happening: Happening) -> None:
        if isinstance(happening, LegRetried):
            self.doubtful_until = trio.current_time() + happening.wait_s + FAILS_WITHIN_S
        self._line.observer(happening)


class Doubtful(Protocol):
    """An answer that may yet fail."""

    @property
    def doubtful_until(self) -> float:
        """Until when words should wait for it, as known now; -inf if nothing has failed."""


class AckLeg:
    """The words that come first, and those for an answer that does not come.

    answer: whose failures are waited out: words before an error are worse than none.
    found: the first words, once they are known. progressed: how many lines followed them.
    asked: whether a model was asked for words; usage, characters: what it counted and said so far.
    """

    def __init__(
        self,
        line: Line,
        plan: Acknowledge,
        opening: Opening,
        deployment: Deployment | None,
        request: ChatRequest,
        *,
        answer: Doubtful,
        asking: Asking = NOBODY,
    ) -> None:
        self._line = line
        self._asking = asking
        self._answer = answer
        self._plan = plan
        self._opening = opening
        self._deployment = deployment if plan.ask_model else None
        self._request = request
        self.found: FoundWords | None = None
        self.progressed = 0
        self.asked = False
        self.usage: Usage | None = None
        self.characters = 0

    async def __call__(self, say: Say) -> None:
        start = trio.current_time()
        ask = None if self._deployment is None else self._ask
        self.found = await find_words(self._opening.spoken, ask, self._screen, deadline=start + self._plan.deadline_s)
        if self._plan.not_before_s:
            await trio.sleep_until(start + self._plan.not_before_s)
        while self._answer.doubtful_until > trio.current_time():  # noqa: ASYNC110  # meanwhile it may be put off
            await trio.sleep_until(self._answer.doubtful_until)
        shaped = self._opening.shaped(self.found.text)
        goes_on = self._line.progress and bool(self.found.text) and self._opening.later is not None
        await say(
            Acknowledged(
                words=shaped.text,
                language=self._opening.language,
                category=self._opening.category,
                usage=self.found.usage,
                more=goes_on,
            )
        )
        if goes_on:
            await self._go_on(say, shaped.text)

    async def _go_on(self, say: Say, written: str) -> None:
        """Say one line after the other, until the answer comes and ends this. written: the words before them, now."""
        now = trio.current_time()
        # No line is due before, and mostly the answer is there by then: only now they are chosen.
        await trio.sleep_until(now + FIRST_PAUSE_S)
        lines = self._opening.progress_lines()
        stages = Stages(list(lines), recent(self._request), self._line.rng)
        releaser = Releaser(self._opening.profile)
        while True:
            # What the client holds back, a lead-in mostly, is not heard before the next line.
            stages.spoke(" ".join(releaser.feed(written)), now)
            stage = stages.next()
            if stage is None:
                return
            await trio.sleep_until(stage.at_s)
            written = self._opening.join + lines[stage.text]
            await say(Progressed(words=written))
            now = trio.current_time()
            self.progressed += 1

    async def _ask(self, deliver: Deliver) -> None:
        assert self._deployment is not None  # noqa: S101  # `ask` is None otherwise
        request = words_request(self._request, self._line.words_prompt, language=self._opening.language)
        provider, call = await self._line.upstreams.call(self._deployment, request, self._asking)

        async def hear(deltas: Sequence[Delta]) -> None:
            for delta in deltas:
                self.usage = delta.usage or self.usage
                self.characters += len(delta.content or "")
            await deliver(deltas)

        self.asked = True
        await run_leg(Leg.ACK, provider, call, hear, observer=self._line.observer, rng=self._line.rng)

    def _screen(self, said: str) -> tuple[str, str | None]:
        verdict = screen(
            said, language=self._opening.language, user_text=self._request.last_user_text, history=recent(self._request)
        )
        if isinstance(verdict, Rejection):
            return "", verdict.reason.value
        return verdict, None


def without_our_words(request: ChatRequest, known: KnownWords) -> ChatRequest:
    """Return `request` with the replies of earlier turns as the answering model gave them.

    known: what loro says before answers; what it says before calls of the tools offered comes to it here.
    """
    if "assistant" not in [message.role for message in request.messages]:
        return request
    if offers_tools(request):
        known = known.also(named_lines(request))
    left = without_acknowledgements(request.messages, known)
    return request if left == request.messages else replace(request, messages=left)


def _with(call: Call, told: Told) -> Call:
    return replace(call, request=told.request, prefill=told.prefill)
