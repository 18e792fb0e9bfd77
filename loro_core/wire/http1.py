"""HTTP/1.1 as values: a request as read, a reply as asked for, and the bytes of a reply's head and chunks.

Requests are made from bytes by `wire.http1_decoder`. Replies are framed here by hand: the head is one join, a chunk is
one formatting, and what h11 would keep for us on the way out (which framing, when to close) is three lines of rules in
`framing_of`. The property tests read every head and chunk back with h11's client.

Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote_to_bytes

from loro_core.errors import BadRequest

HeaderList = Sequence[tuple[str, str]]
"""Header fields in order, as (name, value)."""

Framing = int | Literal["chunked", "close", "none"]
"""How the client sees where a body ends: after so many bytes, by the last chunk, by the close, or there is no body."""

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Headers:
    """The header fields of a request, found by name in any case."""

    __slots__ = ("_items", "_values")

    def __init__(self, items: HeaderList = ()) -> None:
        """items: names in lower case, in the order received."""
        self._items = tuple(items)
        self._values: dict[str, str] | None = None

    @property
    def items(self) -> tuple[tuple[str, str], ...]:
        return self._items

    def get(self, name: str) -> str | None:
        """Return the value of `name`, None if it was not sent.

        A field sent in several lines is one value, joined by ", " (RFC 9110, 5.3).
        """
        values = self._values or self._by_name()
        value = values.get(name)
        return value if value is not None else values.get(name.lower())

    def has(self, name: str) -> bool:
        """Return whether `name`, in lower case, was sent."""
        return name in (self._values or self._by_name())

    @property
    def repeats(self) -> bool:
        """Whether a field came in several lines."""
        return len(self._by_name()) < len(self._items)

    def _by_name(self) -> dict[str, str]:
        values = self._values
        if values is None:
            values = self._values = dict(self._items)
            if len(values) < len(self._items):
                values.clear()
                for name, value in self._items:
                    before = values.get(name)
                    values[name] = value if before is None else f"{before}, {value}"
        return values

    def tokens(self, name: str) -> list[str]:
        """Return the comma-separated members of `name` in lower case, without the empty ones."""
        value = self.get(name) or ""
        return [member for part in value.split(",") if (member := part.strip().lower())]

    def __repr__(self) -> str:
        # Values may be keys: a repr ends up in logs and tracebacks.
        return f"Headers({', '.join(name for name, _ in self._items)})"


NO_HEADERS = Headers()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request, read whole.

    method: as sent; methods are case-sensitive.
    target: the request target as sent, such as "/v1/models?limit=1".
    path: its path, percent-decoded; starts with "/", or is "*" for `OPTIONS *`. A decoded "%2F" looks like any "/",
        dot segments are left alone, and there is no control character in it.
    query: what follows the "?", as sent; "" if there is none.
    body: without its framing; b"" if there is none.
    id: what `x-request-id` on the reply says.
    client: the address of the peer without its port, "" where it has none. A proxy's, if there is one before us.
    received_at: when the last byte of it had been read, on trio's clock.
    """

    method: str
    target: str
    path: str
    query: str = ""
    headers: Headers = NO_HEADERS
    body: bytes = field(default=b"", repr=False)
    id: str = ""
    client: str = ""
    received_at: float = 0.0

    def header(self, name: str) -> str | None:
        """Return the header field `name`, in any case; None if it was not sent."""
        return self.headers.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A reply that is known whole before it is sent. Its framing and the common header fields are added later."""

    status: int
    headers: HeaderList = ()
    body: bytes = field(default=b"", repr=False)


_PLAIN_PATH = re.compile(r"/[0-9A-Za-z/._~-]*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def split_target(method: str, target: str) -> tuple[str, str]:
    """Return (path decoded, query as sent) of a request target: "/path?query", "http://host/path" or "*".

    Raises BadRequest for other forms, a broken percent escape, or one that hides a control character or a byte
    sequence that is not UTF-8. Source: RFC 9112, 3.2.
    """
    if _PLAIN_PATH.fullmatch(target):
        return target, ""
    if target == "*" and method == "OPTIONS":
        return "*", ""
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        # A proxy's form, which every server has to take. Its authority would win over Host; we read neither.
        end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
        rest = rest[end:]
        target = rest if rest.startswith("/") else "/" + rest
    if not target.startswith("/") or "#" in target:
        raise BadRequest("The request target must be a path that starts with '/'.", code="bad_target")
    raw_path, _, query = target.partition("?")
    if _BROKEN_ESCAPE.search(raw_path):
        raise BadRequest("The path has a '%' that two hexadecimal digits do not follow.", code="bad_target")
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The path's percent escapes are not UTF-8.", code="bad_target") from None
    if _CONTROL.search(path):
        raise BadRequest("The path's percent escapes hide a control character.", code="bad_target")
    return path, query


_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")


def sane_request_id(value: str | None) -> str | None:
    """Return `value` if it may be echoed and logged as a request id, else None.

    It may be 1 to 128 characters long: letters, digits and ._:/+=@-, a letter or digit first.
    """
    return value if value is not None and _REQUEST_ID.fullmatch(value) else None


# RFC 9110, 5.6.2 (token) and 5.5 (field-value). Anything else could end the line and begin a header of its own.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_FRAMING_NAMES = ("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer")


def check_headers(headers: HeaderList) -> None:
    """Raise ValueError if a reply's header field cannot be sent, or is one that the connection decides itself."""
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise ValueError(f"reply header name {name!r} is not an HTTP token")
        if name.lower() in _FRAMING_NAMES:
            raise ValueError(f"reply header {name!r} belongs to the connection, not to a handler")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"reply header {name!r}: its value has a character that HTTP does not allow there")


