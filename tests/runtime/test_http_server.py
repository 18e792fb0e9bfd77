"""The server on loopback sockets: what only a kernel can show, accepting, and the way down."""

from __future__ import annotations

import errno
import json
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from loro_core.errors import LoroError
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_server import ACCEPT_PAUSE_S, bound_addresses, open_listeners, serve
from loro_core.runtime.http_service import Handler, Limits, Service
from loro_core.wire.http1 import HttpRequest

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SSE = [("content-type", "text/event-stream")]


def error_body(error: LoroError) -> bytes:
    return json.dumps({"error": {"message": error.message, "code": error.code}}).encode()


async def hello(request: HttpRequest, reply: Reply) -> None:
    await reply.send(200, [], b"hello")


class Server:
    """A running server, and connections to it."""

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.port = port

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


@asynccontextmanager
async def serving(handler: Handler = hello, *, max_connections: int = 100, **limits: Any) -> AsyncIterator[Server]:
    """A server on 127.0.0.1. Leaving the block drains it and waits for its end."""
    service = Service(handler=handler, error_body=error_body, limits=Limits(**limits))
    listeners = await open_listeners("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        run = partial(serve, listeners, service, max_connections=max_connections)
        ((_, port),) = await nursery.start(run)
        yield Server(service, port)
        service.drain.begin()
    assert service.counts.connections == service.counts.in_flight == 0


async def reads_all(stream: trio.SocketStream) -> bytes:
    found = b""
    while data := await stream.receive_some(65536):
        found += data
    return found


async def reads_end(stream: trio.SocketStream) -> bool:
    try:
        return await stream.receive_some(1) == b""
    except trio.BrokenResourceError:
        return True


async def test_request_over_a_socket():
    seen: list[str] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        seen.append(request.client)
        await hello(request, reply)

    async with serving(handler) as server, await server.connect() as stream:
        for _ in range(2):
            await stream.send_all(GET)
            assert (await stream.receive_some(10000)).endswith(b"\r\n\r\nhello")
    assert seen == ["127.0.0.1"] * 2
    assert server.service.counts.accepted == 1


async def test_head_and_first_event_are_one_segment():
    """Two small sends meet Nagle and delayed acknowledgements: 40 ms on the first token."""
    go_on = trio.Event()

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await trio.sleep(0.01)
        await reply.write(b"data: 1\n\n")
        await go_on.wait()
        await reply.finish(b"data: [DONE]\n\n")

    async with serving(handler) as server, await server.connect() as stream:
        await stream.send_all(GET)
        first = await stream.receive_some(10000)
        assert first.startswith(b"HTTP/1.1 200 OK\r\n")
        assert first.endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n")
        go_on.set()
        assert await stream.receive_some(10000) == b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


async def test_accepted_sockets_do_not_wait_to_fill_segments():
    options: list[int] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        stream = reply._stream
        assert isinstance(stream, trio.SocketStream)
        options.append(stream.getsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY))
        options.append(stream.getsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE))
        await hello(request, reply)

    async with serving(handler) as server, await server.connect() as stream:
        await stream.send_all(GET)
        await stream.receive_some(10000)
    assert options == [1, 1]


async def test_slow_reader_holds_the_handler_back():
    """Nothing is queued for it here but what the kernel holds; the handler waits."""
    replies: list[Reply] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        replies.append(reply)
        await reply.start(200, SSE)
        for _ in range(10_000):
            await reply.write(b"a" * 10_000)
        await reply.finish()

    async with serving(handler) as server, await server.connect() as stream:
        await stream.send_all(GET)
        await stream.receive_some(1000)
        await trio.testing.wait_all_tasks_blocked(0.05)
        held_at = replies[0].bytes_sent
        assert held_at < 10_000_000
        received = 0
        while received < 2_000_000:
            received += len(await stream.receive_some(65536))
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert held_at < replies[0].bytes_sent < held_at + 10_000_000
    assert replies[0].end == "disconnected"


