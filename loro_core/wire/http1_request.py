"""A request as a client writes it: the parts of its URL, and the bytes of its head and body.

Nothing that a caller says can end a line of the head and begin one of its own: method, target and header fields are
held to their grammar, and the fields that frame the message are ours alone.

Sources: RFC 9110, 5.5 and 5.6.2 (fields, tokens), RFC 9112, 3 (request line), RFC 3986 (URLs).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from msgspec import Struct

DEFAULT_PORTS = {"http": 80, "https": 443}
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[!-~]+")
_KEPT_IN_PATHS = "%/:=&?~+!$,;'@()*[]-._"


class UnfitHeader(ValueError):
    """A header field that cannot be sent. name: its name, which may be shown; its value may be a key."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the header {name!r} cannot be sent")
        self.name = name


class Target(Struct, frozen=True, kw_only=True):
    """Where a request goes.

    scheme: "http" or "https". host: a name in ASCII or an address, IPv6 without brackets.
    authority: what Host says: the port is in it unless it is the scheme's own.
    address: "host:port", for connecting to it and for messages.
    path: path and query, as the request line says them to the server itself.
    """

    scheme: str
    host: str
    port: int
    authority: str
    address: str
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two requests must share to share a connection."""
        return self.scheme, self.host, self.port

    @property
    def absolute(self) -> str:
        """What the request line says to a proxy (RFC 9112, 3.2.2)."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(url: str) -> Target:
    """Return where `url` leads. A fragment is not sent; user and password are refused.

    Raises ValueError, with no word of the URL in it, unless it is http:// or https:// and a host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise ValueError("host or port of the URL cannot be read") from None
    scheme = parts.scheme
    if scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc or port == 0:
        raise ValueError("the URL is not http:// or https:// and a host")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("the host's name cannot be written in ASCII") from None
    if not _VISIBLE.fullmatch(host):
        raise ValueError("the host has a character that none has")
    port = port or DEFAULT_PORTS[scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _VISIBLE.fullmatch(path):
        path = quote(path, safe=_KEPT_IN_PATHS)
    shown = f"[{host}]" if ":" in host else host
    address = f"{shown}:{port}"
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        authority=shown if port == DEFAULT_PORTS[scheme] else address,
        address=address,
        path=path,
    )


def encode_request(
    method: str,
    target: str,
    authority: str,
    *,
    defaults: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> bytes:
    """Return head and body of one request, to be sent in one piece.

    target, authority: as `Target` and `connect_target` give them. body: b"" for none.
    defaults: fields that are sent unless `headers` has them, by lower-case name.
    Raises UnfitHeader for a field that HTTP cannot carry or that frames the message, ValueError for a method or
    target that is none.
    """
    head = _head_of(method, target, authority, tuple(defaults.items()), tuple(headers.items()))
    if body or method in ("POST", "PUT", "PATCH"):
        return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
    return head + b"\r\n"


@functools.lru_cache(maxsize=64)
def _head_of(
    method: str,
    target: str,
    authority: str,
    defaults: tuple[tuple[str, str], ...],
    headers: tuple[tuple[str, str], ...],
) -> bytes:
    """Return a head but for its length and its end. A deployment is asked with the same one again and again."""
    if not _TOKEN.fullmatch(method) or not _VISIBLE.fullmatch(target):
        raise ValueError("method or target of the request cannot be sent")
    lines = [f"{method} {target} HTTP/1.1\r\nhost: {authority}"]
    told = {"host"}
    for name, value in headers:
        lower = name.lower()
        if lower in _FRAMING or lower in told or not _TOKEN.fullmatch(name):
            raise UnfitHeader(name)
        if not (value.isascii() and value.isprintable()) or value != value.strip():
            raise UnfitHeader(name)
        told.add(lower)
        lines.append(f"{name}: {value}")
    lines += [f"{name}: {value}" for name, value in defaults if name not in told]
    lines.append("")
    return "\r\n".join(lines).encode("ascii")
