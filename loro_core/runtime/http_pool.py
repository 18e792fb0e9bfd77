"""The idle connections to the upstreams, by origin, the latest used first.

The pool is never the queue: it hands out what is idle or nothing, and has no idea of what is under way. So a call that
is cancelled can leave nothing behind in it; pools that count do (encode/httpcore #961, #1093).
"""

from __future__ import annotations

from collections import deque

import trio
from msgspec import Struct

from loro_core.runtime.streams import ByteStream

KEEP_ALIVE_S = 60.0
"""How long an idle connection waits for its next call: the pauses of a conversation fit in, and it is below the idle
limits of the usual address translators (AWS 350 s, Azure 240 s)."""

KEEP_ALIVE_CONNECTIONS = 100
"""How many may wait so, an origin; the official OpenAI client keeps as many."""

Origin = tuple[str, str, int]
"""Scheme, host, port."""


class _Idle(Struct):
    stream: ByteStream
    until: float


class Pool:
    """Idle connections. None of its methods waits; all of them need a trio run around them."""

    def __init__(self, *, keep: int = KEEP_ALIVE_CONNECTIONS, keep_s: float = KEEP_ALIVE_S) -> None:
        self._keep = keep
        self._keep_s = keep_s
        self._idle: dict[Origin, deque[_Idle]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, origin: Origin) -> ByteStream | None:
        """Return a connection that seems to be alive, None if there is none; it is the caller's now.

        One that has ended, or that says something though it was not asked, is closed and the next one tried. Only the
        answer to a request can tell that the server is still there, though.
        """
        waiting = self._idle.get(origin)
        if not waiting:
            return None
        now = trio.current_time()
        while waiting:
            idle = waiting.pop()
            if idle.until > now:
                try:
                    said = idle.stream.receive_nowait()
                except OSError:
                    said = b""
                if said is None:
                    return idle.stream
            idle.stream.close()
        return None

    def give(self, origin: Origin, stream: ByteStream, idle_s: float | None = None) -> None:
        """Keep `stream`, on which nothing is under way. idle_s: how long its server says that it waits."""
        waiting = self._idle.setdefault(origin, deque())
        kept_s = self._keep_s if idle_s is None else min(self._keep_s, idle_s)
        waiting.append(_Idle(stream, trio.current_time() + kept_s))
        if len(waiting) > self._keep:
            waiting.popleft().stream.close()

    def expire(self) -> None:
        """Close what has waited long enough, and what its server has closed meanwhile."""
        now = trio.current_time()
        for origin, waiting in list(self._idle.items()):
            alive = deque(idle for idle in waiting if self._lives(idle, now))
            if alive:
                self._idle[origin] = alive
            else:
                del self._idle[origin]

    @staticmethod
    def _lives(idle: _Idle, now: float) -> bool:
        try:
            lives = idle.until > now and idle.stream.receive_nowait() is None
        except OSError:
            lives = False
        if not lives:
            idle.stream.close()
        return lives

    def close(self) -> None:
        """Close all of them."""
        for waiting in self._idle.values():
            for idle in waiting:
                idle.stream.close()
        self._idle.clear()
