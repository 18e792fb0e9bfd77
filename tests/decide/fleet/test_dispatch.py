"""The dispatcher, case by case: seats, queue, processes, room, failures, people."""

from __future__ import annotations

import pytest
from msgspec import structs

from loro_core.decide.fleet.balance import BUILT_IN
from loro_core.decide.fleet.dispatch import (
    Forget,
    Grant,
    LoadAsked,
    NotLoaded,
    Reconfigured,
    Refuse,
    StartInstance,
    StopInstance,
    UnloadAsked,
)
from loro_core.models import InstanceState
from tests.decide.fleet.fleet_bench import GIB, FleetBench, model, named


def bench(*models, begun: bool = True, **settings) -> FleetBench:
    made = FleetBench(*models, **settings)
    if begun:
        made.tick()
    return made


def loaded(*models, **settings) -> FleetBench:
    """With one instance of each model ready, in order."""
    made = bench(*models, **settings)
    for one in models:
        if one.launch is not None:
            made.tell(LoadAsked(model=one.name))
            made.ready(f"{one.name}-1", load_s=2.0)
    return made


# --- seats -----------------------------------------------------------------------------------------------------------


def test_a_request_starts_its_model_and_is_served_when_it_is_ready():
    b = bench(model("a"))
    asked = b.ask("a")
    assert b.running() == ["a-1"]
    assert b.dispatcher.waits_for(asked) == ("a", True)
    assert b.dispatcher.position(asked) == 1
    b.ready("a-1")
    assert b.granted == {asked: "a-1"}
    assert b.dispatcher.waits_for(asked) is None


def test_an_address_serves_from_the_start_and_nothing_is_started_for_it():
    b = bench(model("a", address=True), begun=False)
    asked = b.ask("a")
    assert b.granted == {asked: "a-1"}
    assert b.dispatcher.instances("a") == ("a-1",)
    assert b.ordered(StartInstance) == []


def test_slots_bound_the_calls_and_the_next_one_gets_the_seat_that_is_returned():
    b = loaded(model("a", slots=2))
    first, second, third = b.ask("a"), b.ask("a"), b.ask("a")
    assert set(b.granted) == {first, second}
    assert b.dispatcher.waiting("a") == 1
    b.finish(second)
    assert set(b.granted) == {first, third}
    assert b.dispatcher.in_flight("a-1") == 2


def test_one_slot_and_a_ceiling_below_one_is_not_always_busy():
    b = loaded(model("a", slots=1), max_load=0.8, max_instances=1)
    assert b.ask("a") in b.granted


@pytest.mark.parametrize(("max_load", "seats"), [(0.0, 1), (0.5, 2), (0.8, 4), (1.0, 5), (0.6, 3)])
def test_max_load_is_a_ceiling_for_what_is_given_out(max_load, seats):
    b = loaded(model("a", slots=5), max_load=max_load)
    for _ in range(5):
        b.ask("a")
    assert len(b.granted) == seats


def test_max_load_counts_all_instances_of_the_model_together():
    b = bench(model("a", slots=2, min_instances=2, max_instances=2), max_load=0.75)
    b.ready("a-1")
    b.ready("a-2")
    for _ in range(4):
        b.ask("a")
    assert len(b.granted) == 3


def test_a_full_queue_refuses_with_what_to_do():
    b = loaded(model("a"), max_waiting=1)
    b.ask("a")
    waits, refused = b.ask("a"), b.ask("a")
    assert waits in b.waiting
    assert b.refusal(refused).full
    assert "1 requests wait already" in b.refusal(refused).reason


def test_without_a_queue_a_free_seat_is_given_all_the_same():
    b = loaded(model("a"), max_waiting=0)
    assert b.ask("a") in b.granted
    assert b.refusal(b.ask("a")).full


