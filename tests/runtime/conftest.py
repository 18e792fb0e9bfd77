"""A client of one HTTP connection, over memory streams; a certificate authority, and whoever trusts it."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import h11
import pytest
import trio
import trio.testing
import trustme

from loro_core.errors import LoroError
from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Drain, Limits, Service
from loro_core.wire.http1 import HeaderList, Headers, HttpRequest

Handle = Callable[[HttpRequest, Reply], Awaitable[None]]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def error(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/json"
        found = json.loads(self.body)["error"]
        assert set(found) == {"message", "type", "code", "param"}
        return dict(found)


class Peer:
    """A client that sends bytes as told and reads replies with h11."""

    def __init__(self, stream: trio.StapledStream[Any, Any], service: Service) -> None:
        self.stream = stream
        self.service = service
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def ask(self, data: bytes, method: str = "GET") -> Answer:
        await self.send(data)
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> Answer:
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
        parser.send(h11.EndOfMessage())
        if self._buffer:
            parser.receive_data(self._buffer)
        found = Answer(0, {}, b"", whole=False)
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError:
                return found  # the end of file came too early
            if event is h11.NEED_DATA:
                parser.receive_data(bytes(await self.stream.receive_some(65536)))
            elif isinstance(event, h11.Response):
                found.status = event.status_code
                found.headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                found.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._buffer = parser.trailing_data[0]
                found.whole = True
                return found
            elif isinstance(event, h11.ConnectionClosed):
                return found

    async def closed(self) -> bool:
        """Return whether the server has nothing more to say."""
        return self._buffer == b"" and await self.stream.receive_some(1) == b""

    async def all_bytes_until(self, end: bytes) -> bytes:
        """Return what comes until it ends so, or nothing more comes."""
        found = b""
        while not found.endswith(end) and (data := await self.stream.receive_some(65536)):
            found += data
        return found

    async def all_bytes(self) -> bytes:
        found = self._buffer
        while data := await self.stream.receive_some(65536):
            found += data
        return found


@asynccontextmanager
async def _connected(
    handler: Handle,
    *,
    drain: Drain | None = None,
    lockstep: bool = False,
    common_headers: Callable[[Headers], HeaderList] = lambda _: (),
    **limits: Any,
) -> AsyncIterator[Peer]:
    pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    mine, theirs = pair()
    service = Service(
        handler=handler,
        error_body=_error_body,
        common_headers=common_headers,
        limits=Limits(**limits),
        drain=drain or Drain(),
    )
    with trio.fail_after(3600):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(serve_connection, theirs, service, client="192.0.2.1"))
            yield Peer(mine, service)
            await mine.aclose()
    assert service.counts.connections == service.counts.in_flight == 0


def _error_body(error: LoroError) -> bytes:
    shown = {"message": error.message, "type": error.type, "code": error.code, "param": error.param}
    return json.dumps({"error": shown}).encode()


@pytest.fixture
def connected() -> Callable[..., Any]:
    """`async with connected(handler) as peer`: one connection to a handler, with limits by name.

    lockstep: a send waits for its reader, on both sides. Leaving the block closes the client's side, and waits until
    no task is left.
    """
    return _connected


@pytest.fixture
def error_body() -> Callable[[LoroError], bytes]:
    return _error_body


@pytest.fixture
def no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
