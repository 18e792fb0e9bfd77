"""Replies that may have several readers: one piece of work, the same items to everybody who asked the same thing.

    find       the reply in the making that an identical request may read too
    begin      make a reply; whoever begins it is its first reader
    join       read a reply in the making, from its start
    supersede  end the reply in the making of a turn that has been revised; its readers get Superseded

The work runs in a nursery of the gateway's, for none of its readers is sure to be the last. It is cancelled when the
last reader has left, and that reader waits until it is over: no work outlives its readers, none outlives the gateway.
What breaks it is raised to every reader, as InternalError, and to nobody else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import trio

from loro_core.errors import InternalError, LoroError, Superseded
from loro_core.runtime.broadcast import Broadcast, Reader, Send

LEAVE_S = 5.0
"""How long the last reader waits for the work to be over. Closing a connection to an upstream takes milliseconds."""

T = TypeVar("T")
About = TypeVar("About")
C = TypeVar("C")

Work = Callable[[Send[T]], Awaitable[None]]
"""Makes the reply, sending its parts."""


class Shared(Generic[T, About]):
    """A reply in the making. about: what whoever began it wants its later readers to know."""

    def __init__(self, digest: str, about: About) -> None:
        self.digest = digest
        self.about = about
        self._broadcast: Broadcast[T] = Broadcast()
        self._scope = trio.CancelScope()
        self._over = trio.Event()

    @property
    def joinable(self) -> bool:
        return self._broadcast.joinable and self._broadcast.readers > 0 and not self._scope.cancel_called

    @asynccontextmanager
    async def join(self) -> AsyncIterator[Reader[T]]:
        """Give a reader that gets everything from the start. No checkpoint stands between this call and the block.

        The last reader to leave cancels the work, and leaves once it is over.
        """
        try:
            with self._broadcast.reading() as reader:
                yield reader
        finally:
            if not self._broadcast.readers and not self._over.is_set():
                self._scope.cancel()
                with trio.CancelScope(shield=True, deadline=trio.current_time() + LEAVE_S):
                    await self._over.wait()

    def end(self, reason: LoroError) -> None:
        """Cancel the work; its readers get `reason`."""
        self._broadcast.end(reason)
        self._scope.cancel()

    async def run(self, work: Work[T]) -> None:
        failure: Exception | None = InternalError("The reply was given up.")
        try:
            with self._scope:
                try:
                    await work(self._broadcast.send)
                    failure = None
                except Exception as exc:  # noqa: BLE001  # a bug: told to every reader, who logs it
                    failure = InternalError("The reply broke on an error of loro's own.")
                    failure.__cause__ = exc
        finally:
            self._broadcast.end(failure)
            self._over.set()


class Calls(Generic[T, About]):
    """The replies in the making, by the turn they answer. Made by `open_calls`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._in_flight: dict[str, Shared[T, About]] = {}

    def __len__(self) -> int:
        return len(self._in_flight)

    def find(self, key: str, digest: str) -> Shared[T, About] | None:
        """Return the reply to an identical request of this turn, if it is in the making and can still be joined."""
        shared = self._in_flight.get(key)
        return shared if shared is not None and shared.digest == digest and shared.joinable else None

    def supersede(self, key: str) -> About | None:
        """End what is in the making for this turn: its user has gone on speaking. Return what it was about."""
        shared = self._in_flight.pop(key, None)
        if shared is None:
            return None
        shared.end(Superseded("The user went on speaking: a later request of this turn took this one's place."))
        return shared.about

    @asynccontextmanager
    async def begin(self, key: str, digest: str, about: About, work: Work[T]) -> AsyncIterator[Reader[T]]:
        """Start `work` and read what it sends; of two replies to one turn only the later can be found."""
        shared: Shared[T, About] = Shared(digest, about)
        self._in_flight[key] = shared
        self._nursery.start_soon(self._run, key, shared, work)
        async with shared.join() as reader:
            yield reader

    async def _run(self, key: str, shared: Shared[T, About], work: Work[T]) -> None:
        try:
            await shared.run(work)
        finally:
            if self._in_flight.get(key) is shared:
                del self._in_flight[key]


@asynccontextmanager
async def open_calls(make: Callable[[trio.Nursery], C]) -> AsyncIterator[C]:
    """Give a place for replies in the making; what is left of them when the block ends is cancelled.

    make: Calls[...], with the types of the parts and of what is told about a reply.
    Raises what the block raises, as itself and not in a group.
    """
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield make(nursery)
        except Exception as exc:  # noqa: BLE001  # raised again below, outside of the nursery's group
            failure = exc
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