def test_a_request_that_waits_too_long_is_refused_and_told_why():
    b = loaded(model("a"), queue_deadline_s=5)
    b.ask("a")
    late, sooner = b.ask("a"), b.ask("a", deadline=b.now + 2)
    b.wait(2)
    assert "had no free seat after 2 s" in b.refusal(sooner).reason
    assert late in b.waiting
    b.wait(3)
    assert not b.refusal(late).full


def test_an_unknown_model_is_refused():
    b = bench(model("a"))
    assert "no model 'x'" in b.refusal(b.ask("x")).reason
    asked = b.ask("x", "a")
    assert asked in b.waiting


def test_a_caller_that_left_before_it_knew_of_its_seat_gives_it_back():
    b = loaded(model("a"))
    first, second = b.ask("a"), b.ask("a")
    b.leave(first)
    assert b.granted == {second: "a-1"}
    assert b.leave(first) == []


def test_what_is_returned_twice_or_by_another_changes_nothing():
    b = loaded(model("a"))
    asked = b.ask("a")
    b.finish(asked)
    b.granted[asked] = "a-1"
    assert b.finish(asked) == []
    assert b.dispatcher.in_flight("a-1") == 0


def test_the_policy_of_the_preferred_model_chooses_among_all_that_may_serve():
    asked_for = []

    class Last:
        name = "last"

        def pick(self, candidates, ticket, now, rng):
            return candidates[-1]

    def balancer_of(one):
        asked_for.append(one.name)
        return Last()

    two = (model("a", address=True, slots=2), model("b", address=True, slots=2))
    b = FleetBench(*two, balancer_of=balancer_of)
    assert b.granted[b.ask("a", "b")] == "b-1"
    assert b.granted[b.ask("b", "a")] == "a-1"
    assert asked_for == ["a", "b"]


def test_a_call_stays_where_its_prompt_is_known():
    b = bench(model("a", slots=4, min_instances=2, max_instances=2), balancer=BUILT_IN["prefix"])
    b.ready("a-1")
    b.ready("a-2")
    used = set()
    for turn in range(10):
        asked = b.ask("a", prefix=tuple(range(100, 101 + turn)), call="c")
        used.add(b.granted[asked])
        filler = b.ask("a", prefix=(turn,))
        b.finish(asked)
        b.finish(filler)
    assert len(used) == 1


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_request_that_failed_goes_to_another_instance():
    b = loaded(model("a", address=True), model("b", address=True))
    first = b.ask("a", "b")
    at = b.granted[first]
    b.finish(first, "failed")
    again = b.ask("a", "b", avoid=frozenset({at}))
    assert b.granted[again] != at


def test_a_request_that_failed_waits_for_the_other_one_rather_than_go_back():
    b = loaded(model("a", address=True), model("b", address=True))
    busy = b.ask("b")
    again = b.ask("a", "b", avoid=frozenset({"a-1"}))
    assert again in b.waiting
    b.finish(busy)
    assert b.granted == {again: "b-1"}


def test_a_request_that_failed_loads_another_of_its_models():
    b = loaded(model("a"))
    b.tell(Reconfigured(models=named(model("a"), model("b"))))
    b.ask("a", "b", avoid=frozenset({"a-1"}))
    assert "b-1" in b.running()


def test_where_there_is_no_other_it_goes_back():
    b = loaded(model("a"))
    assert b.ask("a", avoid=frozenset({"a-1"})) in b.granted


def test_where_the_other_one_is_lost_it_goes_back():
    b = bench(model("a", min_instances=2, max_instances=2))
    b.ready("a-1")
    waits = b.ask("a", avoid=frozenset({"a-1"}))
    assert waits in b.waiting
    b.becomes("a-2", InstanceState.FAILED, reason="exited with status 1")
    assert b.granted == {waits: "a-1"}


def test_a_broken_instance_is_passed_over_and_probed_again_later():
    b = loaded(model("a", address=True), model("b", address=True, slots=9))
    for _ in range(3):
        b.finish(b.ask("a"), "failed")
    assert {b.granted[b.ask("a", "b")] for _ in range(5)} == {"b-1"}
    b.wait(11)
    assert "a-1" in {b.granted[b.ask("a", "b")] for _ in range(3)}


