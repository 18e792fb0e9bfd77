"""A response as a client reads it: its head, and its body freed of its framing, out of bytes cut anywhere.

h11 reads requests (`wire.http1_decoder`), where what a stranger sends must be understood to the letter. Responses are
the hot path, many packets for each one written, and h11's buffers and events for them cost more than all that is done
with the bytes. Here a head is two passes of one regular expression, a chunk one match and one slice, and all
chunks that came together leave as one piece. The property tests hold it against h11 byte by byte.

    expects      what completes it                              then expects
    HEAD         the blank line; 1xx: the next HEAD             by `_framing`: LENGTH, SIZE, UNTIL_CLOSE or nothing
    LENGTH       as many bytes as announced                     nothing
    SIZE         a line with a chunk's size                     DATA; size 0: TRAILER
    DATA         as many bytes as the chunk has, and its CRLF   SIZE
    TRAILER      the blank line                                 nothing
    UNTIL_CLOSE  the end of the connection                      nothing

Stricter than h11: folded lines, and versions other than 1.x, are refused. Source: RFC 9112.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NoReturn

from msgspec import Struct

from loro_core.wire.lines import WireFormatError

MAX_HEAD_BYTES = 100 * 1024
"""The largest head, the 1xx before it included; what httpcore takes. Content security policies alone reach 16 KiB."""

MAX_LINE_BYTES = 4096
"""The longest line with a chunk's size; extensions, which nobody reads, are part of it."""

MAX_TRAILER_BYTES = 16 * 1024

# RFC 9112, 2.2 lets a recipient take a lone LF for the end of a line, and servers exist that write it. Values may
# hold odd control characters (h11 #57), but none that any reader takes for the end of a line, and no NUL.
_FIELDS = rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00\n\r\x0b\x0c]*\r?\n)*"
_HEAD = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: [^\x00\n\r\x0b\x0c]*)?\r?\n(" + _FIELDS + rb")\r?\n")
_TRAILER_LINES = re.compile(_FIELDS + rb"\r?\n")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?[ \t]*\r\n")
_SIZES = re.compile(rb"[0-9A-Fa-f]{1,16}(?: [0-9A-Fa-f]{1,16})*")
_DIGITS = re.compile(r"[0-9]{1,18}")
_IDLE = re.compile(r"(?:^|[,\s])timeout\s*=\s*([0-9]{1,6})", re.IGNORECASE)
_BEGINNING = b"HTTP/1."
_SAID_ONCE = frozenset({"content-length", "transfer-encoding", "connection"})


class _Expects(Enum):
    HEAD = "head"
    LENGTH = "length"
    SIZE = "size"
    DATA = "data"
    TRAILER = "trailer"
    UNTIL_CLOSE = "until close"
    NOTHING = "nothing"


# Reading a member from its class costs as much as the comparison, and this is done for every packet.
_HEAD_LINES, _LENGTH, _SIZE, _DATA = _Expects.HEAD, _Expects.LENGTH, _Expects.SIZE, _Expects.DATA
_TRAILER, _UNTIL_CLOSE, _NOTHING = _Expects.TRAILER, _Expects.UNTIL_CLOSE, _Expects.NOTHING


class ResponseHead(Struct, frozen=True, kw_only=True):
    """status: final, never 1xx. headers: by lower-case name; of a field that came twice, the last.

    keep_alive: whether the server is content with another request on this connection.
    idle_s: how long it says to wait for one, None if it does not say.
    """

    status: int
    headers: dict[str, str]
    keep_alive: bool
    idle_s: float | None


