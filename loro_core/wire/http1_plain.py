"""Heads of requests as nearly every client writes them, read in one go.

h11 is right about everything that may come, and takes its time for it. A head that is there as a whole, in HTTP/1.1,
with one length or none for its body and no line that is out of the ordinary, needs none of that: here it is read by
one regular expression, and whatever is not so is left to h11, which then also says what is wrong with it. What is read
here h11 would read alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from loro_core.wire.http1 import Headers

# RFC 9110, 5.1 (a token, then the colon at once) and 5.5 (visible characters and blanks). Each byte has one way to
# match, so what does not match costs no more than what does.
_HEAD = re.compile(
    rb"([A-Z]{1,16}) ([\x21-\x7e]+) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
_FIELD = re.compile(r"([^:]+):[ \t]*([^\r]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,10}")

_BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "DELETE", "POST"))
"""What may come without a length, and then has no body (RFC 9112, 6.3)."""


class PlainHead(NamedTuple):
    """body_bytes: how long the body is. size: of the head, its blank line included."""

    method: str
    target: str
    headers: Headers
    body_bytes: int
    size: int


def read_plain_head(data: bytes) -> PlainHead | None:
    """Return the head that `data` begins with; None if it is not there as a whole, or is for h11 to read."""
    match = _HEAD.match(data)
    if match is None:
        return None
    method, target = match[1].decode("ascii"), match[2].decode("ascii")
    items = [(name.lower(), value.rstrip(" \t")) for name, value in _FIELD.findall(match[3].decode("latin-1"))]
    headers = Headers(items)
    if not headers.has("host") or headers.has("transfer-encoding") or headers.has("upgrade") or method == "CONNECT":
        return None
    if headers.repeats:
        names = [name for name, _ in items]
        if names.count("host") > 1 or names.count("content-length") > 1:
            return None
    length = headers.get("content-length")
    if length is None:
        return PlainHead(method, target, headers, 0, match.end()) if method in _BODILESS else None
    if _LENGTH.fullmatch(length) is None:
        return None
    return PlainHead(method, target, headers, int(length), match.end())