def test_a_broken_instance_that_is_the_only_one_is_asked_all_the_same():
    b = loaded(model("a", address=True))
    for _ in range(5):
        b.finish(b.ask("a"), "failed")
    busy, waits = b.ask("a"), b.ask("a")
    b.finish(busy, "failed")
    assert b.granted == {waits: "a-1"}


def test_requests_outlive_a_restart():
    b = loaded(model("a"))
    served, waits = b.ask("a"), b.ask("a")
    b.becomes("a-1", InstanceState.WAITING, reason="exited with status 1")
    b.finish(served, "failed")
    new = b.ask("a")
    b.becomes("a-1", InstanceState.STARTING)
    assert set(b.waiting) == {waits, new}
    b.ready("a-1")
    assert b.granted == {waits: "a-1"}


def test_a_model_that_failed_refuses_at_once_with_the_reason():
    b = bench(model("a"))
    waits = b.ask("a")
    b.becomes("a-1", InstanceState.FAILED, reason="exited with status 1: no such file")
    assert "no such file" in b.refusal(waits).reason
    assert "no such file" in b.refusal(b.ask("a")).reason
    assert b.ordered(StartInstance) == b.ordered(StartInstance)[:1]


def test_who_may_have_another_model_goes_there_when_the_first_failed():
    b = bench(model("a"), model("b"))
    waits = b.ask("a", "b")
    b.becomes("a-1", InstanceState.FAILED, reason="no")
    assert "b-1" in b.running()
    b.ready("b-1")
    assert b.granted == {waits: "b-1"}


def test_what_failed_is_tried_again_by_hand():
    b = bench(model("a"))
    b.ask("a")
    b.becomes("a-1", InstanceState.FAILED, reason="no")
    b.tell(LoadAsked(model="a"))
    assert b.ordered(Forget) == [Forget(instance="a-1")]
    assert b.running() == ["a-1"]


# --- how many --------------------------------------------------------------------------------------------------------


def test_pinned_models_and_minimum_instances_are_loaded_at_the_first_tick():
    b = bench(model("a"), model("b", min_instances=2, max_instances=3), model("c", pinned=True), begun=False)
    assert b.running() == []
    b.tick()
    assert b.running() == ["c-1", "b-1", "b-2"]


def test_a_model_that_is_kept_is_started_again_when_it_is_lost():
    b = bench(model("a", pinned=True))
    b.ready("a-1")
    b.stopped("a-1")
    assert b.running() == ["a-1"]


def test_a_queue_that_waits_gets_one_more_instance_and_only_one_at_a_time():
    b = loaded(model("a", max_instances=3), scale_after_s=2)
    for _ in range(4):
        b.ask("a")
    b.wait(1.9)
    assert b.running() == ["a-1"]
    b.wait(0.2)
    assert b.running() == ["a-1", "a-2"]
    b.wait(10)
    assert b.running() == ["a-1", "a-2"]
    b.ready("a-2")
    b.wait(0.1)
    assert b.running() == ["a-1", "a-2", "a-3"]


def test_a_queue_that_moves_gets_none():
    b = loaded(model("a", max_instances=3), scale_after_s=2)
    calls = [b.ask("a"), b.ask("a")]
    for _ in range(20):
        b.wait(1)
        b.finish(calls.pop(0))
        calls.append(b.ask("a"))
    assert b.running() == ["a-1"]


def test_an_idle_instance_is_stopped_after_the_end_of_its_last_call():
    b = loaded(model("a", idle_ttl_s=60))
    b.wait(50)
    asked = b.ask("a")
    b.wait(100)
    b.finish(asked)
    b.wait(59.9)
    assert b.ordered(StopInstance) == []
    b.wait(0.2)
    assert b.ordered(StopInstance) == [StopInstance(instance="a-1", drain=False, reason="nobody has used it for 60 s")]
    b.stopped("a-1")
    assert b.ordered(Forget) == [Forget(instance="a-1")]


