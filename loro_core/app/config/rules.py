"""What has to hold among models, pairs and the settings of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from loro_core.app.config.kinds_models import size_text
from loro_core.app.config.model_tables import Configured
from loro_core.app.config.pairing import serving
from loro_core.app.config.roster import Roster
from loro_core.app.config.settings import Source
from loro_core.fleet import Deployment
from loro_core.models import LOCAL, Model


def fleet_problems(
    server: Mapping[str, Any], scheduler: Mapping[str, Any], sources: Mapping[str, Source], roster: Roster
) -> Iterator[str]:
    """Yield what does not fit between the models and what is said of the server and of all models.

    server, scheduler: the values of the tables. sources: where they come from.
    """

    def told(path: str, said: str) -> str:
        return f"{sources[path].where}: {path} {said}"

    if roster.models and server["workers"] != 1:
        yield told(
            "server.workers",
            f"is {server['workers']}, needs 1 with local models: one process has to own theirs and the queue",
        )
    kept = 0
    for one in roster.models:
        model = one.model
        if model.launch is None:
            continue
        kept += max(model.min_instances, int(model.pinned))
        if model.launch.port and model.launch.port == server["port"]:
            yield one.entry.problem("port", f"is {model.launch.port}, where loro itself listens")
        budget, needs = scheduler["memory"], model.memory_bytes
        if needs is not None and isinstance(budget, int) and needs > budget:
            said = f"is {size_text(needs)}, more than scheduler.memory has for all of them: {size_text(budget)}"
            yield one.entry.problem("memory", said)
    if kept > scheduler["max_instances"]:
        said = f"is {scheduler['max_instances']}, but min_instances and pinned ask for {kept} processes"
        yield told("scheduler.max_instances", said)


def pinned(models: Sequence[Configured], acknowledging: Iterable[Deployment | None]) -> tuple[Model, ...]:
    """Return `models`; those that acknowledge are pinned, unless their tables say otherwise.

    acknowledging: who acknowledges in some pair.
    """
    plain = [one.model for one in models]
    names = {one.model for one in acknowledging if one is not None and one.provider == LOCAL}
    quick = {model.name for name in names for model in serving(plain, name)}
    return tuple(
        replace(one.model, pinned=True)
        if one.model.name in quick and one.model.launch is not None and not one.pins
        else one.model
        for one in models
    )
