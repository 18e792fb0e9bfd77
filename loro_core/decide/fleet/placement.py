"""Where there is room for one more instance, and who has to go to make it.

A machine has a budget: bytes, and how many processes. A *resident* takes a part of it from the moment its start is
decided until its process is gone. What one more instance needs beyond what is free has to come from residents:

    resident     its room
    -----------  ------------------------------------------------------------------------------------------
    leaving      comes by itself: it was told to stop, or goes when its last call is over
    kept         never: pinned, or needed for its model's `min_instances`
    in use       not now: a call is under way, it loads, or somebody waits for it and its turn is not over
    idle         may be had, for what it costs to have it back: `cost`

    answer       when
    -----------  ------------------------------------------------------------------------------------------
    Fits         what is free is enough
    Wait         what is free and what comes by itself is enough, or would be once residents in use are idle
    Evict        with these idle ones it is enough once they are gone; none of them could be left out, and no other
                 set of idle ones is cheaper (exactly up to EXACTLY idle ones, beyond that greedily)
    Never        not even with all that is not kept

Only `Fits` allows a start, so the sum of the residents never exceeds the budget, whatever the order of events. A size
that nobody knows counts as nothing until it is measured; `excess` tells who goes if that turns out to be too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from operator import attrgetter

from msgspec import Struct

EXACTLY = 12
"""Up to so many idle residents the cheapest set is found for certain: 4,096 sets at most, a few milliseconds."""

MIN_COST = 1e-6
"""What the cheapest resident costs: of two sets that cost nothing the smaller one is taken."""


class Hold(Enum):
    """What a resident's room depends on; the table above."""

    LEAVING = "leaving"
    KEPT = "kept"
    IN_USE = "in use"
    IDLE = "idle"


class Resident(Struct, frozen=True, kw_only=True):
    """What takes a part of the budget. memory_bytes: None if nobody knows. cost: as of `cost`, >= 0."""

    instance: str
    memory_bytes: int | None = None
    hold: Hold = Hold.IDLE
    cost: float = 0.0


class Wanted(Struct, frozen=True, kw_only=True):
    """One more instance. memory_bytes: what it will take, None if nobody knows."""

    model: str
    memory_bytes: int | None = None


class Budget(Struct, frozen=True, kw_only=True):
    """What there is in all; None has no bound."""

    memory_bytes: int | None = None
    processes: int | None = None


class Fits(Struct, frozen=True, kw_only=True):
    """It may be started now."""


class Evict(Struct, frozen=True, kw_only=True):
    """Stop these, and ask again when they are gone. instances: at least one, all of them idle."""

    instances: tuple[str, ...]


class Wait(Struct, frozen=True, kw_only=True):
    """Ask again when something has changed. coming: room enough is being left; else residents in use hold it."""

    reason: str
    coming: bool


class Never(Struct, frozen=True, kw_only=True):
    """There is no way. reason: with the figures, for whoever has to change them."""

    reason: str


Placement = Fits | Evict | Wait | Never


class _Room(Struct, frozen=True):
    """An amount of both things that are short; negative where more is taken than there is."""

    memory_bytes: float
    processes: float

    def less(self, residents: Sequence[Resident]) -> _Room:
        """What is left when `residents` take their part."""
        taken = sum(resident.memory_bytes or 0 for resident in residents)
        return _Room(self.memory_bytes - taken, self.processes - len(residents))


def place(wanted: Wanted, residents: Sequence[Resident], budget: Budget) -> Placement:
    """Decide how room is made for `wanted`. residents: every one of them, in any order."""
    idle, kept, in_use, leaving = (
        [resident for resident in residents if resident.hold is hold]
        for hold in (Hold.IDLE, Hold.KEPT, Hold.IN_USE, Hold.LEAVING)
    )
    need_bytes = wanted.memory_bytes or 0
    # What is missing while the residents of a row stay, and those of the rows above it are gone.
    room = _Room(
        math.inf if budget.memory_bytes is None else float(budget.memory_bytes),
        math.inf if budget.processes is None else float(budget.processes),
    ).less(kept)
    if not _enough(room, need_bytes):
        return Never(reason=_never(wanted, kept, budget))
    room = room.less(in_use)
    if not _enough(room, need_bytes):
        return Wait(reason=f"{_names(in_use)} in use", coming=False)
    room = room.less(idle)
    if not _enough(room, need_bytes):
        missing = _Room(max(0.0, need_bytes - room.memory_bytes) if need_bytes else 0.0, max(0.0, 1 - room.processes))
        return Evict(instances=_cheapest(idle, missing))
    room = room.less(leaving)
    if not _enough(room, need_bytes):
        return Wait(reason=f"{_names(leaving)} leaving", coming=True)
    return Fits()


def fits(wanted: Wanted, *, taken_bytes: int, processes: int, budget: Budget) -> bool:
    """Return whether `place` says Fits where so much is taken in all: the short way, without looking at anybody."""
    need_bytes = wanted.memory_bytes or 0
    return (budget.processes is None or processes < budget.processes) and (
        budget.memory_bytes is None or need_bytes == 0 or taken_bytes + need_bytes <= budget.memory_bytes
    )


