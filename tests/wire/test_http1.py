from __future__ import annotations

import pytest

from loro_core.errors import BadRequest, ClientError, NotSupported
from loro_core.wire.http1 import (
    Headers,
    HttpRequest,
    check_headers,
    encode_head,
    framing_of,
    sane_request_id,
    split_target,
)
from loro_core.wire.http1_decoder import RequestDecoder


def decoder(**limits: int) -> RequestDecoder:
    return RequestDecoder(
        **{"max_target_bytes": 200, "max_header_bytes": 1000, "max_headers": 10, "max_body_bytes": 100, **limits}
    )


def decode(data: bytes, **limits: int) -> RequestDecoder:
    found = decoder(**limits)
    found.feed(data)
    return found


def refusal(data: bytes, **limits: int) -> ClientError:
    with pytest.raises(ClientError) as caught:
        decode(data, **limits)
    return caught.value


def head_with(*lines: str, first: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/v1/models?limit=1&x=%20", "/v1/models", "limit=1&x=%20"),
        ("/v1/models/org%2Fname", "/v1/models/org/name", ""),
        ("/%E4%BD%A0", "/你", ""),
        ("http://gateway:8000/v1/models?a", "/v1/models", "a"),
        ("HTTPS://gateway", "/", ""),
        ("http://gateway?a=/b", "/", "a=/b"),
        ("//double", "//double", ""),
        ("/a/../b", "/a/../b", ""),
    ],
)
def test_target_is_split_and_its_path_decoded(target: str, path: str, query: str) -> None:
    assert split_target("GET", target) == (path, query)


def test_asterisk_is_for_options() -> None:
    assert split_target("OPTIONS", "*") == ("*", "")
    with pytest.raises(BadRequest):
        split_target("GET", "*")


@pytest.mark.parametrize(
    "target",
    ["", "models", "host:80", "ftp://host/", "/%", "/%4", "/%zz", "/a%00b", "/%0d%0aX: y", "/%7f", "/%ff", "/#"],
)
def test_target_that_hides_something_is_refused(target: str) -> None:
    with pytest.raises(BadRequest):
        split_target("GET", target)


def test_header_is_found_in_any_case_and_joined() -> None:
    headers = Headers([("accept", "a"), ("x", "1"), ("accept", "b, ,C")])
    request = HttpRequest(method="GET", target="/", path="/", headers=headers)
    assert request.header("Accept") == "a, b, ,C"
    assert request.header("missing") is None
    assert headers.tokens("ACCEPT") == ["a", "b", "c"]


def test_repr_shows_no_header_value_and_no_body() -> None:
    headers = Headers([("authorization", "Bearer sk-secret")])
    shown = repr(HttpRequest(method="POST", target="/", path="/", headers=headers, body=b"my prompt"))
    assert "secret" not in shown
    assert "prompt" not in shown


@pytest.mark.parametrize("value", ["a", "req_0123456789abcdef", "550e8400-e29b-41d4-a716-446655440000", "a" * 128])
def test_sane_request_id_is_kept(value: str) -> None:
    assert sane_request_id(value) == value


@pytest.mark.parametrize("value", [None, "", " a", "a b", "-a", "a\n", "a" * 129, "é", '"', "a\x00"])
def test_odd_request_id_is_not(value: str | None) -> None:
    assert sane_request_id(value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "a\r\nset-cookie: b"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\x00b"),
        ("x", " a"),
        ("x", "a "),
        ("x", "你"),
        ("x y", "a"),
        ("x:", "a"),
        ("", "a"),
        ("é", "a"),
        ("Content-Length", "3"),
        ("transfer-encoding", "chunked"),
        ("Connection", "close"),
    ],
)
def test_header_that_could_split_the_reply_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        check_headers([(name, value)])


def test_framing_follows_status_and_version() -> None:
    assert framing_of(200, http_version="1.1", length=3) == 3
    assert framing_of(200, http_version="1.1", length=None) == "chunked"
    assert framing_of(200, http_version="1.0", length=None) == "close"
    assert framing_of(204, http_version="1.1", length=0) == "none"
    assert framing_of(304, http_version="1.1", length=None) == "none"


def test_head_is_one_block_of_lines() -> None:
    head = encode_head(299, [("a", "b"), ("é", "\xe9")][:1], framing="chunked", connection="close")
    assert head == b"HTTP/1.1 299 \r\na: b\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    assert encode_head(404, [], framing=0, connection=None) == b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


def test_request_with_a_body() -> None:
    found = decode(b"POST /a?b HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nabcGET ")
    assert found.head is not None
    assert (found.head.method, found.head.path, found.head.query) == ("POST", "/a", "b")
    assert found.head.headers.items == (("host", "x"), ("x-a", "1"), ("content-length", "3"))
    assert (found.body, found.rest) == (b"abc", b"GET ")


def test_chunked_body_with_extension_and_trailers() -> None:
    found = decode(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b'3;a="b"\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\nrest'
    )
    assert (found.body, found.rest) == (b"abcde", b"rest")


