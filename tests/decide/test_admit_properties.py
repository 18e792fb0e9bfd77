"""What holds of a queue however tickets come, go and are served."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loro_core.decide.admit import Full, Queue
from loro_core.models import Ticket

INSTANCES = {"x": ("x-1", "x-2"), "y": ("y-1",), "z": ("z-1",)}
callers = st.sampled_from(["ann", "ben", "cid"])
models = st.sampled_from([("x",), ("y",), ("x", "y"), ("z",), ("y", "z")])
costs = st.integers(1, 5) | st.integers(1, 1000)
rooms = st.dictionaries(st.sampled_from("xyz"), st.none(), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sets(st.sampled_from(INSTANCES[name])) for name in names})
)


class Plain:
    """The rule of `admit`, word for word: lines of tickets, and what each is owed."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, tuple[str, ...], frozenset[str]], list[Ticket]] = {}
        self.owed: Counter[tuple[str, tuple[str, ...], frozenset[str]]] = Counter()

    def key(self, ticket: Ticket):
        return ticket.caller, ticket.models, ticket.avoid

    def add(self, ticket: Ticket) -> None:
        self.lines.setdefault(self.key(ticket), []).append(ticket)

    def remove(self, ticket: Ticket) -> None:
        key = self.key(ticket)
        self.lines[key].remove(ticket)
        if not self.lines[key]:
            del self.lines[key], self.owed[key]

    def could_have(self, ticket: Ticket, room) -> bool:
        return any(instance not in ticket.avoid for model in ticket.models for instance in room.get(model, ()))

    def next_for(self, room) -> Ticket | None:
        lacks = {
            key: max(0, line[0].cost - self.owed[key])
            for key, line in self.lines.items()
            if self.could_have(line[0], room)
        }
        if not lacks:
            return None
        least = min(lacks.values())
        for key in lacks:
            self.owed[key] += least
        winner = min((self.lines[key][0] for key in lacks if lacks[key] == least), key=lambda t: (t.arrived, t.id))
        self.owed[self.key(winner)] -= winner.cost
        self.remove(winner)
        return winner


class Waiting(RuleBasedStateMachine):
    """Tickets come, are withdrawn, run out of time and are served: each leaves once, the next is the plain rule's."""

    @initialize(most=st.integers(0, 12))
    def start(self, most: int) -> None:
        self.queue, self.most = Queue(most), most
        self.plain = Plain()
        self.now = 0.0
        self.count = 0
        self.inside: dict[int, Ticket] = {}
        self.left: Counter[int] = Counter()
        self.dearest: Counter[tuple[str, tuple[str, ...], frozenset[str]]] = Counter()

    @rule(caller=callers, models=models, cost=costs, patience=st.just(math.inf) | st.floats(0, 20), data=st.data())
    def a_ticket_comes(self, caller, models, cost, patience, data) -> None:
        self.count += 1
        possible = [instance for model in models for instance in INSTANCES[model]]
        avoid = data.draw(st.just(frozenset[str]()) | st.frozensets(st.sampled_from(possible), max_size=1))
        ticket = Ticket(
            id=self.count,
            models=models,
            caller=caller,
            cost=cost,
            arrived=self.now,
            deadline=self.now + patience,
            avoid=avoid,
        )
        waited = len(self.queue)
        position = self.queue.offer(ticket)
        if isinstance(position, Full):
            assert waited >= self.most and not avoid and position.waiting == waited
            return
        assert 1 <= position <= waited + 1
        self.inside[ticket.id] = ticket
        self.plain.add(ticket)

    @rule(after_s=st.floats(0, 10))
    def time_passes(self, after_s: float) -> None:
        self.now += after_s

    @rule(room=rooms, with_instances=st.booleans())
    def seats_become_free(self, room, with_instances: bool) -> None:
        if not with_instances:
            room = {name: INSTANCES[name] for name in room}
        for ticket in self.late():
            self.plain.remove(ticket)
        expected = self.plain.next_for(room)
        for ticket in self.late():
            self.plain.add(ticket)  # they are still to be told
        served = self.queue.next_for(room, self.now)
        assert served == expected
        if served is not None:
            assert self.now < served.deadline
            self.leaves(served)
        self.hear_of_the_late()

    @rule()
    def hear_of_the_late(self) -> None:
        late = sorted(self.late(), key=lambda t: (t.deadline, t.arrived, t.id))
        assert self.queue.expired(self.now) == late
        for ticket in late:
            self.plain.remove(ticket)
            self.leaves(ticket)

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def a_client_goes_away(self, data) -> None:
        ticket = self.inside[data.draw(st.sampled_from(sorted(self.inside)))]
        assert self.queue.withdraw(ticket.id) is ticket
        assert self.queue.withdraw(ticket.id) is None
        self.plain.remove(ticket)
        self.leaves(ticket)

    def late(self) -> list[Ticket]:
        return [ticket for ticket in self.inside.values() if ticket.deadline <= self.now]

    def leaves(self, ticket: Ticket) -> None:
        del self.inside[ticket.id]
        self.left[ticket.id] += 1

    @invariant()
    def each_ticket_leaves_once(self) -> None:
        assert all(times == 1 for times in self.left.values())
        assert not self.left.keys() & self.inside.keys()
        assert len(self.queue) == len(self.inside)
        assert all(number in self.queue for number in self.inside)

    @invariant()
    def the_bound_holds(self) -> None:
        assert sum(1 for ticket in self.inside.values() if not ticket.avoid) <= self.most

    @invariant()
    def the_numbers_are_right(self) -> None:
        for model in INSTANCES:
            wait = [self.now - t.arrived for t in self.inside.values() if model in t.models]
            assert self.queue.waiting(model) == len(wait)
            assert self.queue.oldest(model, self.now) == max(wait, default=0.0)
        assert self.queue.next_deadline == min((t.deadline for t in self.inside.values()), default=math.inf)
        for number, ticket in self.inside.items():
            position = self.queue.position(number)
            rivals = sum(1 for other in self.inside.values() if set(other.models) & set(ticket.models))
            assert position is not None and 1 <= position <= rivals

    @invariant()
    def nobody_is_owed_more_than_its_dearest_ticket(self) -> None:
        for key, line in self.plain.lines.items():
            self.dearest[key] = max(self.dearest[key], line[0].cost)
            assert 0 <= self.plain.owed[key] <= self.dearest[key]


