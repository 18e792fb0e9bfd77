"""A server of one's own for a bench: pages, and replies whose bytes leave at scripted moments."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from loro_core.fleet import Leg
from loro_core.wire.leg_trace import encode_leg
from loro_core.wire.sse import DONE, encode_event

Reply = Sequence[tuple[float, bytes]]
"""The body of a streamed reply: seconds since its request, and what is written then."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def is_direct(self) -> bool:
        return bool(self.body.get("disable_quick_response"))


@dataclass
class SpeakingServer:
    """pages: "GET /path" -> (status, JSON). chat: the reply to every chat that is no page. All else is 404."""

    chat: Callable[[Request], Reply]
    pages: Mapping[str, tuple[int, Any]] = field(default_factory=dict)
    headers: str = ""
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    async def handle(self, stream: trio.SocketStream) -> None:
        try:
            await self._answer(stream)
        except trio.BrokenResourceError:
            pass  # the client left
        finally:
            await trio.aclose_forcefully(stream)

    async def _answer(self, stream: trio.SocketStream) -> None:
        request = await _read(stream)
        if request is None:
            return
        self.requests.append(request)
        page = self.pages.get(f"{request.method} {request.path}")
        if page is None and request in self.chats:
            await self._speak(stream, self.chat(request))
            return
        status, value = page or (404, {"error": {"message": "no"}})
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        await stream.send_all(head.encode() + b"connection: close\r\n\r\n" + body)

    async def _speak(self, stream: trio.SocketStream, reply: Reply) -> None:
        began = trio.current_time()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{self.headers}connection: close\r\n\r\n"
        await stream.send_all(head.encode())
        for at_s, data in reply:
            await trio.sleep_until(began + at_s)
            await stream.send_all(data)


async def _read(stream: trio.SocketStream) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some()
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += await stream.receive_some()
    method, path, _ = first.split(" ")
    return Request(method, path, headers, json.loads(body) if body else None)


@asynccontextmanager
async def open_server(server: SpeakingServer) -> AsyncIterator[SpeakingServer]:
    """Serve on a free port of this machine until the block is left."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server.port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.handle, listeners)
        yield server
        nursery.cancel_scope.cancel()


def chunk(content: str = "", finish_reason: str | None = None) -> bytes:
    """Return the event of one chunk."""
    body = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}]}
    return encode_event(json.dumps(body).encode())


END = chunk(finish_reason="stop") + DONE


def speak_like_loro(request: Request) -> Reply:
    """An acknowledgement after 0.1 s unless there shall be none, the answer after 1 s, its end after 1.5 s."""
    answer = [(1.0, encode_leg(Leg.ANSWER) + chunk("It is ")), (1.2, chunk("blue.")), (1.5, END)]
    if request.is_direct:
        return answer
    return [(0.1, encode_leg(Leg.ACK) + chunk("Let me see. ")), *answer]


LORO_PAGES: Mapping[str, tuple[int, Any]] = {
    "GET /health": (200, {"status": "healthy"}),
    "GET /": (200, {"mode": "gateway", "policy": "adaptive", "version": "1.0"}),
    "GET /v1/models": (200, {"object": "list", "data": [{"id": "loro"}, {"id": "large"}]}),
    "GET /metrics": (200, {"quick_response_mode": {"total_requests": 7}, "direct_mode": {"total_requests": 8}}),
    "POST /metrics/reset": (200, {"message": "ok"}),
}