def excess(residents: Sequence[Resident], budget: Budget) -> tuple[str, ...]:
    """Return whom of the idle to stop because more is taken than there is: measured memory, or a smaller budget.

    Where all the idle ones together are not enough, they go all the same; those in use and kept stay.
    """
    room = _Room(
        math.inf if budget.memory_bytes is None else float(budget.memory_bytes),
        math.inf if budget.processes is None else float(budget.processes),
    ).less([resident for resident in residents if resident.hold is not Hold.LEAVING])
    missing = _Room(max(0.0, -room.memory_bytes), max(0.0, -room.processes))
    if not (missing.memory_bytes or missing.processes):
        return ()
    idle = [resident for resident in residents if resident.hold is Hold.IDLE]
    if not _covers(idle, missing):
        helpful = idle if missing.processes else [resident for resident in idle if resident.memory_bytes]
        return tuple(resident.instance for resident in helpful)
    return _cheapest(idle, missing)


def cost(*, reload_s: float, likelihood: float, priority: int = 0) -> float:
    """Return what it costs to evict an instance: the seconds of loading it again, as likely as that is.

    likelihood: that it is wanted again soon, 0 to 1 (`scaling.likelihood`). priority: each step doubles it, up to 2^16.
    """
    return max(MIN_COST, reload_s * likelihood * 2.0 ** max(-16, min(16, priority)))


def _enough(room: _Room, need_bytes: int) -> bool:
    # Who needs nothing takes nothing, also where more is taken than there is.
    return room.processes >= 1 and (need_bytes == 0 or room.memory_bytes >= need_bytes)


def _covers(residents: Sequence[Resident], missing: _Room) -> bool:
    freed = sum(resident.memory_bytes or 0 for resident in residents)
    return freed >= missing.memory_bytes and len(residents) >= missing.processes


def _cheapest(idle: Sequence[Resident], missing: _Room) -> tuple[str, ...]:
    """Return the cheapest set that frees `missing`; all of `idle` together do."""
    chosen = _greedily(idle, missing)
    if len(idle) <= EXACTLY:
        chosen = _exactly(idle, missing, chosen)
    return tuple(resident.instance for resident in chosen)


def _greedily(idle: Sequence[Resident], missing: _Room) -> list[Resident]:
    """Take who frees most of what is missing for its cost; then let off, the dearest first, who is not needed."""

    def price(resident: Resident) -> float:
        share = 0.0
        if missing.memory_bytes:
            share += min(1.0, (resident.memory_bytes or 0) / missing.memory_bytes)
        if missing.processes:
            share += 1.0 / missing.processes
        return resident.cost / share if share else math.inf

    chosen: list[Resident] = []
    memory_bytes, processes = missing.memory_bytes, missing.processes
    for resident in sorted(idle, key=price):
        if memory_bytes <= 0 and processes <= 0:
            break
        chosen.append(resident)
        memory_bytes -= resident.memory_bytes or 0
        processes -= 1
    for resident in sorted(chosen, key=attrgetter("cost"), reverse=True):
        spared_bytes = memory_bytes + (resident.memory_bytes or 0)
        if spared_bytes <= 0 and processes + 1 <= 0:
            chosen.remove(resident)
            memory_bytes, processes = spared_bytes, processes + 1
    return chosen


def _exactly(idle: Sequence[Resident], missing: _Room, bound: list[Resident]) -> list[Resident]:
    """Return the cheapest set, by branch and bound from `bound`, one that is enough."""
    order = sorted(idle, key=attrgetter("cost"))
    # What all from a place on free: a branch that could not be enough any more is not gone into.
    rest = [0] * (len(order) + 1)
    for at in range(len(order) - 1, -1, -1):
        rest[at] = rest[at + 1] + (order[at].memory_bytes or 0)
    best, best_cost = bound, sum(resident.cost for resident in bound)

    def visit(at: int, chosen: list[Resident], spent: float, memory_bytes: float, processes: float) -> None:
        nonlocal best, best_cost
        if memory_bytes <= 0 and processes <= 0:
            if spent < best_cost:
                best, best_cost = list(chosen), spent
            return
        if at == len(order) or rest[at] < memory_bytes or len(order) - at < processes:
            return
        if spent + order[at].cost >= best_cost:
            return
        resident = order[at]
        chosen.append(resident)
        visit(at + 1, chosen, spent + resident.cost, memory_bytes - (resident.memory_bytes or 0), processes - 1)
        chosen.pop()
        visit(at + 1, chosen, spent, memory_bytes, processes)

    visit(0, [], 0.0, missing.memory_bytes, missing.processes)
    return best


def _names(residents: Sequence[Resident]) -> str:
    names = [resident.instance for resident in residents[:3]]
    more = f" and {len(residents) - 3} more" if len(residents) > 3 else ""
    return f"{', '.join(names)}{more} {'is' if len(residents) == 1 else 'are'}"


def _never(wanted: Wanted, kept: Sequence[Resident], budget: Budget) -> str:
    held = f" beside {_names(kept).rsplit(' ', 1)[0]}, which stay" if kept else ""
    if budget.processes is not None and len(kept) >= budget.processes:
        return f"model {wanted.model!r} needs a process{held}, and there may be {budget.processes}"
    kept_bytes = sum(resident.memory_bytes or 0 for resident in kept)
    free_bytes = (budget.memory_bytes or 0) - kept_bytes
    return (
        f"model {wanted.model!r} needs {_gigabytes(wanted.memory_bytes or 0)}{held}, and there are "
        f"{_gigabytes(max(0, free_bytes))} of {_gigabytes(budget.memory_bytes or 0)} for it"
    )


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.3g} GB"
