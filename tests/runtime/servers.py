"""HTTP servers inside the run, byte by byte under a test's control."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from loro_core.fleet import Deployment
from loro_core.runtime.http_client import HttpClient

Serve = Callable[[trio.abc.Stream, bytes], Awaitable[bool]]
"""Answers one request, given its bytes; says whether the connection stays open."""

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """url; how many connections were made, how many are open; the requests as received.

    one_opened: set once there was a connection, and its handshake if it has one.
    resumed: of each connection over TLS, whether it took up an earlier session.
    """

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._one_closed = trio.Event()
        self.one_opened = trio.Event()
        self.url = ""
        self.port = 0
        self.connections = 0
        self.open = 0
        self.requests: list[bytes] = []
        self.resumed: list[bool] = []

    async def handle(self, stream: trio.abc.Stream) -> None:
        self.connections += 1
        self.open += 1
        try:
            if self._tls is not None:
                secured = trio.SSLStream(stream, self._tls, server_side=True, https_compatible=True)
                await secured.do_handshake()
                self.resumed.append(bool(secured.session_reused))
                stream = secured
            self.one_opened.set()
            while (request := await self._read_request(stream)) is not None:
                self.requests.append(request)
                if not await self._serve(stream, request):
                    return
        except trio.BrokenResourceError:
            pass
        finally:
            self.open -= 1
            self._one_closed.set()

    async def all_closed(self) -> None:
        while self.open:
            self._one_closed = trio.Event()
            await self._one_closed.wait()

    async def _read_request(self, stream: trio.abc.Stream) -> bytes | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = await stream.receive_some()
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")), 0
        )
        while len(body) < length:
            piece = await stream.receive_some()
            if not piece:
                return None
            body += piece
        return head + b"\r\n\r\n" + body


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(serve, tls)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, server.handle, 0, host="127.0.0.1"))
        server.port = listeners[0].socket.getsockname()[1]
        server.url = f"http://127.0.0.1:{server.port}" if tls is None else f"https://localhost:{server.port}"
        yield server
        nursery.cancel_scope.cancel()


async def answer_ok(stream: trio.abc.Stream, request: bytes) -> bool:
    await stream.send_all(OK)
    return True


async def stream_for_ever(stream: trio.abc.Stream, request: bytes) -> bool:
    await stream.send_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        await stream.send_all(b"5\r\nhello\r\n")
        await trio.sleep(0.005)


def deployment(**settings) -> Deployment:
    return Deployment(name="small", provider="openai", model="m", **settings)


async def ask(client: HttpClient, url: str, **settings) -> bytes:
    async with client.bind(deployment(**settings)).send("POST", url, body=b"{}") as response:
        return await response.read(1000)


def sockets() -> int:
    return sum(os.path.realpath(fd).rpartition("/")[2].startswith("socket:") for fd in Path("/proc/self/fd").iterdir())
