"""The processes as residents: what holds the room of each, as somebody sees it who needs it (`placement.Hold`), and
whether there is room for one more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from loro_core.decide import turns
from loro_core.decide.orders import DispatchSettings
from loro_core.decide.placement import Budget, Fits, Hold, Placement, Resident, Wanted, excess, fits, place
from loro_core.decide.roster import COMING, Desk, Instance, Roster
from loro_core.models import InstanceState


class Premises:
    """The residents of `roster`, weighed anew at each call: O(residents), but where what is free is enough."""

    def __init__(self, roster: Roster, settings: DispatchSettings) -> None:
        self.settings = settings
        self._roster = roster

    @property
    def budget(self) -> Budget:
        return Budget(memory_bytes=self.settings.memory_bytes, processes=self.settings.max_instances)

    def place(
        self,
        desk: Desk,
        now: float,
        *,
        rival_since: float | None = None,
        reserved: Sequence[Resident] = (),
        quietly: bool = False,
    ) -> Placement:
        """Return how room is made for one more instance of `desk`. reserved: what others have found their room for.

        The other arguments are those of `residents`.
        """
        wanted = _wanted(desk)
        taken_bytes, processes = self._roster.taken_bytes, len(self._roster.residents)
        if not reserved and fits(wanted, taken_bytes=taken_bytes, processes=processes, budget=self.budget):
            return Fits()
        residents = self.residents(now, rival_since=rival_since, quietly=quietly)
        return place(wanted, [*residents, *reserved], self.budget)

    def at_best(self, desk: Desk) -> Placement:
        """Return how there is room for one more of `desk` once all have gone that need not stay."""
        return place(_wanted(desk), self._kept_residents(), self.budget)

    def excess(self, now: float) -> tuple[str, ...]:
        """Return whom of the idle to stop because more is taken than there is."""
        return excess(self.residents(now), self.budget)

    @property
    def overfull(self) -> bool:
        """Whether those that are not leaving take more than there is."""
        staying = [instance for instance in self._roster.residents.values() if not instance.leaving]
        taken_bytes = sum(instance.takes_bytes() or 0 for instance in staying)
        limits = (self.budget.memory_bytes, self.budget.processes)
        pairs = zip((taken_bytes, len(staying)), limits, strict=True)
        return any(limit is not None and taken > limit for taken, limit in pairs)

    def residents(self, now: float, *, rival_since: float | None = None, quietly: bool = False) -> list[Resident]:
        """Return what takes room, as a rival sees it whose oldest request came at `rival_since`.

        Without a rival nobody's turn is over. quietly: nor is it that of an idle one, before `turn_s`.
        """
        kept, turn_s = self._kept(), self.settings.turn_s
        found = []
        for instance in self._roster.residents.values():
            desk = self._roster.desk_of(instance)
            hold = self._hold(instance, now, turn_s, rival_since, quietly)
            if hold is not Hold.LEAVING and instance.id in kept:
                hold = Hold.KEPT
            cost = desk.eviction_cost(instance, now) if hold is Hold.IDLE else 0.0
            found.append(Resident(instance=instance.id, memory_bytes=instance.takes_bytes(), hold=hold, cost=cost))
        return found

    def _kept_residents(self) -> list[Resident]:
        instances = map(self._roster.instances.__getitem__, self._kept())
        return [Resident(instance=one.id, memory_bytes=one.takes_bytes(), hold=Hold.KEPT) for one in instances]

    def next_turn(self, now: float, *, rival_since: float) -> float:
        """Return when the next turn ends that is not over; infinity for none. One that loads has not begun."""
        ends = (
            turns.turn_over_at(ready_since=instance.ready_since, rival_since=rival_since, turn_s=self.settings.turn_s)
            for instance in self._roster.residents.values()
            if instance.ready and self._works(instance)
        )
        return min((at for at in ends if at > now), default=math.inf)

    def _hold(self, instance: Instance, now: float, turn_s: float, rival_since: float | None, quietly: bool) -> Hold:
        if not instance.live or instance.closed_for is not None:
            return Hold.LEAVING
        works = self._works(instance)
        if instance.state is InstanceState.WAITING and not works:
            return Hold.IDLE
        if instance.state in COMING:
            return Hold.IN_USE
        if works:
            if rival_since is None:
                return Hold.IN_USE
            over = turns.turn_over_at(ready_since=instance.ready_since, rival_since=rival_since, turn_s=turn_s)
            return Hold.IDLE if now >= over else Hold.IN_USE
        return Hold.IN_USE if quietly and now < instance.idle_since + turn_s else Hold.IDLE

    def _works(self, instance: Instance) -> bool:
        return bool(instance.seats) or bool(self._roster.desk_of(instance).wanting)

    def _kept(self) -> set[str]:
        """Return the instances that stay for the sake of their model's floor: of each those that do most."""
        kept: set[str] = set()
        for desk in self._roster.desks_with_floor():
            live = sorted((one for one in desk.live() if one.resident), key=_usefulness, reverse=True)
            kept.update(one.id for one in live[: desk.floor])
        return kept


def _wanted(desk: Desk) -> Wanted:
    return Wanted(model=desk.name, memory_bytes=desk.wants_bytes())


def _usefulness(instance: Instance) -> tuple[bool, int, float]:
    return (instance.state is InstanceState.READY, len(instance.seats), instance.last_picked or -math.inf)
