"""How one connection reads requests, refuses them, keeps alive and drains; over memory streams."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from loro_core.runtime.http_connection import LINGER_SILENT_S
from loro_core.runtime.http_inbox import PIPELINED_BYTES
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Drain
from loro_core.wire.http1 import HeaderList, Headers, HttpRequest

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SSE = [("content-type", "text/event-stream")]


async def echo(request: HttpRequest, reply: Reply) -> None:
    await reply.send(200, [("content-type", "text/plain")], f"{request.method} {request.path} ".encode() + request.body)


async def three_events(request: HttpRequest, reply: Reply) -> None:
    await reply.start(200, SSE)
    for n in range(3):
        await reply.write(b"data: %d\n\n" % n)
    await reply.finish(b"data: [DONE]\n\n")


async def test_request_and_reply(autojump_clock, connected):
    seen: list[HttpRequest] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        seen.append(request)
        await echo(request, reply)

    async with connected(handler) as peer:
        await trio.sleep(5)
        answer = await peer.ask(
            b"POST /a%20b?q=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\nContent-Length: 2\r\n\r\nhi"
        )
    assert (answer.status, answer.body) == (200, b"POST /a b hi")
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["server"] == "loro"
    assert answer.headers["date"].endswith(" GMT")
    assert "connection" not in answer.headers
    (request,) = seen
    assert (request.id, request.client, request.query, request.body) == ("mine-1", "192.0.2.1", "q=1", b"hi")


async def test_odd_request_id_is_replaced(autojump_clock, connected):
    async with connected(echo) as peer:
        first = await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n")
        second = await peer.ask(GET)
    assert first.headers["x-request-id"].startswith("req_")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_three_pipelined_requests_are_answered_in_order(autojump_clock, connected):
    async with connected(echo) as peer:
        await peer.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(3)))
        bodies = [(await peer.answer()).body for _ in range(3)]
    assert bodies == [b"GET /0 ", b"GET /1 ", b"GET /2 "]


async def test_what_is_sent_ahead_while_a_reply_is_under_way_is_answered_after_it(autojump_clock, connected):
    release = trio.Event()

    async def handler(request: HttpRequest, reply: Reply) -> None:
        if request.path == "/slow":
            await release.wait()
        await echo(request, reply)

    async with connected(handler) as peer:
        await peer.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(b"POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhal")
        await trio.testing.wait_all_tasks_blocked()
        release.set()
        assert (await peer.answer()).body == b"GET /slow "
        await peer.send(b"lo")
        assert (await peer.answer()).body == b"POST /next hallo"


async def test_what_is_sent_ahead_is_bounded(autojump_clock, connected):
    """The rest stays with the sender: the server stops reading."""
    release = trio.Event()

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await release.wait()
        await reply.send(200, [])

    sent = 0
    async with connected(handler, lockstep=True) as peer:
        with trio.move_on_after(100):
            await peer.send(GET)
            while True:
                await peer.send(b"\r\n" * 4096)
                sent += 8192
        release.set()
    assert PIPELINED_BYTES <= sent <= PIPELINED_BYTES + 3 * 16384


async def test_http_1_0_keeps_the_connection_only_if_asked(autojump_clock, connected):
    async with connected(echo) as peer:
        kept = await peer.ask(b"GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert kept.headers["connection"] == "keep-alive"
        last = await peer.ask(b"GET /2 HTTP/1.0\r\n\r\n")
        assert last.headers["connection"] == "close"
        assert await peer.closed()


async def test_connection_close_is_obeyed(autojump_clock, connected):
    async with connected(echo) as peer:
        answer = await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert answer.headers["connection"] == "close"
        assert await peer.closed()


async def test_continue_is_sent_before_the_body_and_only_then(autojump_clock, connected):
    async with connected(echo) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await peer.stream.receive_some(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await peer.ask(b"hi")).body == b"POST / hi"
        # The body is there already, or there is none: nobody waits.
        for rest in (b"Content-Length: 2\r\n\r\nhi", b"Content-Length: 2\r\n\r\nh", b"\r\n"):
            await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + rest)
            await peer.send(b"i" if rest.endswith(b"h") else b"")
            assert (await peer.stream.receive_some(1000)).startswith(b"HTTP/1.1 200 OK")


async def test_no_continue_for_a_body_that_is_too_large(autojump_clock, connected):
    async with connected(echo, max_body_bytes=10) as peer:
        answer = await peer.ask(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
        assert answer.status == 413
        assert await peer.closed()


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "bad_http"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_http"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "ambiguous_length",
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400, "bad_http"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413, "request_too_large"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101,
            413,
            "request_too_large",
        ),
        (b"GET /" + b"a" * 600, 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "expectation_failed"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 600, 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 20 + b"\r\n", 431, "headers_too_large"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "not_supported"),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "http_version_not_supported"),
    ],
)
async def test_refusals_are_the_envelope_and_the_end_of_the_connection(data, status, code, autojump_clock, connected):
    limits = {"max_target_bytes": 200, "max_header_bytes": 500, "max_headers": 20, "max_body_bytes": 100}
    async with connected(echo, **limits) as peer:
        answer = await peer.ask(data)
        assert answer.status == status
        assert answer.error["code"] == code
        assert answer.headers["connection"] == "close"
        assert answer.headers["x-request-id"].startswith("req_")
        assert await peer.closed()
        assert peer.service.counts.refused == {status: 1}


async def test_refusal_of_a_head_request_has_no_body(autojump_clock, connected):
    async with connected(echo, max_body_bytes=1) as peer:
        answer = await peer.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", "HEAD")
        assert (answer.status, answer.body) == (413, b"")


async def test_refusal_has_the_common_headers(autojump_clock, connected):
    def common_headers(headers: Headers) -> HeaderList:
        return [("x-origin", headers.get("origin") or "none")]

    async with connected(echo, common_headers=common_headers, max_body_bytes=1) as peer:
        assert (await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\nOrigin: o\r\n\r\n")).headers["x-origin"] == "o"
        refused = await peer.ask(b"POST / HTTP/1.1\r\nHost: a\r\nOrigin: o\r\nContent-Length: 2\r\n\r\n")
        assert (refused.status, refused.headers["x-origin"]) == (413, "o")
    async with connected(echo, common_headers=common_headers) as peer:
        assert (await peer.ask(b"nonsense\r\n\r\n")).headers["x-origin"] == "none"


async def test_client_that_still_sends_can_read_the_refusal(autojump_clock, connected):
    """Nobody reads the rest of a body that is too large, but it must not reset the connection either."""
    answers = []
    async with connected(echo, lockstep=True, max_body_bytes=10) as peer, trio.open_nursery() as nursery:

        async def read() -> None:
            answers.append(await peer.answer())

        nursery.start_soon(read)
        await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(100):
            await peer.send(b"a" * 10000)
        await peer.stream.send_eof()
    assert answers[0].status == 413


async def test_refused_client_that_never_leaves_is_left(autojump_clock, connected):
    async with connected(echo) as peer:
        assert (await peer.ask(b"nonsense\r\n\r\n")).status == 400
        assert await peer.closed()
        assert peer.service.counts.connections == 1
        await trio.sleep(LINGER_SILENT_S + 0.1)
        assert peer.service.counts.connections == 0


async def test_refused_client_that_never_stops_sending_is_left(autojump_clock, connected):
    async with connected(echo) as peer:
        await peer.send(b"nonsense\r\n\r\n")
        began = trio.current_time()
        while peer.service.counts.connections:
            await peer.send(b"more")
            await trio.sleep(0.7)
        assert 9 < trio.current_time() - began < 11


async def test_slow_loris_head_is_dropped(autojump_clock, connected):
    async with connected(echo, header_timeout_s=10) as peer:
        began = trio.current_time()

        async def drip() -> None:
            for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1000:
                await peer.send(bytes([byte]))
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            answer = await peer.answer()
            assert trio.current_time() - began == pytest.approx(10)
            nursery.cancel_scope.cancel()
        assert (answer.status, answer.error["type"]) == (408, "timeout_error")


async def test_slow_loris_body_is_dropped(autojump_clock, connected):
    async with connected(echo, body_timeout_s=30) as peer:
        began = trio.current_time()
        await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")

        async def drip() -> None:
            while True:
                await peer.send(b"a")
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            answer = await peer.answer()
            nursery.cancel_scope.cancel()
        assert answer.status == 408
        assert 30 <= trio.current_time() - began < 31


async def test_slow_but_honest_upload_survives(autojump_clock, connected):
    async with connected(echo, body_timeout_s=30) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        for _ in range(200):
            await peer.send(b"a" * 1000)
            await trio.sleep(1)
        assert len((await peer.answer()).body) == len("POST / ") + 200000


async def test_idle_connection_is_closed_without_a_word(autojump_clock, connected):
    """A 408 in the pipe would be taken for the reply to the next request."""
    async with connected(echo, keep_alive_s=75) as peer:
        await peer.ask(GET)
        began = trio.current_time()
        assert await peer.all_bytes() == b""
        assert trio.current_time() - began == pytest.approx(75)


async def test_stray_line_end_does_not_start_a_request(autojump_clock, connected):
    async with connected(echo, header_timeout_s=10, keep_alive_s=75) as peer:
        assert (await peer.ask(GET + b"\r\n")).status == 200
        await trio.sleep(60)
        assert (await peer.ask(GET)).status == 200


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_client_that_leaves_within_a_request_gets_no_handler(data, autojump_clock, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        raise AssertionError

    async with connected(handler) as peer:
        if data:
            await peer.send(data)
        await peer.stream.send_eof()
        assert await peer.all_bytes() == b""


async def test_draining_closes_idle_connections_at_once(autojump_clock, connected):
    drain = Drain()
    async with connected(echo, drain=drain) as peer:
        await peer.ask(GET)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        drain.begin()
        assert await peer.closed()
        assert trio.current_time() == began


async def test_draining_waits_a_moment_for_a_first_request(autojump_clock, connected):
    drain = Drain()
    async with connected(echo, drain=drain) as peer:
        await trio.testing.wait_all_tasks_blocked()
        drain.begin()
        await trio.sleep(0.5)
        answer = await peer.ask(GET)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await peer.closed()


async def test_draining_lets_a_reply_finish_and_be_the_last(autojump_clock, connected):
    drain = Drain()

    async def handler(request: HttpRequest, reply: Reply) -> None:
        drain.begin()
        await trio.sleep(5)
        await three_events(request, reply)

    async with connected(handler, drain=drain) as peer:
        answer = await peer.ask(GET)
        assert answer.whole
        assert answer.headers["connection"] == "close"
        assert await peer.closed()


async def test_reply_whose_head_was_sent_before_the_drain_is_the_last_all_the_same(autojump_clock, connected):
    drain = Drain()

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await reply.write(b"data: 0\n\n")
        drain.begin()
        await reply.finish()

    async with connected(handler, drain=drain) as peer:
        assert (await peer.ask(GET)).whole
        assert await peer.closed()
