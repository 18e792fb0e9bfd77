"""Bytes into lines, however the bytes were cut on their way.

Lines end with LF, CR LF or CR, as in server-sent events, and with nothing else: U+2028, U+0085 and their like are
text, and may stand inside a JSON string (the defect of text line iterators, florimondmanca/httpx-sse #34).
"""

from __future__ import annotations


class WireFormatError(ValueError):
    """Bytes that are not what their format asks for, or a piece of them larger than its cap.

    The message says what was met and what was expected, without showing the bytes. What raised it is of no further
    use: the stream is broken.
    """


class LineDecoder:
    """Gives the lines of a stream of bytes. max_line_bytes: the longest line taken, its end not counted.

    Any split of the input gives the same lines. Every byte is looked at once, so a line that comes byte by byte costs
    no more than its length.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()
        self._after_cr = False

    def __repr__(self) -> str:
        return f"<LineDecoder holding {len(self._rest)} of {self._max_line_bytes} bytes>"

    @property
    def at_line_start(self) -> bool:
        """Whether the next byte begins a line, whatever it is."""
        return not self._rest and not self._after_cr

    def decode(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, in order, without their ends.

        A CR completes its line at once; an LF that follows it, here or in the next `data`, belongs to it.
        Raises WireFormatError once a line, complete or not, exceeds max_line_bytes; lines before it in the same
        `data` are lost with it.
        """
        if not data:
            return []
        if self._after_cr:
            self._after_cr = False
            if data.startswith(b"\n"):
                return self.decode(data[1:])
        lines = data.splitlines()  # of bytes: at LF, CR LF and CR only
        if len(self._rest) + len(data) > self._max_line_bytes:
            self._check_lengths(lines)
        complete = data.endswith((b"\n", b"\r"))
        self._after_cr = data.endswith(b"\r")
        if self._rest and (complete or len(lines) > 1):
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        if not complete:
            self._rest += lines.pop()
        return lines

    def finish(self) -> list[bytes]:
        """Return what the stream ended with after its last line end: one line, or none."""
        rest = bytes(self._rest)
        self._rest.clear()
        return [rest] if rest else []

    def _check_lengths(self, lines: list[bytes]) -> None:
        longest = max(len(self._rest) + len(lines[0]), *map(len, lines))
        if longest > self._max_line_bytes:
            raise WireFormatError(f"a line of {longest} bytes or more, at most {self._max_line_bytes} are taken")
