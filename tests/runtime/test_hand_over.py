"""A connection that changes the process in the middle of a request: both processes' halves, in one run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel
import trio.testing

from loro_core.errors import LoroError
from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Service
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.http1_decoder import RequestHead

LIMIT = 1000
SMALL = b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
BODY = bytes(range(256)) * 10
LARGE = b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = b"POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
    b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (BODY[:600], BODY[600:1500], BODY[1500:])
)
CHUNKED += b"0\r\n\r\n"


def error_body(error: LoroError) -> bytes:
    return error.message.encode()


class There:
    """The other process: serves what it is handed in the same run. gone: it takes nothing."""

    def __init__(self, service: Service, nursery: trio.Nursery, *, gone: bool = False) -> None:
        self._service = service
        self._nursery = nursery
        self._gone = gone
        self.asked = 0

    def wants(self, head: RequestHead, body_bytes: int) -> bool:
        declared = head.headers.get("content-length")
        return max(body_bytes, int(declared or 0)) > LIMIT

    async def take(self, sock: trio.socket.SocketType, received: bytes) -> bool:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if self._gone:
            return False
        stream = trio.SocketStream(sock.dup())

        async def serve() -> None:
            await serve_connection(stream, self._service, handed_over=received)

        self._nursery.start_soon(serve)
        return True


def at(place: str):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.send(200, [("x-place", place)], b"%d bytes" % len(request.body) + request.body[-3:])

    return handler


@asynccontextmanager
async def connected(*, gone: bool = False) -> AsyncIterator[tuple[trio.SocketStream, There, Service, Service]]:
    near, far = trio.socket.socketpair()
    async with trio.open_nursery() as nursery:
        elsewhere = Service(handler=at("there"), error_body=error_body)
        there = There(elsewhere, nursery, gone=gone)
        here = Service(handler=at("here"), error_body=error_body, aside=there)
        nursery.start_soon(serve_connection, trio.SocketStream(far), here)
        async with trio.SocketStream(near) as client:
            yield client, there, here, elsewhere
        nursery.cancel_scope.cancel()


async def answer(client: trio.SocketStream, until: bytes) -> bytes:
    heard = b""
    while until not in heard:
        piece = await client.receive_some()
        assert piece, heard
        heard += piece
    return heard


@pytest.mark.parametrize("request_", [LARGE, CHUNKED], ids=["declared", "chunked"])
@pytest.mark.parametrize("piece", [1, 7, 80, 1000, 100_000])
async def test_any_split_of_a_large_request_is_answered_there_in_full(request_, piece):
    async with connected() as (client, there, here, _elsewhere):
        await client.send_all(SMALL)
        assert b"x-place: here" in await answer(client, b"2 byteshi")
        for start in range(0, len(request_), piece):
            await client.send_all(request_[start : start + piece])
            await trio.lowlevel.checkpoint()
        heard = await answer(client, b"2560 bytes" + BODY[-3:])
        assert b"x-place: there" in heard and b"connection: close" in heard
        assert there.asked == 1
        assert (here.counts.in_flight, here.counts.lost, here.counts.connections) == (0, {}, 0)
        assert (await client.receive_some()) == b""  # and then it is closed


async def test_when_it_cannot_be_handed_over_it_is_served_here_and_the_connection_kept():
    async with connected(gone=True) as (client, there, _, elsewhere):
        for _ in range(2):
            await client.send_all(LARGE)
            heard = await answer(client, b"2560 bytes" + BODY[-3:])
            assert b"x-place: here" in heard and b"connection: close" not in heard
        assert there.asked == 2
        assert elsewhere.counts.connections == 0


async def test_a_client_that_leaves_is_gone_from_both():
    async with connected() as (client, _, here, elsewhere):
        await client.send_all(LARGE[:2000])
        while not elsewhere.counts.connections:
            await trio.lowlevel.checkpoint()
        await client.aclose()
        with trio.fail_after(2):
            while here.counts.connections or elsewhere.counts.connections:
                await trio.lowlevel.checkpoint()
