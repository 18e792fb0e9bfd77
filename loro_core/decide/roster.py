"""Who serves which model: the instances as the dispatcher knows them, and what of them may be given out.

A *desk* is a model with its instances and with the requests that count on it. The counts (free seats, calls under way,
slots) are kept with every change, so that an answer never needs a look at all instances.

    an instance is  when
    --------------  --------------------------------------------------------------------------------------
    live            it serves or is on its way to: starting, loading, ready, waiting for its next start; not leaving
    ready           live, its state is READY, and it is not closed: it may get calls
    open            ready, with a free slot
    closed          its turn is over, and another model waits for its room: it only finishes what it has
    leaving         it was told to stop
    outdated        the configuration has changed since it was started; it serves until a new one is ready
    a resident      a process of it may exist: every state but STOPPED and FAILED
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from loro_core.decide import scaling
from loro_core.decide.balance import PeakEwma
from loro_core.decide.breaker import Breaker
from loro_core.decide.placement import cost
from loro_core.models import InstanceState, Model, Ticket

# Tuples, for they are looked through by identity: a set would ask each state for its hash.
COMING = (InstanceState.STARTING, InstanceState.LOADING, InstanceState.WAITING)
GONE = (InstanceState.STOPPED, InstanceState.FAILED)

SMOOTHING = 0.2
"""The weight of the latest one in the averages of gaps between requests and of calls' durations."""


class Cause(Enum):
    """Why an instance was started; it decides whether it is stopped when nobody waits for it any more."""

    WANTED = "a request waits for it"
    OWED = "a request waited for it and was told to come back"
    GROWN = "requests waited long for those there were"
    ASKED = "it was asked for by hand"
    KEPT = "it is kept loaded"
    RENEWED = "its configuration changed"


@dataclass(slots=True, eq=False)
class Instance:
    """One place that serves a model.

    model: as it was started. seats: the tickets of the calls under way. leaving: how it was told to stop.
    closed_for: the model that waits for its room. ready_since, idle_since: on the runtime's clock.
    memory_bytes: the most that was measured.
    """

    id: str
    model: Model
    cause: Cause
    state: InstanceState = InstanceState.STARTING
    seats: set[int] = field(default_factory=set)
    leaving: bool = False
    drains: bool = False
    closed_for: str | None = None
    outdated: bool = False
    reason: str = ""
    ready_since: float = math.inf
    idle_since: float = math.inf
    memory_bytes: int | None = None
    served: int = 0
    last_picked: float | None = None
    breaker: Breaker = field(default_factory=Breaker)
    first_token: PeakEwma = field(default_factory=PeakEwma)
    counted: tuple[int, int, int] = (0, 0, 0)
    """The slots and the calls that its desk's sums have of it, and the bytes that the roster's has."""

    @property
    def live(self) -> bool:
        return not self.leaving and (self.state is InstanceState.READY or self.state in COMING)

    @property
    def ready(self) -> bool:
        return self.state is InstanceState.READY and not self.leaving and self.closed_for is None

    @property
    def open(self) -> bool:
        return self.ready and len(self.seats) < self.model.slots

    @property
    def resident(self) -> bool:
        return self.model.launch is not None and self.state not in GONE

    def takes_bytes(self) -> int | None:
        """What it takes of the machine's memory: as declared, else the most of its file and what was measured."""
        if self.model.memory_bytes is not None:
            return self.model.memory_bytes
        known = [size for size in (self.memory_bytes, self.model.size_bytes) if size is not None]
        return max(known) if known else None


