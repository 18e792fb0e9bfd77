"""The models of one machine, alive: what is known of them, what may be asked of them by hand, and seats at them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import trio
from msgspec import Struct

from loro_core.decide.fleet.balance import Balancer
from loro_core.decide.fleet.dispatch import Dispatcher
from loro_core.decide.fleet.orders import DispatchSettings, LoadAsked, UnloadAsked
from loro_core.errors import ConfigError, NotFound, UpstreamError
from loro_core.fleet import Deployment
from loro_core.models import FleetEvent, InstanceState, InstanceStatus, Model, ModelKind, ModelStatus, serving
from loro_core.runtime.fleet.fleet_events import FleetEvents, Listeners
from loro_core.runtime.fleet.instances import Supervise
from loro_core.runtime.fleet.log_ring import LogRing
from loro_core.runtime.fleet.seating import Seating
from loro_core.runtime.fleet.seats import Seat, Told
from loro_core.runtime.fleet.supervisor import Supervisor

DRAIN_S = 10.0

REGISTERED = "registered"
"""The source of a model that was added at run time; a new configuration leaves it alone."""


class Changes(Struct, frozen=True, kw_only=True):
    """What a new set of models changed: names."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class ModelFleet:
    """Models that are started, called and stopped as needed. Made by `open_fleet`.

    on_models: called whenever other models can be had than before.
    """

    def __init__(self) -> None:
        self._listeners = Listeners()
        self.on_models: Callable[[], None] = lambda: None
        self._loading: Counter[str] = Counter()
        self.seating: Seating

    @property
    def _models(self) -> Mapping[str, Model]:
        return self.seating.models

    # --- seats: see `Seating` and `seats.Seats` ---

    @property
    def queue_deadline_s(self) -> float:
        return self.seating.queue_deadline_s

    def serving(self, name: str) -> tuple[str, ...]:
        """Return the models that chat for `name`: the model of that name, else all that have it for an alias; () if
        there is none."""
        return tuple(model.name for model in serving(self._models, name) if ModelKind.CHAT in model.kinds)

    def deployment(self, model: str) -> Deployment:
        return self._models[model].deployment

    def failure(self, model: str) -> str | None:
        instances = list(self.seating.of_model(model))
        failed = [instance for instance in instances if instance.state is InstanceState.FAILED]
        return failed[-1].status.reason if failed and len(failed) == len(instances) else None

    def seat(
        self,
        models: Sequence[str],
        *,
        caller: str = "",
        call: str = "",
        cost: int = 1,
        prefix: tuple[int, ...] = (),
        avoid: AbstractSet[str] = frozenset(),
        within_s: float | None = None,
        told: Told | None = None,
    ) -> AbstractAsyncContextManager[Seat]:
        return self.seating.seat(
            models,
            caller=caller,
            call=call,
            cost=cost,
            prefix=prefix,
            avoid=avoid,
            within_s=within_s,
            told=told,
        )

    def elsewhere(self, models: Sequence[str], avoid: AbstractSet[str]) -> bool:
        return self.seating.elsewhere(models, avoid)

    def state(self, instance: str) -> InstanceState:
        known = self.seating.instances.get(instance)
        return InstanceState.STOPPED if known is None else known.state

    def reason(self, instance: str) -> str:
        known = self.seating.instances.get(instance)
        return "" if known is None else known.status.reason

    def any_ready(self, models: Sequence[str]) -> bool:
        """Return whether an instance of one of `models` is ready."""
        return self.seating.any_ready(models)

    def has_room(self, models: Sequence[str]) -> bool:
        """Return whether a call of one of `models` would not have to wait, as it stands now."""
        instances = (instance for model in models for instance in self.seating.of_model(model))
        return any(instance.ready and instance.in_flight < instance.model.slots for instance in instances)

    def load_s(self, models: Sequence[str]) -> float | None:
        """Return how long the latest load of one of `models` took; None if none of their instances was ever ready."""
        instances = [instance for model in models for instance in self.seating.of_model(model)]
        return max((i.status.load_s for i in instances if i.status.load_s is not None), default=None)

    async def changed(self) -> None:
        await self.seating.changed()

    # --- what is known ---

    @property
    def configured(self) -> list[Model]:
        """The models that can be had, in the order of their configuration; those that were registered come last."""
        return list(self._models.values())

    def models(self) -> list[ModelStatus]:
        """Return what is known of every model now, in the order of their configuration; removed ones as long as an
        instance of theirs is left."""
        known = dict(self._models)
        of_model: dict[str, list[InstanceStatus]] = {}
        for instance in self.seating.instances.values():
            of_model.setdefault(instance.model.name, []).append(instance.status)
            known.setdefault(instance.model.name, instance.model)
        return [
            ModelStatus(
                model=model,
                instances=tuple(of_model.get(name, ())),
                waiting=self.seating.waiting(name),
                queue_p95_s=self.seating.queued_p95_s(name),
            )
            for name, model in known.items()
        ]

    def log(self, name: str) -> LogRing:
        """Return what the instances of a model have written. Raises NotFound."""
        self._known(name)
        return self.seating.log(name)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[FleetEvents]:
        """Give the events from now on. One that reads too slowly loses the oldest and can see how many it missed."""
        with self._listeners.listening() as events:
            yield events

    def _known(self, name: str) -> Model:
        model = self._models.get(name)
        if model is None:
            raise NotFound(f"there is no model '{name}'", param="model", code="model_not_found")
        return model

    # --- by hand ---

    async def load(self, name: str) -> None:
        """Have an instance of a model ready, and return when there is one.

        Raises NotFound, and UpstreamError with the reason if there will be none. After Cancelled a load that nobody
        else waits for is given up.
        """
        self._known(name)
        self.seating.not_loaded.pop(name, None)
        self._loading[name] += 1
        try:
            self.seating.receive(LoadAsked(model=name))
            while not self.seating.any_ready([name]):
                reason = self.seating.not_loaded.get(name) or self.failure(name)
                if reason is not None:
                    raise UpstreamError(
                        f"model '{name}' could not be loaded: {reason}", deployment=name, phase="connect"
                    )
                await self.changed()
                self._known(name)
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self._abandon(name)
            raise
        finally:
            self._loading[name] -= 1

    def _abandon(self, name: str) -> None:
        """Give up a load by hand, unless somebody else waits for it or it is kept loaded anyway."""
        model = self._models.get(name)
        if model is None or model.pinned or model.min_instances or self._loading[name] > 1:
            return
        if not self.seating.waiting(name) and not self.seating.any_ready([name]):
            self.seating.receive(UnloadAsked(model=name))

    async def unload(self, name: str, *, drain: bool = True) -> None:
        """Begin to stop the instances of a model. drain: calls under way may finish first. Raises NotFound."""
        self._known(name)
        self.seating.receive(UnloadAsked(model=name, drain=drain))
        await trio.lowlevel.checkpoint()

    async def drain(self, name: str) -> None:
        """Let the instances of a model finish their calls, and return when they have stopped.

        Raises NotFound. After Cancelled they stop all the same.
        """
        await self.unload(name, drain=True)
        while any(instance.lives for instance in self.seating.of_model(name)):
            await self.changed()

    def register(self, model: Model) -> None:
        """Add a model. Raises ConfigError if its name is taken."""
        taken = self._models.get(model.name)
        if taken is not None:
            raise ConfigError([f"name: '{model.name}' is a model of {taken.source or 'this configuration'} already"])
        self._reconfigure({**self._models, model.name: model}, None)
        self._tell("registered", model.name)

    def unregister(self, name: str) -> None:
        """Remove a model; calls under way finish. Raises NotFound."""
        self._known(name)
        self._reconfigure({known: m for known, m in self._models.items() if known != name}, None)
        self._tell("unregistered", name)

    def apply(self, models: Mapping[str, Model], settings: DispatchSettings | None = None) -> Changes:
        """Put `models` in the place of those that were configured; registered ones stay, calls under way finish.

        settings: None leaves them.
        """
        before = self._models
        wanted = {**models, **{n: m for n, m in before.items() if m.source == REGISTERED and n not in models}}
        changes = Changes(
            added=tuple(name for name in wanted if name not in before),
            changed=tuple(name for name in wanted if name in before and wanted[name] != before[name]),
            removed=tuple(name for name in before if name not in wanted),
        )
        self._reconfigure(wanted, settings)
        for name in (*changes.added, *changes.changed, *changes.removed):
            self._tell("reloaded", name)
        return changes

    def _reconfigure(self, models: Mapping[str, Model], settings: DispatchSettings | None) -> None:
        self.seating.reconfigure(models, settings)
        self.on_models()

    def note_change(self, status: InstanceStatus) -> None:
        """Hear that an instance has come into another state."""
        self._tell("state", status.model, status)

    def _tell(self, kind: str, model: str, status: InstanceStatus | None = None) -> None:
        event = FleetEvent(kind=kind, at=time.time(), model=model)
        if status is not None:
            event = replace(event, instance=status.id, state=status.state, reason=status.reason)
        self._listeners.tell(event)

    async def retire_after(self, leaving: Callable[[], Awaitable[None]]) -> None:
        """Once `leaving` returns, start no more instances, and refuse whoever waits for one."""
        await leaving()
        self.seating.retire()

    async def stop(self, within_s: float) -> None:
        """End all that can be ended in peace; after `within_s` what is left is left."""
        with trio.move_on_after(within_s):
            await self.seating.stop()
        self._listeners.end()