@pytest.mark.timing
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("streaming", [False, True])
async def test_client_that_leaves_cancels_the_handler_within_50_ms(how, streaming, caplog):
    ends: list[object] = []
    send, receive = trio.open_memory_channel[float](0)

    async def handler(request: HttpRequest, reply: Reply) -> None:
        try:
            if streaming:
                await reply.start(200, SSE)
                await reply.write(b"data: 1\n\n")
            await trio.sleep_forever()
        finally:
            ends.append(reply.end)
            with trio.CancelScope(shield=True):
                await send.send(trio.current_time())

    took_s: list[float] = []
    async with serving(handler) as server:
        for _ in range(3):  # the best of them: on a busy machine any one may have to wait for the processor
            stream = await server.connect()
            await stream.send_all(GET)
            if streaming:
                await stream.receive_some(10000)
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert server.service.counts.in_flight == 1
            if how == "reset":
                stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
            left_at = trio.current_time()
            await stream.aclose()
            took_s.append(await receive.receive() - left_at)
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert server.service.counts.connections == 0
    assert min(took_s) < 0.05
    assert ends == ["disconnected"] * 3
    assert not caplog.records


async def test_stalled_reader_is_reset_and_holds_nothing_in_the_kernel():
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        while True:
            await reply.write(b"a" * 60_000)

    async with serving(handler, write_timeout_s=0.1) as server, await server.connect() as stream:
        await stream.send_all(GET)
        with trio.fail_after(5):
            while server.service.counts.lost != {"stalled": 1}:  # noqa: ASYNC110  # there is no event for it
                await trio.sleep(0.01)
        with pytest.raises(trio.BrokenResourceError):
            await reads_all(stream)


async def test_refusal_reaches_a_client_that_is_still_sending():
    """Closing with unread bytes resets the connection, and the reset overtakes the error."""
    async with serving(max_body_bytes=1000) as server, await server.connect() as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(300):
            await stream.send_all(b"a" * 10_000)
        received = await reads_all(stream)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b'"code": "request_too_large"' in received


async def test_last_reply_reaches_a_client_that_sends_more_behind_its_request():
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.send(200, [], b"a" * 50_000)

    async with serving(handler) as server, await server.connect() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + b"b" * 500_000)
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert (await reads_all(stream)).endswith(b"a" * 50_000)


async def test_drain_closes_idle_connections_and_the_port():
    async with serving() as server:
        stream = await server.connect()
        await stream.send_all(GET)
        await stream.receive_some(10000)
        await trio.testing.wait_all_tasks_blocked(0.02)
        began = trio.current_time()
    assert trio.current_time() - began < 0.5
    assert await reads_end(stream)
    with pytest.raises(OSError, match="connect"):
        await server.connect()
    await stream.aclose()


async def test_drain_lets_a_stream_finish():
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await reply.write(b"data: 1\n\n")
        await server.service.drain.wait()
        await trio.sleep(0.05)
        await reply.finish(b"data: [DONE]\n\n")

    async with serving(handler) as server:
        stream = await server.connect()
        await stream.send_all(GET)
        await stream.receive_some(10000)
        server.service.drain.begin()
        assert await stream.receive_some(10000) == b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
        assert await reads_end(stream)
        await stream.aclose()


async def test_drain_cancels_a_stream_that_does_not_finish_in_time(caplog):
    ends: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        try:
            await reply.start(200, SSE)
            await reply.write(b"data: 1\n\n")
            await trio.sleep_forever()
        finally:
            ends.append((reply.end, reply.client_gone))

    async with serving(handler, drain_s=0.1) as server:
        stream = await server.connect()
        await stream.send_all(GET)
        await stream.receive_some(10000)
        began = trio.current_time()
    assert 0.1 <= trio.current_time() - began < 1
    assert ends == [(None, False)]
    assert await reads_end(stream)
    assert server.service.counts.lost == {"cancelled": 1}
    await stream.aclose()


async def test_connection_beyond_the_cap_is_told_so():
    async with serving(max_connections=1) as server, await server.connect() as first:
        await first.send_all(GET)
        await first.receive_some(10000)
        async with await server.connect() as second:
            await second.send_all(GET)
            said = await reads_all(second)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in said
        await first.send_all(GET)
        assert (await first.receive_some(10000)).endswith(b"hello")
    assert server.service.counts.turned_away == 1


async def test_turned_away_clients_are_bounded_too():
    streams = []
    async with serving(max_connections=0) as server:
        for _ in range(80):
            streams.append(await server.connect())  # noqa: PERF401  # one after the other
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert server.service.counts.connections == 64
        assert server.service.counts.turned_away == 80
        for stream in streams:
            await stream.aclose()


