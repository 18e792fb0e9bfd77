"""A fleet whose instances are no processes: they take their time on the jumping clock, and go wrong as told."""

from __future__ import annotations

import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from loro_core.decide.balance import BUILT_IN
from loro_core.decide.orders import DispatchSettings
from loro_core.fleet import Deployment
from loro_core.models import InstanceState, InstanceStatus, Launch, Model
from loro_core.runtime.instances import Supervise
from loro_core.runtime.model_fleet import ModelFleet, open_fleet

RESTART_S = 0.25
STOP_S = 0.05


def model(name: str, **changes: Any) -> Model:
    return Model(
        name=name,
        deployment=Deployment(name=name, provider="playing", model=name, max_retries=0),
        **{"launch": Launch(kind="fake", command=("fake",)), "memory_bytes": 1, **changes},
    )


@dataclass
class World:
    """What the fakes do, and what is there.

    load_s: by model; math.inf loads for ever. dead_at_start: models that never come up.

    alive: ids of the instances that have a process. started, stopped: each start and each end of a process, in order.
    """

    load_s: dict[str, float] = field(default_factory=dict)
    dead_at_start: set[str] = field(default_factory=set)
    alive: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    supervisors: dict[str, FakeSupervisor] = field(default_factory=dict)
    tasks: int = 0

    @property
    def supervise(self) -> Supervise:
        def make(instance_id: str, model: Model, *, on_change: Any, log: Any, rng: Any) -> FakeSupervisor:
            made = self.supervisors[instance_id] = FakeSupervisor(self, instance_id, model, on_change)
            return made

        return make

    def nothing_left(self) -> None:
        assert not self.alive
        assert not self.tasks


class FakeSupervisor:
    """Keeps to the table of `decide.lifecycle`, as far as a dispatcher sees it."""

    def __init__(
        self, world: World, instance_id: str, model: Model, on_change: Callable[[InstanceStatus], None]
    ) -> None:
        self._world = world
        self._model = model
        self._on_change = on_change
        self._send, self._mail = trio.open_memory_channel[str](math.inf)
        self._due = math.inf
        self._again = False
        self.base_url: str | None = None
        self.status = InstanceStatus(
            id=instance_id, model=model.name, state=InstanceState.STOPPED, since=time.time(), slots=model.slots
        )

    def start(self) -> None:
        self._send.send_nowait("start")

    def stop(self, drain: bool) -> None:
        self._send.send_nowait("drain" if drain else "stop")

    def idle(self) -> None:
        self._send.send_nowait("idle")

    def die(self) -> None:
        """Have its process gone, as kill -9 does."""
        self._send.send_nowait("die")

    def break_down(self) -> None:
        self._send.send_nowait("break down")

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self._world.tasks += 1
        try:
            while True:
                with trio.move_on_at(self._due) as scope:
                    self._hear(await self._mail.receive())
                if scope.cancelled_caught:
                    self._due = math.inf
                    self._in_time()
        finally:
            if self.status.id in self._world.alive:
                with trio.CancelScope(shield=True):
                    await trio.sleep(STOP_S)
            self._world.alive.discard(self.status.id)
            self._world.tasks -= 1

    def _hear(self, told: str) -> None:
        state = self.status.state
        if told == "start":
            if state in (InstanceState.STOPPED, InstanceState.FAILED):
                self._spawn()
            elif state is InstanceState.DRAINING:
                self._become(InstanceState.READY)
            elif state is InstanceState.STOPPING:
                self._again = True
        elif told == "drain" and state is InstanceState.READY:
            self._become(InstanceState.DRAINING)
        elif told in ("drain", "stop"):
            self._again = False
            if state in (InstanceState.LOADING, InstanceState.READY, InstanceState.DRAINING):
                self._terminate()
            elif state is InstanceState.WAITING:
                self._become(InstanceState.STOPPED)
        elif told == "idle" and state is InstanceState.DRAINING:
            self._terminate()
        elif told == "die" and self.status.id in self._world.alive:
            self._world.alive.discard(self.status.id)
            self.base_url = None
            self._due = trio.current_time() + RESTART_S
            self._become(InstanceState.WAITING, "killed by signal 9")
        elif told == "break down":
            raise RuntimeError("a bug")

    def _in_time(self) -> None:
        state = self.status.state
        if state is InstanceState.LOADING:
            self.base_url = f"http://{self.status.id}/v1"
            self._become(InstanceState.READY)
        elif state is InstanceState.STOPPING:
            self._world.alive.discard(self.status.id)
            self.base_url = None
            self._become(InstanceState.STOPPED)
            if self._again:
                self._again = False
                self._spawn()
        elif state is InstanceState.WAITING:
            self._spawn()

    def _spawn(self) -> None:
        name = self._model.name
        self._become(InstanceState.STARTING)
        if name in self._world.dead_at_start:
            self._become(InstanceState.FAILED, "exited with status 1\ncannot load the model")
            return
        self._world.alive.add(self.status.id)
        self._world.started.append(self.status.id)
        self._due = trio.current_time() + self._world.load_s.get(name, 0.5)
        self._become(InstanceState.LOADING)

    def _terminate(self) -> None:
        self._due = trio.current_time() + STOP_S
        self._become(InstanceState.STOPPING)

    def _become(self, state: InstanceState, reason: str = "") -> None:
        self.status = replace(self.status, state=state, reason=reason, since=time.time())
        self._on_change(self.status)


@asynccontextmanager
async def fleet_of(
    world: World,
    *models: Model,
    balance: str = "least-busy",
    leaving: Callable[[], Awaitable[None]] = trio.sleep_forever,
    drain_s: float = 1.0,
    **settings: Any,
) -> AsyncIterator[ModelFleet]:
    """Give a fleet of `models` in `world`; afterwards nothing of it is left. settings: of `DispatchSettings`."""
    async with open_fleet(
        {m.name: m for m in models},
        DispatchSettings(**settings),
        lambda _: BUILT_IN[balance],
        rng=random.Random(1),
        supervise=world.supervise,
        leaving=leaving,
        drain_s=drain_s,
    ) as fleet:
        yield fleet
    world.nothing_left()
