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

A caller whose tickets are for different models has a line for each; they are counted apart.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from loro_core.models import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
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
        self._waiting: dict[int, _Place] = {}
        self._places: dict[int, _Place] = {}
        self._offers = 0
        self._late: dict[int, Ticket] = {}
        self._lanes: dict[tuple[tuple[str, ...], frozenset[str]], _Lane] = {}
        self._by_model: dict[str, dict[_Lane, None]] = {}
        self._deadlines = _Least(self._places)

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, ticket_id: int) -> bool:
        return ticket_id in self._waiting

    @property
    def next_deadline(self) -> float:
        """When `expired` has something to say; infinity for never."""
        if self._late:
            return -math.inf
        return self._deadlines.first()[0] if self._waiting else math.inf

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
            lane = self._lanes[key] = _Lane(ticket.models, ticket.avoid, self._places)
            for model in ticket.models:
                self._by_model.setdefault(model, {})[lane] = None
        # A ticket that comes again has its id again, but not the number of its offer.
        self._offers += 1
        place = _Place(number=self._offers, ticket=ticket, lane=lane)
        self._waiting[ticket.id] = self._places[place.number] = place
        self._deadlines.push((ticket.deadline, ticket.arrived, place.number))
        lane.add(place.number, ticket)
        return 1 if len(self) == 1 else self._position(place)

    def withdraw(self, ticket_id: int) -> Ticket | None:
        """Take out the ticket of this id and return it; None if it does not wait (any more)."""
        late = self._late.pop(ticket_id, None)
        if late is not None:
            return late
        place = self._waiting.get(ticket_id)
        return None if place is None else self._take(place)

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
        lacks, _, number = min(lane.first() for lane in lanes)
        for lane in lanes:
            lane.clock += lacks
        return self._take(self._places[number], paid=True)

    def position(self, ticket_id: int) -> int | None:
        """Return how many tickets go before this one, and it: 1 for the next; None if it does not wait.

        Before it go those for one of the same models that would be given a seat first, if each of these models had one
        to give from now on and nobody came. Exact where callers wait with one ticket each; of longer lines the tickets
        behind the first are taken for equal. It may fall back: whoever comes with less work may go first.
        O(callers that wait for the same models, and the caller's own tickets).
        """
        place = self._waiting.get(ticket_id)
        return None if place is None else self._position(place)

    def waiting(self, model: str) -> int:
        """Return how many tickets wait that `model` may serve."""
        return sum(lane.size for lane in self._by_model.get(model, ()))

    def oldest(self, model: str, now: float) -> float:
        """Return for how many seconds the first of those has waited that `model` may serve; 0.0 if nobody waits."""
        arrived = min((lane.oldest() for lane in self._by_model.get(model, ())), default=now)
        return max(0.0, now - arrived)

    def _take(self, place: _Place, *, paid: bool = False) -> Ticket:
        ticket, lane = place.ticket, place.lane
        del self._waiting[ticket.id], self._places[place.number]
        self._deadlines.left()
        lane.remove(place.number, ticket, paid=paid)
        if not lane.size:
            del self._lanes[ticket.models, ticket.avoid]
            for model in dict.fromkeys(ticket.models):
                del self._by_model[model][lane]
                if not self._by_model[model]:
                    del self._by_model[model]
        return ticket

    def _set_late_aside(self, now: float) -> None:
        while self._waiting and self._deadlines.first()[0] <= now:
            ticket = self._take(self._places[self._deadlines.first()[2]])
            self._late[ticket.id] = ticket

    def _position(self, place: _Place) -> int:
        ticket, lane = place.ticket, place.lane
        own = lane.lines[ticket.caller]
        needs, before = own.since - lane.clock, 0
        for number, other in own.tickets.items():
            needs += other.cost
            if number == place.number:
                break
            before += 1
        mine = (max(0, needs), ticket.arrived, place.number)
        rivals = {rival: None for model in ticket.models for rival in self._by_model[model]}
        for rival in rivals:
            for line in rival.lines.values():
                if line is not own:
                    before += line.before(mine, rival.clock)
        return before + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a ticket waits. number: of its offer, unlike that of any other."""

    number: int
    ticket: Ticket
    lane: _Lane


class _Line:
    """One caller's tickets in one lane, by number.

    since: what the lane's clock was, or would have been, when nothing was owed. cost: of all tickets.
    """

    __slots__ = ("cost", "since", "tickets")

    def __init__(self, since: int) -> None:
        self.tickets: OrderedDict[int, Ticket] = OrderedDict()
        self.since = since
        self.cost = 0

    @property
    def head(self) -> tuple[int, Ticket]:
        return next(iter(self.tickets.items()))

    def before(self, mine: tuple[int, float, int], clock: int) -> int:
        """Return how many of its tickets go before one of another line.

        mine: what that one lacks, when it arrived, and its number.
        """
        number, head = self.head
        lacks = self.since + head.cost - clock
        if (max(0, lacks), head.arrived, number) > mine:
            return 0
        others = len(self.tickets) - 1
        if not others:
            return 1
        return 1 + min(others, int((mine[0] - lacks) * others / (self.cost - head.cost)))


class _Lane:
    """The tickets for one list of models, never none. clock: what each line was owed since the lane began."""

    __slots__ = ("_arrivals", "_avoid", "_heads", "_models", "clock", "lines", "size")

    def __init__(self, models: tuple[str, ...], avoid: frozenset[str], places: Mapping[int, object]) -> None:
        self._models = models
        self._avoid = avoid
        self._heads = _Least(places)
        self._arrivals = _Least(places)
        self.lines: dict[str, _Line] = {}
        self.clock = 0
        self.size = 0

    def may_have(self, room: Mapping[str, Collection[str]] | Collection[str]) -> bool:
        if not isinstance(room, Mapping):
            return any(model in room for model in self._models)
        return any(instance not in self._avoid for model in self._models for instance in room.get(model, ()))

    def first(self) -> tuple[int, float, int]:
        """Return what the next ticket lacks, when it arrived, and its number."""
        due, arrived, number = self._heads.first()
        return max(0, int(due) - self.clock), arrived, number

    def oldest(self) -> float:
        return self._arrivals.first()[0]

    def add(self, number: int, ticket: Ticket) -> None:
        line = self.lines.get(ticket.caller)
        if line is None:
            line = self.lines[ticket.caller] = _Line(self.clock)
        line.tickets[number] = ticket
        line.cost += ticket.cost
        self.size += 1
        self._arrivals.push((ticket.arrived, ticket.arrived, number))
        if len(line.tickets) == 1:
            self._heads.push((line.since + ticket.cost, ticket.arrived, number))

    def remove(self, number: int, ticket: Ticket, *, paid: bool) -> None:
        """Forget `ticket`, which has lost its place. paid: whether its line pays for it."""
        line = self.lines[ticket.caller]
        was_head = line.head[0] == number
        del line.tickets[number]
        line.cost -= ticket.cost
        self.size -= 1
        self._arrivals.left()
        if paid:
            line.since += ticket.cost
        if was_head:
            self._heads.left()
            if line.tickets:
                after, head = line.head
                self._heads.push((line.since + head.cost, head.arrived, after))
        if not line.tickets:
            del self.lines[ticket.caller]


class _Least:
    """The least of some entries that end in a ticket's number, of those tickets that have a place.

    Entries of the others are dropped when they come up, or all at once when they are the most: all O(log n), amortised,
    in memory for twice as many as have one.
    """

    __slots__ = ("_gone", "_heap", "_places")

    def __init__(self, places: Mapping[int, object]) -> None:
        self._places = places
        self._heap: list[tuple[float, float, int]] = []
        self._gone = 0

    def push(self, entry: tuple[float, float, int]) -> None:
        heapq.heappush(self._heap, entry)

    def left(self) -> None:
        """Take in that the ticket of one entry has lost its place."""
        self._gone += 1
        if 2 * self._gone > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2] in self._places]
            heapq.heapify(self._heap)
            self._gone = 0

    def first(self) -> tuple[float, float, int]:
        """Return it; one of the tickets must wait."""
        heap = self._heap
        while heap[0][2] not in self._places:
            heapq.heappop(heap)
            self._gone -= 1
        return heap[0]