def test_idle_ones_are_stopped_down_to_the_minimum():
    b = bench(model("a", min_instances=1, max_instances=3, idle_ttl_s=60), scale_after_s=0)
    b.ready("a-1")
    for _ in range(3):
        b.ask("a")
    b.wait(0.1)
    b.ready("a-2")
    for id_ in sorted(b.granted):
        b.finish(id_)
    for id_ in sorted(b.granted):
        b.finish(id_)
    b.wait(200)
    assert len([p for p in b.processes.values() if not p.stopping]) == 1


# --- room ------------------------------------------------------------------------------------------------------------


def test_the_idle_one_makes_room():
    b = loaded(model("a", memory_bytes=4 * GIB), memory_bytes=6 * GIB)
    b.tell(Reconfigured(models=named(model("a", memory_bytes=4 * GIB), model("b", memory_bytes=4 * GIB))))
    asked = b.ask("b")
    assert b.processes["a-1"].stopping
    assert "b-1" not in b.processes, "its room is not free yet"
    b.stopped("a-1")
    b.ready("b-1")
    assert b.granted == {asked: "b-1"}


def test_a_busy_one_finishes_its_calls_first():
    b = loaded(model("a", slots=2), max_instances=1, turn_s=10)
    b.tell(Reconfigured(models=named(model("a", slots=2), model("b"))))
    b.wait(20)
    live = b.ask("a")
    b.ask("b")
    b.wait(5)
    more = b.ask("a")
    assert more in b.granted, "its turn is not over"
    b.finish(more)
    b.wait(6)
    late = b.ask("a")
    assert late in b.waiting, "its turn is over"
    assert b.ordered(StopInstance) == []
    b.finish(live)
    assert b.processes["a-1"].stopping


def test_one_that_makes_room_serves_on_when_nobody_needs_it_any_more():
    b = loaded(model("a", slots=2), max_instances=1, turn_s=10)
    b.tell(Reconfigured(models=named(model("a", slots=2), model("b"))))
    b.ask("a")
    rival = b.ask("b")
    b.wait(11)
    waits = b.ask("a")
    assert waits in b.waiting
    b.leave(rival)
    assert waits in b.granted


def test_one_that_makes_room_serves_on_when_its_rival_has_waited_too_long():
    b = loaded(model("a", slots=2), max_instances=1, turn_s=10, queue_deadline_s=20)
    b.tell(Reconfigured(models=named(model("a", slots=2), model("b"))))
    live = b.ask("a")
    rival = b.ask("b")
    b.wait(11)
    waits = b.ask("a")
    assert waits in b.waiting
    b.wait(10)
    assert "is not loaded yet" in b.refusal(rival).reason
    assert set(b.granted) == {live, waits}


def test_a_loading_one_is_not_stopped_for_another():
    b = bench(model("a"), model("b"), max_instances=1, turn_s=1)
    b.ask("a")
    b.ask("b")
    b.wait(30)
    assert b.ordered(StopInstance) == []


def test_a_load_that_nobody_waits_for_any_more_is_abandoned():
    b = bench(model("a"))
    first, second = b.ask("a"), b.ask("a")
    b.leave(first)
    assert b.ordered(StopInstance) == []
    b.leave(second)
    assert b.processes["a-1"].stopping


@pytest.mark.parametrize("fields", [{"pinned": True}, {"min_instances": 1}])
def test_what_is_kept_loads_on_though_nobody_waits(fields):
    b = bench(model("a", **fields))
    b.leave(b.ask("a"))
    assert not b.processes["a-1"].stopping


def test_what_was_asked_for_by_hand_loads_on_though_nobody_waits():
    b = bench(model("a"))
    asked = b.ask("a")
    b.tell(LoadAsked(model="a"))
    b.leave(asked)
    assert not b.processes["a-1"].stopping


