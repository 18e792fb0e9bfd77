"""The numbers of models as Prometheus families: how they stand, and what their events have come to."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import trio

from loro_core.app.admin.fleet import Fleet, Limits
from loro_core.app.admin.standing import memory_bytes, tokens_per_s
from loro_core.models import FleetEvent, InstanceState, ModelStatus
from loro_core.wire.exposition import Family, Sample

SWAP_WITHIN_S = 60.0
"""A start this soon after another model's stop has taken its room. Stops wait for calls to end, starts for the stop."""


class ModelTally:
    """Counts what happens to models: fed with every event, in order; it keeps no more than the stops of a minute."""

    def __init__(self) -> None:
        self.starts: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self.swaps: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._pausing: set[str] = set()
        self._stopped: deque[tuple[float, str]] = deque()

    def observe(self, event: FleetEvent) -> None:
        """Count one event."""
        if event.kind != "state" or event.state is None:
            return
        if event.state is InstanceState.STARTING:
            self._started(event)
        elif event.state is InstanceState.WAITING:
            self._pausing.add(event.instance)
        elif event.state is InstanceState.FAILED:
            self.failures[event.model] += 1
        elif event.state is InstanceState.STOPPED:
            self._pausing.discard(event.instance)
            self._stopped.append((event.at, event.model))

    def _started(self, event: FleetEvent) -> None:
        self.starts[event.model] += 1
        if event.instance in self._pausing:
            self._pausing.discard(event.instance)
            self.restarts[event.model] += 1
            return
        while self._stopped and event.at - self._stopped[0][0] > SWAP_WITHIN_S:
            self._stopped.popleft()
        # Each stop makes room once, and a model that comes back has taken nobody's.
        for stop in self._stopped:
            if stop[1] != event.model:
                self._stopped.remove(stop)
                self.swaps[event.model] += 1
                break


@asynccontextmanager
async def open_tally(fleet: Fleet) -> AsyncIterator[ModelTally]:
    """Give a tally of what happens to `fleet` while the block runs; it raises what the block raises, not in a group."""
    tally, failure = ModelTally(), None
    async with fleet.subscribe() as happening, trio.open_nursery() as nursery:

        async def count() -> None:
            async for event in happening:
                tally.observe(event)

        nursery.start_soon(count)
        try:
            yield tally
        except Exception as exc:  # noqa: BLE001  # raised again below, outside of the nursery's group
            failure = exc
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


_GAUGES: tuple[tuple[str, str, Callable[[ModelStatus], float | None]], ...] = (
    ("loro_model_in_flight", "Calls of a model that are under way now.", lambda status: status.in_flight),
    ("loro_model_slots", "Calls that a model takes at once, as it runs now.", lambda status: status.slots),
    ("loro_model_waiting", "Requests that wait for a seat at a model.", lambda status: status.waiting),
    (
        "loro_model_memory_bytes",
        "What a model's instances take: measured, else declared.",
        memory_bytes,
    ),
    ("loro_model_tokens_per_second", "What a model's instances write together, lately.", tokens_per_s),
    (
        "loro_model_queue_p95_seconds",
        "How long the latest calls of a model waited for their seat, 95th percentile.",
        lambda status: status.queue_p95_s,
    ),
)
"""(name, help, the number) of what each model has one of; a model of which it is not known has no sample."""


def model_families(statuses: Sequence[ModelStatus], tally: ModelTally, limits: Limits) -> Iterator[Family]:
    """Yield every family of the models, in a fixed order; where there are none, none."""
    if not statuses:
        return
    yield Family(
        name="loro_model_instances",
        kind="gauge",
        help="Instances of a model, by state.",
        samples=[
            Sample(
                value=sum(1 for i in status.instances if i.state is state),
                labels={"model": status.model.name, "state": state.value},
            )
            for status in statuses
            for state in InstanceState
        ],
    )
    for name, told, number in _GAUGES:
        known = [(status.model.name, number(status)) for status in statuses]
        yield Family(
            name=name,
            kind="gauge",
            help=told,
            samples=[Sample(value=value, labels={"model": model}) for model, value in known if value is not None],
        )
    yield Family(
        name="loro_models_memory_limit_bytes",
        kind="gauge",
        help="What all models together may take; absent where there is no limit.",
        samples=[] if limits.memory_bytes is None else [Sample(value=limits.memory_bytes)],
    )
    for name, told, counts in (
        ("loro_model_starts_total", "Starts of a model's instances.", tally.starts),
        ("loro_model_restarts_total", "Starts in the place of an instance that died.", tally.restarts),
        (
            "loro_model_swaps_total",
            f"Starts within {SWAP_WITHIN_S:g} s of the stop of another model, whose room they took.",
            tally.swaps,
        ),
        ("loro_model_failures_total", "Instances that were given up because they died too often.", tally.failures),
    ):
        yield Family(
            name=name,
            kind="counter",
            help=told,
            samples=[
                Sample(value=counts[status.model.name], labels={"model": status.model.name}) for status in statuses
            ],
        )
