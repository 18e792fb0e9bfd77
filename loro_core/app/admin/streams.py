"""Streams of events that last as long as their reader: what happens, one event each, bounded, over at the drain.

A reader may be slower than what happens. Nothing waits for it: what it has not taken is kept up to MOST_WAITING events,
then the oldest are dropped, and it is told how many it missed. Of what only its latest is worth telling one is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import trio

from loro_core.app.replies import STREAM_HEADERS
from loro_core.chat import Json
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Drain
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.json_text import encode_json
from loro_core.wire.sse import KEEP_ALIVE, encode_comment, encode_event

MOST_WAITING = 1000
"""Of one reader; a model that loads writes some hundred lines at once."""

MOST_AT_ONCE = 100
"""Events in one send: a reader that has fallen behind catches up in few, and gets the first of them soon."""

COMMENT_AFTER_S = 15.0
"""As often proxies must see something, or they close: nginx's proxy_read_timeout is 60 s, many clouds' 30 s."""

OPENING = encode_comment("ok")
"""What a reader gets at once, before anything happens."""


class Waiting:
    """The events that one reader has still to get. One task puts, one takes."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._events: deque[bytes] = deque()
        self._latest = b""
        self._missed = 0
        self._ended = False
        self._news = trio.Event()

    def put(self, event: bytes) -> None:
        """Add an event, as bytes; nothing after `end`."""
        if self._ended:
            return
        if len(self._events) >= self._most:
            self._events.popleft()
            self._missed += 1
        self._events.append(event)
        self._news.set()

    def put_latest(self, event: bytes) -> None:
        """Add an event behind all others, in the place of the last one that was added so and is still here."""
        if not self._ended:
            self._latest = event
            self._news.set()

    def end(self) -> None:
        """Say that no more will come."""
        self._ended = True
        self._news.set()

    async def take(self) -> bytes:
        """Return the next events, after a note of how many before them were missed; b"" once there are no more."""
        while not self._events and not self._latest and not self._ended:
            self._news = trio.Event()
            await self._news.wait()
        missed, self._missed = self._missed, 0
        taken = [self._events.popleft() for _ in range(min(len(self._events), MOST_AT_ONCE))]
        if missed:
            taken.insert(0, event({"kind": "missed", "count": missed}))
        if not self._events:
            taken.append(self._latest)
            self._latest = b""
        await trio.lowlevel.checkpoint_if_cancelled()
        return b"".join(taken)


Produce = Callable[[Waiting], Awaitable[None]]
"""Puts events until there are no more, or it is cancelled. It raises nothing: what fails is an event."""


def event(body: dict[str, Json]) -> bytes:
    """Return `body` as one event."""
    return encode_event(encode_json(body))


async def stream_events(request: HttpRequest, reply: Reply, drain: Drain, produce: Produce) -> None:
    """Send what `produce` puts, until it returns or the server drains.

    After Cancelled, as when the reader leaves, `produce` has ended too.
    """
    await reply.start(200, STREAM_HEADERS)
    if request.method == "HEAD":
        await reply.finish()
        return
    waiting = Waiting()
    reply.fill_silence(COMMENT_AFTER_S, KEEP_ALIVE)
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await produce(waiting)
            waiting.end()

        async def end_at_drain() -> None:
            await drain.wait()
            waiting.end()

        nursery.start_soon(run)
        nursery.start_soon(end_at_drain)
        await reply.write(OPENING)
        while events := await waiting.take():
            await reply.write(events)
        nursery.cancel_scope.cancel()
    await reply.finish()
