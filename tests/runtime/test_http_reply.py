"""How one reply is framed, ended and cut short, and what its handler is told; over memory streams."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from loro_core.errors import InternalError, MethodNotAllowed, Overloaded
from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_inbox import PIPELINED_BYTES
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Service
from loro_core.wire.http1 import HttpRequest

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SSE = [("content-type", "text/event-stream")]


async def echo(request: HttpRequest, reply: Reply) -> None:
    await reply.send(200, [("content-type", "text/plain")], f"{request.method} {request.path} ".encode() + request.body)


async def three_events(request: HttpRequest, reply: Reply) -> None:
    await reply.start(200, SSE)
    for n in range(3):
        await reply.write(b"data: %d\n\n" % n)
    await reply.finish(b"data: [DONE]\n\n")


async def test_handlers_own_date_and_id_stand(autojump_clock, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.send(200, [("X-Request-Id", "upstream-7"), ("Server", "other")])

    async with connected(handler) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        sent = (await peer.all_bytes()).lower()
    assert sent.count(b"x-request-id:") == 1
    assert b"x-request-id: upstream-7" in sent
    assert sent.count(b"server:") == 1


async def test_stream_is_chunked_for_http_1_1(autojump_clock, connected):
    async with connected(three_events) as peer:
        answer = await peer.ask(GET)
        assert answer.headers["transfer-encoding"] == "chunked"
        assert answer.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n"
        assert (await peer.ask(GET)).whole


async def test_stream_ends_by_the_close_for_http_1_0(autojump_clock, connected):
    async with connected(three_events) as peer:
        await peer.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = (await peer.all_bytes()).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert body == b"data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n"


async def test_head_has_the_length_and_no_body(autojump_clock, connected):
    async with connected(echo) as peer:
        answer = await peer.ask(b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len("HEAD /x ")))
        assert (await peer.ask(GET)).body == b"GET / "


async def test_head_of_a_stream_has_no_chunks(autojump_clock, connected):
    async with connected(three_events) as peer:
        answer = await peer.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
        assert answer.headers["transfer-encoding"] == "chunked"
        assert (await peer.ask(GET)).body.endswith(b"[DONE]\n\n")


@pytest.mark.parametrize("status", [204, 304])
async def test_status_without_a_body_has_no_length(status, autojump_clock, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.send(status, [])

    async with connected(handler) as peer:
        answer = await peer.ask(GET)
        assert answer.status == status
        assert "content-length" not in answer.headers
        assert (await peer.ask(GET)).status == status


async def test_error_before_the_first_byte_is_a_status(autojump_clock, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        if request.path == "/full":
            raise Overloaded("No seat is free.", retry_after_s=2)
        await reply.start(200, SSE)  # begun, but nothing of it was sent
        raise MethodNotAllowed("Only GET.", allow=["GET"])

    async with connected(handler) as peer:
        full = await peer.ask(b"GET /full HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (full.status, full.error["code"], full.headers["retry-after"]) == (503, "overloaded", "2")
        other = await peer.ask(GET)
        assert (other.status, other.headers["allow"]) == (405, "GET")
        assert other.headers["content-type"] == "application/json"
        assert not peer.service.counts.lost


async def test_bug_in_a_handler_is_a_500_that_tells_nothing(autojump_clock, caplog, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        raise ValueError("sk-secret")

    async with connected(handler) as peer:
        answer = await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: id-7\r\n\r\n")
        assert answer.status == 500
        assert answer.error["type"] == "internal_error"
        assert b"secret" not in answer.body
        assert (await peer.ask(GET)).status == 500
    logged = caplog.records[0]
    assert "id-7" in logged.getMessage()
    assert logged.exc_info is not None


async def test_internal_error_of_a_handler_is_logged(autojump_clock, caplog, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        raise InternalError("Sorry.")

    async with connected(handler) as peer:
        assert (await peer.ask(GET)).error["message"] == "Sorry."
    assert caplog.records[0].exc_info is not None


async def test_bug_after_the_first_byte_cuts_the_reply_short(autojump_clock, caplog, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await reply.write(b"data: 0\n\n")
        raise ValueError("sk-secret")

    async with connected(handler) as peer:
        answer = await peer.ask(GET)
        assert (answer.status, answer.body, answer.whole) == (200, b"data: 0\n\n", False)
        assert await peer.closed()
    assert peer.service.counts.lost == {"aborted": 1}


@pytest.mark.parametrize("started", [False, True])
async def test_handler_that_forgets_to_finish_does_not_look_finished(started, autojump_clock, caplog, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        if started:
            await reply.start(200, SSE)
            await reply.write(b"data: 0\n\n")

    async with connected(handler) as peer:
        answer = await peer.ask(GET)
        assert answer.whole is not started
        assert answer.status == (200 if started else 500)
    assert "http.reply_unfinished" in caplog.text


async def test_abort_leaves_out_the_last_chunk(autojump_clock, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await reply.write(b'data: {"error": {}}\n\n')
        await reply.abort()
        assert (reply.end, reply.client_gone) == ("aborted", False)
        await trio.sleep(5)  # what the handler still has to do does not keep the client waiting

    async with connected(handler) as peer:
        answer = await peer.ask(GET)
        assert (answer.body, answer.whole) == (b'data: {"error": {}}\n\n', False)
        assert await peer.closed()
        assert trio.current_time() == 0


@pytest.mark.parametrize("header", [("x", "a\r\nset-cookie: b"), ("x\r\ny", "b"), ("content-length", "0"), ("x", "你")])
@pytest.mark.parametrize("streamed", [False, True])
async def test_header_injection_is_refused_before_anything_is_sent(header, streamed, autojump_clock, caplog, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        if streamed:
            await reply.start(200, [header])
        else:
            await reply.send(200, [header])

    async with connected(handler) as peer:
        answer = await peer.ask(GET)
        assert answer.status == 500
        assert "set-cookie" not in answer.headers


async def test_calls_out_of_order_are_bugs(autojump_clock, connected):
    raised: list[str] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        async def wrong(call: Awaitable[None]) -> None:
            with pytest.raises((RuntimeError, ValueError)) as caught:
                await call
            raised.append(str(caught.value))

        await wrong(reply.write(b"a"))
        await wrong(reply.finish())
        await wrong(reply.send(204, [], b"a"))
        await reply.start(200, [])
        await wrong(reply.start(200, []))
        await wrong(reply.send(200, []))
        await reply.finish()
        await wrong(reply.write(b"a"))
        await wrong(reply.send(200, []))
        await reply.abort()  # allowed, and nothing

    async with connected(handler) as peer:
        assert (await peer.ask(GET)).whole
    assert len(raised) == 7


async def test_reply_counts_what_it_sent(autojump_clock, connected):
    replies: list[Reply] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        replies.append(reply)
        await reply.start(200, SSE)
        await trio.sleep(1)
        await reply.write(b"")
        assert (reply.started, reply.bytes_sent, reply.first_write_at) == (False, 0, None)
        await reply.write(b"data: 0\n\n")
        assert reply.bytes_sent > len(b"data: 0\n\n")
        assert reply.first_write_at == trio.current_time() == request.received_at + 1
        await trio.sleep(1)
        await reply.finish()

    async with connected(handler) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        sent = await peer.all_bytes()
    assert replies[0].bytes_sent == len(sent)
    assert replies[0].end == "finished"


@pytest.mark.parametrize("written", [0, 1])
async def test_client_that_leaves_cancels_the_handler(written, autojump_clock, caplog, connected):
    seen: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        try:
            if written:
                await reply.start(200, SSE)
                await reply.write(b"data: 0\n\n")
            await trio.sleep_forever()
        finally:
            seen.append((reply.client_gone, reply.end, trio.current_time()))
            with trio.CancelScope(shield=True):
                await reply.write(b"too late")  # nothing, not an error
                await reply.finish(b"too late")

    async with connected(handler) as peer:
        await peer.send(GET)
        await trio.sleep(3)
        left_at = trio.current_time()
        await peer.stream.aclose()
    assert seen == [(True, "disconnected", left_at)]
    assert peer.service.counts.lost == {"disconnected": 1}
    assert not caplog.records


async def test_client_that_leaves_is_noticed_by_a_write(autojump_clock, caplog, connected):
    """The watch may be out of reach (too much sent ahead): then the send says so, and the handler sees Cancelled."""
    seen: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        try:
            await reply.start(200, SSE)
            while True:
                await reply.write(b"data: 0\n\n")
                await trio.sleep(1)
        except trio.Cancelled:
            seen.append(reply.end)
            raise

    async with connected(handler) as peer:
        await peer.send(GET + b"\r\n" * PIPELINED_BYTES)
        await trio.sleep(2.5)
        await peer.stream.aclose()
    assert seen == ["disconnected"]
    assert not caplog.records


async def test_failure_in_the_cleanup_of_a_cancelled_handler_is_logged_and_stays_here(
    autojump_clock, caplog, connected
):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("in cleanup")

    async with connected(handler) as peer:
        await peer.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        await peer.stream.aclose()
    assert "http.handler_failed" in caplog.text


async def test_client_that_closes_after_done_is_a_success(autojump_clock, connected):
    """openai-python closes at `[DONE]`: whether the last chunk still reached it is nobody's business."""
    ends: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await reply.write(b"data: [DONE]\n\n")
        reply.hang_up()  # the watch sees the end of file just here
        await reply.finish()
        ends.append((reply.end, reply.client_gone))

    async with connected(handler) as peer:
        await peer.ask(GET)
    assert ends == [("finished", False)]
    assert not peer.service.counts.lost


