"""A provider that plays a list of moves, for tests on the jumping clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TypeVar

import trio

from loro_core.chat import ChatRequest, Delta, Message
from loro_core.errors import UpstreamError
from loro_core.fleet import Deployment
from loro_core.plugin.api import Call, UpstreamHttp, UpstreamResponse
from loro_core.runtime.observe import Happening

H = TypeVar("H", bound=Happening)

Move = float | Delta | list[Delta] | UpstreamError
"""Seconds to wait, a delta to give, several to give together, an error to raise."""


def says(text: str) -> Delta:
    return Delta(content=text)


STOP = Delta(finish_reason="stop")


class NoHttp:
    """A transport for providers that use none."""

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        raise AssertionError("this provider has no transport")


class PlayingProvider:
    """Plays one list of moves a call; the last list again when there are more calls.

    open_calls and started_s tell what is under way and when each call began.
    """

    name = "playing"

    def __init__(self, *scripts: Sequence[Move]) -> None:
        self._scripts = list(scripts)
        self.calls: list[Call] = []
        self.started_s: list[float] = []
        self.open_calls = 0

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[Sequence[Delta]]]:
        script = self._scripts[min(len(self.calls), len(self._scripts) - 1)]
        self.calls.append(call)
        self.started_s.append(trio.current_time())
        self.open_calls += 1
        try:
            await trio.lowlevel.checkpoint()
            async with aclosing(self._play(script)) as moves:
                yield moves
        finally:
            self.open_calls -= 1

    async def _play(self, script: Sequence[Move]) -> AsyncGenerator[Sequence[Delta], None]:
        for move in script:
            if isinstance(move, Delta):
                await trio.lowlevel.checkpoint()
                yield [move]
            elif isinstance(move, list):
                await trio.lowlevel.checkpoint()
                yield move
            elif isinstance(move, UpstreamError):
                raise move
            else:
                await trio.sleep(move)

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        await trio.lowlevel.checkpoint()


class Continuing(PlayingProvider):
    """One that can be handed words to go on from."""

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
        return True


def call(*, name: str = "large", stream: bool = True, n: int = 1, **limits: float) -> Call:
    deployment = Deployment(name=name, provider="playing", model="m", **limits)  # type: ignore[arg-type]
    request = ChatRequest(model="loro", messages=(Message.of("user", "Why?"),), stream=stream, n=n)
    return Call(deployment=deployment, request=request, http=NoHttp())


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.happened: list[Happening] = []

    def __call__(self, happening: Happening) -> None:
        self.happened.append(happening)

    def of(self, kind: type[H]) -> list[H]:
        return [h for h in self.happened if isinstance(h, kind)]
