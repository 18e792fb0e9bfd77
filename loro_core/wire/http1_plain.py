"""Heads of requests as nearly every client writes them, read in one go.

h11 is right about everything that may come, and takes its time for it. A head that is there as a whole, in HTTP/1.1,
with one length or none for its body and no line that is out of the ordinary, needs none of that: here it is read, and
whatever is not so is left to h11, which then also says what is wrong with it. What is read here h11 would read alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) ([\x21-\x7e]+) HTTP/1\.1")
# RFC 9110, 5.1 (a token, then the colon at once) and 5.5 (visible characters, with blanks in between).
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*"
)
_LENGTH = re.compile(rb"[0-9]{1,10}")

_BODILESS = frozenset((b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"POST"))
"""What may come without a length, and then has no body (RFC 9112, 6.3)."""


class PlainHead(NamedTuple):
    """headers: names in lower case. body_bytes: how long the body is. size: of the head, its blank line included."""

    method: bytes
    target: bytes
    http_version: bytes
    headers: list[tuple[bytes, bytes]]
    body_bytes: int
    size: int


def read_plain_head(data: bytes) -> PlainHead | None:
    """Return the head that `data` begins with; None if it is not there as a whole, or is for h11 to read."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = data[:end].split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None:
        return None
    headers = []
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        headers.append((field[1].lower(), field[2]))
    method, target = request.groups()
    names = [name for name, _ in headers]
    if names.count(b"host") != 1 or b"transfer-encoding" in names or b"upgrade" in names or method == b"CONNECT":
        return None
    length = 0
    if b"content-length" in names:
        value = headers[names.index(b"content-length")][1]
        if names.count(b"content-length") > 1 or _LENGTH.fullmatch(value) is None:
            return None
        length = int(value)
    elif method not in _BODILESS:
        return None
    return PlainHead(method, target, b"1.1", headers, length, end + 4)
