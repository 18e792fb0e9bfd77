"""Who asks for a seat, the dispatcher that decides, and the instances that it starts and stops.

    a caller wants a seat      -> Arrived         Grant -> the caller goes on        Refuse -> UpstreamBusy
    it leaves before           -> Left            its block ends -> Returned
    an instance changes        -> InstanceChanged
    somebody asks by hand      -> LoadAsked, UnloadAsked, Reconfigured
    time has come              -> Tick, at the dispatcher's `next_at`
                                                  StartInstance, StopInstance -> the instance's supervisor
                                                  Forget -> its task ends

Nothing is decided here. Every event goes to the dispatcher, one at a time, in the task in which it happened, and the
actions that come back are carried out in the same step: none of them waits. So the dispatcher's view and the world can
differ by what a supervisor has not yet told, and by nothing else. Two kinds of tasks run here: one for each instance,
its supervisor's, and one that keeps time; whoever waits for a seat waits in a task of its own.
"""

from __future__ import annotations

import itertools
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager

import trio

from loro_core.decide.dispatch import Dispatcher
from loro_core.decide.orders import (
    Action,
    Arrived,
    DispatchSettings,
    Event,
    Forget,
    Grant,
    InstanceChanged,
    Left,
    NotLoaded,
    Reconfigured,
    Refuse,
    Returned,
    StartInstance,
    StopInstance,
    Tick,
)
from loro_core.models import InstanceStatus, Model, Ticket
from loro_core.runtime.instances import Address, Instance, Supervise
from loro_core.runtime.log_ring import LogRing
from loro_core.runtime.seats import Seat, Told
from loro_core.runtime.waiter import Waiter

LOGGER = logging.getLogger("loro.runtime.fleet")

MEASURED_CALLS = 200
"""A model's queue times are told of so many of its latest calls."""

LOG_BYTES = 256 * 1024
LOG_LINES = 2000

STOPPING = "loro is stopping"


