"""One writer and any number of readers, each of whom gets everything from the start.

    the writer   waits while every reader is more than AHEAD_BYTES behind: the quickest reader sets the pace
    a reader     starts at the first item whenever it comes, and may be up to REPLAY_BYTES behind the quickest;
                 one that is further behind is cut off

So a reader that is stuck holds up nobody but itself: it is cut off when it is too far behind, or when its own write
runs out of patience. If it is the only one, the writer waits for it, and the upstream behind the writer waits too.
What has been sent is kept until it is more than REPLAY_BYTES; from then on nobody can join, and only what some reader
has still to get is kept. Memory is bounded by REPLAY_BYTES, AHEAD_BYTES and an item, whatever the readers do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import trio

from loro_core.errors import TimedOut

AHEAD_BYTES = 16384
"""About eighty chunks of a streamed reply; a voice client reads every one of them at once."""

REPLAY_BYTES = 131072
"""Some six hundred chunks: ten seconds of a quick model, twice as long as a request may be re-sent."""

T = TypeVar("T")

Send = Callable[[T, int], Awaitable[None]]
"""(item, its size in bytes) -> sent to every reader."""


class Reader(Generic[T]):
    """A reader's place. Made by `Broadcast.reading`."""

    def __init__(self, broadcast: Broadcast[T]) -> None:
        self._broadcast = broadcast
        self.next_item = 0
        self.handed_bytes = 0
        self.done_bytes = 0
        self.cut_off = False

    async def receive(self) -> list[T]:
        """Return what has been sent since the last call, at least one item; [] when that was all.

        By calling again a reader says that it has done with what it got before.
        Raises the failure that ended the sending, after everything sent before it was received, and TimedOut if the
        reader fell too far behind.
        """
        return await self._broadcast.receive(self)


class Broadcast(Generic[T]):
    """The items sent so far, and who reads them."""

    def __init__(self, *, ahead_bytes: int = AHEAD_BYTES, replay_bytes: int = REPLAY_BYTES) -> None:
        self._ahead_bytes = ahead_bytes
        self._replay_bytes = replay_bytes
        self._items: list[tuple[T, int]] = []
        self._first_item = 0  # the number of the first item that is still kept
        self._sent_bytes = 0
        self._ended = False
        self._failure: Exception | None = None
        self._readers: list[Reader[T]] = []
        self._news = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()

    @property
    def readers(self) -> int:
        return len(self._readers)

    @property
    def joinable(self) -> bool:
        """Whether a new reader would get everything, and there is more to come."""
        return not self._ended and self._first_item == 0 and self._sent_bytes <= self._replay_bytes

    @property
    def kept_bytes(self) -> int:
        return sum(size for _, size in self._items)

    @contextmanager
    def reading(self) -> Iterator[Reader[T]]:
        """Give a reader at the first item; it does not hold the writer up after the block."""
        if self._first_item:
            raise RuntimeError("the beginning is gone")
        reader = Reader(self)
        self._readers.append(reader)
        try:
            yield reader
        finally:
            self._leave(reader)

    async def send(self, item: T, size: int) -> None:
        """Send to every reader, and wait until one of them has nearly caught up.

        After Cancelled the item was sent.
        """
        self._items.append((item, size))
        self._sent_bytes += size
        self._cut_off_stragglers()
        self._forget()
        self._news.unpark_all()
        while self._readers and self._behind() > self._ahead_bytes:
            await self._room.park()
        await trio.lowlevel.checkpoint_if_cancelled()

    def end(self, failure: Exception | None = None) -> None:
        """Nothing more will be sent. failure: what readers get at the end; of several calls the first one counts."""
        if not self._ended:
            self._ended, self._failure = True, failure
            self._news.unpark_all()

    async def receive(self, reader: Reader[T]) -> list[T]:
        reader.done_bytes = reader.handed_bytes
        self._room.unpark_all()
        while not reader.cut_off and not self._ended and reader.next_item == self._first_item + len(self._items):
            await self._news.park()
        if reader.cut_off:
            raise TimedOut(
                f"This connection took the reply so slowly that it fell {self._replay_bytes} bytes behind another.",
                code="fell_behind",
            )
        items = [item for item, _ in self._items[reader.next_item - self._first_item :]]
        if not items and self._failure is not None:
            raise self._failure
        reader.next_item += len(items)
        reader.handed_bytes = self._sent_bytes
        self._forget()
        await trio.lowlevel.checkpoint_if_cancelled()
        return items

    def _behind(self) -> int:
        """Return how many bytes the quickest reader has still to do."""
        return self._sent_bytes - max(reader.done_bytes for reader in self._readers)

    def _cut_off_stragglers(self) -> None:
        quickest = max((reader.done_bytes for reader in self._readers), default=0)
        for reader in list(self._readers):
            if quickest - reader.done_bytes > self._replay_bytes:
                reader.cut_off = True
                self._leave(reader)

    def _leave(self, reader: Reader[T]) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
        self._forget()
        self._room.unpark_all()

    def _forget(self) -> None:
        """Let go of what everybody has, once it is too much to replay."""
        if self._sent_bytes <= self._replay_bytes:
            return
        needed = min((reader.next_item for reader in self._readers), default=self._first_item + len(self._items))
        del self._items[: needed - self._first_item]
        self._first_item = needed
