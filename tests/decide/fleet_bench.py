"""A dispatcher with processes that are only pretended: what it orders happens, after as long as it is said to take."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from loro_core.decide.balance import BUILT_IN, Balancer
from loro_core.decide.dispatch import (
    Action,
    Arrived,
    Dispatcher,
    DispatchSettings,
    Event,
    Forget,
    Grant,
    InstanceChanged,
    Left,
    NotLoaded,
    Outcome,
    Reconfigured,
    Refuse,
    Returned,
    StartInstance,
    StopInstance,
    Tick,
)
from loro_core.fleet import Deployment
from loro_core.models import InstanceState, InstanceStatus, Launch, Model, Ticket

A = TypeVar("A")

GIB = 1 << 30
GONE = (InstanceState.STOPPED, InstanceState.FAILED)


def model(name: str, *, command: str = "serve", port: int = 0, address: bool = False, **fields) -> Model:
    """A model that is started, or with `address` one that somebody else serves."""
    launch = None if address else Launch(kind="command", command=(command, name), port=port)
    url = "http://127.0.0.1:9" if address else ""
    deployment = Deployment(name=name, provider="openai", model=name, base_url=url)
    return Model(name=name, deployment=deployment, launch=launch, **fields)


def named(*models: Model) -> dict[str, Model]:
    return {one.name: one for one in models}


@dataclass
class Process:
    """A pretended one. calls: the tickets it has."""

    instance: str
    model: Model
    state: InstanceState = InstanceState.STARTING
    draining: bool = False
    stopping: bool = False
    calls: set[int] = field(default_factory=set)


class FleetBench:
    """Carries out what a dispatcher orders, on a clock of its own.

    Everything that was ordered is checked against what a runtime would find: no seat at what does not serve, none
    twice, no process stopped for room that has calls.
    """

    def __init__(
        self,
        *models: Model,
        balancer: Balancer | None = None,
        balancer_of: Callable[[Model], Balancer] | None = None,
        seed: int = 1,
        **settings,
    ) -> None:
        chosen = balancer or BUILT_IN["least-busy"]
        self.settings = DispatchSettings(**settings)
        self.now = 1000.0
        self.dispatcher = Dispatcher(
            self.settings, named(*models), balancer_of or (lambda _: chosen), random.Random(seed)
        )
        self.models: Mapping[str, Model] = named(*models)
        self.processes: dict[str, Process] = {}
        self.log: list[tuple[float, Action]] = []
        self.granted: dict[int, str] = {}
        self.waiting: dict[int, Ticket] = {}
        self.over: dict[int, Action | Outcome] = {}
        self._ids = itertools.count(1)
        self.on_action: Callable[[Action], None] = lambda action: None

    # --- events ----------------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> list[Action]:
        if isinstance(event, Reconfigured):
            self.models = event.models
        actions = self.dispatcher.receive(event, self.now)
        for action in actions:
            self.log.append((self.now, action))
            self._carry_out(action)
            self.on_action(action)
        return actions

    def tick(self) -> list[Action]:
        return self.tell(Tick())

    def ask(self, *models: str, **fields) -> int:
        """A request comes; returns its id."""
        id_ = next(self._ids)
        ticket = Ticket(id=id_, models=models, arrived=self.now, **fields)
        self.waiting[id_] = ticket
        self.tell(Arrived(ticket=ticket))
        return id_

    def leave(self, id_: int) -> list[Action]:
        self.waiting.pop(id_, None)
        instance = self.granted.pop(id_, None)
        if instance is not None:
            self._drop_call(instance, id_)
        return self.tell(Left(ticket_id=id_))

    def finish(self, id_: int, outcome: Outcome = "answered", first_token_s: float | None = None) -> list[Action]:
        instance = self.granted.pop(id_)
        self._drop_call(instance, id_)
        self.over[id_] = outcome
        return self.tell(Returned(instance=instance, ticket_id=id_, outcome=outcome, first_token_s=first_token_s))

    def becomes(self, instance: str, state: InstanceState, **fields) -> list[Action]:
        process = self.processes[instance]
        process.state = state
        status = InstanceStatus(id=instance, model=process.model.name, state=state, since=self.now, **fields)
        return self.tell(InstanceChanged(status=status))

    def ready(self, instance: str, **fields) -> list[Action]:
        return self.becomes(instance, InstanceState.READY, **fields)

    def stopped(self, instance: str) -> list[Action]:
        return self.becomes(instance, InstanceState.STOPPED)

    def wait(self, seconds: float) -> None:
        """Let time pass, with every tick that is due."""
        until = self.now + seconds
        for _ in range(10_000):
            at = self.dispatcher.next_at
            if at > until:
                break
            self.now = max(self.now, at)
            self.tick()
        else:
            raise AssertionError("ticks without end")
        self.now = until

    # --- what is so ------------------------------------------------------------------------------------------------

    def running(self) -> list[str]:
        return [one.instance for one in self.processes.values() if one.state not in GONE]

    def refusal(self, id_: int) -> Refuse:
        found = self.over[id_]
        assert isinstance(found, Refuse)
        return found

    def ordered(self, kind: type[A]) -> list[A]:
        return [action for _, action in self.log if isinstance(action, kind)]

    # --- carrying out ----------------------------------------------------------------------------------------------

    def _drop_call(self, instance: str, id_: int) -> None:
        process = self.processes.get(instance)
        if process is not None:
            process.calls.discard(id_)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Grant(ticket_id=id_, instance=instance, model=name):
                ticket = self.waiting.pop(id_)
                assert name in ticket.models
                assert ticket.deadline > self.now
                assert id_ not in self.granted
                self.granted[id_] = instance
                process = self.processes.get(instance)
                if process is None:
                    assert self.models[name].launch is None, f"{instance} has no process"
                else:
                    assert process.state is InstanceState.READY, f"a seat at {instance}, which is {process.state}"
                    assert not process.draining and not process.stopping
                    process.calls.add(id_)
            case Refuse(ticket_id=id_):
                assert id_ in self.waiting
                del self.waiting[id_]
                assert action.reason and action.retry_after_s >= 1.0
                self.over[id_] = action
            case StartInstance(instance=instance, model=one):
                assert instance not in self.processes, f"{instance} twice"
                assert one.launch is not None
                self.processes[instance] = Process(instance=instance, model=one)
            case StopInstance(instance=instance, drain=drain):
                process = self.processes[instance]
                assert process.state not in GONE
                if drain:
                    assert process.calls, f"{instance} has nothing to finish"
                    assert not process.draining
                    process.draining = True
                else:
                    process.stopping = True
            case Forget(instance=instance):
                process = self.processes.pop(instance, None)
                if process is not None:
                    assert process.state in GONE
                    assert not process.calls
            case NotLoaded():
                pass
