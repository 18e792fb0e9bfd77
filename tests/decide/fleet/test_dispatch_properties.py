"""What holds of a dispatcher whatever requests, processes and people do, in any order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loro_core.decide.fleet.breaker import BreakerState
from loro_core.decide.fleet.dispatch import (
    Action,
    Forget,
    Grant,
    LoadAsked,
    Outcome,
    Reconfigured,
    Refuse,
    StartInstance,
    StopInstance,
    UnloadAsked,
)
from loro_core.models import InstanceState, Launch, Model
from tests.decide.fleet.fleet_bench import GONE, FleetBench, Process, model

NAMES = ("a", "b", "c", "d")
sizes = st.sampled_from([2, 1, 3, 4, None])
lists = st.sampled_from([("a",), ("b",), ("c",), ("d",), ("a", "b"), ("b", "c", "a"), ("d", "a"), ("nobody",)])

MOVES: dict[InstanceState, tuple[InstanceState, ...]] = {
    InstanceState.STARTING: (InstanceState.LOADING, InstanceState.WAITING, InstanceState.FAILED),
    InstanceState.LOADING: (InstanceState.READY, InstanceState.READY, InstanceState.WAITING, InstanceState.FAILED),
    InstanceState.READY: (InstanceState.WAITING,),
    InstanceState.WAITING: (InstanceState.STARTING, InstanceState.FAILED),
    InstanceState.DRAINING: (),
    InstanceState.STOPPING: (InstanceState.STOPPED,),
    InstanceState.STOPPED: (),
    InstanceState.FAILED: (),
}


class AnyFleet(RuleBasedStateMachine):
    """Four models, one of them perhaps an address, on a machine that need not have room for all."""

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        draw = data.draw
        models = []
        for name in NAMES:
            address = name == "d" and draw(st.booleans())
            models.append(
                model(
                    name,
                    address=address,
                    slots=draw(st.integers(1, 3)),
                    memory_bytes=draw(sizes),
                    max_instances=draw(st.integers(1, 3)),
                    min_instances=draw(st.sampled_from([0, 0, 0, 1])),
                    pinned=draw(st.sampled_from([False, False, False, True])),
                    priority=draw(st.sampled_from([0, 0, 1])),
                    idle_ttl_s=draw(st.sampled_from([None, 5.0, 30.0])),
                    port=draw(st.sampled_from([0, 0, 0, 0, 0, 8000])),
                )
            )
        self.budget_bytes = draw(st.sampled_from([5, 3, 8, None]))
        self.budget_processes = draw(st.sampled_from([None, 2, 1, 3]))
        self.by_hand = False
        self.bench = FleetBench(
            *models,
            max_instances=self.budget_processes,
            memory_bytes=self.budget_bytes,
            max_load=draw(st.sampled_from([0.5, 0.8, 1.0])),
            max_waiting=draw(st.sampled_from([0, 2, 50])),
            queue_deadline_s=draw(st.sampled_from([60.0, 5.0])),
            scale_after_s=draw(st.sampled_from([0.0, 2.0])),
            turn_s=draw(st.sampled_from([0.0, 1.0, 10.0])),
        )
        self.bench.on_action = self.check
        if draw(st.booleans()):
            self.bench.tick()

    # --- each order, when it is given --------------------------------------------------------------------------------

    def check(self, action: Action) -> None:
        match action:
            case StartInstance():
                running = [one for one in self.bench.processes.values() if one.state not in GONE]
                assert self.budget_processes is None or len(running) <= self.budget_processes
                taken = sum(one.model.memory_bytes or 0 for one in running)
                assert self.budget_bytes is None or not action.model.memory_bytes or taken <= self.budget_bytes
                assert action.model == self.bench.models[action.model.name], "what is started is what is configured"
            case StopInstance(instance=instance, drain=drain, reason=reason):
                process = self.bench.processes[instance]
                assert drain or not process.calls or self.by_hand, f"{instance} is cut: {reason}"
                if "needs the room" in reason:
                    assert process.state in (InstanceState.READY, InstanceState.WAITING), "what loads goes on loading"
                    assert not process.model.pinned or self.count(process.model.name) >= 1
            case Grant(instance=instance, model=name):
                calls = self.bench.dispatcher.in_flight(instance)
                assert calls <= self.bench.models[name].slots
            case Refuse() | Forget():
                pass

    def count(self, name: str) -> int:
        return sum(1 for p in self.bench.processes.values() if p.model.name == name and self.serves(p))

    @staticmethod
    def serves(process: Process) -> bool:
        return process.state not in GONE and not process.stopping and not process.draining

    # --- what may happen ---------------------------------------------------------------------------------------------

    @rule(models=lists, caller=st.sampled_from("xy"), cost=st.integers(1, 9), patience_s=st.sampled_from([1e9, 10, 1]))
    def a_request_comes(self, models: tuple[str, ...], caller: str, cost: int, patience_s: float) -> None:
        self.bench.ask(*models, caller=caller, cost=cost, call=caller, deadline=self.bench.now + patience_s)

    @rule(found=st.lists(lists, min_size=2, max_size=6))
    def many_come(self, found: list[tuple[str, ...]]) -> None:
        for models in found:
            self.bench.ask(*models)

    @precondition(lambda self: self.bench.granted)
    @rule(data=st.data())
    def a_call_fails_and_comes_again(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.bench.granted)))
        instance = self.bench.granted[id_]
        self.bench.finish(id_, "failed")
        name = instance.rpartition("-")[0]
        models = data.draw(st.sampled_from([(name,), (name, "b"), ("a", name)]))
        self.bench.ask(*models, avoid=frozenset({instance}))

    @precondition(lambda self: self.bench.granted)
    @rule(every=st.integers(1, 3))
    def calls_are_over(self, every: int) -> None:
        for id_ in sorted(self.bench.granted)[::every]:
            self.bench.finish(id_)

    @precondition(lambda self: self.bench.granted)
    @rule(data=st.data(), first_token_s=st.none() | st.floats(0, 5))
    def a_call_is_over(self, data: st.DataObject, first_token_s: float | None) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.bench.granted)))
        outcomes: tuple[Outcome, ...] = ("answered", "answered", "answered", "cancelled")
        outcome = data.draw(st.sampled_from(outcomes))
        self.bench.finish(id_, outcome, first_token_s)

    @precondition(lambda self: self.bench.granted or self.bench.waiting)
    @rule(data=st.data())
    def a_caller_leaves(self, data: st.DataObject) -> None:
        self.bench.leave(data.draw(st.sampled_from(sorted({*self.bench.granted, *self.bench.waiting}))))

    @precondition(lambda self: self.movable())
    @rule(data=st.data())
    def a_process_goes_on(self, data: st.DataObject) -> None:
        instance = data.draw(st.sampled_from(self.movable()))
        self.go_on(instance, data.draw(st.sampled_from(self.moves(instance))))

    @precondition(lambda self: self.bench.running())
    @rule(data=st.data(), memory_bytes=st.integers(0, 6))
    def a_process_is_measured(self, data: st.DataObject, memory_bytes: int) -> None:
        instance = data.draw(st.sampled_from(sorted(self.bench.running())))
        self.bench.becomes(instance, self.bench.processes[instance].state, memory_bytes=memory_bytes)

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 12.0]))
    def every_process_goes_on(self, seconds: float) -> None:
        self.all_go_on()
        self.bench.wait(seconds)

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(["load", "load", "drain", "cut"]))
    def somebody_acts(self, name: str, what: str) -> None:
        self.by_hand = what == "cut"
        self.bench.tell(LoadAsked(model=name) if what == "load" else UnloadAsked(model=name, drain=what == "drain"))
        self.by_hand = False

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def a_model_is_configured_otherwise(self, data: st.DataObject, name: str) -> None:
        models = dict(self.bench.models)
        before = models.get(name) or model(name)
        how = data.draw(st.sampled_from(["slots", "launch", "gone", "back", "address", "process", "memory"]))
        launch = Launch(kind="command", command=("serve", data.draw(st.sampled_from("xyz"))))
        if how == "gone":
            models.pop(name, None)
        elif how == "slots":
            models[name] = replace(before, slots=data.draw(st.integers(1, 3)), weight=3)
        elif how == "memory":
            models[name] = replace(before, memory_bytes=data.draw(sizes))
        elif how == "launch" and before.launch is not None:
            models[name] = replace(before, launch=launch)
        elif how == "address":
            models[name] = replace(before, launch=None)
        elif how == "process":
            models[name] = replace(before, launch=launch)
        else:
            models[name] = before
        self.reconfigure(models)

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.wait(seconds)

    # --- how processes go on -----------------------------------------------------------------------------------------

    def reconfigure(self, models: dict[str, Model]) -> None:
        self.bench.models = models
        for process in self.bench.processes.values():
            current = models.get(process.model.name)
            if current is not None and process.state not in GONE:
                # What is declared of a model holds at once for what runs.
                process.model = replace(process.model, memory_bytes=current.memory_bytes, pinned=current.pinned)
        self.bench.tell(Reconfigured(models=models))

    def moves(self, instance: str) -> tuple[InstanceState, ...]:
        process = self.bench.processes[instance]
        if process.stopping:
            return (InstanceState.STOPPING, InstanceState.STOPPED)
        if process.draining and process.state is InstanceState.READY:
            return (InstanceState.DRAINING,)
        return MOVES[process.state]

    def movable(self) -> list[str]:
        return sorted(i for i in self.bench.processes if self.bench.processes[i].state not in GONE and self.moves(i))

    def all_go_on(self) -> None:
        """Let every process come as far as it can without failing: ready, or gone if it was told to stop."""
        for instance in self.movable():
            # One that is gone while its calls are not over yet is remembered until they are.
            while (process := self.bench.processes.get(instance)) is not None and process.state not in GONE:
                if process.state is InstanceState.READY and not process.stopping and not process.draining:
                    break
                moves = self.moves(instance)
                good = [one for one in moves if one not in (InstanceState.WAITING, InstanceState.FAILED)] or moves
                if not good:
                    break
                self.go_on(instance, good[-1])

    def go_on(self, instance: str, state: InstanceState) -> None:
        self.bench.becomes(instance, state, reason="it said so", load_s=1.5 if state is InstanceState.READY else None)

    # --- what always holds -------------------------------------------------------------------------------------------

    @invariant()
    def every_seat_has_one_owner(self) -> None:
        held: dict[str, int] = {}
        for instance in self.bench.granted.values():
            held[instance] = held.get(instance, 0) + 1
        known = {instance: self.bench.dispatcher.in_flight(instance) for instance in held}
        assert held == known

    @invariant()
    def nobody_waits_beyond_the_deadline(self) -> None:
        limit_s = self.bench.settings.queue_deadline_s
        if not self.begun:
            return
        for ticket in self.bench.waiting.values():
            due = min(ticket.deadline, ticket.arrived + limit_s)
            assert due > self.bench.now or self.bench.dispatcher.next_at <= self.bench.now

    @property
    def begun(self) -> bool:
        return self.bench.dispatcher.next_at > float("-inf")

    @invariant()
    def nobody_waits_who_could_have_a_seat(self) -> None:
        dispatcher = self.bench.dispatcher
        roster = dispatcher._roster
        max_load = self.bench.settings.max_load
        for ticket in self.bench.waiting.values():
            for name in ticket.models:
                desk = roster.desks.get(name)
                if desk is None or not desk.room(max_load):
                    continue
                for instance in desk.open.values():
                    closed = instance.breaker.state(self.bench.now) is not BreakerState.CLOSED
                    assert closed or instance.id in ticket.avoid, f"{instance.id} is free for {ticket}"

    @invariant()
    def counts_are_what_they_count(self) -> None:
        roster = self.bench.dispatcher._roster
        for desk in roster.desks.values():
            ready = [one for one in desk.instances.values() if one.ready]
            assert desk.slots == sum(one.model.slots for one in ready)
            assert desk.in_flight == sum(len(one.seats) for one in ready)
            assert set(desk.open) == {one.id for one in ready if one.open}
            arrivals = [ticket.arrived for ticket in desk.wanting.values()]
            assert arrivals == sorted(arrivals)
        assert set(self.bench.running()) == set(roster.residents)
        assert roster.taken_bytes == sum(one.takes_bytes() or 0 for one in roster.residents.values())
        waiting = {id_ for desk in roster.desks.values() for id_ in desk.wanting}
        assert waiting == set(self.bench.waiting)
        assert len(dispatcher_queue(self.bench)) == len(waiting)

    @invariant()
    def room_is_made_only_for_who_waits_for_it(self) -> None:
        roster = self.bench.dispatcher._roster
        for instance in roster.instances.values():
            if instance.closed_for is not None:
                rival = roster.desks[instance.closed_for]
                assert rival.wanted_since is not None
                assert not rival.served, f"{instance.id} is closed for {rival.name}"
                assert instance.seats, "it would have been stopped"

    # --- how it ends -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Let everything work from now on: all requests are answered or refused in time, and who is idle goes."""
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        bench.tick()
        for _ in range(400):
            self.all_go_on()
            for id_ in sorted(bench.granted):
                bench.finish(id_)
            if not bench.waiting and not bench.granted and not [p for p in bench.processes.values() if p.stopping]:
                break
            bench.wait(1.0)
        assert not bench.waiting, bench.dispatcher
        assert not bench.granted
        self.everybody_idle_goes()

    def everybody_idle_goes(self) -> None:
        bench = self.bench
        for _ in range(30):
            bench.wait(60.0)
            self.all_go_on()
        for process in bench.processes.values():
            if process.state in GONE:
                continue
            current = bench.models[process.model.name]
            floor = max(current.min_instances, int(current.pinned))
            assert process.state is InstanceState.READY
            assert current.idle_ttl_s is None or self.count(process.model.name) <= floor, f"{process} is left running"
        for name, current in bench.models.items():
            if current.launch is None:
                assert bench.dispatcher.in_flight(f"{name}-1") == 0


def dispatcher_queue(bench: FleetBench):
    return bench.dispatcher._seating.queue


TestAnyFleet = AnyFleet.TestCase
TestAnyFleet.settings = settings(stateful_step_count=40)
