"""The processes as residents: what holds the room of each, as somebody sees it who needs it (`placement.Hold`)."""

from __future__ import annotations

import math

from loro_core.decide import turns
from loro_core.decide.placement import Hold, Resident
from loro_core.decide.roster import COMING, Instance, Roster
from loro_core.models import InstanceState


class Premises:
    """The residents of `roster`, weighed anew at each call: O(residents)."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def residents(
        self, now: float, *, turn_s: float, rival_since: float | None = None, quietly: bool = False
    ) -> list[Resident]:
        """Return what takes room, as a rival sees it whose oldest request came at `rival_since`.

        Without a rival nobody's turn is over. quietly: nor is it that of an idle one, before `turn_s`.
        """
        kept = self._kept()
        found = []
        for instance in self._roster.residents.values():
            desk = self._roster.desk_of(instance)
            hold = self._hold(instance, now, turn_s, rival_since, quietly)
            if hold is not Hold.LEAVING and instance.id in kept:
                hold = Hold.KEPT
            cost = desk.eviction_cost(instance, now) if hold is Hold.IDLE else 0.0
            found.append(Resident(instance=instance.id, memory_bytes=instance.takes_bytes(), hold=hold, cost=cost))
        return found

    def kept(self) -> list[Resident]:
        """Return only those that stay whatever happens."""
        instances = map(self._roster.instances.__getitem__, self._kept())
        return [Resident(instance=one.id, memory_bytes=one.takes_bytes(), hold=Hold.KEPT) for one in instances]

    def next_turn(self, now: float, *, rival_since: float, turn_s: float) -> float:
        """Return when the next turn ends that is not over; infinity for none. One that loads has not begun."""
        ends = (
            turns.turn_over_at(ready_since=instance.ready_since, rival_since=rival_since, turn_s=turn_s)
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


def _usefulness(instance: Instance) -> tuple[bool, int, float]:
    return (instance.state is InstanceState.READY, len(instance.seats), instance.last_picked or -math.inf)
