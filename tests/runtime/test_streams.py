"""TCP and TLS streams against trio's own, over real sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trustme

from loro_core.runtime.streams import TcpStream, TlsStream
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.servers import sockets


def tcp_pair() -> tuple[TcpStream, trio.SocketStream]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    return TcpStream(ours), trio.SocketStream(trio.socket.from_stdlib_socket(theirs))


@pytest.fixture
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("upstream.example", "127.0.0.1").configure_cert(context)
    return context


@asynccontextmanager
async def tls_pair(
    client_context, server_context, *, name="upstream.example", goodbye=False
) -> AsyncIterator[tuple[TlsStream, trio.SSLStream[trio.SocketStream]]]:
    ours, theirs = tcp_pair()
    server = trio.SSLStream(theirs, server_context, server_side=True, https_compatible=not goodbye)
    client = TlsStream(ours, client_context, name)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.do_handshake)
            await client.handshake()
        yield client, server
    finally:
        client.close()
        await trio.aclose_forcefully(server)


async def test_bytes_go_both_ways_and_the_end_is_seen():
    ours, theirs = tcp_pair()
    assert ours.receive_nowait() is None
    await ours.send_all(b"ping")
    assert await theirs.receive_some() == b"ping"
    await theirs.send_all(b"pong")
    assert await ours.receive() == b"pong"
    await theirs.send_all(b"more")
    assert ours.receive_nowait() == b"more"
    await theirs.aclose()
    assert await ours.receive() == b""
    assert ours.receive_nowait() == b""
    ours.close()
    ours.close()


async def test_more_than_the_buffers_hold_is_sent_as_it_is_read():
    ours, theirs = tcp_pair()
    data = bytes(range(256)) * 40_000
    found = bytearray()

    async def read() -> None:
        while len(found) < len(data):
            found.extend(await theirs.receive_some())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await ours.send_all(data)
    assert found == data
    ours.close()
    await theirs.aclose()


async def test_whoever_is_cancelled_already_sends_nothing():
    ours, theirs = tcp_pair()
    with trio.CancelScope() as scope:
        scope.cancel()
        await ours.send_all(b"ping")
    assert scope.cancelled_caught
    ours.close()
    assert await theirs.receive_some() == b""
    await theirs.aclose()


async def test_tls_bytes_go_both_ways(client_context, server_context):
    async with tls_pair(client_context, server_context) as (client, server):
        await client.send_all(b"ping")
        assert await server.receive_some() == b"ping"
        await server.send_all(b"pong")
        assert await client.receive() == b"pong"


async def test_tls_late_tickets_are_neither_data_nor_the_end(client_context, server_context):
    async with tls_pair(client_context, server_context) as (client, server):
        assert client.receive_nowait() is None
        await server.send_all(b"hello")  # with it the tickets go out
        with trio.fail_after(1):
            assert await client.receive() == b"hello"
        assert client.receive_nowait() is None


async def test_tls_records_that_came_together_leave_together(client_context, server_context):
    async with tls_pair(client_context, server_context) as (client, server):
        for _ in range(20):
            await server.send_all(b"event")
        with trio.fail_after(1):
            assert await client.receive() == b"event" * 20


@pytest.mark.parametrize("goodbye", [True, False])
async def test_tls_end_with_and_without_a_goodbye(client_context, server_context, goodbye):
    async with tls_pair(client_context, server_context, goodbye=goodbye) as (client, server):
        await server.send_all(b"last")
        await (server if goodbye else server.transport_stream).aclose()
        assert await client.receive() == b"last"
        assert await client.receive() == b""
        assert client.receive_nowait() == b""


async def test_tls_data_that_is_none_is_an_error(client_context, server_context):
    async with tls_pair(client_context, server_context) as (client, server):
        await server.transport_stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(ssl.SSLError):
            await client.receive()


@pytest.mark.parametrize("name", ["other.example", "127.0.0.2", "sub.upstream.example"])
async def test_certificate_for_another_name_is_refused(client_context, server_context, name):
    ours, theirs = tcp_pair()
    server = trio.SSLStream(theirs, server_context, server_side=True)
    client = TlsStream(ours, client_context, name)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def serve() -> None:
                with suppress(trio.BrokenResourceError):
                    await server.do_handshake()
                    await server.receive_some()

            nursery.start_soon(serve)
            with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
                await client.handshake()
            client.close()
    await trio.aclose_forcefully(server)


async def test_tls_inside_tls(client_context, server_context):
    async with tls_pair(client_context, server_context) as (outer, server):
        inner_server = trio.SSLStream(server, server_context, server_side=True, https_compatible=True)
        inner = TlsStream(outer, client_context, "127.0.0.1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(inner_server.do_handshake)
            await inner.handshake()
        await inner.send_all(b"ping")
        assert await inner_server.receive_some() == b"ping"
        await inner_server.send_all(b"pong" * 10_000)
        found = b""
        while len(found) < 40_000:
            found += await inner.receive()
        assert found == b"pong" * 10_000
        assert inner.receive_nowait() is None


async def test_cancelled_at_each_step_of_a_handshake_leaves_no_socket(client_context, server_context):
    before = sockets()

    async def exchange() -> None:
        async with tls_pair(client_context, server_context) as (client, server):
            await client.send_all(b"ping")
            assert await server.receive_some() == b"ping"
            await server.send_all(b"pong")
            assert await client.receive() == b"pong"

    def check() -> None:
        assert sockets() == before

    steps = await cancel_at_every_checkpoint(lambda: exchange, check)
    assert steps > 5