def bodiless(method: str, status: int) -> bool:
    """Whether a reply to `method` with `status` ends with its head, whatever the head says (RFC 9112, 6.3)."""
    return method == "HEAD" or status in (204, 304) or 100 <= status < 200


def framing_of(status: int, *, http_version: str, length: int | None) -> Framing:
    """Return how the body of a reply is delimited. length: of the whole body, None for a stream.

    HTTP/1.0 has no chunks: its streams end by the close. 204 must not have a length, and 304 would speak of another
    reply's (RFC 9110, 8.6). The reply to a HEAD says what the reply to the GET would.
    """
    if status in (204, 304):
        return "none"
    if length is not None:
        return length
    return "chunked" if http_version >= "1.1" else "close"


def encode_head(status: int, headers: HeaderList, *, framing: Framing, connection: str | None) -> bytes:
    """Return status line and header fields of a final reply, with the blank line.

    headers: sent in this order and case; not checked here, see `check_headers`.
    connection: "close", "keep-alive", or None to say nothing.
    The status line always says HTTP/1.1, our own version, as RFC 9110, 2.5 has it.
    """
    lines = [f"HTTP/1.1 {status} {_reason(status)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if framing == "chunked":
        lines.append("transfer-encoding: chunked")
    elif isinstance(framing, int):
        lines.append(f"content-length: {framing}")
    if connection is not None:
        lines.append(f"connection: {connection}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")


def encode_reply_head(
    status: int,
    headers: HeaderList,
    common: HeaderList = (),
    *,
    date: str,
    request_id: str,
    framing: Framing,
    connection: str | None,
) -> bytes:
    """Return the head of a reply with what every one of ours says: Date, Server and X-Request-Id.

    headers: a handler's; where they have one of the three, theirs counts. common: what is said beside, not checked.
    Raises ValueError as `check_headers` does.
    Replies are alike but for the time, the id and the length: the rest of a head is kept from one to the next.
    """
    kind = "length" if isinstance(framing, int) else framing
    first, rest, told = _lines_of(status, tuple(headers), tuple(common), kind, connection)
    length = b"content-length: %d\r\n" % framing if isinstance(framing, int) else b""
    if told:
        ours = (("date", date), ("server", "loro"), ("x-request-id", request_id))
        said = "".join([f"{name}: {value}\r\n" for name, value in ours if name not in told])
        return b"".join((first, said.encode("latin-1"), length, rest))
    said = f"date: {date}\r\nserver: loro\r\nx-request-id: {request_id}\r\n"
    return b"".join((first, said.encode("latin-1"), length, rest))


_OURS = frozenset({"date", "server", "x-request-id"})


@functools.lru_cache(maxsize=256)
def _lines_of(
    status: int,
    headers: tuple[tuple[str, str], ...],
    common: tuple[tuple[str, str], ...],
    kind: str,
    connection: str | None,
) -> tuple[bytes, bytes, frozenset[str]]:
    """Return the first line of a head, its last lines, and which of _OURS are among them."""
    check_headers(headers)
    framing: Framing = "chunked" if kind == "chunked" else "none"
    first, separator, rest = encode_head(status, [*headers, *common], framing=framing, connection=connection).partition(
        b"\r\n"
    )
    return first + separator, rest, _OURS & {name.lower() for name, _ in headers}


def encode_chunk(data: bytes) -> bytes:
    """Return `data` as one chunk. data: not empty, for an empty chunk is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
