"""Which processes are started and stopped: for requests that wait, for what is kept loaded, and to stay in the budget.

    an instance                              is stopped                                            by
    ---------------------------------------  ----------------------------------------------------  ------------
    idle, above its model's floor            `idle_ttl_s` after its last call                      1 on_alarm
    idle, of a model nobody waits for        when another model needs its room (`placement`)       2 _line
    in use, its turn over (`turns`)          closed first, stopped when its last call is over      2, emptied
    on its way, its last caller went away    at once, unless it is kept, owed or was asked for     3 abandon
    outdated                                 when a new one is ready, or where both do not fit     4 _renew
    unloaded by hand, removed                drained, or at once                                   unload
    idle, and more memory is taken than is   cheapest first                                        5 _excess
        there (measured, or reconfigured)

    an instance                              is started                                            by
    ---------------------------------------  ----------------------------------------------------  ------------
    the first one of a model                 for a request or a hand; models that want the same    2 _line
                                             room stand in a line (`turns.urgency`)
    one more                                 when requests wait long for those there are, in room  6 _grow
                                             that is free or was not used for a turn
    up to the floor                          at the start, and whenever one is missing             7 _keep

Whoever stands in line and has found its room, or has waited for `turn_s`, has it reserved: nobody behind it, nothing
that grows and nothing that is kept gets it.
"""

from __future__ import annotations

import heapq
import math

from loro_core.decide import scaling, turns
from loro_core.decide.alarms import Alarms
from loro_core.decide.orders import Action, DispatchSettings, Forget, NotLoaded, StartInstance, StopInstance
from loro_core.decide.placement import Evict, Fits, Hold, Never, Resident, Wait
from loro_core.decide.residents import Premises
from loro_core.decide.roster import COMING, Cause, Desk, Instance, Roster
from loro_core.models import InstanceState

LINE = 16
"""So many of those that wait for room are looked at together, from the head of the line: each look costs a pass over
all residents, and behind those who wait for the same room there is seldom any."""

MIN_PAUSE_S = 0.1
"""The least time between two looks for the room of one more instance."""

Key = tuple[str, str]
"""What an alarm is for: ("idle", an instance), ("desk", a model), ("line", "")."""


