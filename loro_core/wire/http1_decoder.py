"""One HTTP/1.x request out of bytes, with every limit held and every malformed one named by a status.

h11 parses what is not plain (`http1_plain`). Added here: size limits that do not depend on how the bytes were cut, the
refusals that h11 leaves to its caller (both framings at once, chunks in HTTP/1.0, a Host that is none, an Expect we
cannot meet), and messages of our own: h11's quote the line at fault, which may be an Authorization.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import h11

from loro_core.errors import (
    BadRequest,
    ClientError,
    ExpectationFailed,
    HeadersTooLarge,
    NotSupported,
    TooLarge,
    UriTooLong,
    VersionNotSupported,
)
from loro_core.wire.http1 import Headers, split_target
from loro_core.wire.http1_plain import PlainHead, read_plain_head


class RequestHead(NamedTuple):
    """What a request says before its body.

    path, query: see HttpRequest.
    http_version: "1.0" or "1.1" (or a later 1.x, to be treated as 1.1).
    keep_alive: whether the client is content with another request on this connection.
    expects_continue: whether it waits for "100 Continue" before it sends the body.
    """

    method: str
    target: str
    path: str
    query: str
    headers: Headers
    http_version: str
    keep_alive: bool
    expects_continue: bool


class RequestDecoder:
    """Reads one request. Any split of the bytes gives the same request, or the same refusal.

    begun: whether a byte of a request came. Empty lines before it do not count (RFC 9112, 2.2: some clients send one
        behind a body).
    head: known as soon as the blank line is.
    body: None until the request is complete.
    """

    def __init__(self, *, max_target_bytes: int, max_header_bytes: int, max_headers: int, max_body_bytes: int) -> None:
        """max_target_bytes: of the request line; max_header_bytes: of the whole head; max_headers: fields in it."""
        self._max_target_bytes = max_target_bytes
        self._max_header_bytes = max_header_bytes
        self._max_headers = max_headers
        self._max_body_bytes = max_body_bytes
        self._h11: h11.Connection | None = None
        self._plain: PlainHead | None = None
        self._rest = b""
        self._head_bytes_fed = 0
        # One buffer, not a list of pieces: a body sent in chunks of one byte would make millions of objects.
        self._body = bytearray()
        self.begun = False
        self.head: RequestHead | None = None
        self.body: bytes | None = None

    @property
    def body_bytes(self) -> int:
        """How much of a body that is not complete yet came so far, without its framing."""
        return len(self._body)

    @property
    def rest(self) -> bytes:
        """What came behind the request: the beginning of the next one, if the client pipelines."""
        return self._h11.trailing_data[0] if self._h11 is not None else self._rest

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection; `head` and `body` then tell how far the request is.

        data: any number of bytes as read. After the request is complete they are kept in `rest`.
        Raises a ClientError with the status to refuse it with. The connection must then be closed: nobody knows where
        the next request would begin.
        """
        if not self.begun:
            data = data.lstrip(b"\r\n")
            self.begun = bool(data)
        if not data:
            return
        if self._h11 is None:
            if self._plain is not None:
                self._take_plain_body(data)
                return
            self._plain = read_plain_head(data)
            if self._plain is not None:
                self._take_plain_head(self._plain)
                self._take_plain_body(data[self._plain.size :])
                return
            self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._max_header_bytes)
        self._h11.receive_data(data)
        if self.head is None:
            self._head_bytes_fed += len(data)
            self._read_head(self._h11)
        if self.head is not None and self.body is None:
            self._read_body(self._h11)

    def _take_plain_head(self, plain: PlainHead) -> None:
        self._check_sizes(len(plain.method) + len(plain.target), len(plain.headers.items), plain.size)
        self.head = _plain_head_of(plain)
        if plain.body_bytes > self._max_body_bytes:
            raise self._body_too_large()

    def _take_plain_body(self, data: bytes) -> None:
        assert self._plain is not None  # noqa: S101  # its head was read
        if self.body is not None:
            self._rest += data
            return
        missing = self._plain.body_bytes - len(self._body)
        if len(data) < missing:
            self._body += data
            return
        self.body = bytes(self._body) + data[:missing] if self._body else data[:missing]
        self._body = bytearray()
        self._rest = data[missing:]

    def _read_head(self, connection: h11.Connection) -> None:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise self._refusal(error) from None
        if isinstance(event, h11.Request):
            line_bytes = len(event.method) + len(event.target)
            self._check_sizes(line_bytes, len(event.headers), self._head_bytes_fed - len(self.rest))
            self.head = _head_of(event)
            declared = self.head.headers.get("content-length")
            if declared is not None and int(declared) > self._max_body_bytes:
                raise self._body_too_large()

    def _check_sizes(self, line_bytes: int, fields: int, head_bytes: int) -> None:
        """line_bytes: of method and target; the line has been held to "method SP target SP HTTP/x.y" exactly."""
        if line_bytes + len("  HTTP/1.1") > self._max_target_bytes:
            raise self._line_too_long()
        if head_bytes > self._max_header_bytes:
            raise self._head_too_large()
        if fields > self._max_headers:
            raise HeadersTooLarge(f"The request has more than {self._max_headers} header fields.")

    def _read_body(self, connection: h11.Connection) -> None:
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                raise self._refusal(error) from None
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._max_body_bytes:
                    raise self._body_too_large()
            elif isinstance(event, h11.EndOfMessage):
                # Trailers are read and dropped: nothing in our API is said in one.
                self.body = bytes(self._body)
                self._body = bytearray()
                return
            else:
                return

    def _refusal(self, error: h11.RemoteProtocolError) -> ClientError:
        if error.error_status_hint == 501:
            return NotSupported("The only transfer coding taken is 'chunked', once.")
        if error.error_status_hint == 431:
            line = self.rest.partition(b"\n")[0]
            if self.head is None and len(line) > self._max_target_bytes:
                return self._line_too_long()
            return self._head_too_large()
        if self.head is None:
            return BadRequest("The request's first line or a header field is not valid HTTP/1.1.", code="bad_http")
        return BadRequest("The request body's chunks are not valid HTTP/1.1.", code="bad_http")

    def _line_too_long(self) -> UriTooLong:
        return UriTooLong(f"The request line is longer than {self._max_target_bytes} bytes.")

    def _head_too_large(self) -> HeadersTooLarge:
        return HeadersTooLarge(f"The request's header fields are larger than {self._max_header_bytes} bytes.")

    def _body_too_large(self) -> TooLarge:
        return TooLarge(f"The request body is larger than {self._max_body_bytes} bytes.")


