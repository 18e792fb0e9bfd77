from __future__ import annotations

from itertools import pairwise

import h11
from hypothesis import given
from hypothesis import strategies as st

from loro_core.errors import ClientError
from loro_core.wire.http1 import (
    LAST_CHUNK,
    NO_HEADERS,
    bodiless,
    check_headers,
    encode_chunk,
    encode_head,
    framing_of,
    split_target,
)
from loro_core.wire.http1_decoder import RequestDecoder

TOKEN = st.text("!#$%&'*+.^_`|~0123456789abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)


def decoder() -> RequestDecoder:
    return RequestDecoder(max_target_bytes=300, max_header_bytes=2000, max_headers=20, max_body_bytes=200)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


FIELDS = [
    "X: 1",
    "Accept: */*",
    "accept:text/plain",
    "Empty:",
    "Blank: \t ",
    "Tabbed:\t a\tb \t",
    "Name: \u00e9",
    "Expect: 100-continue",
    "Connection: Keep-Alive, x",
    "connection: close",
    "Upgrade: h2c",
    "Y: " + "b" * 700,
    "Host: b",
    "Host: a b",
    "Content-Length: 3",
    "Bad name: 1",
    "Bad\x01: 1",
    "Bad: \x7f",
    " folded",
    "none",
]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Requests that are right, or wrong; of the ways to be wrong, too large is one that does not come with others."""
    path = draw(st.sampled_from(["/", "/v1/models?x=1", "/" + "a" * 290, "/%zz", "http://a/b"]))
    version = draw(st.sampled_from(["1.1", "1.0", "2.0"]))
    lines = [f"POST {path} HTTP/{version}", "Host: a"]
    lines += draw(st.lists(st.sampled_from(FIELDS), max_size=6, unique=True))
    body = draw(st.binary(max_size=220))
    if draw(st.booleans()):
        lines.append("Transfer-Encoding: chunked")
        cuts = draw(st.lists(st.integers(0, 220), max_size=4))
        framed = b"".join(encode_chunk(piece) for piece in pieces(body, cuts) if piece) + b"0\r\n"
        framed += draw(st.sampled_from([b"\r\n", b"X-Sum: 1\r\n\r\n", b"bad\r\n\r\n"]))
    else:
        lines.append(f"Content-Length: {len(body)}")
        framed = body
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + framed


def outcome(data: list[bytes]) -> object:
    found = decoder()
    try:
        for piece in data:
            found.feed(piece)
    except ClientError as error:
        return error.status, error.message
    assert found.head is not None
    return found.head._replace(headers=NO_HEADERS), found.head.headers.items, found.body


@given(requests(), st.lists(st.integers(0, 3000), max_size=5))
def test_any_split_gives_the_same_request_or_the_same_refusal(data: bytes, cuts: list[int]) -> None:
    whole = outcome([data])
    assert outcome(pieces(data, cuts)) == whole
    assert outcome([data[at : at + 1] for at in range(len(data))]) == whole


@given(requests(), requests())
def test_the_next_request_is_left_in_the_rest(first: bytes, second: bytes) -> None:
    found = decoder()
    try:
        found.feed(first + second)
    except ClientError:
        return
    if found.body is not None:
        assert found.rest == second


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_no_bytes_raise_anything_but_a_refusal(data: list[bytes]) -> None:
    outcome_or_nothing(data)


@given(requests(), st.integers(0, 3000), st.integers(0, 255))
def test_one_changed_byte_raises_nothing_but_a_refusal(data: bytes, at: int, value: int) -> None:
    changed = bytearray(data)
    changed[at % len(changed)] = value
    outcome_or_nothing([bytes(changed)])


def outcome_or_nothing(data: list[bytes]) -> None:
    found = decoder()
    status = 400
    try:
        for piece in data:
            found.feed(piece)
    except ClientError as error:
        status = error.status
    assert status in (400, 413, 414, 417, 431, 501, 505)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40))
def test_path_has_no_control_character(target: str) -> None:
    try:
        path, _ = split_target("GET", target)
    except ClientError:
        return
    assert path.startswith("/")
    assert path.isprintable() or all(ord(c) > 0x7F for c in path if not c.isprintable())


def read_back(sent: bytes, *, method: str) -> tuple[h11.Response, bytes, bytes]:
    """Return what h11's client makes of a reply: its head, its body, and what is left over."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(sent)
    head = client.next_event()
    assert isinstance(head, h11.Response), head
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage), event
    return head, body, client.trailing_data[0]


@given(
    st.sampled_from([200, 204, 304, 400, 500, 599]),
    st.lists(st.tuples(TOKEN, VALUE), max_size=5),
    st.sampled_from(["GET", "HEAD"]),
    st.none() | st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    st.binary(max_size=50),
)
def test_h11_reads_back_what_we_frame(
    status: int, headers: list[tuple[str, str]], method: str, stream: list[bytes] | None, body: bytes
) -> None:
    try:
        check_headers(headers)
    except ValueError:
        return
    if status == 204 and stream is None:
        body = b""
    framing = framing_of(status, http_version="1.1", length=None if stream is not None else len(body))
    sent = encode_head(status, headers, framing=framing, connection=None)
    expected = body if stream is None else b"".join(stream)
    if bodiless(method, status):
        expected = b""
    elif stream is None:
        sent += body
    else:
        sent += b"".join(map(encode_chunk, stream)) + LAST_CHUNK
    head, found, rest = read_back(sent + b"HTTP/1.1", method=method)
    assert head.status_code == status
    assert [(n.decode(), v.decode()) for n, v in head.headers][: len(headers)] == [(n.lower(), v) for n, v in headers]
    assert (found, rest) == (expected, b"HTTP/1.1")


@given(TOKEN, st.text(max_size=20))
def test_no_checked_header_can_end_its_line(name: str, value: str) -> None:
    try:
        check_headers([(name, value)])
    except ValueError:
        return
    head = encode_head(200, [(name, value)], framing=0, connection=None)
    assert head.count(b"\r") == head.count(b"\n") == 4