class Staffing:
    """The processes of all desks. Orders are appended to `out`; `look` says whether `review` has anything to do."""

    def __init__(self, roster: Roster, settings: DispatchSettings, alarms: Alarms[Key], out: list[Action]) -> None:
        self._settings = settings
        self.look = True
        self._roster = roster
        self._alarms = alarms
        self._out = out
        self._cold: dict[str, None] = {}
        self._growing: dict[str, None] = {}
        self._below: dict[str, None] = {}
        self._renewing: dict[str, None] = {}
        self._heavy = False
        self._premises = Premises(roster, settings)
        self.reopened: dict[str, None] = {}
        """Models whose instances are open again: their requests may be served."""

    # --- what happened ---------------------------------------------------------------------------------------------

    def noticed(self, desk: Desk) -> None:
        """Take in that what `desk` has, or what is asked of it, has changed."""
        name = desk.name
        cold = desk.wanted_since is not None and not desk.served
        if cold and name not in self._cold:
            self._cold[name] = None
            self.look = True
        elif not cold and name in self._cold:
            del self._cold[name]
            self._reopen(name)
        if desk.wanting and not cold and len(desk.instances) < scaling.ceiling(desk.model):
            self._growing[name] = None
            oldest = next(iter(desk.wanting.values())).arrived
            self._alarms.set(("desk", name), max(desk.grows_at, oldest + self._settings.scale_after_s))
        if name not in self._below and len(desk.instances) < desk.floor:
            self._below[name] = None
            self.look = True

    def configure(self, settings: DispatchSettings) -> None:
        self._settings = self._premises.settings = settings

    def recount(self) -> None:
        """Take in that the budget or the models have changed."""
        self._heavy = self.look = True

    def became_ready(self, instance: Instance, now: float) -> None:
        """Take in that `instance` may be called: its turn begins."""
        instance.ready_since = instance.idle_since = now
        instance.closed_for = None
        self._roster.count(instance)
        desk = self._roster.desk_of(instance)
        desk.asked_since = None
        desk.told = ""
        if not instance.seats:
            self._watch_idle(desk, instance)
        self.look = True

    def measured(self, instance: Instance, memory_bytes: int) -> None:
        """Take in how much memory `instance` takes."""
        if memory_bytes > (instance.memory_bytes or 0):
            instance.memory_bytes = memory_bytes
            self._roster.desk_of(instance).measured_bytes = memory_bytes
            self._roster.count(instance)
            if instance.model.memory_bytes is None:
                self.recount()

    def emptied(self, instance: Instance, now: float) -> None:
        """Take in that the last call of `instance` is over."""
        instance.idle_since = now
        desk = self._roster.desk_of(instance)
        if instance.leaving and (not instance.resident):
            self.gone(instance)
        elif instance.leaving and instance.drains:
            self.stop(instance, reason="its last call is over")
        elif instance.closed_for is not None:
            self.stop(instance, reason=f"model {instance.closed_for!r} needs the room")
        elif instance.live:
            self._watch_idle(desk, instance)
            self.look = self.look or self._heavy or bool(self._cold) or bool(self._below)

    def gone(self, instance: Instance) -> None:
        """Take in that nothing of `instance` is left; its record stays until the last seat is returned."""
        desk = self._roster.desk_of(instance)
        instance.leaving = True
        self._roster.count(instance)
        self._alarms.clear(("idle", instance.id))
        self._missed(desk)
        if not instance.seats:
            self._roster.remove(instance)
            self._out.append(Forget(instance=instance.id))
        self.noticed(desk)
        self.look = True

    def failed(self, instance: Instance) -> None:
        """Take in that `instance` is left alone: its room is free, its record stays to tell why."""
        self._roster.count(instance)
        if instance.outdated:
            self.gone(instance)
        self.noticed(self._roster.desk_of(instance))
        self.look = True

    def on_alarm(self, key: Key, now: float) -> None:
        """Look at what an alarm was set for."""
        kind, name = key
        self.look = True
        if kind == "idle" and (instance := self._roster.instances.get(name)) is not None:
            desk = self._roster.desk_of(instance)
            if not instance.live or instance.seats:
                return
            if desk.wanting and desk.model.idle_ttl_s is not None:
                # Somebody waits that may not have this one, or not now; it is looked at again when that may be over.
                self._alarms.set(key, now + max(desk.model.idle_ttl_s, MIN_PAUSE_S))
            elif self._stops_at(desk, instance) <= now:  # 1
                self.stop(instance, reason=f"nobody has used it for {desk.model.idle_ttl_s:g} s")
            else:
                self._watch_idle(desk, instance)

    def _missed(self, desk: Desk) -> None:
        """Take in that `desk` may have fewer instances than are kept of it: one is leaving, or gone."""
        if desk.floor:
            self._below[desk.name] = None
            self.look = True

    # --- by hand ---------------------------------------------------------------------------------------------------

    def ask(self, desk: Desk, now: float) -> None:
        """Load `desk`'s model, whatever happened to it before."""
        desk.held = False
        if desk.model.launch is None:
            self.serve_address(desk)
            return
        for instance in [i for i in desk.instances.values() if i.state is InstanceState.FAILED]:
            self.gone(instance)
        if not desk.served:
            desk.asked_since = now if desk.asked_since is None else desk.asked_since
        for instance in desk.live():
            if instance.state in COMING:
                instance.cause = Cause.ASKED
        self.noticed(desk)

    def unload(self, desk: Desk, *, drain: bool, reason: str) -> None:
        """Stop all instances of `desk`."""
        desk.asked_since = None
        self._renewing.pop(desk.name, None)
        for instance in list(desk.instances.values()):
            self.stop(instance, reason=reason, drain=drain)
        self.noticed(desk)

    def abandon(self, desk: Desk) -> None:
        """Take in that a caller went away: stop what is loading for nobody.                                      3"""
        self.noticed(desk)
        if desk.wanting or desk.asked_since is not None:
            return
        spare = sum(1 for _ in desk.live()) - desk.floor
        coming = [i for i in desk.live() if i.state in COMING and i.cause in (Cause.WANTED, Cause.GROWN)]
        for instance in coming[: max(0, spare)]:
            self.stop(instance, reason="nobody waits for it any more")

    def owe(self, desk: Desk) -> None:
        """Take in that a caller was told to come back: what is loading for it goes on."""
        for instance in desk.live():
            if instance.state in COMING and instance.cause is Cause.WANTED:
                instance.cause = Cause.OWED

    def renew(self, desk: Desk) -> None:
        """Take in that `desk` is started differently now."""
        for instance in list(desk.instances.values()):
            if instance.state is InstanceState.READY and not instance.leaving:
                instance.outdated = True
                self._renewing[desk.name] = None
            elif instance.state is InstanceState.FAILED:
                self.gone(instance)
            elif not instance.leaving:
                # What is loading now would be out of date when it is ready.
                self._renewing[desk.name] = None
                self.stop(instance, reason="its configuration changed")
        self.noticed(desk)
        self.look = True

    def never(self, desk: Desk) -> str | None:
        """Return why `desk` can never be loaded as things are kept and configured; None if it may."""
        if desk.model.launch is None:
            return None
        placement = self._premises.at_best(desk)
        return placement.reason if isinstance(placement, Never) else None

    def stop(self, instance: Instance, *, reason: str, drain: bool = False) -> None:
        """Stop `instance`; with `drain` its calls are finished first."""
        desk = self._roster.desk_of(instance)
        again = instance.leaving and not (instance.drains and not (drain and instance.seats))
        instance.leaving = True
        instance.closed_for = None
        instance.drains = drain and bool(instance.seats)
        self._roster.count(instance)
        self._missed(desk)
        if not instance.resident:
            if not instance.seats:
                self.gone(instance)
        elif not again:
            self._out.append(StopInstance(instance=instance.id, drain=instance.drains, reason=reason))
        self.noticed(desk)

    # --- what follows ----------------------------------------------------------------------------------------------

    def review(self, now: float) -> list[tuple[Desk, str]]:
        """Order what is due. Returns the desks that were found to have no way to be loaded, and why."""
        self.look = False
        if self._heavy:
            self._excess(now)
        stranded, reserved = self._line(now)
        for name in list(self._growing):
            self._grow(name, reserved, now)
        for name in list(self._renewing):
            self._renew(name, reserved, now)
        self._keep(reserved, now)
        return stranded

    def _line(self, now: float) -> tuple[list[tuple[Desk, str]], list[Resident]]:
        """Give room to those that stand in line for it.                                                          2"""
        stranded: list[tuple[Desk, str]] = []
        reserved: list[Resident] = []
        if not self._cold:
            return stranded, reserved
        turn_s = self._settings.turn_s
        line = heapq.nsmallest(
            LINE,
            (
                (turns.urgency(since=since, priority=desk.model.priority, turn_s=turn_s), desk.name, since)
                for name in self._cold
                if (since := (desk := self._roster.desks[name]).stands_since) is not None
            ),
        )
        for _, name, since in line:
            desk = self._roster.desks[name]
            if not self._startable(desk):
                continue
            placement = self._premises.place(desk, now, rival_since=since, reserved=reserved)
            match placement:
                case Fits():
                    self._start(desk, Cause.WANTED if desk.asked_since is None else Cause.ASKED)
                    continue
                case Never(reason=reason):
                    stranded.append((desk, reason))
                    continue
                case Evict(instances=ids):
                    for id_ in ids:
                        self._evict(self._roster.instances[id_], desk, now)
                case Wait(coming=False):
                    self._alarms.set(("line", ""), self._premises.next_turn(now, rival_since=since))
                    if turns.passed_by(since=since, now=now, turn_s=turn_s):
                        self._alarms.set(("line", ""), since + turn_s)
                        continue
                case Wait():
                    pass
            reserved.append(Resident(instance=name, memory_bytes=desk.wants_bytes(), hold=Hold.IN_USE))
        return stranded, reserved

    def _evict(self, instance: Instance, rival: Desk, now: float) -> None:
        self._roster.desk_of(instance).turn_ended = now
        if instance.seats:
            instance.closed_for = rival.name
            self._roster.count(instance)
        else:
            self.stop(instance, reason=f"model {rival.name!r} needs the room")

    def _grow(self, name: str, reserved: list[Resident], now: float) -> None:
        """Start one more where requests wait long.                                                               6"""
        desk = self._roster.desks.get(name)
        if desk is None or not desk.wanting or not desk.served:
            del self._growing[name]
            return
        oldest = next(iter(desk.wanting.values())).arrived
        live = [instance for instance in desk.instances.values() if instance.live]
        failed = sum(1 for instance in desk.instances.values() if instance.state is InstanceState.FAILED)
        if any(instance.closed_for for instance in live):
            return
        after_s = self._settings.scale_after_s
        if scaling.grows(
            desk.model,
            instances=len(live) + failed,
            loading=sum(1 for instance in live if instance.state in COMING),
            oldest=oldest,
            now=now,
            after_s=after_s,
        ):
            if self._start_quietly(desk, Cause.GROWN, reserved, now):
                return
            # There was no room, or it is being made: once more after a while, whatever happens.
            desk.grows_at = now + max(after_s, MIN_PAUSE_S)
            self._alarms.set(("desk", name), desk.grows_at)
        elif now < oldest + after_s and len(live) + failed < scaling.ceiling(desk.model):
            self._alarms.set(("desk", name), oldest + after_s)

    def _keep(self, reserved: list[Resident], now: float) -> None:
        """Start what is kept loaded and is not there, the pinned and the preferred first.                        7"""
        desks = [desk for name in self._below if (desk := self._roster.desks.get(name)) is not None]
        for desk in sorted(desks, key=lambda desk: (not desk.model.pinned, -desk.model.priority, desk.name)):
            while True:
                there = sum(1 for i in desk.instances.values() if i.live or i.state is InstanceState.FAILED)
                if there >= desk.floor:
                    del self._below[desk.name]
                    break
                if not self._start_quietly(desk, Cause.KEPT, reserved, now):
                    break
        self._below = {name: None for name in self._below if name in self._roster.desks}

    def _renew(self, name: str, reserved: list[Resident], now: float) -> None:
        """Put new instances in the place of outdated ones.                                                       4"""
        desk = self._roster.desks.get(name)
        if desk is None or desk.removed:
            del self._renewing[name]
            return
        outdated = [instance for instance in desk.live() if instance.outdated]
        fresh = [i for i in desk.instances.values() if not i.outdated and not i.leaving]
        if any(instance.ready for instance in fresh):
            for instance in outdated:
                self.stop(instance, reason="its configuration changed", drain=True)
            outdated = []
        elif any(instance.state is InstanceState.FAILED for instance in fresh):
            # The old ones serve on: what is configured now does not run.
            outdated = []
        elif not any(instance.live for instance in fresh):
            if (
                outdated
                and self._startable(desk)
                and isinstance(self._premises.place(desk, now, reserved=reserved), Fits)
            ):
                self._start(desk, Cause.RENEWED)
            else:
                for instance in outdated:
                    self.stop(instance, reason="its configuration changed", drain=True)
                desk.asked_since = now
                outdated = []
                self.noticed(desk)
        if not outdated:
            self._renewing.pop(name, None)

    def _excess(self, now: float) -> None:
        """Stop whom there is no room for, as far as they are idle.                                               5"""
        for id_ in self._premises.excess(now):
            self.stop(self._roster.instances[id_], reason="more memory or processes are taken than there may be")
        self._heavy = self._premises.overfull

    # --- room ------------------------------------------------------------------------------------------------------

    def _startable(self, desk: Desk) -> bool:
        """Whether its port is free: a fixed one takes one process, of whatever state."""
        launch = desk.model.launch
        return launch is None or not launch.port or not any(i.resident for i in desk.instances.values())

    def _start(self, desk: Desk, cause: Cause) -> None:
        instance = self._roster.add(desk.model, cause)
        desk.held = False
        if desk.model.launch is None:
            instance.state = InstanceState.READY
            instance.ready_since = instance.idle_since = -math.inf
            desk.asked_since = None
            self._roster.count(instance)
        else:
            self._out.append(StartInstance(instance=instance.id, model=desk.model))
        self.noticed(desk)
        # Its requests can be served now, or count on it.
        self.look = True

    def serve_address(self, desk: Desk) -> None:
        """Take in the one instance of a model that somebody else serves."""
        if not desk.served:
            self._start(desk, Cause.KEPT)

    def _start_quietly(self, desk: Desk, cause: Cause, reserved: list[Resident], now: float) -> bool:
        """Start one more if that takes nothing from anybody who has used it for a turn; return whether it did."""
        if desk.model.launch is None or not self._startable(desk):
            return False
        placement = self._premises.place(
            desk, now, reserved=reserved, quietly=not (desk.model.pinned and cause is Cause.KEPT)
        )
        if isinstance(placement, Fits):
            self._start(desk, cause)
            return True
        if isinstance(placement, Evict):
            for id_ in placement.instances:
                self.stop(self._roster.instances[id_], reason=f"model {desk.name!r} needs the room")
        elif isinstance(placement, Never) and cause is Cause.KEPT and desk.told != placement.reason:
            desk.told = placement.reason
            self._out.append(NotLoaded(model=desk.name, reason=placement.reason))
        return False

    def _reopen(self, name: str) -> None:
        """Take back that residents make room for a model that needs none any more."""
        for instance in self._roster.residents.values():
            if instance.closed_for == name:
                instance.closed_for = None
                self._roster.count(instance)
                self.reopened[self._roster.desk_of(instance).name] = None

    # --- idleness --------------------------------------------------------------------------------------------------

    def _stops_at(self, desk: Desk, instance: Instance) -> float:
        live = sum(1 for _ in desk.live())
        return scaling.stops_at(desk.model, idle_since=instance.idle_since, instances=live, floor=desk.floor)

    def watch(self, desk: Desk) -> None:
        """Take in that `desk` may be kept for another time, or not be kept."""
        for instance in desk.live():
            if instance.state is InstanceState.READY and not instance.seats:
                self._watch_idle(desk, instance)

    def _watch_idle(self, desk: Desk, instance: Instance) -> None:
        if instance.model.launch is not None:
            self._alarms.set(("idle", instance.id), self._stops_at(desk, instance))