TestWaiting = Waiting.TestCase
TestWaiting.settings = settings(max_examples=settings().max_examples, stateful_step_count=20)


def offer(queue: Queue, number: int, caller: str, cost: int) -> None:
    assert not isinstance(queue.offer(Ticket(id=number, models=("x",), caller=caller, cost=cost)), Full)


@given(st.lists(st.tuples(costs, costs), min_size=1, max_size=40), st.lists(costs, max_size=40), st.integers(0, 60))
def test_two_callers_who_wait_all_the_while_get_the_same_work(pairs, others, seats):
    """To within a ticket of each: whoever else comes for one ticket and goes."""
    queue = Queue(1000)
    for number, (ann, ben) in enumerate(pairs):
        offer(queue, 2 * number, "ann", ann)
        offer(queue, 2 * number + 1, "ben", ben)
    got, left = Counter[str](), Counter(ann=len(pairs), ben=len(pairs))
    for seat in range(seats):
        if seat < len(others):
            offer(queue, 1000 + seat, f"passer-by {seat}", others[seat])
        served = queue.next_for({"x"}, 0.0)
        if served is None:
            break
        left[served.caller] -= 1
        if 0 in (left["ann"], left["ben"]):
            break
        got[served.caller] += served.cost
        assert abs(got["ann"] - got["ben"]) <= max(a for a, _ in pairs) + max(b for _, b in pairs)


@given(costs, st.lists(costs, min_size=1, max_size=8), st.integers(1, 6))
def test_nobody_starves_however_many_come(cost, stream, at_once):
    """A ticket waits for no more than its own cost and one ticket of work for each place at a table always full."""
    queue, number, work = Queue(1000), 0, 0
    offer(queue, -1, "patient", cost)
    while True:
        while len(queue) < at_once + 1:
            number += 1
            offer(queue, number, f"passer-by {number}", stream[number % len(stream)])
        served = queue.next_for({"x"}, 0.0)
        assert served is not None
        if served.caller == "patient":
            return
        work += served.cost
        assert work <= at_once * (cost + max(stream))


@given(st.lists(costs, min_size=1, max_size=15))
def test_with_one_ticket_a_caller_positions_say_who_is_next(tickets):
    queue = Queue(100)
    for number, cost in enumerate(tickets):
        offer(queue, number, f"caller {number}", cost)
    while len(queue):
        positions = {number: queue.position(number) for number in range(len(tickets)) if number in queue}
        assert sorted(p for p in positions.values() if p) == list(range(1, len(queue) + 1))
        served = queue.next_for({"x"}, 0.0)
        assert served is not None and positions[served.id] == 1
