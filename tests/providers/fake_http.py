"""A transport that answers from a function, for what a provider sends and makes of the answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from loro_core import Call, ChatRequest, Deployment, Message, UpstreamClosed, UpstreamError, UpstreamResponse
from loro_core.errors import UpstreamProtocolError
from loro_core.wire.json_text import decode_json


@dataclass(frozen=True)
class Asked:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return decode_json(self.body)


@dataclass
class Answer:
    """pieces: of the body, as they arrive; an error where it breaks."""

    pieces: Sequence[bytes | UpstreamError] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        for piece in self._left:
            if isinstance(piece, UpstreamError):
                raise piece
            if piece:
                return piece
        raise StopAsyncIteration

    def __post_init__(self) -> None:
        self._left = iter(self.pieces)

    async def read(self, max_bytes: int) -> bytes:
        body = b"".join([piece async for piece in self])
        if len(body) > max_bytes:
            raise UpstreamProtocolError("too long")
        return body


class FakeHttp:
    """asked: every request. open: exchanges under way."""

    def __init__(self, answer: Answer | Callable[[Asked], Answer]) -> None:
        self._answer = answer
        self.asked: list[Asked] = []
        self.open = 0

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        return self._exchange(Asked(method, url, dict(headers or {}), body))

    @asynccontextmanager
    async def _exchange(self, asked: Asked) -> AsyncGenerator[UpstreamResponse, None]:
        self.asked.append(asked)
        await trio.lowlevel.checkpoint()
        self.open += 1
        try:
            yield self._answer if isinstance(self._answer, Answer) else self._answer(asked)
        finally:
            self.open -= 1


CUT = UpstreamClosed("cut", deployment="small")


def deployment(**settings: Any) -> Deployment:
    defaults = {"name": "small", "provider": "openai", "base_url": "http://h/v1", "model": "m"}
    return Deployment(**(defaults | settings))


def request(*messages: Message, **settings: Any) -> ChatRequest:
    defaults: dict[str, Any] = {"model": "loro", "stream": True}
    return ChatRequest(messages=messages or (Message.of("user", "Why?"),), **(defaults | settings))


def call(http: FakeHttp, asked: ChatRequest | None = None, **settings: Any) -> Call:
    return Call(deployment=deployment(**settings), request=asked or request(), http=http)