@dataclass(slots=True, eq=False)
class Desk:
    """A model, its instances, and what is asked of it.

    wanting: the waiting tickets that count on it, the oldest first. asked_since: when it was asked for by hand and is
    not yet ready. held: unloaded by hand; until a request or a hand starts a process again, or a hand lets an
    address serve, nothing of it is kept. removed: no longer configured. grows_at: one more is not tried before.
    told: of what `NotLoaded` spoke last. turn_ended: when an instance of it was last stopped for another model.
    slots, in_flight: sums over its ready instances. gap_s: between its requests. call_s: of its calls.
    load_s, measured_bytes: of its latest instance.
    """

    model: Model
    instances: dict[str, Instance] = field(default_factory=dict)
    open: dict[str, Instance] = field(default_factory=dict)
    wanting: dict[int, Ticket] = field(default_factory=dict)
    asked_since: float | None = None
    held: bool = False
    removed: bool = False
    grows_at: float = -math.inf
    turn_ended: float = -math.inf
    told: str = ""
    slots: int = 0
    in_flight: int = 0
    last_request: float | None = None
    gap_s: float | None = None
    call_s: float | None = None
    load_s: float | None = None
    measured_bytes: int | None = None

    @property
    def name(self) -> str:
        return self.model.name

    def live(self) -> Iterator[Instance]:
        return (instance for instance in self.instances.values() if instance.live)

    @property
    def served(self) -> bool:
        """Whether any instance is live."""
        return any(True for _ in self.live())

    @property
    def failure(self) -> str | None:
        """Why it cannot be served until somebody acts; None if it can, or if it was not tried."""
        if self.served:
            return None
        if self.model.launch is None and self.held:
            return "it was unloaded by hand"
        reasons = [i.reason for i in self.instances.values() if i.state is InstanceState.FAILED and not i.leaving]
        return reasons[-1] or "failed" if reasons else None

    @property
    def wanted_since(self) -> float | None:
        """When the oldest request for it came, a ticket's or by hand; None if nobody waits."""
        oldest = next(iter(self.wanting.values()), None)
        since = [at for at in (self.asked_since, oldest.arrived if oldest else None) if at is not None]
        return min(since) if since else None

    @property
    def stands_since(self) -> float | None:
        """Since when it stands in line for room: it goes to the end of it with every turn it has had."""
        since = self.wanted_since
        return None if since is None else max(since, self.turn_ended)

    @property
    def floor(self) -> int:
        return 0 if self.held or self.removed else scaling.floor(self.model)

    def seats(self, max_load: float) -> int:
        """How many calls its ready instances may have together; one at least, however low `max_load` is."""
        return min(self.slots, max(1, math.floor(max_load * self.slots + 1e-9)))

    def room(self, max_load: float) -> bool:
        """Whether a call may be given to one of its open instances."""
        return bool(self.open) and self.in_flight < self.seats(max_load)

    def wants_bytes(self) -> int | None:
        """What one more instance will take."""
        if self.model.memory_bytes is not None:
            return self.model.memory_bytes
        known = [size for size in (self.measured_bytes, self.model.size_bytes) if size is not None]
        return max(known) if known else None

    def note_request(self, now: float) -> None:
        if self.last_request is not None:
            self.gap_s = _smoothed(self.gap_s, now - self.last_request)
        self.last_request = now

    def note_call(self, seconds: float) -> None:
        self.call_s = _smoothed(self.call_s, seconds)

    def eviction_cost(self, instance: Instance, now: float) -> float:
        """What stopping `instance` costs: loading it again, as likely as it is wanted soon."""
        idle_s = max(0.0, now - self.last_request) if self.last_request is not None else math.inf
        return cost(
            reload_s=scaling.reload_s(self.load_s, self.model.size_bytes),
            likelihood=scaling.likelihood(idle_s=idle_s, gap_s=self.gap_s),
            priority=instance.model.priority,
        )


class Roster:
    """All desks and all instances. taken_bytes: what all residents take together, as far as that is known."""

    def __init__(self) -> None:
        self.desks: dict[str, Desk] = {}
        self.instances: dict[str, Instance] = {}
        self.residents: dict[str, Instance] = {}
        self.taken_bytes = 0
        self._floors: dict[str, None] = {}

    def desk_of(self, instance: Instance) -> Desk:
        return self.desks[instance.model.name]

    def add(self, model: Model, cause: Cause) -> Instance:
        """Take a new instance in, under the lowest number that is free."""
        id_ = next(id_ for n in itertools.count(1) if (id_ := f"{model.name}-{n}") not in self.instances)
        instance = Instance(id=id_, model=model, cause=cause)
        self.instances[id_] = instance
        self.desks[model.name].instances[id_] = instance
        self.count(instance)
        return instance

    def count(self, instance: Instance) -> None:
        """Bring the sums up to date after any change of `instance`."""
        desk = self.desk_of(instance)
        slots, in_flight, taken_bytes = instance.counted
        ready, resident = instance.ready, instance.resident
        counted = (
            instance.model.slots if ready else 0,
            len(instance.seats) if ready else 0,
            (instance.takes_bytes() or 0) if resident else 0,
        )
        instance.counted = counted
        desk.slots += counted[0] - slots
        desk.in_flight += counted[1] - in_flight
        self.taken_bytes += counted[2] - taken_bytes
        if ready and len(instance.seats) < instance.model.slots:
            desk.open[instance.id] = instance
        else:
            desk.open.pop(instance.id, None)
        if resident:
            self.residents[instance.id] = instance
        else:
            self.residents.pop(instance.id, None)

    def remove(self, instance: Instance) -> None:
        """Take an instance out, and its desk with the last one of a model that is no longer configured."""
        desk = self.desk_of(instance)
        instance.leaving = True
        instance.state = InstanceState.STOPPED
        self.count(instance)
        del desk.instances[instance.id]
        del self.instances[instance.id]
        self.drop(desk)

    def drop(self, desk: Desk) -> None:
        """Take a desk out if nothing of it is left."""
        if desk.removed and not desk.instances:
            self.desks.pop(desk.name, None)

    def known(self, names: tuple[str, ...]) -> list[Desk]:
        """The desks of those models that are configured, in the order of `names`."""
        return [desk for name in names if (desk := self.desks.get(name)) is not None and not desk.removed]

    def desks_with_floor(self) -> list[Desk]:
        """The desks of which instances are kept loaded."""
        return [desk for name in self._floors if (desk := self.desks.get(name)) is not None and desk.floor]

    def configure(self, model: Model) -> Desk:
        """Return the desk of a model that is new, or is configured otherwise from now on."""
        desk = self.desks.get(model.name)
        if desk is None:
            desk = self.desks[model.name] = Desk(model=model)
        desk.model = model
        desk.held = desk.removed = False
        desk.told = ""
        if scaling.floor(model) and model.launch is not None:
            self._floors[model.name] = None
        else:
            self._floors.pop(model.name, None)
        return desk


def _smoothed(before: float | None, latest: float) -> float:
    return latest if before is None else before + SMOOTHING * (latest - before)