def _plain_head_of(plain: PlainHead) -> RequestHead:
    """Return what `_head_of` would, where much of what it looks for cannot be."""
    _check_host(plain.headers, "1.1")
    path, query = split_target(plain.method, plain.target)
    return RequestHead(
        plain.method,
        plain.target,
        path,
        query,
        plain.headers,
        "1.1",
        not plain.headers.has("connection") or _keep_alive(plain.headers, "1.1"),
        plain.headers.has("expect") and _expects_continue(plain.headers, "1.1"),
    )


def _head_of(request: h11.Request) -> RequestHead:
    version = request.http_version.decode("ascii")
    if not version.startswith("1."):
        raise VersionNotSupported(f"This is HTTP/1.1, the request asks for HTTP/{version}.")
    headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers])
    method, target = request.method.decode("ascii"), request.target.decode("ascii")
    _check_framing(headers, version)
    _check_host(headers, version)
    if method == "CONNECT":
        raise NotSupported("This is not a proxy: there is no CONNECT.")
    path, query = split_target(method, target)
    return RequestHead(
        method=method,
        target=target,
        path=path,
        query=query,
        headers=headers,
        http_version=version,
        keep_alive=_keep_alive(headers, version),
        expects_continue=_expects_continue(headers, version),
    )


def _check_framing(headers: Headers, version: str) -> None:
    """Refuse what two servers in a row could understand differently (request smuggling; RFC 9112, 6.1 and 11.2)."""
    if headers.get("transfer-encoding") is None:
        return
    if headers.get("content-length") is not None:
        raise BadRequest("The request has both Content-Length and Transfer-Encoding.", code="ambiguous_length")
    if version < "1.1":
        raise BadRequest("HTTP/1.0 has no Transfer-Encoding.", code="ambiguous_length")


# RFC 3986, 3.2.2 and 3.2.3: an address in brackets or a registered name, then a port. Empty is allowed.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?")


def _check_host(headers: Headers, version: str) -> None:
    """Refuse a missing or impossible Host (RFC 9112, 3.2). h11 has refused a second one."""
    host = headers.get("host")
    if host is None:
        if version >= "1.1":
            raise BadRequest("The request has no Host.", code="bad_http")
    elif not _HOST.fullmatch(host):
        raise BadRequest("The request's Host is neither a name nor an address.", code="bad_http")


def _keep_alive(headers: Headers, version: str) -> bool:
    tokens = headers.tokens("connection")
    return "close" not in tokens and (version >= "1.1" or "keep-alive" in tokens)


def _expects_continue(headers: Headers, version: str) -> bool:
    expected = headers.tokens("expect")
    if version < "1.1" or not expected:
        return False  # RFC 9110, 10.1.1: a server ignores it in HTTP/1.0
    if expected != ["100-continue"]:
        raise ExpectationFailed("The only expectation met is 100-continue.")
    return True
