"""The events of one reply are alike but for the text they add: what is around it is learned from one of them.

A chunk says its id, its model and the time a hundred times over. Once one was read with all care, another that has the
same bytes before its text and the same behind it can only differ in the text, and need not be parsed. Many of them that
came together are one look at what stands between their texts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile

from loro_core import Delta, JoinedText, text_delta

_PLAIN = re.compile(rb'[^\x00-\x1f"\\]+')
"""The inside of a JSON string that stands for itself. What is escaped is left to the JSON decoder."""

_PLAIN_TEXTS = re.compile(rb'[^\x00-\x1f"\\]+(?:\x00[^\x00-\x1f"\\]+)*')
"""Several of them, with a byte between that none can hold."""

_NAME = re.compile(rb'"content"\s*:\s*"')


class Stencil:
    """What an event that was read as `delta` shows. before, after: its bytes around the text, the quotes included."""

    __slots__ = ("_after", "_bare", "_before", "_begins", "_between", "_delta", "_ends", "_longer_than")

    def __init__(self, before: bytes, after: bytes, delta: Delta) -> None:
        self._before = before
        self._after = after
        self._delta = delta
        self._longer_than = len(before) + len(after)
        self._bare = not (delta.fields or delta.choice_fields)
        # As servers write an event; where one writes it otherwise, no run of them begins.
        self._begins = b"data: " + before
        self._ends = after + b"\n\n"
        self._between = self._ends + self._begins

    @property
    def bare(self) -> bool:
        """Whether such an event does nothing but add text."""
        return self._bare

    def __repr__(self) -> str:
        return f"<Stencil of {self._longer_than} bytes around a text>"

    @classmethod
    def of(cls, event: bytes, delta: Delta) -> Stencil | None:
        """Return the stencil of `event`; None if it does more than add text, or if its text is not told apart."""
        if not delta.content or delta.tool_calls or delta.finish_reason is not None or delta.usage is not None:
            return None
        inside = delta.content.encode("utf-8", "surrogatepass")
        names = list(_NAME.finditer(event))
        if len(names) != 1 or _PLAIN.fullmatch(inside) is None:
            return None
        start = names[0].end()
        end = start + len(inside)
        if not (event.startswith(inside, start) and event.startswith(b'"', end)):
            return None
        # It is kept for later replies: of this one's words nothing is.
        return cls(event[:start], event[end:], replace(delta, content=None))

    def moved(self, old: bytes, new: bytes) -> Stencil:
        """Return the stencil of an event that has `new` where this one's has `old`."""
        return Stencil(self._before.replace(old, new), self._after.replace(old, new), self._delta)

    def read(self, event: bytes) -> Delta | None:
        """Return what `event` adds if it fits, else None. event: valid UTF-8."""
        end = len(event) - len(self._after)
        if len(event) <= self._longer_than or not (event.startswith(self._before) and event.endswith(self._after)):
            return None
        start = len(self._before)
        if _PLAIN.fullmatch(event, start, end) is None:
            return None
        text = event[start:end].decode()
        if self._bare:
            return text_delta(self._delta.index, text, self._delta.chunk_fields)
        return replace(self._delta, content=text)

    def read_run(self, data: bytes, at: int) -> tuple[list[Delta], int]:
        """Return what the events add that fit and follow one another in `data`, and where in it the next one begins.

        Several that do nothing but add text are one delta, whose text knows its pieces.
        data: of a stream, with an event that begins `at`; not cut within it. What is not valid UTF-8 becomes U+FFFD.
        """
        begins, ends = self._begins, self._ends
        if not data.startswith(begins, at):
            return [], at
        *texts, last = data[at + len(begins) :].split(self._between)
        quote = last.find(b'"')
        if quote >= 0 and last.startswith(ends, quote):
            texts.append(last[:quote])
        joined = b"\x00".join(texts)
        if _PLAIN_TEXTS.fullmatch(joined) is None or joined.count(b"\x00") >= len(texts):
            texts = list(takewhile(_PLAIN.fullmatch, texts))
            joined = b"\x00".join(texts)
        if not texts:
            return [], at
        size = len(joined) - (len(texts) - 1) + len(texts) * (len(begins) + len(ends))
        if self._bare and len(texts) > 1:
            try:
                text = JoinedText.of(texts)
            except UnicodeDecodeError:
                pass  # each by itself has what U+FFFD stands for
            else:
                return [text_delta(self._delta.index, text, self._delta.chunk_fields)], at + size
        contents = (joined.decode("ascii") if joined.isascii() else joined.decode("utf-8", "replace")).split("\x00")
        if self._bare:
            index, chunk_fields = self._delta.index, self._delta.chunk_fields
            return [text_delta(index, content, chunk_fields) for content in contents], at + size
        return [replace(self._delta, content=content) for content in contents], at + size
