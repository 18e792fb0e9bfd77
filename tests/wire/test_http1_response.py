from __future__ import annotations

import pytest

from loro_core.wire.http1_response import MAX_HEAD_BYTES, MAX_LINE_BYTES, MAX_TRAILER_BYTES, ResponseDecoder
from loro_core.wire.lines import WireFormatError

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def read(data: bytes, method: str = "POST", size: int = 0) -> tuple[ResponseDecoder, bytes]:
    """Return the decoder and the body after `data`, fed whole or in pieces of `size` bytes."""
    decoder = ResponseDecoder(method)
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return decoder, b"".join([decoder.feed(piece) for piece in pieces])


@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 200 OK\ncontent-length: 1\n\nx", b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n", b""),
        (CHUNKED + b"0\r\n\r\n", b""),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (CHUNKED + b"05;a=b\r\nhello\r\n1 \r\n!\r\n000\r\n\r\n", b"hello!"),
        (CHUNKED + b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\nx-sum: 1\r\ny:\r\n\r\n", b"0123456789" * 2),
    ],
)
def test_complete_response(data, body, size):
    decoder, found = read(data, size=size)
    assert decoder.complete and decoder.reusable
    assert found == body


@pytest.mark.parametrize("size", [0, 1])
def test_head_as_it_was_sent(size):
    decoder, _ = read(b"HTTP/1.1 418 Tea pot\r\nX-One:  a b \t\r\nx-two: b\r\nX-TWO: c\r\nx-none:\r\n\r\n", size=size)
    assert decoder.head is not None
    assert decoder.head.status == 418
    assert decoder.head.headers == {"x-one": "a b", "x-two": "c", "x-none": ""}


def test_body_until_the_close():
    decoder, body = read(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert (body, decoder.complete) == (b"hello", False)
    assert decoder.finish() and decoder.complete and not decoder.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        CHUNKED + b"5\r\nhello",
        CHUNKED + b"5\r\nhell",
    ],
)
def test_end_before_the_announced_end(data):
    decoder, _ = read(data)
    assert not decoder.complete and not decoder.finish()


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0", True),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0", False),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive", False),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: Close", False),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x\r\nconnection: y, close", False),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive", True),
    ],
)
def test_whether_the_connection_serves_again(head, kept):
    decoder, _ = read(f"{head}\r\n\r\n".encode())
    assert decoder.complete and decoder.reusable is kept


def test_both_framings_leave_the_connection_to_nobody():
    decoder, body = read(
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    assert body == b"hello" and decoder.complete and not decoder.reusable


def test_bytes_that_nobody_asked_for_leave_the_connection_to_nobody():
    decoder, body = read(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 ")
    assert body == b"ok" and decoder.rest == b"HTTP/1.1 " and not decoder.reusable
    decoder, _ = read(CHUNKED + b"0\r\n\r\n")
    assert decoder.reusable
    assert decoder.feed(b"x") == b"" and not decoder.reusable


def test_answers_to_head_and_connect_have_no_body():
    decoder, body = read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", method="HEAD")
    assert decoder.complete and decoder.reusable and body == b""
    decoder, body = read(b"HTTP/1.1 200 Connected\r\n\r\nrest", method="CONNECT")
    assert decoder.complete and decoder.rest == b"rest"
    decoder, body = read(b"HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno", method="CONNECT")
    assert body == b"no"


def test_how_long_the_server_waits():
    for value, idle_s in [
        ("timeout=5, max=100", 5.0),
        ("max=1,Timeout = 7", 7.0),
        ("max=5", None),
        ("timeout=x", None),
    ]:
        decoder, _ = read(f"HTTP/1.1 204 No\r\nkeep-alive: {value}\r\n\r\n".encode())
        assert decoder.head is not None and decoder.head.idle_s == idle_s


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",  # what TLS says to plain HTTP
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",  # obs-fold
        b"HTTP/1.1 200 OK\r\nx : a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1_0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: ²\r\n\r\n".encode("latin-1"),
        b"HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"0x5\r\nhello\r\n",
        CHUNKED + b" 5\r\nhello\r\n",
        CHUNKED + b"1_0\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"5\nhello\r\n",
        CHUNKED + b"5\r\nhelloo\r\n",
        CHUNKED + b"5\r\nhello\n0\r\n\r\n",
        CHUNKED + b"11111111111111111\r\n",
        CHUNKED + b"0\r\nbad\r\n\r\n",
        CHUNKED + b"0\r\n x\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [0, 1])
def test_what_is_not_http(data, size):
    with pytest.raises(WireFormatError) as caught:
        read(data, size=size)
    assert "hello" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1009])
def test_limits(size):
    head = b"HTTP/1.1 200 OK\r\nx: " + b"a" * MAX_HEAD_BYTES
    with pytest.raises(WireFormatError, match="larger"):
        read(head, size=size)
    with pytest.raises(WireFormatError, match="larger"):
        read(head + b"\r\n\r\n", size=size)
    with pytest.raises(WireFormatError, match="larger"):
        read(b"HTTP/1.1 102 Processing\r\n\r\n" * 5000, size=size)
    with pytest.raises(WireFormatError, match="size"):
        read(CHUNKED + b"5;" + b"a" * MAX_LINE_BYTES, size=size)
    with pytest.raises(WireFormatError, match="larger"):
        read(CHUNKED + b"0\r\nx: " + b"a" * MAX_TRAILER_BYTES, size=size)


def test_chunks_that_came_together_leave_together():
    decoder = ResponseDecoder("POST")
    assert decoder.feed(CHUNKED + b"1\r\na\r\n" * 18 + b"0\r\n\r\n") == b"a" * 18
    assert decoder.complete


def test_a_piece_of_a_long_chunk_is_not_copied():
    decoder = ResponseDecoder("POST")
    decoder.feed(CHUNKED + b"ffff\r\n")
    data = bytes(1000)
    assert decoder.feed(data) is data
