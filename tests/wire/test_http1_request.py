from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.http1_request import UnfitHeader, encode_request, parse_url


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("http://a", "a", 80, "a", "/"),
        ("https://a", "a", 443, "a", "/"),
        ("https://a:80/v1", "a", 80, "a:80", "/v1"),
        ("HTTP://A.Example:80/V1?x=1&y=%20#part", "a.example", 80, "a.example", "/V1?x=1&y=%20"),
        ("http://[::1]:8000/", "::1", 8000, "[::1]:8000", "/"),
        ("http://a?x=1", "a", 80, "a", "/?x=1"),
        ("http://bücher.example/ü b", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/%C3%BC%20b"),
    ],
)
def test_url_is_taken_apart(url, host, port, authority, path):
    target = parse_url(url)
    assert (target.host, target.port, target.authority, target.path) == (host, port, authority, path)
    assert target.origin == (target.scheme, host, port)


def test_address_always_names_the_port():
    assert parse_url("https://a/v1").address == "a:443"
    assert parse_url("http://[::1]/v1").address == "[::1]:80"
    assert parse_url("http://a/v1?b").absolute == "http://a/v1?b"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a",
        "a:80",
        "ftp://a",
        "http://",
        "http:///v1",
        "http://a:x",
        "http://a:0",
        "http://a:70000",
        "http://[::1",
        "http://user:secret@a",
        "http://a b/",
        "http://" + "ä" * 70 + "/",
    ],
)
def test_url_that_leads_nowhere(url):
    with pytest.raises(ValueError, match=r"URL|host") as caught:
        parse_url(url)
    assert "secret" not in str(caught.value)


def encode(method="POST", target="/v1", headers=None, body=b"", defaults=None):
    return encode_request(method, target, "a:1", defaults=defaults or {}, headers=headers or {}, body=body)


def test_request_is_written_in_one_piece():
    assert encode(headers={"X-One": "1", "accept": "a, b"}, body=b"{}") == (
        b"POST /v1 HTTP/1.1\r\nhost: a:1\r\nX-One: 1\r\naccept: a, b\r\ncontent-length: 2\r\n\r\n{}"
    )
    assert encode("GET") == b"GET /v1 HTTP/1.1\r\nhost: a:1\r\n\r\n"
    assert b"content-length: 0\r\n" in encode("POST")


def test_own_field_goes_before_the_default():
    sent = encode("GET", headers={"User-Agent": "mine"}, defaults={"user-agent": "loro", "accept-encoding": "identity"})
    assert b"User-Agent: mine\r\n" in sent and b"loro" not in sent and b"accept-encoding: identity\r\n" in sent


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\x00", "schlüssel", " a", "a ", "\x7f"])
def test_value_that_http_cannot_carry_is_not_repeated(value):
    with pytest.raises(UnfitHeader) as caught:
        encode(headers={"authorization": value})
    assert caught.value.name == "authorization" and value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä", "content-length", "Transfer-Encoding", "HOST", "te"])
def test_name_that_is_none_or_frames_the_message(name):
    with pytest.raises(UnfitHeader):
        encode(headers={name: "1"})


def test_name_said_twice_in_other_capitals():
    with pytest.raises(UnfitHeader):
        encode(headers={"accept": "a", "Accept": "b"})


@pytest.mark.parametrize(("method", "target"), [("GE T", "/"), ("", "/"), ("GET", "/ HTTP/1.1\r\nx: y"), ("GET", "")])
def test_method_and_target_are_held_to_their_grammar(method, target):
    with pytest.raises(ValueError, match="method or target"):
        encode(method, target)


@given(
    headers=st.dictionaries(st.text(max_size=6), st.text(max_size=12), max_size=3),
    method=st.sampled_from(["GET", "POST"]),
    target=st.text(max_size=8).map("/".__add__),
    body=st.binary(max_size=40),
)
def test_what_is_written_is_read_back_as_one_request_or_refused(headers, method, target, body):
    try:
        data = encode(method, target, headers, body)
    except ValueError:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (method.encode(), target.encode())
    found = {name.decode(): value.decode() for name, value in request.headers}
    assert {name.lower(): value for name, value in headers.items()} == {
        name: value for name, value in found.items() if name not in ("host", "content-length")
    }
    events = []
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        events.append(event)
    assert b"".join(event.data for event in events if isinstance(event, h11.Data)) == body
    assert server.trailing_data[0] == b""