async def test_client_that_closes_within_the_last_send_is_a_success(autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    reply = Reply(
        theirs,
        method="GET",
        http_version="1.1",
        request_id="a",
        keep_alive=lambda: True,
        common_headers=lambda: [],
        write_timeout_s=1,
    )
    await reply.start(200, [])
    await reply.write(b"data: [DONE]\n\n")
    await mine.aclose()
    await reply.finish()
    assert (reply.end, reply.client_gone, reply.keeps_connection) == ("finished", False, False)


async def test_end_of_file_within_the_last_send_does_not_cut_it_short(autojump_clock, connected):
    """The client has said all it wanted and waits for the rest: a whole reply is sent to its end."""

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.send(200, [], b"a" * 200_000)

    async with connected(handler, lockstep=True) as peer:
        await peer.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        await peer.stream.send_eof()
        await trio.testing.wait_all_tasks_blocked()
        assert len((await peer.answer()).body) == 200_000
    assert not peer.service.counts.lost


async def test_client_that_closes_before_done_is_not(autojump_clock, connected):
    ends: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        await reply.write(b"data: 0\n\n")
        reply.hang_up()
        try:
            await reply.finish(b"data: [DONE]\n\n")
        finally:
            ends.append(reply.end)

    async with connected(handler) as peer:
        await peer.ask(GET)
    assert ends == ["disconnected"]


async def test_leaving_after_the_end_does_not_disturb_the_handler(autojump_clock, connected):
    done: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await three_events(request, reply)
        await trio.sleep(1)
        done.append(reply.end)

    async with connected(handler) as peer:
        await peer.ask(GET)
    assert done == ["finished"]


async def test_reader_that_stalls_for_ever_is_dropped(autojump_clock, connected):
    seen: list[object] = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        try:
            await reply.start(200, SSE)
            while True:
                await reply.write(b"data: 0\n\n")
        finally:
            seen.append((reply.end, reply.client_gone))

    async with connected(handler, lockstep=True, write_timeout_s=60) as peer:
        await peer.send(GET)
        for _ in range(3):
            await trio.sleep(50)  # slow, but it reads
            assert await peer.stream.receive_some(1000)
        await trio.sleep(59)
        assert not seen
        await trio.sleep(2)
        assert seen == [("stalled", True)]
        assert peer.service.counts.lost == {"stalled": 1}


async def test_slow_reader_of_a_large_body_survives(autojump_clock, connected):
    """Patience is for each piece, not for the whole."""
    size = 1_000_000

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.send(200, [], b"a" * size)

    received = 0
    async with connected(handler, lockstep=True, write_timeout_s=60) as peer:
        await peer.send(GET)
        while received < size:
            await trio.sleep(50)
            received += len(await peer.stream.receive_some(65536))
    assert trio.current_time() > 600
    assert not peer.service.counts.lost


async def test_write_cut_short_by_the_handlers_own_timeout_ends_the_connection(autojump_clock, connected):
    """Nobody knows how much of it is on the wire: nothing may follow it."""
    refused = []

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        with trio.move_on_after(1):
            await reply.write(b"data: 0\n\n")
        with pytest.raises(RuntimeError, match="cut short"):
            await reply.write(b"data: 1\n\n")
        refused.append(1)
        raise Overloaded("Too late for a status.", retry_after_s=1)

    async with connected(handler, lockstep=True) as peer:
        await peer.send(GET)
        await trio.sleep(2)
        assert peer.service.counts.lost == {"aborted": 1}
    assert refused


class Steps:
    """Cancels at the n-th of the awaits that pass through it, before or after it is done."""

    def __init__(self, stop_at: int) -> None:
        self.scope = trio.CancelScope()
        self.taken = 0
        self.stop_at = stop_at

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.stop_at:
            self.scope.cancel()


class Stepping(trio.abc.HalfCloseableStream):
    def __init__(self, stream: trio.StapledStream[Any, Any], steps: Steps) -> None:
        self.stream = stream
        self.steps = steps
        self.closed = False

    async def _around(self, call: Callable[[], Awaitable[Any]]) -> Any:
        self.steps.step()
        found = await call()
        self.steps.step()
        return found

    async def send_all(self, data: Any) -> None:
        await self._around(lambda: self.stream.send_all(data))

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def send_eof(self) -> None:
        await self._around(self.stream.send_eof)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self._around(lambda: self.stream.receive_some(max_bytes)))

    async def aclose(self) -> None:
        self.closed = True
        await self.stream.aclose()