def test_empty_lines_before_a_request_are_skipped() -> None:
    assert not decode(b"\r\n\n\r\n").begun
    found = decode(b"\r\n")
    found.feed(b"\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert found.begun
    assert found.body == b""


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "foo, Close", False),
        ("1.1", "keep-alive", True),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "keep-alive, close", False),
        ("1.9", None, True),
    ],
)
def test_keep_alive(version: str, connection: str | None, kept: bool) -> None:
    lines = ["Host: x"] + ([f"Connection: {connection}"] if connection else [])
    head = decode(head_with(*lines, first=f"GET / HTTP/{version}")).head
    assert head is not None
    assert head.keep_alive is kept


@pytest.mark.parametrize("host", ["", "a.example", "a.example:80", "127.0.0.1", "[::1]:8000", "under_score", "a:"])
def test_host_that_can_be_one_is_taken(host: str) -> None:
    assert decode(head_with(f"Host: {host}")).body == b""


@pytest.mark.parametrize("host", ["a b", "a/b", "http://a", "a@b", "[::1", "a:b", "a:80:80", "a\xe9"])
def test_host_that_cannot_be_one_is_refused(host: str) -> None:
    assert refusal(head_with(f"Host: {host}")).status == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /\r\n\r\n", 400),  # HTTP/0.9
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),  # TLS spoken to a plain port
        (b" GET / HTTP/1.1\r\n", 400),
        (head_with(), 400),
        (head_with("Host: a", "Host: a"), 400),
        (head_with("Host: a", "Bad Header: 1"), 400),
        (head_with("Host: a", "X : 1"), 400),
        (head_with("Host: a", "X: a\x00b"), 400),
        (head_with("Host: a", "X: a\rY: b"), 400),
        (head_with("Host: a", first="GET http://[::1 /  HTTP/1.1"), 400),
        (head_with("Host: a", first="GET /\xe4 HTTP/1.1"), 400),
        (head_with("Host: a", first="CONNECT a:80 HTTP/1.1"), 501),
        (head_with("Host: a", first="GET / HTTP/2.0"), 505),
        (head_with("Host: a", first="GET / HTTP/1.11"), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (head_with("Host: a", "Expect: tea"), 417),
        (head_with("Host: a", "Content-Length: -1"), 400),
        (head_with("Host: a", "Content-Length: +1"), 400),
        (head_with("Host: a", "Content-Length: 1_0"), 400),
        (head_with("Host: a", "Content-Length: " + "9" * 30), 400),
        (head_with("Host: a", "Content-Length: 101"), 413),
        (head_with("Host: a", "Transfer-Encoding: gzip"), 501),
        (head_with("Host: a", "Transfer-Encoding: chunked, chunked"), 501),
        (head_with("Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 501),
        (head_with("Host: a", "Transfer-Encoding: chunked") + b"x\r\n", 400),
        (head_with("Host: a", "Transfer-Encoding: chunked") + b"65\r\n" + b"a" * 101, 413),
        (head_with("Host: a", "Transfer-Encoding: chunked") + b"2\r\nabc\r\n", 400),
        (head_with("Host: a", "Transfer-Encoding: chunked") + b"2\nab\n0\n\n" + b"\r\n", 400),
        (head_with("Host: a", "Transfer-Encoding: chunked") + b"1;" + b"a" * 2000, 431),
        (head_with("Host: a", first="GET /" + "a" * 200 + " HTTP/1.1"), 414),
        (b"GET /" + b"a" * 1200, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 1200, 431),
        (head_with("Host: a", "X: " + "a" * 1000), 431),
        (head_with("Host: a", *["X: a"] * 10), 431),
    ],
)
def test_refusals(data: bytes, status: int) -> None:
    error = refusal(data)
    assert error.status == status
    assert error.message


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 3", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 3"],
        ["Content-Length: 3", "Content-Length: 4"],
        ["Content-Length: 3, 4"],
    ],
)
def test_two_lengths_for_one_body_are_refused(lines: list[str]) -> None:
    """Two servers in a row could take different ones: that is how a request is smuggled past the first."""
    assert refusal(head_with("Host: a", *lines, first="POST / HTTP/1.1") + b"0\r\n\r\n").status == 400


def test_chunks_in_http_1_0_are_refused() -> None:
    assert refusal(head_with("Transfer-Encoding: chunked", first="POST / HTTP/1.0")).status == 400


def test_refusal_does_not_quote_the_line_at_fault() -> None:
    error = refusal(head_with("Host: a", "Authorization : Bearer sk-secret"))
    assert "sk-secret" not in error.message
    assert "sk-secret" not in repr(error.__cause__)
    assert error.__suppress_context__


def test_head_is_known_when_the_body_is_too_large() -> None:
    """The refusal can then be framed for the method, and carry the request's own id."""
    found = decoder()
    with pytest.raises(ClientError):
        found.feed(head_with("Host: a", "X-Request-Id: mine", "Content-Length: 101"))
    assert found.head is not None
    assert found.head.headers.get("x-request-id") == "mine"


def test_expect_is_ignored_in_http_1_0() -> None:
    head = decode(head_with("Expect: 100-continue", first="POST / HTTP/1.0")).head
    assert head is not None
    assert not head.expects_continue


def test_connect_is_not_served() -> None:
    assert isinstance(refusal(head_with("Host: a", first="CONNECT a:80 HTTP/1.1")), NotSupported)
