"""What happens to models, for any number of listeners, none of whom can hold the fleet up."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import trio

from loro_core.models import FleetEvent

KEPT_EVENTS = 256
"""A listener that is further behind loses the oldest: a model that restarts all the time makes some ten a second."""


class FleetEvents(AsyncIterator[FleetEvent]):
    """One listener's events. missed: how many were lost because it was too far behind."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._waiting: deque[FleetEvent] = deque()
        self._news = trio.Event()
        self._ended = False
        self.missed = 0

    def __aiter__(self) -> FleetEvents:
        return self

    async def __anext__(self) -> FleetEvent:
        """Return the next event; the iteration ends with the fleet."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            await self._news.wait()
        event = self._waiting.popleft()
        if not self._waiting:
            self._news = trio.Event()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return event

    def put(self, event: FleetEvent) -> None:
        if len(self._waiting) >= self._kept:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append(event)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()


class Listeners:
    """Those who listen to a fleet's events."""

    def __init__(self, kept: int = KEPT_EVENTS) -> None:
        self._kept = kept
        self._all: list[FleetEvents] = []
        self._ended = False

    @contextmanager
    def listening(self) -> Iterator[FleetEvents]:
        """Give the events from now on."""
        events = FleetEvents(self._kept)
        if self._ended:
            events.end()
        self._all.append(events)
        try:
            yield events
        finally:
            self._all.remove(events)

    def tell(self, event: FleetEvent) -> None:
        for events in self._all:
            events.put(event)

    def end(self) -> None:
        """There will be no more events."""
        self._ended = True
        for events in self._all:
            events.end()
