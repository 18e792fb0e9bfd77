"""When a model gets one more instance, and when an idle one is stopped.

A model begins with none (or `min_instances`) and gets the first one for its first request. From then on the time that
requests wait for it decides, not how many there are: a queue that moves needs no second process. One more is started
when the oldest of them has waited `after_s` and none is loading already; so a burst gets one at a time, and each has
its load time to prove enough.

An instance is idle from the end of its last call, or from the moment it was ready where there was none; after its
model's `idle_ttl_s` it is stopped, unless it is one of the `floor` that stay.
"""

from __future__ import annotations

import math

from loro_core.models import Model

LOAD_BYTES_PER_S = 500e6
"""How quickly a file is taken for loading where no load was measured: an SSD, and a model that is not in the cache."""

LOAD_S = 10.0
"""How long a load is taken for where not even the size is known."""

SOON_S = 60.0
"""What "soon" is, where an instance's chance to be wanted again is weighed."""


def floor(model: Model) -> int:
    """Return how many instances are kept whether anybody asks or not: `min_instances`, and one of a pinned model."""
    if model.launch is None:
        return 1
    return min(ceiling(model), max(model.min_instances, 1 if model.pinned else 0))


def ceiling(model: Model) -> int:
    """Return how many instances there may be: one where the port is fixed, or where somebody else serves it."""
    if model.launch is None or model.launch.port:
        return 1
    return max(1, model.max_instances)


def grows(model: Model, *, instances: int, loading: int, oldest: float | None, now: float, after_s: float) -> bool:
    """Return whether `model` should have one more instance for its requests.

    instances: those that serve, load or failed. loading: those on their way among them. oldest: when the first of the
    requests came that wait for it; None if nobody does.
    """
    if oldest is None or instances >= ceiling(model):
        return False
    if instances == 0:
        return True
    return loading == 0 and now >= oldest + after_s


def stops_at(model: Model, *, idle_since: float, instances: int, floor: int) -> float:
    """Return when an instance that is idle since `idle_since` is stopped; infinity for never.

    instances: those that serve, this one among them. floor: how many of them stay.
    """
    if model.idle_ttl_s is None or instances <= floor:
        return math.inf
    return idle_since + model.idle_ttl_s


def likelihood(*, idle_s: float, gap_s: float | None) -> float:
    """Return how likely a model is wanted again within `SOON_S`, 0 to 1.

    idle_s: since its last request. gap_s: between its latest requests, on average; None if there were not two.
    A model whose requests come more seldom than it is idle by now is taken for one that they have stopped for, so the
    longer of the two counts: requests that come evenly at this distance.
    """
    distance_s = max(idle_s, gap_s if gap_s is not None else idle_s)
    return 1.0 - math.exp(-SOON_S / distance_s) if distance_s > 0 else 1.0


def reload_s(measured_s: float | None, size_bytes: int | None) -> float:
    """Return how long an instance takes to load. measured_s: its model's latest load, None before the first."""
    if measured_s is not None:
        return measured_s
    return LOAD_S if size_bytes is None else size_bytes / LOAD_BYTES_PER_S
