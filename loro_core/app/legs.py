"""The two legs of one reply: whom to call, with which request, and what becomes of what they say."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import trio

from loro_core.chat import ChatRequest
from loro_core.decide.hint import told
from loro_core.decide.history import recent
from loro_core.decide.hygiene import KnownWords, without_acknowledgements
from loro_core.decide.merge import Acknowledged
from loro_core.decide.prompt import words_request
from loro_core.decide.screen import Rejection, screen
from loro_core.decide.words import Words
from loro_core.fleet import Acknowledge, Deployment, Leg
from loro_core.runtime.acknowledgement import FoundWords, find_words
from loro_core.runtime.attempt import Deliver, run_leg
from loro_core.runtime.observe import Happening, LegEnded, Observer
from loro_core.runtime.upstreams import Upstreams


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a reply's words come from, the same for all replies of a gateway.

    observer: told what happens on the legs. words_prompt: the acknowledging model's instruction, None for the built-in.
    """

    upstreams: Upstreams
    observer: Observer
    rng: random.Random
    words_prompt: str | None = None


class AnswerLeg:
    """The answering model's call. duration_s: how long it took, once it is over."""

    def __init__(self, line: Line, deployment: Deployment, request: ChatRequest) -> None:
        self._line = line
        self._deployment = deployment
        self._request = request
        self.duration_s: float | None = None

    async def __call__(self, deliver: Deliver) -> None:
        provider, call = await self._line.upstreams.call(self._deployment, self._request)
        await run_leg(Leg.ANSWER, provider, call, deliver, observer=self._observe, rng=self._line.rng)

    def _observe(self, happening: Happening) -> None:
        if isinstance(happening, LegEnded):
            self.duration_s = happening.duration_s
        self._line.observer(happening)


class AckLeg:
    """The words that come first. found: what they are, once that is known."""

    def __init__(
        self, line: Line, plan: Acknowledge, phrase: Words | None, deployment: Deployment | None, request: ChatRequest
    ) -> None:
        self._line = line
        self._plan = plan
        self._phrase = phrase
        self._deployment = deployment if plan.ask_model else None
        self._request = request
        self.found: FoundWords | None = None

    async def __call__(self) -> Acknowledged:
        start = trio.current_time()
        ask = None if self._deployment is None else self._ask
        text = self._plan.words or (self._phrase.text if self._phrase else "")
        self.found = await find_words(text, ask, self._screen, deadline=start + self._plan.deadline_s)
        if self._plan.not_before_s:
            await trio.sleep_until(start + self._plan.not_before_s)
        phrase = None if self._plan.words else self._phrase  # a policy's own words may be in any language
        return Acknowledged(
            words=self.found.text,
            language=phrase.language if phrase else None,
            category=phrase.category if phrase else None,
            usage=self.found.usage,
        )

    async def _ask(self, deliver: Deliver) -> None:
        assert self._deployment is not None  # noqa: S101  # `ask` is None otherwise
        request = words_request(self._request, self._line.words_prompt)
        provider, call = await self._line.upstreams.call(self._deployment, request)
        await run_leg(Leg.ACK, provider, call, deliver, observer=self._line.observer, rng=self._line.rng)

    def _screen(self, said: str) -> tuple[str, str | None]:
        language = self._phrase.language if self._phrase else None
        verdict = screen(said, language=language, user_text=self._request.last_user_text, history=recent(self._request))
        if isinstance(verdict, Rejection):
            return "", verdict.reason.value
        return verdict, None


def answer_request(
    request: ChatRequest, plan: Acknowledge | None, phrase: Words | None, known: KnownWords
) -> ChatRequest:
    """Return what the answering model is asked: with the words already said, where the plan says so.

    known: what loro says before answers; the replies of earlier turns come without it.
    """
    request = replace(request, messages=without_acknowledgements(request.messages, known))
    if plan is None or not plan.tell_answer:
        return request
    words = plan.words or (phrase.text if phrase else "")
    return told(request, words) if words else request