class Seating:
    """Gives seats at instances, which it has started as the dispatcher orders.

    nursery: where the instances' tasks run. on_change: is told of every change of an instance's state, after the
    dispatcher. models: as they are configured, by name. instances: those that there are, by id.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        models: Mapping[str, Model],
        *,
        queue_deadline_s: float,
        nursery: trio.Nursery,
        supervise: Supervise,
        rng: random.Random,
        on_change: Callable[[InstanceStatus], None],
    ) -> None:
        self.models = dict(models)
        self.instances: dict[str, Instance] = {}
        self.queue_deadline_s = queue_deadline_s
        self.not_loaded: dict[str, str] = {}
        """Why a model that was asked for by hand was not loaded, by name, until it is asked for again."""
        self._dispatcher = dispatcher
        self._nursery = nursery
        self._supervise = supervise
        self._rng = rng
        self._on_change = on_change
        self._waiters: dict[int, Waiter] = {}
        self._numbers = itertools.count(1)
        self._events: deque[Event] = deque()
        self._deciding = False
        self._nap = trio.CancelScope()
        self._change = trio.Event()
        self._logs: dict[str, LogRing] = {}
        self._queued_s: dict[str, deque[float]] = {}
        self._retiring = self._stopping = False
        self._meet_addresses()

    # --- callers ---

    @asynccontextmanager
    async def seat(
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
    ) -> AsyncIterator[Seat]:
        """Give a seat at an instance of one of `models`, as soon as there is one; it is returned with the block's end.

        within_s: how long it may take, `queue_deadline_s` if None. told: is called if there is a wait, with this
        caller's `Waiting`. The other arguments are a `Ticket`'s.
        Raises UpstreamBusy if there will be none in time. After Cancelled while it waits the ticket is given back; a
        load that nobody else waits for is given up.
        """
        now = trio.current_time()
        ticket = Ticket(
            id=next(self._numbers),
            models=tuple(models),
            caller=caller,
            cost=cost,
            prefix=prefix,
            call=call,
            arrived=now,
            deadline=now + (self.queue_deadline_s if within_s is None else within_s),
            avoid=frozenset(avoid),
        )
        waiter = self._waiters[ticket.id] = Waiter(self, ticket)
        whole = False
        try:
            self._arrive(waiter, told)
            yield await waiter.wait()
            whole = True
        finally:
            self._leave(waiter, whole=whole)

    def _arrive(self, waiter: Waiter, told: Told | None) -> None:
        if self._stopping:
            waiter.refuse(STOPPING, retry_after_s=1.0, behind=0)
            return
        self.receive(Arrived(ticket=waiter.ticket))
        if self._retiring:
            self._turn_away(waiter)
        if not waiter.over:
            waiter.arrived_as = waiter.position
            if told is not None:
                told(waiter)

    def _leave(self, waiter: Waiter, *, whole: bool) -> None:
        """Take back what `waiter` has: a seat, or its place in the queue. whole: whether its block came to its end."""
        del self._waiters[waiter.ticket.id]
        seat = waiter.seat
        if seat is None:
            if waiter.refusal is None:
                self.receive(Left(ticket_id=waiter.ticket.id))
            return
        outcome = seat.outcome or ("answered" if whole else "cancelled")
        instance = self.instances.get(seat.instance)
        if instance is not None:
            instance.in_flight -= 1
            instance.served += outcome == "answered"
            instance.failed += outcome == "failed"
            instance.tokens_per_s = seat.tokens_per_s or instance.tokens_per_s
        self.receive(
            Returned(
                instance=seat.instance,
                ticket_id=seat.ticket.id,
                outcome=outcome,
                first_token_s=seat.first_token_s,
            )
        )
        if instance is not None:
            instance.mind_idleness()

    def elsewhere(self, models: Sequence[str], avoid: AbstractSet[str]) -> bool:
        """Return whether `models` could be served by another instance than those of `avoid`: one that is ready, or one
        of a model that has failed nobody of them."""
        for name in models:
            instances = list(self.of_model(name))
            if all(instance.id not in avoid for instance in instances):
                return True
            if any(instance.ready and instance.id not in avoid for instance in instances):
                return True
        return False

    def any_ready(self, models: Sequence[str]) -> bool:
        return any(instance.ready for name in models for instance in self.of_model(name))

    def of_model(self, name: str) -> Iterator[Instance]:
        """Give the instances of a model, those that are leaving among them."""
        found = map(self.instances.get, self._dispatcher.instances(name))
        return (instance for instance in found if instance is not None)

    def position(self, ticket_id: int) -> int:
        """Return the place of a ticket in the queue, from 1; 0 if it is not there."""
        return self._dispatcher.position(ticket_id) or 0

    def loads_for(self, ticket_id: int) -> bool:
        """Return whether a ticket waits for a model that has no instance up."""
        waits_for = self._dispatcher.waits_for(ticket_id)
        return waits_for is not None and waits_for[1]

    def waiting(self, model: str) -> int:
        """Return how many callers wait for a model."""
        return self._dispatcher.waiting(model)

    def queued_p95_s(self, model: str) -> float | None:
        """Return how long the slowest twentieth of a model's latest calls waited at least; None before the first."""
        ordered = sorted(self._queued_s.get(model, ()))
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] if ordered else None

    def log(self, model: str) -> LogRing:
        """Return what the instances of a model have written."""
        if model not in self._logs:
            self._logs[model] = LogRing(max_bytes=LOG_BYTES, max_lines=LOG_LINES)
        return self._logs[model]

    async def changed(self) -> None:
        """Return when an instance has come into another state, or was forgotten."""
        await self._change.wait()

    # --- the dispatcher ---

    def receive(self, event: Event) -> None:
        """Have the dispatcher decide about `event`, and do what it says.

        What happens while that is done comes after it: it may be called from within.
        """
        self._events.append(event)
        if self._deciding:
            return
        self._deciding = True
        try:
            while self._events:
                for action in self._dispatcher.receive(self._events.popleft(), trio.current_time()):
                    self._carry_out(action)
        finally:
            self._deciding = False
        next_at = self._dispatcher.next_at
        if next_at != self._nap.deadline:
            self._nap.deadline = next_at

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Grant):
            self._grant(action)
        elif isinstance(action, Refuse):
            self._refuse(action)
        elif isinstance(action, StartInstance):
            if not self._retiring:
                self._start(action.instance, action.model)
        elif isinstance(action, StopInstance):
            instance = self.instances.get(action.instance)
            if instance is not None:  # else it was not started any more
                instance.stop(drain=action.drain)
        elif isinstance(action, NotLoaded):
            LOGGER.warning("fleet.not_loaded model=%s reason=%s", action.model, action.reason)
            self.not_loaded[action.model] = action.reason
            self._wake()
        else:
            self._forget(action)

    def _grant(self, action: Grant) -> None:
        waiter = self._waiters[action.ticket_id]
        instance = self.instances.get(action.instance) or self._new(action.instance, self.models[action.model])
        instance.in_flight += 1
        seat = Seat(
            waiter.ticket,
            instance.id,
            instance.model.name,
            instance.deployment,
            position=waiter.arrived_as,
            granted_at=trio.current_time(),
        )
        self._queued_s.setdefault(seat.model, deque(maxlen=MEASURED_CALLS)).append(seat.queued_s)
        waiter.sit(seat)

    def _refuse(self, action: Refuse) -> None:
        self._waiters[action.ticket_id].refuse(
            action.reason,
            retry_after_s=action.retry_after_s,
            full=action.full,
            behind=self._dispatcher.waiting(action.model),
        )

    def _start(self, instance_id: str, model: Model) -> None:
        instance = self.instances.get(instance_id)
        if instance is None or instance.over:
            instance = self._new(instance_id, model)
        instance.start()

    def _meet_addresses(self) -> None:
        """Have an instance for each that the dispatcher has taken in without a word: no process belongs to it."""
        for model in self.models.values():
            if model.launch is None:
                for instance_id in self._dispatcher.instances(model.name):
                    if instance_id not in self.instances:
                        self._new(instance_id, model).start()

    def _new(self, instance_id: str, model: Model) -> Instance:
        instance = self.instances[instance_id] = Instance(instance_id, model)
        make: Supervise = Address if model.launch is None else self._supervise
        instance.supervisor = make(
            instance_id,
            model,
            on_change=lambda status: self._changed(instance, status),
            log=self.log(model.name),
            rng=self._rng,
        )
        self._nursery.start_soon(self._look_after, instance)
        return instance

    async def _look_after(self, instance: Instance) -> None:
        try:
            with instance.scope:
                await instance.supervisor.run()
        except Exception:
            # A bug, and its process has been stopped on the way out: the others go on.
            LOGGER.exception("fleet.broken instance=%s", instance.id)
            instance.broken, instance.over = "an error of loro's own, see its log", True
            self._changed(instance, instance.status)
        finally:
            instance.over = True

    def _forget(self, action: Forget) -> None:
        instance = self.instances.pop(action.instance)
        instance.scope.cancel()
        self._wake()
        name = instance.model.name
        if name not in self.models and not any(self.of_model(name)):
            # Models may be registered and taken out again for ever.
            for kept in (self._logs, self._queued_s, self.not_loaded):
                kept.pop(name, None)

    def _changed(self, instance: Instance, status: InstanceStatus) -> None:
        """Hear from the supervisor of `instance`; one that was forgotten has nothing to say any more."""
        if self.instances.get(instance.id) is not instance:
            return
        self.receive(InstanceChanged(status=status))
        if instance.told is not status.state:
            instance.told = status.state
            self._on_change(status)
            self._wake()

    def _wake(self) -> None:
        self._change.set()
        self._change = trio.Event()

    def reconfigure(self, models: Mapping[str, Model], settings: DispatchSettings | None) -> None:
        """Put `models` in the place of those that there were. settings: None leaves them."""
        self.models = dict(models)
        for instance in self.instances.values():
            instance.renew(models.get(instance.model.name))
        if settings is not None:
            self.queue_deadline_s = settings.queue_deadline_s
        self.receive(Reconfigured(models=self.models, settings=settings))
        self._meet_addresses()

    async def keep_time(self) -> None:
        """Tell the dispatcher when its time has come; for ever: it is cancelled."""
        self.receive(Tick())
        while True:
            self._nap = trio.CancelScope(deadline=self._dispatcher.next_at)
            with self._nap:
                await trio.sleep_forever()
            self.receive(Tick())

    def retire(self) -> None:
        """Start no more instances, and refuse whoever waits for one: it would come too late. The others are served."""
        self._retiring = True
        for waiter in list(self._waiters.values()):
            self._turn_away(waiter)

    def _turn_away(self, waiter: Waiter) -> None:
        """Refuse `waiter` if it cannot be served before the end."""
        if not waiter.over and (self._stopping or self.loads_for(waiter.ticket.id)):
            waiter.refuse(STOPPING, retry_after_s=1.0, behind=0)
            self.receive(Left(ticket_id=waiter.ticket.id))

    async def stop(self) -> None:
        """Refuse whoever waits, let calls under way finish, and return when all instances have stopped."""
        self._stopping = True
        self.retire()
        for instance in list(self.instances.values()):
            instance.stop(drain=True)
        while any(instance.lives for instance in self.instances.values()):
            await self.changed()