@pytest.mark.parametrize("end", ["finish", "abort", "raise"])
async def test_cancelled_anywhere_it_leaves_no_task_and_no_socket(end, autojump_clock, caplog, error_body):
    caplog.set_level(logging.CRITICAL)
    stop_at, more = 1, True
    while more:
        steps = Steps(stop_at)
        running: list[int] = []

        async def handler(
            request: HttpRequest, reply: Reply, steps: Steps = steps, running: list[int] = running
        ) -> None:
            running.append(1)
            try:
                steps.step()
                await reply.start(200, SSE)
                for _ in range(2):
                    await reply.write(b"data: 0\n\n")
                    steps.step()
                    await trio.sleep(0.01)
                if end == "raise":
                    raise ValueError(end)
                await (reply.finish() if end == "finish" else reply.abort())
            finally:
                running.pop()

        mine, theirs = trio.testing.memory_stream_pair()
        stream = Stepping(theirs, steps)
        service = Service(handler=handler, error_body=error_body)
        with trio.fail_after(100), steps.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_connection, stream, service)
                await mine.send_all(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                await mine.receive_some(100)
                await mine.send_all(b"a" + GET)
                while await mine.receive_some(1000):
                    await trio.sleep(1)
                    if steps.taken > 60:
                        await mine.aclose()
                        break
        assert stream.closed
        assert not running
        assert service.counts.connections == service.counts.in_flight == 0
        more = steps.taken >= stop_at
        stop_at += 1
    assert stop_at > 15