@asynccontextmanager
async def open_fleet(
    models: Mapping[str, Model],
    settings: DispatchSettings,
    balancer_of: Callable[[Model], Balancer],
    *,
    rng: random.Random,
    supervise: Supervise = Supervisor,
    leaving: Callable[[], Awaitable[None]] = trio.sleep_forever,
    drain_s: float = DRAIN_S,
) -> AsyncIterator[ModelFleet]:
    """Give a fleet of `models`; when the block ends, so does every process of it.

    balancer_of: which policy picks among a model's instances. leaving: returns when the end is near: from then on what
    is ready is served, and nothing is loaded. drain_s: how long calls under way may take to finish at
    the end; then they are broken off. Raises what the block raises, as itself and not in a group. After Cancelled no
    process is left either; nothing is waited for but the end of the processes.
    """
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        fleet = ModelFleet()
        fleet.seating = Seating(
            Dispatcher(settings, models, balancer_of, rng),
            models,
            queue_deadline_s=settings.queue_deadline_s,
            nursery=nursery,
            supervise=supervise,
            rng=rng,
            on_change=fleet.note_change,
        )
        nursery.start_soon(fleet.seating.keep_time)
        nursery.start_soon(fleet.retire_after, leaving)
        try:
            yield fleet
        except Exception as exc:  # noqa: BLE001  # raised again below, outside of the nursery's group
            failure = exc
        await fleet.stop(drain_s)
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
