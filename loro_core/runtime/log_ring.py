"""The latest lines that a model's instances wrote, and whoever follows them.

It holds at most `max_lines` lines and `max_bytes` bytes of text; the oldest go first. A follower is a place in it, not
a queue of its own: one that is slow costs nothing, and is told how many lines had gone before it came to them.
"""

from __future__ import annotations

from collections import deque

import trio

from loro_core.models import LogLine

MAX_LINES = 2000
MAX_BYTES = 256 * 1024
"""What llama.cpp writes for some dozens of starts; a hundred models cost 25 MB at most."""


class LogFollower:
    """An iterator over the lines from its place on. Made by `LogRing.follow`.

    missed: how many lines had gone before they were read.
    """

    def __init__(self, ring: LogRing, number: int) -> None:
        self._ring = ring
        self._number = number
        self.missed = 0

    def __aiter__(self) -> LogFollower:
        return self

    async def __anext__(self) -> LogLine:
        """Return the next line, waiting for it. After Cancelled nothing is lost."""
        number, line = await self._ring.wait_for(self._number)
        self.missed += number - self._number
        self._number = number + 1
        return line


class LogRing:
    """The lines of one model. max_bytes: of text in UTF-8; a line that alone is larger is kept alone."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_lines: int = MAX_LINES) -> None:
        self._max_bytes = max_bytes
        self._max_lines = max_lines
        self._lines: deque[tuple[LogLine, int]] = deque()
        self._bytes = 0
        self._next_number = 0
        self._ended = False
        self._news = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        return f"<LogRing {len(self._lines)} lines, {self._bytes} bytes>"

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: LogLine) -> None:
        """Keep `line`, and wake those who follow."""
        size = len(line.text.encode("utf-8", "replace"))
        self._lines.append((line, size))
        self._bytes += size
        self._next_number += 1
        while len(self._lines) > 1 and (self._bytes > self._max_bytes or len(self._lines) > self._max_lines):
            self._bytes -= self._lines.popleft()[1]
        self._news.unpark_all()

    def lines(self) -> list[LogLine]:
        """Return what is kept, the oldest first."""
        return [line for line, _ in self._lines]

    def tail(self, count: int, instance: str | None = None) -> list[LogLine]:
        """Return the last `count` lines, of one instance if it is given, the oldest first."""
        found: list[LogLine] = []
        for line, _ in reversed(self._lines):
            if len(found) >= count:
                break
            if instance is None or line.instance == instance:
                found.append(line)
        return found[::-1]

    def follow(self, *, kept: bool = False) -> LogFollower:
        """Return an iterator over what is written from this call on. kept: what is kept already comes first.

        It ends when the ring is ended, after the last line.
        """
        return LogFollower(self, self._next_number - (len(self._lines) if kept else 0))

    def end(self) -> None:
        """Nothing more will be written: the model is gone."""
        self._ended = True
        self._news.unpark_all()

    async def wait_for(self, number: int) -> tuple[int, LogLine]:
        """Return line `number` and its number, or the oldest that is kept; raise StopAsyncIteration at the end."""
        await trio.lowlevel.checkpoint()
        while number >= self._next_number:
            if self._ended:
                raise StopAsyncIteration
            await self._news.park()
        number = max(number, self._next_number - len(self._lines))
        return number, self._lines[number - self._next_number][0]
