"""Who waits, who is next, and who has waited too long."""

from __future__ import annotations

import math

import pytest

from loro_core.decide.admit import Full, Queue
from loro_core.models import Ticket


def ticket(number, caller="", *models, cost=1, **more) -> Ticket:
    return Ticket(id=number, caller=caller, models=models or ("m",), cost=cost, arrived=float(number), **more)


def queue(*tickets, max_waiting=100) -> Queue:
    waiting = Queue(max_waiting)
    for one in tickets:
        assert not isinstance(waiting.offer(one), Full)
    return waiting


def order(waiting: Queue, room=("m",), now=0.0) -> list[int]:
    """Return the ids of the tickets as they are given seats, one after the other."""
    found = []
    while (one := waiting.next_for(set(room), now)) is not None:
        found.append(one.id)
    return found


def test_equal_tickets_of_several_callers_are_served_in_turn():
    flood = [ticket(number, "flood") for number in range(4)]
    assert order(queue(*flood, ticket(4, "other"), ticket(5, "other"))) == [0, 4, 1, 5, 2, 3]


def test_the_small_prompts_of_others_pass_a_big_one_and_not_more_than_its_worth_of_them():
    big = [ticket(number, "big", cost=100) for number in range(2)]
    small = [ticket(number, "small", cost=10) for number in range(2, 32)]
    served = order(queue(*big, *small))
    assert served[:9] == list(range(2, 11))
    assert served.index(0) == 9 and served.index(1) == 20


def test_one_callers_tickets_are_served_first_come_first_served_whatever_they_cost():
    assert order(queue(ticket(1, "a", cost=50), ticket(2, "a"), ticket(3, "a", cost=7))) == [1, 2, 3]


def test_only_what_has_room_is_served():
    waiting = queue(ticket(1, "a", "x"), ticket(2, "b", "y"), ticket(3, "c", "x", "y"))
    assert waiting.next_for({"z"}, 0.0) is None and waiting.next_for((), 0.0) is None
    assert order(waiting, room=["y"]) == [2, 3]
    assert order(waiting, room=["x"]) == [1]


def test_an_instance_that_failed_a_ticket_is_no_room_for_it():
    waiting = queue(ticket(1, "a", "x", "y", avoid=frozenset({"x-1"})), ticket(2, "b", "x"))
    first = waiting.next_for({"x": {"x-1"}}, 0.0)
    assert first is not None and first.id == 2
    assert waiting.next_for({"x": ["x-1"], "y": []}, 0.0) is None
    other_model = queue(ticket(1, "a", "x", "y", avoid=frozenset({"x-1"})))
    assert other_model.next_for({"x": ["x-1"], "y": ["y-1"]}, 0.0) is not None
    other_instance = queue(ticket(1, "a", "x", avoid=frozenset({"x-1"})))
    assert other_instance.next_for({"x": ["x-1", "x-2"]}, 0.0) is not None


def test_waiting_for_a_model_without_room_saves_nothing_up():
    waiting = queue(*(ticket(number, "patient", "x") for number in range(3)), ticket(9, "busy", "y", cost=1000))
    assert order(waiting, room=["y"]) == [9]
    for number in range(10, 13):
        waiting.offer(ticket(number, "new", "x"))
    assert order(waiting, room=["x"]) == [0, 10, 1, 11, 2, 12]


def test_the_bound_holds_but_for_those_that_were_let_in_before():
    waiting = queue(ticket(1), ticket(2), max_waiting=2)
    assert waiting.offer(ticket(3)) == Full(waiting=2)
    assert 3 not in waiting
    assert waiting.offer(ticket(4, avoid=frozenset({"m-1"}))) == 2
    assert len(waiting) == 3
    assert Queue(0).offer(ticket(1)) == Full(waiting=0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (ticket(1), "ticket 1 waits already"),
        (Ticket(id=2, models=()), "for no model"),
        (ticket(3, cost=0), "costs 0, needs >= 1"),
    ],
)
def test_a_ticket_that_cannot_be_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        queue(ticket(1)).offer(wrong)


def test_a_bound_below_nought_is_refused():
    with pytest.raises(ValueError, match="max_waiting is -1"):
        Queue(-1)


def test_deadlines():
    waiting = queue(ticket(1, deadline=5.0), ticket(2, deadline=3.0), ticket(3))
    assert waiting.next_deadline == 3.0
    assert waiting.expired(2.9) == []
    assert [one.id for one in waiting.expired(5.0)] == [2, 1]
    assert waiting.expired(5.0) == [] and waiting.next_deadline == math.inf
    assert order(waiting, now=5.0) == [3]


def test_a_late_ticket_is_not_served_and_still_told():
    waiting = queue(ticket(1, deadline=3.0), ticket(2))
    assert order(waiting, now=3.0) == [2]
    assert len(waiting) == 0 and waiting.next_deadline == -math.inf
    assert [one.id for one in waiting.expired(3.0)] == [1]
    late = queue(ticket(1, deadline=3.0))
    late.next_for({"m"}, 3.0)
    withdrawn = late.withdraw(1)
    assert withdrawn is not None and withdrawn.id == 1
    assert late.expired(3.0) == []


def test_a_withdrawn_ticket_is_out():
    waiting = queue(ticket(1, "a"), ticket(2, "a"), ticket(3, "b"))
    withdrawn = waiting.withdraw(1)
    assert withdrawn is not None and withdrawn.id == 1
    assert waiting.withdraw(1) is None and waiting.withdraw(99) is None
    assert order(waiting) == [2, 3]


def test_what_a_line_is_owed_beyond_its_next_ticket_is_taken_from_nobody():
    waiting = queue(ticket(1, "a", cost=100), ticket(2, "a"), ticket(3, "b", cost=60), ticket(4, "c", cost=60))
    assert waiting.next_for({"m"}, 0.0) == ticket(3, "b", cost=60)
    waiting.withdraw(1)  # its line is owed 60, and now needs 1
    assert waiting.next_for({"m"}, 0.0) == ticket(2, "a")
    waiting.offer(ticket(5, "d", cost=30))
    assert order(waiting) == [4, 5]


def test_positions():
    waiting = Queue(10)
    assert waiting.offer(ticket(1, "a", "x", cost=10)) == 1
    assert waiting.offer(ticket(2, "b", "x", cost=10)) == 2
    assert waiting.offer(ticket(3, "c", "y", cost=10)) == 1
    assert waiting.offer(ticket(4, "d", "x", "y", cost=10)) == 4
    assert waiting.offer(ticket(5, "a", "x", cost=10)) == 4
    assert waiting.offer(ticket(6, "e", "x", cost=5)) == 1
    assert [waiting.position(number) for number in (6, 1, 2, 4, 5, 7)] == [1, 2, 3, 5, 5, None]


def test_how_many_wait_for_a_model_and_how_long():
    waiting = queue(ticket(1, "a", "x", "y"), ticket(2, "b", "y"))
    assert (waiting.waiting("x"), waiting.waiting("y"), waiting.waiting("z")) == (1, 2, 0)
    assert (waiting.oldest("x", 4.0), waiting.oldest("y", 4.0), waiting.oldest("z", 4.0)) == (3.0, 3.0, 0.0)
    waiting.withdraw(1)
    assert (waiting.waiting("x"), waiting.oldest("y", 4.0)) == (0, 2.0)