class Exhausted(trio.abc.Listener[trio.SocketStream]):
    """A listener in a process that has no descriptors left for a while."""

    def __init__(self, errors: list[int], stream: trio.SocketStream) -> None:
        self.errors = errors
        self.streams = [stream]
        self.socket = trio.socket.socket()

    async def accept(self) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        if self.errors:
            raise OSError(self.errors.pop(), "no more")
        if self.streams:
            return self.streams.pop()
        return await trio.sleep_forever()

    async def aclose(self) -> None:
        self.socket.close()


async def test_accept_goes_on_when_descriptors_run_out(autojump_clock, caplog):
    caplog.set_level(logging.ERROR)
    mine, theirs = trio.socket.socketpair()
    listener = Exhausted([errno.EMFILE] * 150 + [errno.ENFILE], trio.SocketStream(theirs))
    service = Service(handler=hello, error_body=error_body)
    await trio.SocketStream(mine).send_all(GET)
    async with trio.open_nursery() as nursery:
        listeners: list[Any] = [listener]
        nursery.start_soon(serve, listeners, service)
        while service.counts.accepted == 0:  # noqa: ASYNC110  # the clock jumps
            await trio.sleep(1)
        assert 151 * ACCEPT_PAUSE_S <= trio.current_time() < 151 * ACCEPT_PAUSE_S + 2
        service.drain.begin()
    assert (await mine.recv(10000)).endswith(b"hello")
    mine.close()
    assert [record.getMessage() for record in caplog.records] == [
        "http.accept_failed errno=ENFILE pause_s=0.1",
        "http.accept_failed errno=EMFILE pause_s=0.1",
    ]


async def test_failure_in_a_cancelled_handlers_cleanup_does_not_reach_the_caller(caplog):
    """Cancelled and the failure travel in one group; whoever cancelled the server must not be handed the rest of it."""

    async def handler(request: HttpRequest, reply: Reply) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_at_the_end)
            await trio.sleep_forever()

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("in cleanup")

    service = Service(handler=handler, error_body=error_body)
    listeners = await open_listeners("127.0.0.1", 0)
    with trio.move_on_after(5) as scope:
        async with trio.open_nursery() as nursery:
            ((_, port),) = await nursery.start(serve, listeners, service)
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(GET)
                await trio.testing.wait_all_tasks_blocked(0.02)
                scope.cancel()
    assert "http.handler_failed" in caplog.text
    assert service.counts.connections == 0


class Names(trio.abc.HostnameResolver):
    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def getaddrinfo(self, _: Any, port: Any, *__: Any) -> Any:
        return [(trio.socket.AF_INET, trio.socket.SOCK_STREAM, 6, "", (found, port or 0)) for found in self.addresses]

    async def getnameinfo(self, *_: Any) -> Any:
        raise NotImplementedError


async def test_addresses_of_a_name_share_the_port_that_the_system_chose():
    trio.socket.set_custom_hostname_resolver(Names("127.0.0.1", "127.0.0.2"))
    listeners = await open_listeners("both.test", 0)
    first, second = bound_addresses(listeners)
    assert (first[0], second[0]) == ("127.0.0.1", "127.0.0.2")
    assert first[1] == second[1] != 0
    for listener in listeners:
        await listener.aclose()


async def test_address_that_the_machine_does_not_have_is_passed_over():
    trio.socket.set_custom_hostname_resolver(Names("192.0.2.1", "127.0.0.1"))
    (listener,) = await open_listeners("half.test", 0)
    assert bound_addresses([listener])[0][0] == "127.0.0.1"
    await listener.aclose()
    trio.socket.set_custom_hostname_resolver(Names("192.0.2.1"))
    with pytest.raises(OSError, match="assign"):
        await open_listeners("none.test", 0)


async def test_port_in_use_is_an_error_and_leaves_nothing_open():
    (taken,) = await open_listeners("127.0.0.2", 0)
    port = bound_addresses([taken])[0][1]
    trio.socket.set_custom_hostname_resolver(Names("127.0.0.1", "127.0.0.2"))
    with pytest.raises(OSError, match="in use"):
        await open_listeners("both.test", port)
    (again,) = await open_listeners("127.0.0.1", port)
    await again.aclose()
    await taken.aclose()
