"""Which request gets which seat: the queue, and the balancing policies, over the instances that are open.

    a request     and                                                          then
    ------------  -----------------------------------------------------------  ------------------------------------
    arrives       an instance of its models is open                            1 granted, by the balancing policy
                  one of its models can be served, and the queue is not full   2 waits, and counts on that model
                  none of them can be served until somebody acts               3 refused, with the reason
                  the queue is full                                            4 refused (full)
    waits         a seat is free that it may have, and it is its turn          5 granted
                  its deadline comes                                           6 refused; what loads for it goes on
                  its model cannot be served any more                          7 counts on another of its models, or 3
                  its caller leaves                                            8 withdrawn; its load may be abandoned
    has a seat    its call is over, or its caller leaves                       9 the seat is free

After every event no request waits that could have a seat, so whoever arrives and finds one passes nobody.

A request counts on the first of its models that (a) has a live instance which has not failed it, or (b) can be loaded,
or (c) has at least a live instance. In the case (c) what it avoids is all there is, and it avoids nothing.

An instance whose breaker is open gets nothing while another instance that the request may have is ready, if only to
wait for; where there is none, it is asked all the same, first come, first served.
"""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from loro_core.decide import scaling
from loro_core.decide.admit import Queue
from loro_core.decide.alarms import Alarms
from loro_core.decide.balance import Balancer, PrefixIndex
from loro_core.decide.orders import Action, DispatchSettings, Grant, Outcome, Refuse
from loro_core.decide.roster import Desk, Instance, Roster
from loro_core.decide.staffing import Key, Staffing
from loro_core.models import Candidate, Model, Ticket

SHORTLIST = 16
"""A policy is shown so many open instances of a model at most, drawn by chance, and the one that served the call last:
the best of 16 is nearly the best of all, and a choice costs the same among a thousand as among a hundred."""

MAX_CALLS = 65_536
"""So many conversations are remembered with the instance that served them last, the latest ones."""

LONGEST_RETRY_S = 60.0


