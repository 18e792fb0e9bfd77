"""The decoder of responses against h11's, and against itself however the bytes are cut."""

from __future__ import annotations

import re
from itertools import pairwise

import h11
from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.http1 import encode_chunk
from loro_core.wire.http1_response import ResponseDecoder
from loro_core.wire.lines import WireFormatError

FIELDS = [
    "X-One: a",
    "x-one:b",
    "Set-Cookie: a=b; c",
    "Empty:",
    "Ümlaut: a",
    "odd: \x01\x7f",
    "spaced : a",
    " folded: a",
    "late: ä ö",
    "Connection: close",
    "Connection: x, keep-alive",
    "Keep-Alive: timeout=5",
]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Responses that are right, or wrong in one of many ways."""
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0", "2.0"]))
    status = draw(st.sampled_from(["200 OK", "200", "204 None", "404 Not Found", "500 ", "20 x", "304 x"]))
    lines = [f"HTTP/{version} {status}"]
    lines += draw(st.lists(st.sampled_from(FIELDS), max_size=4))
    body = draw(st.binary(max_size=60))
    framing = draw(st.sampled_from(["chunked", "chunked", "length", "length", "close", "both", "odd"]))
    framed = body
    if framing in ("chunked", "both"):
        lines.append(draw(st.sampled_from(["Transfer-Encoding: chunked", "transfer-encoding: Chunked"])))
        cuts = draw(st.lists(st.integers(0, 60), max_size=4))
        framed = b"".join(encode_chunk(piece) for piece in pieces(body, cuts))
        framed += draw(
            st.sampled_from([b"0\r\n\r\n", b"00\r\nA: b\r\n\r\n", b"0;x=y\r\n\r\n", b"0\r\nbad\r\n\r\n", b""])
        )
    if framing in ("length", "both"):
        lines.append(f"Content-Length: {len(body)}")
    if framing == "odd":
        lines.append(draw(st.sampled_from(["Content-Length: x", "Content-Length: 1, 2", "Transfer-Encoding: gzip"])))
    end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"]))
    data = (
        draw(st.sampled_from(["", "", "HTTP/1.1 103 Hint\r\nlink: x\r\n\r\n"])) + end.join([*lines, "", ""])
    ).encode("latin-1") + framed
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=2)) + data[at + draw(st.integers(0, 2)) :]
    return data


def ours(data: list[bytes], method: str) -> object:
    """Return what is understood of `data` and the end of the connection behind it, None for a refusal."""
    decoder = ResponseDecoder(method)
    try:
        body = b"".join([decoder.feed(piece) for piece in data])
    except WireFormatError:
        return None
    whole = decoder.finish()
    if decoder.head is None:
        return "no head"
    return decoder.head.status, without_framing(decoder.head.headers), body, whole, decoder.rest


def h11s(data: bytes, method: str) -> object:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=100 * 1024)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    head, body, whole, at_end = None, b"", False, False
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            if at_end:  # h11's word for an end that comes too early
                break
            return None
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            whole = True
            break
        elif event is h11.NEED_DATA:
            connection.receive_data(b"")
            at_end = True
        elif isinstance(event, (h11.ConnectionClosed, type(h11.PAUSED))):
            break
    if head is None:
        return "no head"
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return head.status_code, without_framing(headers), body, whole, connection.trailing_data[0]


def without_framing(headers: dict[str, str]) -> dict[str, str]:
    """h11 writes these two anew; what they mean for the body is compared there."""
    return {name: value for name, value in headers.items() if name not in ("content-length", "transfer-encoding")}


@given(responses(), st.lists(st.integers(0, 400), max_size=6), st.sampled_from(["POST", "HEAD"]))
def test_any_split_gives_the_same_response_or_a_refusal(data: bytes, cuts: list[int], method: str) -> None:
    whole = ours([data], method)
    assert ours(pieces(data, cuts), method) == whole
    assert ours([data[at : at + 1] for at in range(len(data))], method) == whole


@given(responses(), st.sampled_from(["POST", "HEAD"]))
def test_what_is_understood_is_what_h11_understands(data: bytes, method: str) -> None:
    found = ours([data], method)
    if found is not None and found != "no head":
        assert found == h11s(data, method)


@given(responses())
def test_what_h11_takes_is_taken_but_for_folded_lines_and_other_versions(data: bytes) -> None:
    reference = h11s(data, "POST")
    if isinstance(reference, tuple) and reference[3]:
        stricter = re.search(rb"\n[ \t]", data) or re.search(rb"HTTP/(?!1\.)", data)
        found = ours([data], "POST")
        assert found == reference or (found is None and stricter)


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_raise_anything_else(data: bytes, chunked: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" if chunked else b""
    ours([head + data], "GET")


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.lists(st.integers(0, 600), max_size=8))
def test_chunks_come_back_joined(chunks: list[bytes], cuts: list[int]) -> None:
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    data += b"".join(map(encode_chunk, chunks)) + b"0\r\n\r\n"
    decoder = ResponseDecoder("POST")
    assert b"".join([decoder.feed(piece) for piece in pieces(data, cuts)]) == b"".join(chunks)
    assert decoder.complete and decoder.reusable
