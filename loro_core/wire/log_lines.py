"""What a program writes for people, as lines of text: bounded, readable, and harmless to a terminal.

bytes                                   becomes
--------------------------------------  -----------------------------------------------------------
LF, CR LF                               the end of a line
CR within a line                        what stood before it is painted over: progress bars leave their last state
not UTF-8                               U+FFFD
escape sequences, control characters    nothing; a tab stays
a line over `max_line_bytes`            its beginning, and how much is missing
nothing but blanks                      no line
"""

from __future__ import annotations

import re

MAX_LINE_BYTES = 4096
"""Longer than any line that somebody reads; a model that prints a prompt or a tensor must not fill the log with it."""

# ECMA-48: control sequences, strings up to their end, and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class LogLines:
    """Gives the lines of one stream of output. Any split of its bytes gives the same lines.

    It keeps at most max_line_bytes, whatever comes.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()
        self._cut_bytes = 0
        self._after_cr = False

    def __repr__(self) -> str:
        return f"<LogLines holding {len(self._rest)} of {self._max_line_bytes} bytes>"

    def decode(self, data: bytes) -> list[str]:
        """Return the lines that `data` completes, in order."""
        lines: list[str] = []
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._take(piece)
            self._complete(lines)
        self._take(rest)
        return lines

    def finish(self) -> list[str]:
        """Return what the stream ended with after its last line end: one line, or none."""
        lines: list[str] = []
        self._complete(lines)
        return lines

    def _take(self, piece: bytes) -> None:
        """Add `piece`, which has no LF, to the line."""
        if not piece:
            return
        if self._after_cr:
            self._paint_over()
        body = piece.rstrip(b"\r")
        _, cr, last = body.rpartition(b"\r")
        if cr:
            self._paint_over()
        self._add(last)
        self._after_cr = len(body) < len(piece)

    def _add(self, text: bytes) -> None:
        room = self._max_line_bytes - len(self._rest)
        self._rest += text[:room]
        self._cut_bytes += max(len(text) - room, 0)

    def _paint_over(self) -> None:
        self._rest.clear()
        self._cut_bytes = 0
        self._after_cr = False

    def _complete(self, lines: list[str]) -> None:
        text = self._rest.decode("utf-8", "replace")
        if not text.isprintable():
            text = _CONTROLS.sub("", _ESCAPES.sub("", text))
        text = text.rstrip()
        if self._cut_bytes:
            text += f" [{self._cut_bytes} more bytes]"
        if text and not text.isspace():
            lines.append(text)
        self._paint_over()
