"""Who has room, who makes it, and who is told that there is none."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.placement import (
    EXACTLY,
    MIN_COST,
    Budget,
    Evict,
    Fits,
    Hold,
    Never,
    Resident,
    Wait,
    Wanted,
    cost,
    excess,
    fits,
    place,
)

WANTED = Wanted(model="new", memory_bytes=4)


def resident(name: str, memory_bytes: int | None, hold: Hold = Hold.IDLE, cost: float = 1.0) -> Resident:
    return Resident(instance=name, memory_bytes=memory_bytes, hold=hold, cost=cost)


def test_without_a_bound_everything_fits():
    residents = [resident(str(n), 10**12, Hold.KEPT) for n in range(50)]
    assert place(WANTED, residents, Budget()) == Fits()


def test_what_is_free_is_enough():
    assert place(WANTED, [resident("a", 4, Hold.IN_USE)], Budget(memory_bytes=8, processes=2)) == Fits()


def test_an_idle_one_goes():
    assert place(WANTED, [resident("a", 5)], Budget(memory_bytes=8)) == Evict(instances=("a",))
    assert place(WANTED, [resident("a", None)], Budget(processes=1)) == Evict(instances=("a",))


def test_the_cheaper_of_two_goes_and_two_cheap_ones_before_a_dear_one():
    two = [resident("dear", 4, cost=9), resident("cheap", 4, cost=2)]
    assert place(WANTED, two, Budget(memory_bytes=8)) == Evict(instances=("cheap",))
    three = [resident("big", 4, cost=9), resident("x", 2, cost=2), resident("y", 2, cost=3)]
    placement = place(WANTED, three, Budget(memory_bytes=8))
    assert isinstance(placement, Evict)
    assert set(placement.instances) == {"x", "y"}


def test_nobody_goes_who_does_not_help():
    residents = [resident("small", 1, cost=0.1), resident("big", 4, cost=5), resident("unknown", None, cost=0.1)]
    assert place(WANTED, residents, Budget(memory_bytes=5)) == Evict(instances=("big",))


@pytest.mark.parametrize("hold", [Hold.IN_USE])
def test_room_in_use_is_waited_for(hold):
    placement = place(WANTED, [resident("a", 8, hold)], Budget(memory_bytes=8))
    assert placement == Wait(reason="a is in use", coming=False)


def test_room_that_is_being_left_is_waited_for_and_nobody_else_goes():
    residents = [resident("going", 4, Hold.LEAVING), resident("idle", 4)]
    assert place(WANTED, residents, Budget(memory_bytes=8)) == Wait(reason="going is leaving", coming=True)


def test_what_comes_and_the_idle_are_taken_together():
    residents = [resident("going", 2, Hold.LEAVING), resident("idle", 2), resident("idler", 2, cost=0.5)]
    assert place(WANTED, residents, Budget(memory_bytes=6)) == Evict(instances=("idler",))


def test_what_is_kept_is_never_had():
    placement = place(WANTED, [resident("pinned", 5, Hold.KEPT), resident("idle", 1)], Budget(memory_bytes=8))
    assert isinstance(placement, Never)
    assert "'new'" in placement.reason
    assert "pinned" in placement.reason
    placement = place(WANTED, [resident("pinned", 5, Hold.KEPT)], Budget(processes=1))
    assert placement == Never(reason="model 'new' needs a process beside pinned, which stay, and there may be 1")


def test_a_model_larger_than_the_budget_is_told_with_both_figures():
    placement = place(Wanted(model="huge", memory_bytes=70 * 10**9), [], Budget(memory_bytes=48 * 10**9))
    assert placement == Never(reason="model 'huge' needs 70 GB, and there are 48 GB of 48 GB for it")


def test_an_unknown_size_takes_nothing_even_where_too_much_is_taken():
    wanted = Wanted(model="new")
    assert place(wanted, [resident("a", 9, Hold.IN_USE)], Budget(memory_bytes=8)) == Fits()
    assert place(wanted, [resident("a", 9)], Budget(memory_bytes=8, processes=1)) == Evict(instances=("a",))


def test_excess_is_taken_from_the_cheapest_that_help():
    residents = [resident("a", 3, cost=5), resident("b", 3, cost=1), resident("c", 3, Hold.IN_USE)]
    assert excess(residents, Budget(memory_bytes=9)) == ()
    assert excess(residents, Budget(memory_bytes=8)) == ("b",)
    assert set(excess(residents, Budget(memory_bytes=2))) == {"a", "b"}
    assert excess(residents, Budget(processes=2)) == ("b",)


def test_eviction_costs_its_reload_as_likely_as_that_is():
    assert cost(reload_s=10, likelihood=0.5) == 5
    assert cost(reload_s=10, likelihood=0.5, priority=1) == 10
    assert cost(reload_s=10, likelihood=0.0) == MIN_COST
    assert cost(reload_s=10, likelihood=1.0, priority=10_000) < 1e6


holds = st.sampled_from(list(Hold))
budgets = st.builds(Budget, memory_bytes=st.none() | st.integers(0, 60), processes=st.none() | st.integers(1, 12))
sizes = st.none() | st.integers(0, 12)
rows = st.lists(st.tuples(sizes, holds, st.floats(MIN_COST, 20)), max_size=EXACTLY + 6)


def built(found: list[tuple[int | None, Hold, float]]) -> list[Resident]:
    return [resident(f"r{n}", size, hold, price) for n, (size, hold, price) in enumerate(found)]


def room(wanted: Wanted, staying: list[Resident], budget: Budget) -> bool:
    taken = sum(one.memory_bytes or 0 for one in staying)
    size = wanted.memory_bytes or 0
    bytes_fit = budget.memory_bytes is None or size == 0 or taken + size <= budget.memory_bytes
    return bytes_fit and (budget.processes is None or len(staying) + 1 <= budget.processes)


@given(rows, sizes, budgets)
def test_what_is_placed_never_exceeds_the_budget(found, size, budget):
    residents, wanted = built(found), Wanted(model="new", memory_bytes=size)
    placement = place(wanted, residents, budget)
    assert isinstance(placement, Fits) == room(wanted, residents, budget)
    taken = sum(one.memory_bytes or 0 for one in residents)
    assert isinstance(placement, Fits) == fits(wanted, taken_bytes=taken, processes=len(residents), budget=budget), (
        "the short way says the same"
    )
    stays = [one for one in residents if one.hold is not Hold.LEAVING]
    if isinstance(placement, Evict):
        gone = set(placement.instances)
        assert gone
        assert all(one.hold is Hold.IDLE for one in residents if one.instance in gone)
        assert room(wanted, [one for one in stays if one.instance not in gone], budget)
        for spared in gone:
            left = [one for one in stays if one.instance not in gone or one.instance == spared]
            assert not room(wanted, left, budget), "one of them goes for nothing"
    elif isinstance(placement, Wait):
        assert room(wanted, stays, budget) == placement.coming
        assert room(wanted, [one for one in stays if one.hold is not Hold.IN_USE], budget) or not placement.coming
    elif isinstance(placement, Never):
        assert not room(wanted, [one for one in residents if one.hold is Hold.KEPT], budget)


@given(rows, st.integers(1, 40), budgets)
def test_the_cheapest_set_is_found_for_certain(found, size, budget):
    residents, wanted = built(found), Wanted(model="new", memory_bytes=size)
    idle = [one for one in residents if one.hold is Hold.IDLE]
    placement = place(wanted, residents, budget)
    if not isinstance(placement, Evict) or len(idle) > 9:
        return
    stays = [one for one in residents if one.hold is not Hold.LEAVING]
    least = min(
        sum(one.cost for one in gone)
        for n in range(1, len(idle) + 1)
        for gone in itertools.combinations(idle, n)
        if room(wanted, [one for one in stays if one not in gone], budget)
    )
    assert sum(one.cost for one in idle if one.instance in placement.instances) == pytest.approx(least)


@given(rows, budgets)
def test_excess_ends_within_the_budget_or_with_nobody_idle(found, budget):
    residents = built(found)
    gone = set(excess(residents, budget))
    left = [one for one in residents if one.hold is not Hold.LEAVING and one.instance not in gone]
    taken = sum(one.memory_bytes or 0 for one in left)
    assert all(one.hold is Hold.IDLE for one in residents if one.instance in gone)
    helpful = [one for one in left if one.hold is Hold.IDLE and one.memory_bytes]
    assert budget.memory_bytes is None or taken <= budget.memory_bytes or not helpful
    over_processes = budget.processes is not None and len(left) > budget.processes
    assert not over_processes or not any(one.hold is Hold.IDLE for one in left)


def test_many_idle_ones_are_chosen_from_in_reasonable_cost():
    """Greedily: never more than twice as dear as the cheapest single one that would do."""
    rng = random.Random(7)
    for _ in range(50):
        residents = [resident(str(n), rng.randrange(1, 8), cost=rng.uniform(0.1, 9)) for n in range(200)]
        used = sum(one.memory_bytes or 0 for one in residents)
        placement = place(Wanted(model="new", memory_bytes=7), residents, Budget(memory_bytes=used))
        assert isinstance(placement, Evict)
        chosen = [one for one in residents if one.instance in placement.instances]
        alone = min(one.cost for one in residents if (one.memory_bytes or 0) >= 7)
        assert sum(one.cost for one in chosen) <= 2 * alone
