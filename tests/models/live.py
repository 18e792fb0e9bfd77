"""A fleet of real processes, asked as a reply asks: seats, provider, HTTP."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from loro_core.chat import ChatRequest, Delta, Message
from loro_core.decide.fleet.balance import BUILT_IN
from loro_core.decide.fleet.orders import DispatchSettings
from loro_core.errors import UpstreamError
from loro_core.fleet import Deployment, Leg
from loro_core.models import LOCAL, InstanceState, InstanceStatus, Model
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.fleet.model_fleet import ModelFleet, open_fleet
from loro_core.runtime.fleet.seats import Asking
from loro_core.runtime.http_client import HttpClient, open_http
from loro_core.runtime.observe import Happening
from loro_core.runtime.upstreams import Upstreams
from loro_openai import OpenAIProvider


class Answer:
    """What one call gave so far. error: what ended it, None if it ended well."""

    def __init__(self) -> None:
        self.text = ""
        self.finished = False
        self.error: UpstreamError | None = None
        self.began = trio.Event()
        self.ended_at = 0.0

    @property
    def model(self) -> str:
        """Which fake answered."""
        return self.text.split()[0]

    @property
    def pid(self) -> int:
        """Which process of a fake answered."""
        return int(self.text.split()[1])

    async def hear(self, deltas: Sequence[Delta]) -> None:
        await trio.lowlevel.checkpoint()
        for delta in deltas:
            self.text += delta.content or ""
            self.finished = self.finished or delta.finish_reason is not None
            if self.text:
                self.began.set()


class Live:
    """A fleet and the way to it."""

    def __init__(self, fleet: ModelFleet, http: HttpClient) -> None:
        self.fleet = fleet
        self._rng = random.Random(1)
        self._upstreams = Upstreams({"openai": OpenAIProvider()}, http.bind, fleet)

    async def ask(
        self, name: str, *texts: str, answer: Answer | None = None, caller: str = "", call: str = "", **limits: Any
    ) -> Answer:
        """Ask the model or alias `name`, and return its answer, broken off or not. texts: the turns so far."""
        answer = Answer() if answer is None else answer
        spoken = texts or ("Why is the sky blue?",)
        roles = ("user", "assistant")
        messages = tuple(Message.of(roles[n % 2], text) for n, text in enumerate(spoken))  # type: ignore[arg-type]
        request = ChatRequest(model=name, messages=messages, stream=True, parameters={"max_tokens": 24})
        deployment = Deployment(name=name, provider=LOCAL, model=name, **{"max_retries": 0, **limits})
        provider, made = await self._upstreams.call(deployment, request, Asking(caller=caller, call=call))
        try:
            await run_leg(Leg.ANSWER, provider, made, answer.hear, observer=_ignore, rng=self._rng)
        except UpstreamError as error:
            answer.error = error
        answer.ended_at = trio.current_time()
        return answer

    def instances(self, name: str) -> list[InstanceStatus]:
        return [
            instance for status in self.fleet.models() if status.model.name == name for instance in status.instances
        ]

    async def until_ready(self, name: str, number: int) -> None:
        """Return once so many instances of a model are ready."""
        while sum(instance.state is InstanceState.READY for instance in self.instances(name)) < number:
            await self.fleet.changed()


def _ignore(happening: Happening) -> None:
    pass


@asynccontextmanager
async def live_fleet(*models: Model, balance: str = "least-busy", **settings: Any) -> AsyncIterator[Live]:
    """Give a fleet of `models` with processes of their own. settings: of `DispatchSettings`."""
    async with (
        open_http([]) as http,
        open_fleet(
            {model.name: model for model in models},
            DispatchSettings(**settings),
            lambda _: BUILT_IN[balance],
            rng=random.Random(1),
        ) as fleet,
    ):
        yield Live(fleet, http)
