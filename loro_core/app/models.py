"""The models that loro runs: settings into a fleet, and what is to be known of it where replies are planned."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from loro_core.app.admin.fleet import Limits
from loro_core.app.config.budget import memory_budget
from loro_core.app.config.pairs import Pair
from loro_core.app.config.scheduling import DEFAULT
from loro_core.app.config.settings import ReplySettings, Settings
from loro_core.decide.catalogue import Catalogue, Route
from loro_core.decide.fleet.balance import BUILT_IN, Balancer, Held, balancer
from loro_core.decide.fleet.dispatch import DispatchSettings
from loro_core.fleet import Deployment, Expectation, Snapshot
from loro_core.models import LOCAL, Model
from loro_core.plugin.registry import Registry
from loro_core.runtime.fleet.model_fleet import ModelFleet, open_fleet
from loro_core.runtime.http_service import Drain

LOGGER = logging.getLogger("loro.models")

BUSY_S = 1.0
"""What a wait for a seat is taken to last: about half an answer, and more than a client's slack."""

COLD_S = 5.0
"""What a load is taken to last before one was measured; more than any client's slack, which is all that counts."""


def catalogue_of(settings: Settings, models: Iterable[Model]) -> Catalogue:
    """Return what can be asked for by name. models: those of the settings and those that were registered since."""
    reply = settings.reply

    def route(
        said: ReplySettings | Pair,
        acknowledge: Deployment | None,
        answering: tuple[Deployment, ...],
        policy: str | None = None,
    ) -> Route:
        return Route(
            answering=answering,
            acknowledge=acknowledge,
            policy=policy,
            apology=said.apology,
            snapshot=Snapshot(
                deployments={},
                words_deadline_s=said.words_deadline_s,
                quick_deadline_s=said.quick_deadline_s,
                slack_s=said.slack_s,
                floor_s=said.floor_s,
                first_turn=said.first_turn,
            ),
        )

    pairs = {
        name: route(pair, pair.acknowledging, pair.answering, pair.policy) for name, pair in settings.pairs.items()
    }
    return Catalogue(
        default=route(reply, settings.small, settings.answering),
        pairs=pairs,
        models=models,
        any_name=any_name(settings),
    )


def any_name(settings: Settings) -> bool:
    """Return whether a name that nobody has is answered by the default pair."""
    wanted = settings.scheduler.unknown_model
    return not (settings.models or settings.pairs) if wanted is None else wanted == DEFAULT


@asynccontextmanager
async def open_models(
    settings: Settings, registry: Registry, rng: random.Random, drain: Drain | None = None
) -> AsyncIterator[ModelFleet]:
    """Give the fleet of the settings' models while the block runs; afterwards none of its processes is left.

    drain: nothing is loaded once it has begun.
    """
    models = {model.name: model for model in settings.models}
    leaving = trio.sleep_forever if drain is None else drain.wait
    async with open_fleet(
        models, dispatch_settings(settings), balancer_of(settings, registry), rng=rng, leaving=leaving
    ) as fleet:
        yield fleet


def dispatch_settings(settings: Settings) -> DispatchSettings:
    """Return what holds for all models together."""
    scheduler = settings.scheduler
    return DispatchSettings(
        max_instances=scheduler.max_instances,
        memory_bytes=memory_budget(scheduler),
        max_load=scheduler.max_load,
        max_waiting=scheduler.max_waiting,
        queue_deadline_s=scheduler.queue_deadline_s,
        scale_after_s=scheduler.scale_after_s,
        turn_s=scheduler.turn_s,
    )


def limits_of(settings: Settings) -> Limits:
    """Return what all models share, for whoever shows it."""
    shared = dispatch_settings(settings)
    return Limits(memory_bytes=shared.memory_bytes, max_instances=shared.max_instances)


def balancer_of(settings: Settings, registry: Registry) -> Callable[[Model], Balancer]:
    """Return who picks among a model's instances. Raises ConfigError."""
    scheduler = settings.scheduler
    chosen = balancer(scheduler.balance, scheduler.balance_weights, registry.balancers)
    if chosen not in BUILT_IN.values():
        chosen = Held(chosen, lambda fault: LOGGER.error("balancer.failed %s", fault))
    return lambda _: chosen


def expected(
    deployments: Sequence[Deployment], fleet: ModelFleet, known: Mapping[str, Expectation]
) -> Mapping[str, Expectation]:
    """Return what is known of when answers begin, with that of local models whose calls have to wait put right.

    Whatever their latest answers took, this one comes after the load, or after a call that is under way has ended.
    """
    waits = {}
    for deployment in deployments:
        if deployment.provider == LOCAL:
            models = fleet.serving(deployment.model)
            if not fleet.has_room(models):
                wait_s = BUSY_S if fleet.any_ready(models) else fleet.load_s(models) or COLD_S
                waits[deployment.name] = Expectation(points=((wait_s, 1.0),), measured=1.0)
    return {**known, **waits} if waits else known