def test_a_load_that_takes_longer_than_anybody_may_wait_goes_on():
    """Else a model whose load takes longer than the queue's deadline could never be loaded by asking for it."""
    b = bench(model("a"), queue_deadline_s=5)
    refused = b.ask("a")
    b.wait(6)
    assert "is not loaded yet" in b.refusal(refused).reason
    other = b.ask("a")
    b.leave(other)
    assert not b.processes["a-1"].stopping
    b.ready("a-1")
    assert b.ask("a") in b.granted


def test_a_request_for_a_model_that_is_being_stopped_gets_a_new_process():
    b = bench(model("a"))
    b.leave(b.ask("a"))
    assert b.processes["a-1"].stopping
    asked = b.ask("a")
    assert b.running() == ["a-1", "a-2"]
    b.ready("a-2")
    assert b.granted == {asked: "a-2"}


def test_with_a_fixed_port_the_old_process_has_to_be_gone_first():
    b = bench(model("a", port=8000))
    b.leave(b.ask("a"))
    b.ask("a")
    assert b.running() == ["a-1"]
    b.stopped("a-1")
    assert b.running() == ["a-1"]
    assert not b.processes["a-1"].stopping


def test_pinned_models_stay_and_who_can_never_be_placed_is_told():
    b = bench(model("a", pinned=True, memory_bytes=4), model("b", memory_bytes=3), memory_bytes=6)
    b.ready("a-1")
    assert "a-1" in b.refusal(b.ask("b")).reason
    assert b.ordered(StopInstance) == []
    b.tell(LoadAsked(model="b"))
    assert isinstance(b.log[-1][1], NotLoaded)


def test_measured_memory_counts_where_none_is_declared():
    b = loaded(model("a"), memory_bytes=6 * GIB)
    b.tell(Reconfigured(models=named(model("a"), model("b", memory_bytes=4 * GIB))))
    b.becomes("a-1", InstanceState.READY, memory_bytes=3 * GIB)
    b.ask("b")
    assert b.processes["a-1"].stopping


def test_an_idle_one_goes_when_more_is_measured_than_there_is():
    b = loaded(model("a"), model("b"), memory_bytes=6 * GIB)
    busy = b.ask("b")
    b.becomes("a-1", InstanceState.READY, memory_bytes=4 * GIB)
    b.becomes("b-1", InstanceState.READY, memory_bytes=4 * GIB)
    assert b.processes["a-1"].stopping
    assert not b.processes["b-1"].stopping
    b.finish(busy)


def test_the_cheapest_to_have_back_goes():
    one, other = model("a", memory_bytes=3), model("b", memory_bytes=3)
    b = loaded(one, other, memory_bytes=6)
    for _ in range(5):
        b.finish(b.ask("a"))
        b.wait(1)
    b.tell(Reconfigured(models=named(one, other, model("c", memory_bytes=3))))
    b.ask("c")
    assert b.processes["b-1"].stopping
    assert not b.processes["a-1"].stopping


def test_a_large_model_is_not_passed_for_ever_by_small_ones():
    small = [model(f"s{n}", memory_bytes=2) for n in range(4)]
    b = loaded(*small[:2], memory_bytes=4, turn_s=10, queue_deadline_s=100)
    b.tell(Reconfigured(models=named(*small, model("big", memory_bytes=4))))
    calls = {one.name: b.ask(one.name) for one in small[:2]}
    big = b.ask("big")
    b.wait(12)
    b.finish(calls["s0"])
    b.stopped("s0-1")
    b.ask("s2")
    assert "s2-1" not in b.processes, "the room is kept for the one that has waited for a turn"
    b.finish(calls["s1"])
    b.stopped("s1-1")
    b.ready("big-1")
    assert big in b.granted


def interleaved(count: int, *, call_s: float = 0.2, load_s: float = 2.0, **settings) -> FleetBench:
    """So many requests in turn for two models, all at once, with room for one."""
    b = bench(model("a", slots=2), model("b", slots=2), max_instances=1, queue_deadline_s=300, **settings)
    for n in range(count):
        b.ask("ab"[n % 2])
    for _ in range(1000):
        if not b.waiting and not b.granted:
            break
        for process in [one for one in b.processes.values() if one.stopping]:
            b.stopped(process.instance)
        loading = [one for one in b.processes.values() if one.state is InstanceState.STARTING]
        b.wait(load_s if loading else call_s)
        for process in loading:
            b.ready(process.instance, load_s=load_s)
        for id_ in sorted(b.granted):
            b.finish(id_)
    return b


