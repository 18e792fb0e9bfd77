"""The dispatcher: which requests go to which instances, and which processes run for them.

It is told what happens (`Event`) and orders what is to be done (`Action`); the runtime carries that out and tells what
came of it. It never waits, has no clock and no chance of its own, and is the only writer of what it knows, so that a
day of it can be played in seconds.

    orders      what is said in both directions: events, actions, settings
    roster      who serves which model, and what of it may be given out
    seating     which request gets which seat: `admit` (queue), `balance` (policies), `breaker`
    staffing    which processes are started and stopped: `placement` (room), `scaling` (how many), `turns` (whose turn)

    event            what follows
    ---------------  ------------------------------------------------------------------------------------------------
    Arrived          Grant, or it waits (a process may be started, others be stopped for it), or Refuse
    Left             its place in the queue, or its seat, is free; what loads for nobody else is stopped
    Returned         its seat goes to the next; the last call of one that drains or makes room ends it
    InstanceChanged  READY: it serves, and what it replaces drains. WAITING: its requests wait on, within their
                     deadlines. FAILED: who counted on it counts on another, or is refused with the reason. STOPPED:
                     Forget, and its room goes to who stands in line for it
    LoadAsked        as if a request for it had come that waits without a deadline; what failed is tried again
    UnloadAsked      its processes stop, its requests are refused if no other model may have them; a failure is
                     forgotten. The next request loads a process again; an address serves again when it is asked for
    Reconfigured     added models can be had; of removed ones the processes drain and the requests are refused; one that
                     is started differently gets new processes, and the old ones serve until these are ready; other
                     changes hold at once, also for what runs
    Tick             deadlines, idle times, turns, breakers' pauses; the first one loads what is kept loaded

An address that somebody else serves (`Model.launch` None) has one instance, ready from the start, that no process and
no room belongs to: nothing is ordered for it but seats.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from loro_core.decide.alarms import Alarms
from loro_core.decide.balance import Balancer
from loro_core.decide.breaker import Breaker
from loro_core.decide.orders import (
    Action,
    Arrived,
    DispatchSettings,
    Event,
    Forget,
    Grant,
    InstanceChanged,
    Left,
    LoadAsked,
    NotLoaded,
    Outcome,
    Reconfigured,
    Refuse,
    Returned,
    StartInstance,
    StopInstance,
    Tick,
    UnloadAsked,
)
from loro_core.decide.roster import Desk, Roster
from loro_core.decide.seating import Seating
from loro_core.decide.staffing import Key, Staffing
from loro_core.models import Candidate, InstanceState, InstanceStatus, Model

__all__ = [
    "Action",
    "Arrived",
    "DispatchSettings",
    "Dispatcher",
    "Event",
    "Forget",
    "Grant",
    "InstanceChanged",
    "Left",
    "LoadAsked",
    "NotLoaded",
    "Outcome",
    "Reconfigured",
    "Refuse",
    "Returned",
    "StartInstance",
    "StopInstance",
    "Tick",
    "UnloadAsked",
]

MAX_ROUNDS = 100
"""So often what follows is looked for after one event. Each round starts, stops or refuses something, so there are as
many as models at most that are found to have no way to be loaded; the rest comes with the next tick."""


class Dispatcher:
    """balancer_of: the policy for a request that names this model first."""

    def __init__(
        self,
        settings: DispatchSettings,
        models: Mapping[str, Model],
        balancer_of: Callable[[Model], Balancer],
        rng: random.Random,
    ) -> None:
        self._roster = Roster()
        self._alarms: Alarms[Key] = Alarms()
        self._out: list[Action] = []
        self._staffing = Staffing(self._roster, settings, self._alarms, self._out)
        self._seating = Seating(
            self._roster,
            self._staffing,
            settings=settings,
            balancer_of=balancer_of,
            rng=rng,
            alarms=self._alarms,
            out=self._out,
        )
        self._begun = False
        self._add(models)

    def __repr__(self) -> str:
        roster = self._roster
        waiting = len(self._seating.queue)
        return f"<Dispatcher {len(roster.desks)} models, {len(roster.instances)} instances, {waiting} waiting>"

    def receive(self, event: Event, now: float) -> list[Action]:
        """Take in what happened at `now`, which never goes back, and return what is to be done, in this order."""
        match event:
            case Arrived(ticket=ticket):
                self._seating.arrived(ticket, now)
            case Left(ticket_id=id_):
                self._seating.left(id_, now)
            case Returned(instance=instance, ticket_id=id_, outcome=outcome, first_token_s=first_token_s):
                self._seating.returned(id_, instance, outcome, first_token_s, now)
            case InstanceChanged(status=status):
                self._changed(status, now)
            case LoadAsked(model=name):
                self._load(name, now)
            case UnloadAsked(model=name, drain=drain):
                self._unload(name, drain, now)
            case Reconfigured(models=models, settings=settings):
                self._reconfigure(models, settings, now)
            case Tick():
                self._tick(now)
        self._follow(now)
        actions = list(self._out)
        self._out.clear()
        return actions

    # --- what is known ---------------------------------------------------------------------------------------------

    @property
    def next_at(self) -> float:
        """When to send the next `Tick`; infinity for never."""
        if not self._begun:
            return -math.inf
        return min(self._alarms.next_at, self._seating.queue.next_deadline)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All instances that are ready, as a policy sees them that knows no ticket; times are as of the last call."""
        return tuple(
            self._seating.candidate(instance, instance.last_picked or 0.0)
            for instance in self._roster.instances.values()
            if instance.ready
        )

    def in_flight(self, instance: str) -> int:
        """How many calls an instance has under way."""
        known = self._roster.instances.get(instance)
        return len(known.seats) if known else 0

    def instances(self, model: str) -> tuple[str, ...]:
        """The ids of a model's instances, that of an address among them, the oldest first."""
        desk = self._roster.desks.get(model)
        return tuple(desk.instances) if desk else ()

    def waiting(self, model: str) -> int:
        """How many requests wait and count on this model."""
        desk = self._roster.desks.get(model)
        return len(desk.wanting) if desk else 0

    def position(self, ticket_id: int) -> int | None:
        """A waiting request's place in the queue, from 1; None if it does not wait."""
        return self._seating.queue.position(ticket_id)

    def waits_for(self, ticket_id: int) -> tuple[str, bool] | None:
        """The model that a waiting request counts on, and whether it has to be loaded first; None if it waits not."""
        desk = self._seating.home(ticket_id)
        return (desk.name, not any(instance.ready for instance in desk.live())) if desk else None

    # --- events ----------------------------------------------------------------------------------------------------

    def _changed(self, status: InstanceStatus, now: float) -> None:
        instance = self._roster.instances.get(status.id)
        if instance is None or instance.model.launch is None:
            return
        desk = self._roster.desk_of(instance)
        before, instance.state, instance.reason = instance.state, status.state, status.reason
        self._roster.count(instance)
        if status.memory_bytes is not None:
            self._staffing.measured(instance, status.memory_bytes)
        if status.state is before:
            return
        if status.load_s is not None:
            desk.load_s = status.load_s
        if before is InstanceState.READY:
            # It will be another process, which knows nothing of what this one was told.
            self._seating.lost(instance)
            instance.breaker = Breaker()
        if status.state is InstanceState.STOPPED or (status.state is InstanceState.FAILED and instance.leaving):
            self._staffing.gone(instance)
            self._seating.reconsider(desk, now)
        elif status.state is InstanceState.FAILED:
            if desk.asked_since is not None and desk.failure is not None:
                desk.asked_since = None
            self._staffing.failed(instance)
            self._seating.reconsider(desk, now)
        elif status.state is InstanceState.READY and not instance.leaving:
            self._staffing.became_ready(instance, now)
            self._seating.serve((desk,), now)
        else:
            self._staffing.noticed(desk)

    def _load(self, name: str, now: float) -> None:
        desk = self._roster.desks.get(name)
        if desk is None or desk.removed:
            self._out.append(NotLoaded(model=name, reason=f"there is no model {name!r}"))
            return
        self._staffing.ask(desk, now)

    def _unload(self, name: str, drain: bool, now: float) -> None:
        desk = self._roster.desks.get(name)
        if desk is None or desk.removed:
            return
        desk.held = True
        self._staffing.unload(desk, drain=drain, reason="unloaded by hand")
        self._seating.strand(desk, f"model {name!r} was unloaded by hand", now)

    def _reconfigure(self, models: Mapping[str, Model], settings: DispatchSettings | None, now: float) -> None:
        if settings is not None:
            self._seating.settings = settings
            self._staffing.configure(settings)
        removed = [desk for desk in self._roster.desks.values() if not desk.removed and desk.name not in models]
        changed = [
            (desk, models[desk.name])
            for desk in list(self._roster.desks.values())
            if desk.name in models and (desk.removed or models[desk.name] != desk.model)
        ]
        added = {name: model for name, model in models.items() if name not in self._roster.desks}
        for desk in removed:
            self._remove(desk, now)
        for desk, model in changed:
            self._change(desk, model)
        self._add(added)
        self._staffing.recount()
        self._seating.serve([desk for desk, _ in changed if not desk.removed], now)

    def _remove(self, desk: Desk, now: float) -> None:
        desk.removed = True
        self._staffing.unload(desk, drain=True, reason="no longer configured")
        self._seating.strand(desk, f"model {desk.name!r} is no longer configured", now)
        self._roster.drop(desk)

    def _change(self, desk: Desk, model: Model) -> None:
        before = desk.model
        self._roster.configure(model)
        if (before.launch is None) != (model.launch is None):
            self._staffing.unload(desk, drain=True, reason="its configuration changed")
            if model.launch is None:
                self._staffing.serve_address(desk)
            return
        for instance in desk.instances.values():
            instance.model = replace(model, launch=instance.model.launch)
            self._roster.count(instance)
        if model.launch is None:
            self._staffing.serve_address(desk)
            if before.deployment.base_url != model.deployment.base_url:
                for instance in desk.instances.values():
                    self._seating.lost(instance)
                    instance.breaker = Breaker()
        elif before.launch != model.launch:
            desk.load_s = desk.measured_bytes = None
            self._staffing.renew(desk)
        self._staffing.watch(desk)
        self._staffing.noticed(desk)

    def _add(self, models: Mapping[str, Model]) -> None:
        for model in models.values():
            desk = self._roster.configure(model)
            if model.launch is None:
                self._staffing.serve_address(desk)
            self._staffing.noticed(desk)

    def _tick(self, now: float) -> None:
        self._begun = True
        self._seating.expire(now)
        for key in self._alarms.due(now):
            self._staffing.on_alarm(key, now)
            kind, name = key
            if kind == "desk" and (desk := self._roster.desks.get(name)) is not None:
                self._seating.serve((desk,), now)

    def _follow(self, now: float) -> None:
        """Order what follows, until nothing does."""
        for _ in range(MAX_ROUNDS):
            if self._staffing.look and self._begun:
                for desk, reason in self._staffing.review(now):
                    if desk.asked_since is not None:
                        desk.asked_since = None
                        self._out.append(NotLoaded(model=desk.name, reason=reason))
                    self._seating.strand(desk, reason, now)
            reopened = [self._roster.desks[name] for name in self._staffing.reopened if name in self._roster.desks]
            self._staffing.reopened.clear()
            self._seating.serve(reopened, now)
            if not self._staffing.look:
                return