class ResponseDecoder:
    """Reads one response. Any split of the bytes gives the same head, the same body, or the same refusal.

    begun: whether a byte of it came. head: known as soon as its blank line is. complete: whether all of it came.
    """

    __slots__ = (
        "_expects",
        "_kept",
        "_left",
        "_method",
        "_searched",
        "_start",
        "begun",
        "complete",
        "head",
        "rest",
    )

    def __init__(self, method: str) -> None:
        """method: of the request; what follows HEAD and CONNECT has no body."""
        self._method = method
        self._expects = _HEAD_LINES
        self._kept = bytearray()
        self._start = 0
        self._searched = 0
        self._left = 0
        self.begun = False
        self.complete = False
        self.head: ResponseHead | None = None
        self.rest = b""
        """What came behind a complete response: nobody asked for it."""

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request now."""
        return self.complete and self.head is not None and self.head.keep_alive and not self.rest

    def feed(self, data: bytes) -> bytes:
        """Return what of the body `data` holds, perhaps nothing.

        data: the next bytes of the connection, at least one.
        Raises WireFormatError for what is not HTTP/1.x or exceeds a cap; the connection must then be closed.
        """
        self.begun = True
        if self._expects is _HEAD_LINES:
            data = self._feed_head(data)
            if not data:
                return b""
        if self._expects is _DATA and len(data) < self._left:
            self._left -= len(data)
            return data
        if self._expects is _LENGTH:
            return self._feed_length(data)
        if self._expects is _UNTIL_CLOSE:
            return data
        if self._expects is _NOTHING:
            self.rest += data
            return b""
        return self._feed_chunks(data)

    def finish(self) -> bool:
        """Take the end of the connection; return whether the response is complete."""
        if self._expects is _UNTIL_CLOSE:
            self._end(b"")
        return self.complete

    def _end(self, rest: bytes) -> None:
        self._expects = _NOTHING
        self.complete = True
        self.rest = rest

    def _feed_head(self, data: bytes) -> bytes:
        """Return what follows the head in `data`; nothing if the head is not there yet."""
        kept = self._kept
        if not kept and (match := _HEAD.match(data)) is not None and match.end() <= MAX_HEAD_BYTES:
            self._read_head(match)
            if self.head is not None:
                rest = data[match.end() :]
                if self._expects is _NOTHING:
                    self._end(rest)
                    return b""
                return rest
        # A 1xx is kept until the final head is there: all of them share one cap.
        kept += data
        while self.head is None:
            start = self._start
            if kept[start : start + 7] != _BEGINNING[: len(kept) - start]:
                raise WireFormatError("the answer is not HTTP/1.x")
            blank = _BLANK_LINE.search(kept, max(start, self._searched - 2))
            if blank is None:
                if len(kept) > MAX_HEAD_BYTES:
                    raise WireFormatError(f"the answer's head is larger than {MAX_HEAD_BYTES} bytes")
                self._searched = len(kept)
                return b""
            if blank.end() > MAX_HEAD_BYTES:
                raise WireFormatError(f"the answer's head is larger than {MAX_HEAD_BYTES} bytes")
            self._start = blank.end()
            match = _HEAD.fullmatch(bytes(kept[start : self._start]))
            if match is None:
                raise WireFormatError("the answer's first line or a header field is not valid HTTP/1.1")
            self._read_head(match)
        rest = bytes(kept[self._start :])
        self._kept = bytearray()
        if self._expects is _NOTHING:
            self._end(rest)
            return b""
        return rest

    def _read_head(self, match: re.Match[bytes]) -> None:
        status = int(match[2])
        if 100 <= status < 200:
            if status == 101:
                raise WireFormatError("the answer changes to a protocol that nobody asked for")
            return
        headers: dict[str, str] = {}
        framing: dict[str, str] = {}
        for line in match[3].decode("latin-1").split("\n")[:-1]:
            name, _, value = line.partition(":")
            name = name.lower()
            value = value.strip(" \t\r")
            headers[name] = value
            if name in _SAID_ONCE:
                framing[name] = f"{framing[name]},{value}" if name in framing else value
        since_1_1 = match[1] != b"0"
        self._framing(status, framing)
        close = "close" in [token.strip() for token in framing.get("connection", "").lower().split(",")]
        # With both framings two readers may disagree about where the body ends (RFC 9112, 6.3): its connection is
        # not used again.
        agreed = not ("content-length" in framing and "transfer-encoding" in framing)
        idle = _IDLE.search(headers["keep-alive"]) if "keep-alive" in headers else None
        self.head = ResponseHead(
            status=status,
            headers=headers,
            keep_alive=since_1_1 and not close and agreed and self._expects is not _UNTIL_CLOSE,
            idle_s=float(idle[1]) if idle else None,
        )

    def _framing(self, status: int, framing: dict[str, str]) -> None:
        """Say how the body ends, from `framing`, the fields that tell (RFC 9112, 6.3)."""
        coding, length = framing.get("transfer-encoding"), framing.get("content-length")
        if coding is not None and coding.lower() != "chunked":
            raise WireFormatError("the answer's transfer coding is not 'chunked', once")
        if length is not None:
            lengths = {part.strip() for part in length.split(",")}
            length = lengths.pop()
            if lengths or not _DIGITS.fullmatch(length):
                raise WireFormatError("the answer's Content-Length is not one number")
        tunnel = self._method == "CONNECT" and 200 <= status < 300
        if self._method == "HEAD" or status in (204, 304) or tunnel:
            self._expects = _NOTHING
        elif coding is not None:
            self._expects = _SIZE
        elif length is None:
            self._expects = _UNTIL_CLOSE
        else:
            self._left = int(length)
            self._expects = _LENGTH if self._left else _NOTHING

    def _feed_length(self, data: bytes) -> bytes:
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            return data
        self._end(data[left:])
        return data if len(data) == left else data[:left]

    def _feed_chunks(self, data: bytes) -> bytes:
        if self._kept:
            self._kept += data
            data = bytes(self._kept)
            self._kept.clear()
        if self._expects is _SIZE and data.endswith(b"\r\n"):
            whole = self._whole_chunks(data)
            if whole is not None:
                return whole
        pieces: list[bytes] = []
        at, size = 0, len(data)
        expects, left = self._expects, self._left
        while at < size:
            if expects is _SIZE:
                line = _SIZE_LINE.match(data, at)
                if line is None:
                    self._keep_line(data, at)
                    break
                at = line.end()
                left = int(line[1], 16)
                expects = _DATA if left else _TRAILER
            if expects is _DATA:
                end = at + left
                if data.startswith(b"\r\n", end):  # the whole rest of the chunk is there
                    if left:
                        pieces.append(data[at:end])
                    at = end + 2
                    expects = _SIZE
                    continue
                if end > size:
                    if at < size:
                        pieces.append(data[at:])
                    left = end - size
                    break
                if left:
                    pieces.append(data[at:end])
                    left = 0
                if data[end:] not in (b"", b"\r"):
                    raise WireFormatError("a chunk of the answer is longer than its size")
                self._kept += data[end:]
                break
            if expects is _TRAILER and at < size:
                self._expects = expects
                self._feed_trailer(data, at)
                return b"".join(pieces)
        self._expects, self._left = expects, left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _whole_chunks(self, data: bytes) -> bytes | None:
        """Return what is in the chunks that `data` consists of; None if it holds anything else, or one of them a CRLF.

        That is how most reads of a stream are, and then the lines between the chunks show them all at once.
        """
        lines = data.split(b"\r\n")
        if len(lines) % 2 == 0:
            return None
        sizes, pieces = lines[:-1:2], lines[1::2]
        if _SIZES.fullmatch(b" ".join(sizes)) is None or [int(size, 16) for size in sizes] != list(map(len, pieces)):
            return None
        if not pieces[-1]:
            pieces.pop()
            if b"" in pieces:
                return None
            self._end(b"")
        elif b"" in pieces:
            return None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _keep_line(self, data: bytes, at: int) -> None:
        """Keep the beginning of a line with a chunk's size, if it can still become one."""
        if data.find(b"\n", at) >= 0 or len(data) - at > MAX_LINE_BYTES:
            raise WireFormatError("the size of a chunk of the answer cannot be read")
        self._kept += data[at:]

    def _feed_trailer(self, data: bytes, at: int) -> None:
        if data.startswith(b"\r\n", at):
            self._end(data[at + 2 :])
            return
        match = _TRAILER_LINES.match(data, at)
        if match is not None:
            # Trailers are read and dropped: nothing that we ask says anything in one.
            self._end(data[match.end() :])
            return
        if _BLANK_LINE.search(data, at):
            self._refuse_trailer()
        if len(data) - at > MAX_TRAILER_BYTES:
            raise WireFormatError(f"the answer's trailer is larger than {MAX_TRAILER_BYTES} bytes")
        self._kept += data[at:]

    def _refuse_trailer(self) -> NoReturn:
        raise WireFormatError("the answer's trailer is not valid HTTP/1.1")