def test_forty_requests_in_turn_for_two_models_make_one_swap():
    b = interleaved(40)
    assert len(b.over) == 40
    assert all(outcome == "answered" for outcome in b.over.values())
    assert len(b.ordered(StartInstance)) <= 2 + 1


def test_a_swap_comes_after_a_turn_though_the_first_model_has_more_to_do():
    b = interleaved(40, call_s=3.0, turn_s=10)
    waits = [at - 1000.0 for at, action in b.log if isinstance(action, Grant) and action.model == "b"]
    assert min(waits) <= 2.0 + 10 + 3.0 + 2.0, "load, turn, longest call, load"
    assert all(outcome == "answered" for outcome in b.over.values())


# --- people ----------------------------------------------------------------------------------------------------------


def test_unloading_drains_and_refuses_who_waits():
    b = loaded(model("a"))
    live, waits = b.ask("a"), b.ask("a")
    b.tell(UnloadAsked(model="a"))
    assert "unloaded by hand" in b.refusal(waits).reason
    assert b.ordered(StopInstance) == [StopInstance(instance="a-1", drain=True, reason="unloaded by hand")]
    b.becomes("a-1", InstanceState.DRAINING)
    b.finish(live)
    assert b.ordered(StopInstance)[-1] == StopInstance(instance="a-1", drain=False, reason="its last call is over")
    b.stopped("a-1")
    assert b.ordered(Forget) == [Forget(instance="a-1")]


def test_unloading_without_draining_cuts_and_a_drain_can_be_cut_short():
    b = loaded(model("a"))
    b.ask("a")
    b.tell(UnloadAsked(model="a", drain=True))
    b.tell(UnloadAsked(model="a", drain=True))
    b.tell(UnloadAsked(model="a", drain=False))
    b.tell(UnloadAsked(model="a", drain=False))
    assert [action.drain for action in b.ordered(StopInstance)] == [True, False]


def test_a_pinned_model_that_was_unloaded_by_hand_stays_away_until_it_is_asked_for():
    b = bench(model("a", pinned=True))
    b.ready("a-1")
    b.tell(UnloadAsked(model="a"))
    b.stopped("a-1")
    b.wait(1000)
    assert b.running() == []
    b.finish(ready_for(b, b.ask("a"), "a-1"))
    b.tell(
        Reconfigured(
            models=named(model("a", pinned=True), model("b")), settings=structs.replace(b.settings, max_instances=1)
        )
    )
    assert "a-1" in b.refusal(b.ask("b")).reason, "it is pinned as before"


def ready_for(b: FleetBench, asked: int, instance: str) -> int:
    b.ready(instance)
    assert b.granted[asked] == instance
    return asked


def test_an_address_that_was_unloaded_serves_again_when_it_is_asked_for():
    b = bench(model("a", address=True))
    live = b.ask("a")
    b.tell(UnloadAsked(model="a"))
    assert "unloaded by hand" in b.refusal(b.ask("a")).reason
    b.finish(live)
    b.tell(LoadAsked(model="a"))
    assert b.ask("a") in b.granted


def test_unknown_models_cannot_be_loaded():
    b = bench(model("a"))
    b.tell(LoadAsked(model="x"))
    assert b.log[-1][1] == NotLoaded(model="x", reason="there is no model 'x'")
    assert b.tell(UnloadAsked(model="x")) == []


# --- configuration ---------------------------------------------------------------------------------------------------


