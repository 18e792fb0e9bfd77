"""What the admin API asks of the models that loro runs: the seam to `runtime.fleet.model_fleet`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

from loro_core.models import FleetEvent, LogLine, Model, ModelStatus


class Log(Protocol):
    """What the instances of a model wrote, the latest of it."""

    def lines(self) -> Sequence[LogLine]:
        """Return what is kept, the oldest first."""

    def follow(self) -> AsyncIterator[LogLine]:
        """Return an iterator over the lines that are written from this call on."""


class Fleet(Protocol):
    """The models: configured and registered, running or not. All its calls are for names that `models` has."""

    def models(self) -> Sequence[ModelStatus]:
        """Return every model as it stands, in the order of the configuration, registered ones last."""

    def log(self, name: str) -> Log: ...

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[FleetEvent]]:
        """Give what happens to the models from now on. Whoever reads slowly may miss some."""

    async def load(self, name: str) -> None:
        """Return when an instance is ready.

        Raises LoroError if that cannot be. After Cancelled a load that nobody else waits for is given up.
        """

    async def unload(self, name: str, *, drain: bool = True) -> None:
        """Stop the instances; return when that has begun. drain: let their calls end first."""

    async def drain(self, name: str) -> None:
        """Give the instances no more calls, let those under way end, then stop them; return when that is done."""

    def register(self, model: Model) -> None:
        """Add an address that somebody else serves. Its name and its address are new."""

    def unregister(self, name: str) -> None:
        """Take a registered address out again; its calls under way end as they would."""


class Limits(Struct, frozen=True, kw_only=True):
    """What the models share. memory_bytes, max_instances: None where there is no limit."""

    memory_bytes: int | None = None
    max_instances: int | None = None
