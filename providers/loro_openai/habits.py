"""What the events of a reply have in common with those of the replies before it.

A service writes the event with the role, the one with the finish reason and the frame of a text in the same bytes each
time, but for the reply's id and its moment. So what an event was once read as with all care, another that is the same
without these two is read as again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from loro_core import Json
from loro_openai.stencil import Stencil

MOST = 256
"""So many events are remembered. Services whose events are like none before would fill any memory."""

_ID = rb'"id": ?"([^"\\\x00-\x1f]*)"'
_CREATED = rb'"created": ?([1-9][0-9]{0,14})'
# The one first (OpenAI, vLLM) or the other (llama.cpp). No string can hold these: its quotes would be escaped.
_MARK = re.compile(
    _ID + rb', ?(?:"object": ?"chat\.completion\.chunk", ?)?' + _CREATED + rb"|" + _CREATED + rb", ?" + _ID
)


class Known(Struct, kw_only=True, eq=False):
    """An event that says nothing but that its choice begins, goes on or, with a finish reason, ends.

    fields: what else its chunk says.
    text: how a text was written behind it, in a reply whose id and moment were written as `mark`; None if not known.
    """

    index: int
    finish_reason: str | None
    fields: Mapping[str, Json]
    text: Stencil | None = None
    mark: bytes = b""

    def text_of(self, mark: bytes) -> Stencil | None:
        """Return how a text is written behind it in the reply with this `mark`."""
        return None if self.text is None else self.text.moved(self.mark, mark)


class Habits:
    """The events that were seen so far, without id and moment."""

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    def recall(self, event: bytes) -> tuple[Known, bytes] | None:
        """Return what `event` says, and its mark; None if none like it is known."""
        mark = _MARK.search(event)
        if mark is None:
            return None
        known = self._known.get(_without(mark))
        return None if known is None else (known, mark[0])

    def learn(self, event: bytes, chunk: Mapping[str, Any], known: Known) -> bytes | None:
        """Keep in mind that `event` says what `known` does; return its mark, None if that cannot be.

        chunk: the event, decoded.
        """
        mark = _MARK.search(event)
        if mark is None or chunk.get("id") != (mark[1] or mark[4] or b"").decode():
            return None
        if chunk.get("created") != int(mark[2] or mark[3]):
            return None
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[_without(mark)] = known
        return mark[0]


def _without(mark: re.Match[bytes]) -> bytes:
    event = mark.string
    # No JSON holds a zero byte.
    return event[: mark.start()] + b"\x00" + event[mark.end() :]