def test_a_model_that_is_started_differently_is_replaced_when_the_new_one_is_ready():
    b = loaded(model("a"))
    live = b.ask("a")
    b.tell(Reconfigured(models=named(model("a", command="better"))))
    assert b.running() == ["a-1", "a-2"]
    assert b.ordered(StopInstance) == []
    b.ready("a-2")
    assert b.ordered(StopInstance) == [StopInstance(instance="a-1", drain=True, reason="its configuration changed")]
    assert b.granted[b.ask("a")] == "a-2"
    b.finish(live)
    assert b.processes["a-1"].stopping


def test_the_old_one_serves_on_where_the_new_one_does_not_run():
    b = loaded(model("a"))
    b.tell(Reconfigured(models=named(model("a", command="misspelt"))))
    b.becomes("a-2", InstanceState.FAILED, reason="no such program")
    b.wait(60)
    assert b.granted[b.ask("a")] == "a-1"


def test_where_both_do_not_fit_the_old_one_goes_first():
    b = loaded(model("a"), max_instances=1)
    live = b.ask("a")
    b.tell(Reconfigured(models=named(model("a", command="better"))))
    waits = b.ask("a")
    assert b.running() == ["a-1"]
    b.finish(live)
    b.stopped("a-1")
    assert b.running() == ["a-1"]
    b.ready("a-1")
    assert b.granted == {waits: "a-1"}


def test_a_load_that_is_out_of_date_is_begun_again():
    b = bench(model("a"))
    waits = b.ask("a")
    b.tell(Reconfigured(models=named(model("a", command="better"))))
    assert b.processes["a-1"].stopping
    assert b.running() == ["a-1", "a-2"]
    b.ready("a-2")
    assert b.granted == {waits: "a-2"}


def test_slots_and_weights_hold_at_once_for_what_runs():
    b = loaded(model("a", slots=1))
    b.ask("a")
    waits = b.ask("a")
    b.tell(Reconfigured(models=named(model("a", slots=2, weight=5))))
    assert waits in b.granted
    assert b.dispatcher.candidates[0].weight == 5
    b.tell(Reconfigured(models=named(model("a", slots=1))))
    assert b.ask("a") in b.waiting
    assert b.ordered(StopInstance) == []


def test_a_removed_model_drains_and_refuses_who_waits():
    b = loaded(model("a"))
    live, waits = b.ask("a"), b.ask("a")
    b.tell(Reconfigured(models={}))
    assert "no longer configured" in b.refusal(waits).reason
    assert "no model 'a'" in b.refusal(b.ask("a")).reason
    b.finish(live)
    b.stopped("a-1")
    assert b.dispatcher.instances("a") == ()


def test_a_removed_model_that_comes_back_while_it_drains_is_served_by_a_new_process():
    b = loaded(model("a"))
    live = b.ask("a")
    b.tell(Reconfigured(models={}))
    b.tell(Reconfigured(models=named(model("a"))))
    b.ask("a")
    assert b.running() == ["a-1", "a-2"]
    b.finish(live)


def test_an_address_that_is_registered_serves_who_waits_for_a_model_of_its_name():
    b = bench(model("a"))
    waits = b.ask("a")
    b.tell(Reconfigured(models=named(model("a", address=True))))
    assert waits in b.granted
    assert b.processes["a-1"].stopping


def test_a_smaller_budget_lets_the_idle_ones_go():
    one, other = model("a", memory_bytes=3), model("b", memory_bytes=3)
    b = loaded(one, other, memory_bytes=6)
    b.ask("b")
    settings = structs.replace(b.settings, memory_bytes=4)
    b.tell(Reconfigured(models=named(one, other), settings=settings))
    assert b.processes["a-1"].stopping
    assert not b.processes["b-1"].stopping


def test_a_refusal_says_when_another_try_is_worth_it():
    b = loaded(model("a"), max_waiting=0)
    for _ in range(5):
        asked = b.ask("a")
        b.wait(8)
        b.finish(asked)
    b.ask("a")
    refused = b.refusal(b.ask("a"))
    assert isinstance(refused, Refuse)
    assert 5 <= refused.retry_after_s <= 20