class Seating:
    """Tickets on one side, seats on the other. Orders are appended to `out`."""

    def __init__(
        self,
        roster: Roster,
        staffing: Staffing,
        *,
        settings: DispatchSettings,
        balancer_of: Callable[[Model], Balancer],
        rng: random.Random,
        alarms: Alarms[Key],
        out: list[Action],
    ) -> None:
        self.settings = settings
        # The bound is looked at in `arrived`, for it may change while tickets wait.
        self.queue = Queue(sys.maxsize)
        self._roster = roster
        self._staffing = staffing
        self._balancer_of = balancer_of
        self._rng = rng
        self._alarms = alarms
        self._out = out
        self._homes: dict[int, Desk] = {}
        self._owners: dict[int, tuple[Instance, float]] = {}
        self._prefixes = PrefixIndex()
        self._holders: OrderedDict[str, str] = OrderedDict()

    # --- what happened ---------------------------------------------------------------------------------------------

    def arrived(self, ticket: Ticket, now: float) -> None:
        """Grant, queue or refuse `ticket`."""
        desks = self._roster.known(ticket.models)
        if not desks:
            self._refuse(ticket, f"there is no model {ticket.models[0]!r}", retry_after_s=LONGEST_RETRY_S)
            return
        desks[0].note_request(now)
        deadline = min(ticket.deadline, now + self.settings.queue_deadline_s)
        self._enter(replace(ticket, arrived=min(ticket.arrived, now), deadline=deadline), desks, now)

    def left(self, ticket_id: int, now: float) -> None:
        """Take a caller's ticket, or the seat it has not seen yet, back.                                           8"""
        home = self._withdraw(ticket_id)
        if home is not None:
            self._staffing.abandon(home)
        elif ticket_id in self._owners:
            self.returned(ticket_id, self._owners[ticket_id][0].id, "cancelled", None, now)

    def returned(
        self, ticket_id: int, instance_id: str, outcome: Outcome, first_token_s: float | None, now: float
    ) -> None:
        """Free a seat, learn from its call, and give it to who waits.                                              9"""
        instance, since = self._owners.get(ticket_id, (None, now))
        if instance is None or instance.id != instance_id:
            return
        del self._owners[ticket_id]
        instance.seats.discard(ticket_id)
        self._roster.count(instance)
        desk = self._roster.desk_of(instance)
        if first_token_s is not None:
            instance.first_token.observe(first_token_s, now)
        if outcome == "answered":
            instance.breaker.answered(now)
            desk.note_call(now - since)
        elif outcome == "failed":
            instance.breaker.failed(now)
        else:
            instance.breaker.let_go(now)
        self._alarms.set(("desk", desk.name), self._reopens_at(instance, now))
        self.serve((desk,), now)
        if not instance.seats:
            self._staffing.emptied(instance, now)

    def expire(self, now: float) -> None:
        """Refuse whose deadline has come.                                                                          6"""
        for ticket in self.queue.expired(now):
            home = self._homes.pop(ticket.id)
            del home.wanting[ticket.id]
            ready = any(instance.ready for instance in home.live())
            what = "had no free seat" if ready else "is not loaded yet"
            self._refuse(
                ticket,
                f"model {home.name!r} {what} after {now - ticket.arrived:.3g} s",
                retry_after_s=self._retry_after_s(home),
                home=home,
            )
            self._staffing.owe(home)
            self._staffing.noticed(home)

    def strand(self, desk: Desk, reason: str, now: float) -> None:
        """Let those who count on `desk` count on another model, or refuse them.                                    7"""
        for ticket in list(desk.wanting.values()):
            self._withdraw(ticket.id)
            others = [other for other in self._roster.known(ticket.models) if other is not desk]
            self._enter(ticket, others, now, reason=reason)
        self._staffing.noticed(desk)

    def reconsider(self, desk: Desk, now: float) -> None:
        """Take in that an instance of `desk` is lost: who waited for it counts on what is left.                    7"""
        failure = desk.failure
        if failure is not None:
            self.strand(desk, f"model {desk.name!r} cannot be served: {failure}", now)
            return
        for ticket in [ticket for ticket in desk.wanting.values() if ticket.avoid or len(ticket.models) > 1]:
            self._withdraw(ticket.id)
            self._enter(ticket, self._roster.known(ticket.models), now)
        self._staffing.noticed(desk)

    def serve(self, desks: Iterable[Desk], now: float) -> None:
        """Give the open seats of `desks` to who waits for them.                                                    5"""
        for desk in desks:
            while self.queue.waiting(desk.name) and desk.room(self.settings.max_load):
                room = {desk.name: [i.id for i in desk.open.values() if i.breaker.allows(now)]}
                ticket = self.queue.next_for(room, now) if room[desk.name] else self._last_resort(desk, now)
                if ticket is None:
                    break
                home = self._homes.pop(ticket.id)
                del home.wanting[ticket.id]
                usable = self._usable(self._roster.known(ticket.models), ticket, now)
                self._grant(self._pick(usable, ticket, now), ticket, now)
                self._staffing.noticed(home)

    def lost(self, instance: Instance) -> None:
        """Take in that `instance` has forgotten what it was told: its process is a new one, or none."""
        self._prefixes.forget(instance.id)

    # --- what is known ---------------------------------------------------------------------------------------------

    def home(self, ticket_id: int) -> Desk | None:
        """Return the desk that a waiting ticket counts on; None if it does not wait."""
        return self._homes.get(ticket_id)

    def candidate(self, instance: Instance, now: float, ticket: Ticket | None = None) -> Candidate:
        """Return `instance` as a policy sees it that has to choose for `ticket`."""
        return Candidate(
            instance=instance.id,
            model=instance.model.name,
            in_flight=len(instance.seats),
            slots=instance.model.slots,
            weight=instance.model.weight,
            first_token_s=instance.first_token.value(now),
            last_picked=instance.last_picked,
            served=instance.served,
            matched=self._prefixes.matched(instance.id, ticket.prefix) if ticket and ticket.prefix else 0,
            holds_call=ticket is not None and bool(ticket.call) and self._holders.get(ticket.call) == instance.id,
        )

    # --- waiting ---------------------------------------------------------------------------------------------------

    def _enter(self, ticket: Ticket, desks: list[Desk], now: float, *, reason: str | None = None) -> None:
        """Grant, queue or refuse a ticket that does not wait. desks: those it may have; reason: why there is none."""
        found = self._choose_home(desks, ticket)
        if found is None:  # 3
            why = reason or self._why_none(desks)
            self._refuse(ticket, why, retry_after_s=LONGEST_RETRY_S, home=desks[0] if desks else None)
            return
        home, must_avoid = found
        if not must_avoid:
            ticket = replace(ticket, avoid=frozenset())
        usable = self._usable(desks, ticket, now)
        if usable:  # 1
            self._grant(self._pick(usable, ticket, now), ticket, now)
            return
        if reason is None and len(self.queue) >= self.settings.max_waiting and not ticket.avoid:  # 4
            self._refuse(
                ticket,
                f"{len(self.queue)} requests wait already",
                retry_after_s=self._retry_after_s(home),
                full=True,
                home=home,
            )
            return
        self.queue.offer(ticket)  # 2
        self._homes[ticket.id] = home
        late = home.wanting and next(reversed(home.wanting.values())).arrived > ticket.arrived
        home.wanting[ticket.id] = ticket
        if late:
            home.wanting = dict(sorted(home.wanting.items(), key=lambda item: item[1].arrived))
        self._staffing.noticed(home)

    def _choose_home(self, desks: list[Desk], ticket: Ticket) -> tuple[Desk, bool] | None:
        """Return which of `desks` a ticket counts on, and whether what it avoids is to be avoided."""
        for desk in desks:
            if any(instance.id not in ticket.avoid for instance in desk.live()):
                return desk, True
        for desk in desks:
            if not desk.served and desk.failure is None and self._staffing.never(desk) is None:
                return desk, True
        return next(((desk, False) for desk in desks if desk.served), None)

    def _why_none(self, desks: list[Desk]) -> str:
        reasons = []
        for desk in desks:
            failure = desk.failure
            reasons.append(
                f"model {desk.name!r} cannot be served: {failure}" if failure else self._staffing.never(desk) or "?"
            )
        return "; ".join(reasons)

    def _withdraw(self, ticket_id: int) -> Desk | None:
        """Take a ticket out of the queue; return what it counted on, None if it does not wait."""
        if self.queue.withdraw(ticket_id) is None:
            return None
        home = self._homes.pop(ticket_id)
        del home.wanting[ticket_id]
        return home

    def _refuse(
        self, ticket: Ticket, reason: str, *, retry_after_s: float, full: bool = False, home: Desk | None = None
    ) -> None:
        name = home.name if home else ticket.models[0]
        self._out.append(Refuse(ticket_id=ticket.id, model=name, reason=reason, retry_after_s=retry_after_s, full=full))

    def _retry_after_s(self, desk: Desk) -> float:
        """Return when another try is worth it: about when those who wait now will have been served."""
        seats = desk.seats(self.settings.max_load)
        if not seats:
            return min(LONGEST_RETRY_S, max(1.0, scaling.reload_s(desk.load_s, desk.model.size_bytes)))
        call_s = desk.call_s if desk.call_s is not None else 1.0
        return min(LONGEST_RETRY_S, max(1.0, call_s * (1 + len(desk.wanting) / seats)))

    # --- seats -----------------------------------------------------------------------------------------------------

    def _usable(self, desks: Iterable[Desk], ticket: Ticket, now: float) -> list[Instance]:
        """Return the open instances that `ticket` may have a seat at now."""
        max_load = self.settings.max_load
        spare = [instance for desk in desks if desk.room(max_load) for instance in self._shortlist(desk, ticket, now)]
        allowed = [instance for instance in spare if instance.breaker.allows(now)]
        return allowed if allowed or not spare or self._may_wait_for_better(ticket, now) else spare

    def _shortlist(self, desk: Desk, ticket: Ticket, now: float) -> list[Instance]:
        spare = [instance for instance in desk.open.values() if instance.id not in ticket.avoid]
        if len(spare) <= SHORTLIST:
            return spare
        drawn = self._rng.sample(spare, SHORTLIST)
        if not any(instance.breaker.allows(now) for instance in drawn):
            return spare
        holder = desk.open.get(self._holders.get(ticket.call, ""))
        return drawn if holder is None or holder not in spare or holder in drawn else [*drawn, holder]

    def _may_wait_for_better(self, ticket: Ticket, now: float) -> bool:
        """Whether an instance is ready that `ticket` may have and whose breaker allows calls, though it is full."""
        return any(
            instance.ready and instance.id not in ticket.avoid and instance.breaker.allows(now)
            for desk in self._roster.known(ticket.models)
            for instance in desk.live()
        )

    def _last_resort(self, desk: Desk, now: float) -> Ticket | None:
        """Take out the first ticket that may have an open instance of `desk` though no breaker allows that."""
        for ticket in desk.wanting.values():
            if all(id_ in ticket.avoid for id_ in desk.open) or self._may_wait_for_better(ticket, now):
                continue
            return self.queue.withdraw(ticket.id)
        return None

    def _pick(self, usable: list[Instance], ticket: Ticket, now: float) -> Instance:
        if len(usable) == 1:
            return usable[0]
        balancer = self._balancer_of(self._roster.known(ticket.models)[0].model)
        candidates = [self.candidate(instance, now, ticket) for instance in usable]
        picked = balancer.pick(candidates, ticket, now, self._rng)
        return self._roster.instances[picked.instance]

    def _grant(self, instance: Instance, ticket: Ticket, now: float) -> None:
        instance.seats.add(ticket.id)
        instance.served += 1
        instance.last_picked = now
        instance.breaker.asked(now)
        self._roster.count(instance)
        self._owners[ticket.id] = (instance, now)
        self._prefixes.note(instance.id, ticket.prefix)
        if ticket.call:
            self._holders[ticket.call] = instance.id
            self._holders.move_to_end(ticket.call)
            if len(self._holders) > MAX_CALLS:
                self._holders.popitem(last=False)
        self._out.append(Grant(ticket_id=ticket.id, instance=instance.id, model=instance.model.name))

    @staticmethod
    def _reopens_at(instance: Instance, now: float) -> float:
        at = instance.breaker.retry_at
        return at if at > now else float("inf")
