"""Whatever a client sends and however it is cut: an answer, a refusal, or the end of the connection."""

from __future__ import annotations

import json
from itertools import pairwise

import h11
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.errors import LoroError
from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Limits, Service
from loro_core.wire.http1 import HttpRequest, encode_chunk


def error_body(error: LoroError) -> bytes:
    return json.dumps({"error": {"message": error.message, "type": error.type}}).encode()


async def echo(request: HttpRequest, reply: Reply) -> None:
    await reply.start(200, [("x-path", "a")])
    for at in range(0, len(request.body), 7):
        await reply.write(request.body[at : at + 7])
    await reply.finish(f" {request.method} {request.path}".encode())


def talk(pieces: list[bytes]) -> tuple[bytes, Service]:
    """Return all that a server says to a client that sends `pieces`, gives it a second, and leaves."""
    service = Service(handler=echo, error_body=error_body, limits=Limits(max_body_bytes=100, max_header_bytes=500))
    said = b""

    async def main() -> None:
        nonlocal said
        mine, theirs = trio.testing.memory_stream_pair()
        with trio.fail_after(100):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_connection, theirs, service)
                for piece in pieces:
                    await mine.send_all(piece)
                    await trio.testing.wait_all_tasks_blocked()
                await trio.sleep(1)
                await mine.send_eof()
                while data := await mine.receive_some(65536):
                    said += data

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert service.counts.connections == service.counts.in_flight == 0
    return said, service


def answers(said: bytes) -> list[tuple[int, bytes]]:
    """Return status and body of each reply; fail if h11's client cannot read them."""
    found = []
    while said:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(said)
        client.receive_data(b"")
        head, body = client.next_event(), b""
        assert isinstance(head, h11.Response)
        while isinstance(event := client.next_event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage)
        found.append((head.status_code, bytes(body)))
        said = client.trailing_data[0]
    return found


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


def post(path: str, body: bytes, *, chunked: bool) -> bytes:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    framed = b"".join(encode_chunk(body[at : at + 5]) for at in range(0, len(body), 5)) + b"0\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode() + (framed if chunked else body)


BODIES = st.lists(st.tuples(st.binary(max_size=40), st.booleans()), min_size=1, max_size=3)


@given(BODIES, st.lists(st.integers(0, 500), max_size=6))
def test_any_split_of_pipelined_requests_is_answered_alike(bodies: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    data = b"".join(post(f"/{n}", body, chunked=chunked) for n, (body, chunked) in enumerate(bodies))
    said, service = talk(cut(data, cuts))
    assert answers(said) == [(200, body + b" POST /%d" % n) for n, (body, _) in enumerate(bodies)]
    assert not service.counts.lost


@given(st.binary(max_size=40), st.booleans())
def test_a_request_may_come_byte_by_byte(body: bytes, chunked: bool) -> None:
    data = post("/", body, chunked=chunked)
    said, _ = talk([data[at : at + 1] for at in range(len(data))])
    assert answers(said) == [(200, body + b" POST /")]


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=4))
def test_garbage_is_refused_or_ignored(pieces: list[bytes]) -> None:
    check_refused_or_closed(pieces)


@given(
    st.binary(max_size=40), st.booleans(), st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=4)
)
def test_a_damaged_request_is_answered_refused_or_ignored(
    body: bytes, chunked: bool, damages: list[tuple[int, bytes]]
) -> None:
    data = post("/", body, chunked=chunked)
    for at, damage in damages:
        at %= len(data)
        data = data[:at] + damage + data[at + 1 :]
    check_refused_or_closed([data] if data else [])


def check_refused_or_closed(pieces: list[bytes]) -> None:
    said, service = talk(pieces)
    found = answers(said)
    for status, body in found:
        assert status in (200, 400, 408, 413, 414, 417, 431, 501, 505)
        assert status == 200 or json.loads(body)["error"]["message"]
    assert [status for status, _ in found if status != 200] == list(service.counts.refused.elements())
