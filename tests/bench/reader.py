"""One reply as the load generator sees it: pure, the bytes and the moments of their arrival are arguments.

It reads HTTP as far as a reply of ours, nginx's or another gateway's needs it: a head, then chunks or a known length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from tests.bench.shapes import stamp_of

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_CONTENT = re.compile(rb'"content":\s*"(?!")')


class BadReply(Exception):
    """What came is no HTTP response that this reads; the message says why."""


class Unchunked:
    """Takes the framing off a chunked body. Any split of the input gives the same output."""

    def __init__(self) -> None:
        self._left = 0  # of the chunk, its CR LF included
        self._line = b""
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Return the body that is in `data`. Raises BadReply."""
        parts: list[bytes] = []
        data = self._line + data
        self._line = b""
        at = 0
        while at < len(data) and not self.ended:
            if self._left:
                end = min(at + self._left, len(data))
                self._left -= end - at
                parts.append(data[at : max(at, end - max(0, 2 - self._left))])  # without what is here of the CR LF
                at = end
                continue
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                self._line = data[at:]
                break
            size = _size(data[at:line_end])
            if size:
                self._left = size + 2
                at = line_end + 2
            elif data.startswith(b"\r\n", line_end + 2):
                self.ended = True
            elif data[line_end + 2 :] in (b"", b"\r"):  # its blank line is still to come
                self._line = data[at:]
                break
            else:
                raise BadReply("trailers after the last chunk")
        return b"".join(parts)


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise BadReply(f"not the size of a chunk: {line[:40]!r}") from None


@dataclass(slots=True)
class Reply:
    """What came, and when on the monotonic clock.

    due_s: when it was to be sent; sent_s: when it was. first_byte_s: of the response; done_s: its end, or when it was
    given up.
    first_content_s: the first text, whoever spoke it. first_answer_s: the first event that holds `answer_mark`.
    events: all of them, [DONE] not. arrivals_s: of each event with text; stamps_s: when the upstream wrote it, where
    it says so.
    """

    due_s: float
    sent_s: float
    first_byte_s: float = 0.0
    first_content_s: float = 0.0
    first_answer_s: float = 0.0
    done_s: float = 0.0
    status: int = 0
    events: int = 0
    reads: int = 0
    complete: bool = False
    arrivals_s: list[float] = field(default_factory=list)
    stamps_s: list[float] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.complete

    @property
    def acknowledged(self) -> bool:
        """Whether text came before the answer's."""
        return 0.0 < self.first_content_s < self.first_answer_s

    @property
    def gaps_s(self) -> list[float]:
        """Between each text and the one before it, beyond what the upstream itself let pass between the two.

        Below 0 where a text was late and the next one was not.
        """
        if len(self.stamps_s) != len(self.arrivals_s):
            return []
        delays = [arrived - wrote for arrived, wrote in zip(self.arrivals_s, self.stamps_s, strict=True)]
        return [later - sooner for sooner, later in pairwise(delays)]

    @property
    def longest_gap_s(self) -> float:
        """The longest silence between two texts; of a reply that did not come whole, also the one it ended in."""
        moments = self.arrivals_s if self.complete else [*(self.arrivals_s or [self.sent_s]), self.done_s]
        return max((b - a for a, b in pairwise(moments)), default=0.0)


class ReplyReader:
    """Takes one response, piece by piece, into `reply`.

    answer_mark: bytes that stand in the answer's first event and in no other text before it.
    """

    def __init__(self, reply: Reply, answer_mark: bytes) -> None:
        self.reply = reply
        self.ended = False
        self.closes = False
        self._mark = answer_mark
        self._head: bytes | None = b""
        self._chunks: Unchunked | None = None
        self._length = 0
        self._event = b""

    def feed(self, data: bytes, now: float) -> None:
        """Take in `data`, which was here at `now`. Raises BadReply."""
        self.reply.reads += 1
        if self._head is not None:
            if not self._head:
                self.reply.first_byte_s = now
            head, found, data = (self._head + data).partition(b"\r\n\r\n")
            if not found:
                self._head = head
                return
            self._read_head(head)
        if self._chunks is not None:
            data = self._chunks.feed(data)
            self.ended = self._chunks.ended
        else:
            self._length -= len(data)
            self.ended = self._length <= 0
        if data:
            self._read_events(data, now)
        if self.ended:
            self.reply.done_s = now

    def _read_head(self, head: bytes) -> None:
        self._head = None
        try:
            self.reply.status = int(head.split(b" ", 2)[1])
        except (IndexError, ValueError):
            raise BadReply(f"not the head of a response: {head[:40]!r}") from None
        self.closes = _CLOSES.search(head) is not None
        length = _LENGTH.search(head)
        if _CHUNKED.search(head):
            self._chunks = Unchunked()
        elif length:
            self._length = int(length[1])
        else:
            raise BadReply("neither chunks nor a length")

    def _read_events(self, data: bytes, now: float) -> None:
        reply = self.reply
        *events, self._event = (self._event + data).split(b"\n\n")
        for event in events:
            if event == b"data: [DONE]":
                reply.complete = True
                continue
            reply.events += 1
            if not _CONTENT.search(event):
                continue
            reply.arrivals_s.append(now)
            reply.first_content_s = reply.first_content_s or now
            if not reply.first_answer_s and self._mark in event:
                reply.first_answer_s = now
            stamp = stamp_of(event)
            if stamp is not None:
                reply.stamps_s.append(stamp)
