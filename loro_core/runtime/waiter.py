"""A caller that waits for a seat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import trio

from loro_core.errors import UpstreamBusy
from loro_core.models import Ticket
from loro_core.runtime.seats import Seat

if TYPE_CHECKING:
    from loro_core.runtime.seating import Seating

POSITION_HEADER = "x-loro-queue-position"


class Waiter:
    """One caller: what it is told (`seats.Waiting`), and how its wait ends: with a seat or a refusal.

    arrived_as: its place in the queue when it came, from 1; 0 if it did not have to wait.
    """

    def __init__(self, seating: Seating, ticket: Ticket) -> None:
        self._seating = seating
        self.ticket = ticket
        self.seat: Seat | None = None
        self.refusal: UpstreamBusy | None = None
        self.arrived_as = 0
        self._over = trio.Event()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def sit(self, seat: Seat) -> None:
        self.seat = seat
        self._over.set()

    def refuse(self, reason: str, *, retry_after_s: float, full: bool = False, behind: int) -> None:
        """behind: how many waited before it."""
        self.refusal = UpstreamBusy(
            reason,
            retry_after_s=retry_after_s,
            full=full,
            deployment=self.ticket.models[0],
            headers={POSITION_HEADER: str(self.arrived_as or behind + 1)},
        )
        self._over.set()

    async def wait(self) -> Seat:
        """Return the seat. Raises the refusal. Whoever need not wait does not make way for other tasks either."""
        if self.over:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self._over.wait()
        if self.seat is None:
            assert self.refusal is not None  # noqa: S101  # one of the two ends the wait
            raise self.refusal
        return self.seat

    @property
    def position(self) -> int:
        return 0 if self.over else self._seating.position(self.ticket.id)

    @property
    def state(self) -> Literal["loading", "queued"]:
        return "loading" if self._seating.loads_for(self.ticket.id) else "queued"
