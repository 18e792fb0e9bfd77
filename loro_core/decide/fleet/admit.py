"""Who waits for a seat, and who is next: a bounded queue that is fair between callers in the work they ask for.

Tickets with the same `models` (and the same `avoid`) wait in one *lane*; in a lane each caller has a *line*, first
come, first served. Whenever a seat is given, every line that could have had it is owed the same amount, and the least
amount that lets one of them pay for its first ticket:

    owed(line) += min over those lines of max(0, cost(first ticket) - owed(line))

The line that can pay is next, and pays. This is deficit round robin with a quantum of one character, without going
round: a lane keeps the sum of what was owed as its clock, which stands still while no seat that it could have is given,
so nobody saves up by waiting for something else. A line that becomes empty is forgotten, with what it was owed.

What follows, held by tests:

1. A line is never owed more than the dearest ticket that it has had at its head, C. Two callers that wait in a lane all
   the while get the same work, to within the sum of their C.
2. A ticket at the head of its line sees every other line get no more than its own cost and that line's C: nobody
   starves, however many come, and one big prompt waits while the small ones of others pass it, not the other way round.
3. What is offered leaves exactly once: by `next_for`, `withdraw` or `expired`.

A caller whose tickets are for different models has a line for each; they are counted apart. Tickets whose caller nobody
knows are one caller's.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Collection, Mapping

from msgspec import Struct

from loro_core.models import Ticket


class Full(Struct, frozen=True, kw_only=True):
    """The queue takes no more. waiting: how many there are."""

    waiting: int


class Queue:
    """The tickets that wait. `now` is the runtime's clock.

    max_waiting: how many may wait at once, >= 0. A ticket that avoids an instance has been let in before and failed
    there; it is taken beyond the bound, for there are no more of them than there are seats.
    """

    def __init__(self, max_waiting: int) -> None:
        if max_waiting < 0:
            raise ValueError(f"max_waiting is {max_waiting}, needs >= 0")
        self._max_waiting = max_waiting
        self._waiting: dict[int, Ticket] = {}
        self._late: dict[int, Ticket] = {}
        self._lanes: dict[_Key, _Lane] = {}
        self._by_model: dict[str, dict[_Lane, None]] = {}
        self._deadlines = _Ordered()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, ticket_id: int) -> bool:
        return ticket_id in self._waiting

    @property
    def next_deadline(self) -> float:
        """When `expired` has something to say; infinity for never."""
        if self._late:
            return -math.inf
        return self._deadlines.first[0] if self._waiting else math.inf

    def offer(self, ticket: Ticket) -> int | Full:
        """Take `ticket` and return its position, from 1; or Full, and it is not taken.

        Raises ValueError if a ticket of its id waits, if it names no model, or if it costs nothing.
        """
        if ticket.id in self._waiting or ticket.id in self._late:
            raise ValueError(f"ticket {ticket.id} waits already")
        if not ticket.models:
            raise ValueError(f"ticket {ticket.id} is for no model, needs at least one")
        if ticket.cost < 1:
            raise ValueError(f"ticket {ticket.id} costs {ticket.cost}, needs >= 1")
        if len(self) >= self._max_waiting and not ticket.avoid:
            return Full(waiting=len(self))
        key = (ticket.models, ticket.avoid)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(ticket.models, ticket.avoid)
            for model in ticket.models:
                self._by_model.setdefault(model, {})[lane] = None
        self._waiting[ticket.id] = ticket
        self._deadlines.add((ticket.deadline, ticket.arrived, ticket.id))
        lane.add(ticket)
        return 1 if len(self) == 1 else self._position(ticket)

    def withdraw(self, ticket_id: int) -> Ticket | None:
        """Take out the ticket of this id and return it; None if it does not wait (any more)."""
        late = self._late.pop(ticket_id, None)
        if late is not None:
            return late
        ticket = self._waiting.get(ticket_id)
        return None if ticket is None else self._take(ticket)

    def expired(self, now: float) -> list[Ticket]:
        """Take out the tickets whose deadline has come, the earliest first."""
        self._set_late_aside(now)
        late = list(self._late.values())
        self._late.clear()
        return late

    def next_for(self, room: Mapping[str, Collection[str]] | Collection[str], now: float) -> Ticket | None:
        """Take out and return the ticket whose turn it is, of those that `room` could serve; None if there is none.

        room: by model, the instances with a free seat; an instance that a ticket avoids is none for it. Models alone
            stand for instances that nobody avoids.
        A ticket whose deadline has come is never returned; it is left to `expired`.
        O(lanes of these models + log n).
        """
        self._set_late_aside(now)
        if not self._waiting:
            return None
        lanes: dict[_Lane, None] = {}
        for model in room if len(room) <= len(self._by_model) else [m for m in self._by_model if m in room]:
            for lane in self._by_model.get(model, ()):
                if lane not in lanes and lane.may_have(room):
                    lanes[lane] = None
        if not lanes:
            return None
        lacks, _, ticket_id = min(lane.first() for lane in lanes)
        for lane in lanes:
            lane.clock += lacks
        return self._take(self._waiting[ticket_id], paid=True)

    def position(self, ticket_id: int) -> int | None:
        """Return how many tickets go before this one, and it: 1 for the next; None if it does not wait.

        Before it go those for one of the same models that would be given a seat first, if each of these models had one
        to give from now on and nobody came. Exact where callers wait with one ticket each; of longer lines the tickets
        behind the first are taken for equal. It may fall back: whoever comes with less work may go first.
        O(lanes of these models x log n + callers who wait with several tickets + tickets of the caller).
        """
        ticket = self._waiting.get(ticket_id)
        return None if ticket is None else self._position(ticket)

    def waiting(self, model: str) -> int:
        """Return how many tickets wait that `model` may serve."""
        return sum(len(lane) for lane in self._by_model.get(model, ()))

    def oldest(self, model: str, now: float) -> float:
        """Return for how many seconds the first of those has waited that `model` may serve; 0.0 if nobody waits."""
        arrived = min((lane.oldest() for lane in self._by_model.get(model, ())), default=now)
        return max(0.0, now - arrived)

    def _take(self, ticket: Ticket, *, paid: bool = False) -> Ticket:
        del self._waiting[ticket.id]
        self._deadlines.remove((ticket.deadline, ticket.arrived, ticket.id))
        key = (ticket.models, ticket.avoid)
        lane = self._lanes[key]
        lane.remove(ticket, paid=paid)
        if not len(lane):
            del self._lanes[key]
            for model in dict.fromkeys(ticket.models):
                del self._by_model[model][lane]
                if not self._by_model[model]:
                    del self._by_model[model]
        return ticket

    def _set_late_aside(self, now: float) -> None:
        while self._waiting and self._deadlines.first[0] <= now:
            ticket = self._take(self._waiting[self._deadlines.first[2]])
            self._late[ticket.id] = ticket

    def _position(self, ticket: Ticket) -> int:
        index, lacks = self._lanes[ticket.models, ticket.avoid].place(ticket)
        rivals = {lane: None for model in ticket.models for lane in self._by_model[model]}
        before = sum(lane.before(lacks, ticket) for lane in rivals)
        # The caller's own first ticket was counted, too, if that is another one.
        return before + (index - 1 if index else 0) + 1


_Key = tuple[tuple[str, ...], frozenset[str]]
"""What the tickets of a lane have in common: their models, and whom they avoid."""


class _Line:
    """One caller's tickets in one lane.

    since: what the lane's clock was, or would have been, when nothing was owed. due: what it will be when the first
    ticket can be paid. cost: of all tickets.
    """

    __slots__ = ("cost", "due", "since", "tickets")

    def __init__(self, since: int) -> None:
        self.tickets: OrderedDict[int, Ticket] = OrderedDict()
        self.since = since
        self.due = since
        self.cost = 0

    @property
    def head(self) -> Ticket:
        return next(iter(self.tickets.values()))

    def behind_head_within(self, lacks: int, clock: int) -> int:
        """Return how many of the tickets behind the first are paid, too, once `lacks` more is owed."""
        others = len(self.tickets) - 1
        rest = self.cost - self.head.cost
        return max(0, min(others, (clock + lacks - self.since - self.head.cost) * others // rest))


class _Lane:
    """The tickets for one list of models. clock: what each line was owed since the lane began; no due is before it."""

    __slots__ = ("_arrivals", "_avoid", "_heads", "_lines", "_long", "_models", "clock")

    def __init__(self, models: tuple[str, ...], avoid: frozenset[str]) -> None:
        self._models = models
        self._avoid = avoid
        self._lines: dict[str, _Line] = {}
        self._long: dict[str, _Line] = {}
        self._heads = _Ordered()
        self._arrivals = _Ordered()
        self.clock = 0

    def __len__(self) -> int:
        return len(self._arrivals)

    def may_have(self, room: Mapping[str, Collection[str]] | Collection[str]) -> bool:
        if not isinstance(room, Mapping):
            return any(model in room for model in self._models)
        return any(instance not in self._avoid for model in self._models for instance in room.get(model, ()))

    def first(self) -> tuple[int, float, int]:
        """Return what the next ticket lacks, when it arrived, and its id. There must be one."""
        due, arrived, ticket_id = self._heads.first
        return int(due) - self.clock, arrived, ticket_id

    def oldest(self) -> float:
        """Return when the first ticket arrived. There must be one."""
        return self._arrivals.first[0]

    def place(self, ticket: Ticket) -> tuple[int, int]:
        """Return how many of its line's tickets are before `ticket`, and what it lacks."""
        line = self._lines[ticket.caller]
        due = line.since
        for index, other in enumerate(line.tickets.values()):
            due += other.cost
            if other is ticket:
                return index, max(0, due - self.clock)
        raise LookupError(f"ticket {ticket.id} is not in its line")

    def before(self, lacks: int, ticket: Ticket) -> int:
        """Return how many go before `ticket`, which lacks so much, of the first in line and of those behind others."""
        count = self._heads.before((self.clock + lacks, ticket.arrived, ticket.id))
        return count + sum(
            line.behind_head_within(lacks, self.clock) for caller, line in self._long.items() if caller != ticket.caller
        )

    def add(self, ticket: Ticket) -> None:
        line = self._lines.get(ticket.caller)
        if line is None:
            line = self._lines[ticket.caller] = _Line(self.clock)
        line.tickets[ticket.id] = ticket
        line.cost += ticket.cost
        self._arrivals.add((ticket.arrived, ticket.arrived, ticket.id))
        if len(line.tickets) == 1:
            self._put_in_order(line)
        else:
            self._long[ticket.caller] = line

    def remove(self, ticket: Ticket, *, paid: bool) -> None:
        """Forget `ticket`. paid: whether its line pays for it."""
        line = self._lines[ticket.caller]
        was_head = line.head is ticket
        if was_head:
            self._heads.remove((line.due, ticket.arrived, ticket.id))
        self._arrivals.remove((ticket.arrived, ticket.arrived, ticket.id))
        del line.tickets[ticket.id]
        line.cost -= ticket.cost
        if paid:
            line.since += ticket.cost
        if len(line.tickets) < 2:
            self._long.pop(ticket.caller, None)
        if not line.tickets:
            del self._lines[ticket.caller]
        elif was_head:
            self._put_in_order(line)

    def _put_in_order(self, line: _Line) -> None:
        head = line.head
        line.due = max(line.since + head.cost, self.clock)
        self._heads.add((line.due, head.arrived, head.id))


class _Ordered:
    """Entries in order, each there once. O(log n) comparisons, and at worst one move of n pointers: some microseconds
    for ten thousand.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[tuple[float, float, int]] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first(self) -> tuple[float, float, int]:
        """The least; there must be one."""
        return self._entries[0]

    def add(self, entry: tuple[float, float, int]) -> None:
        insort(self._entries, entry)

    def remove(self, entry: tuple[float, float, int]) -> None:
        """Take out `entry`, which must be there."""
        del self._entries[bisect_left(self._entries, entry)]

    def before(self, entry: tuple[float, float, int]) -> int:
        """Return how many are less than `entry`."""
        return bisect_left(self._entries, entry)
