"""Settings and plugins into a gateway that serves: everything is made here, once, and handed down."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from loro_core.app.access import Access
from loro_core.app.admin.exposition import model_families, open_tally
from loro_core.app.admin.pages import Admin, House
from loro_core.app.chat import Chat, ChatSettings
from loro_core.app.check import plugin_problems
from loro_core.app.config.changes import Changes
from loro_core.app.config.settings import Settings
from loro_core.app.inspect import Inspect, Service
from loro_core.app.legs import Hedging, Line
from loro_core.app.making import Making
from loro_core.app.metrics import Metrics
from loro_core.app.models import catalogue_of, dispatch_settings, limits_of, open_models
from loro_core.app.passthrough import PATHS as PASSED_ON
from loro_core.app.passthrough import Passthrough
from loro_core.app.phrases import phrasebook, tool_lines
from loro_core.app.processes.colleagues import Colleagues
from loro_core.app.processes.hub import Hub
from loro_core.app.replies import Part
from loro_core.app.routes import Routes
from loro_core.app.watch import log_trouble
from loro_core.decide.catalogue import Catalogue
from loro_core.decide.hedge import HedgeBudget
from loro_core.decide.prefill import Ladder
from loro_core.decide.release.profile import FALLBACK, PROFILES
from loro_core.errors import ConfigError
from loro_core.plugin.registry import Registry
from loro_core.runtime.calls import Calls, open_calls
from loro_core.runtime.http_client import open_http
from loro_core.runtime.http_service import Counts, Drain
from loro_core.runtime.observe import Happening
from loro_core.runtime.upstreams import Upstreams
from loro_core.wire.cors import CorsRules, cors_headers
from loro_core.wire.http1 import HeaderList, Headers
from loro_core.wire.openai_in import PLATFORM_FIELDS, RequestRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """handler: serves every request. common_headers: what every reply says beside its own, errors included.

    upstreams: whom it calls.
    reconfigure: takes over other settings, as far as that is possible without a restart; replies in the making go on
        as they were begun. Raises ConfigError, and then nothing has changed.
    """

    handler: Access
    common_headers: Callable[[Headers], HeaderList]
    upstreams: Upstreams
    reconfigure: Callable[[Settings], None]


def check(settings: Settings, registry: Registry) -> None:
    """Raise ConfigError with all that `settings` ask for and `registry` does not have."""
    problems = list(plugin_problems(settings, registry))
    if problems:
        raise ConfigError(problems)


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    registry: Registry,
    counts: Counts,
    colleagues: Colleagues | None = None,
    aside: Hub | None = None,
    *,
    drain: Drain | None = None,
    reload: Callable[[], Awaitable[Changes]] | None = None,
) -> AsyncIterator[Gateway]:
    """Make a gateway and hold what it needs (connections to upstreams) while the block runs.

    counts: the server's, for /metrics. colleagues: the other workers, if this is one of several.
    aside: knows the numbers of the process that takes large requests.
    drain: when the admin API's streams end. reload: reads the settings again and has them taken over (`reconfigure`);
        raises ConfigError. Without it there is no admin API.
    Raises ConfigError as `check` does.
    """
    check(settings, registry)
    metrics = Metrics(settings.metrics.window)
    if colleagues is not None:
        colleagues.count_with(metrics, counts, aside)

    def observe(happening: Happening) -> None:
        metrics.observe(happening)
        log_trouble(happening)

    cors = CorsRules(origins=settings.server.cors_origins, credentials=settings.server.cors_credentials)
    rng = random.Random()  # noqa: S311  # choice of words and jitter
    # The calls end before the connections that they are made on.
    async with (
        open_http(settings.deployments) as http,
        open_models(settings, registry, rng, drain) as fleet,
        open_tally(fleet) as tally,
        open_calls(Calls[Part, Making]) as calls,
    ):
        upstreams = Upstreams(registry.providers, http.bind, fleet)
        line = _line_for(settings, Line(upstreams=upstreams, observer=observe, rng=rng, ladder=Ladder()), metrics)
        catalogue = catalogue_of(settings, settings.models)
        chat_settings = _chat_settings(settings, registry, catalogue)
        chat = Chat(chat_settings, line, metrics, calls, fleet)
        pages = Inspect(
            _service(settings),
            upstreams,
            metrics,
            counts,
            catalogue,
            statuses=fleet.models,
            of_models=lambda: model_families(fleet.models(), tally, limits_of(current)),
            colleagues=colleagues,
            aside=aside,
        )
        passthrough = Passthrough(fleet, http.bind, catalogue, metrics)
        current = settings

        def reconfigure(settings: Settings) -> None:
            nonlocal current, chat_settings, line
            check(settings, registry)
            # Raises what is wrong with phrases, before anything changes; what can be asked for comes with the models.
            chat_settings = _chat_settings(settings, registry, chat_settings.catalogue)
            current, line = settings, _line_for(settings, line, metrics)
            fleet.apply({model.name: model for model in settings.models}, dispatch_settings(settings))

        def models_changed() -> None:
            nonlocal chat_settings
            catalogue = catalogue_of(current, fleet.configured)
            chat_settings = replace(chat_settings, catalogue=catalogue)
            chat.configure(chat_settings, line)
            pages.configure(_service(current), catalogue)
            passthrough.catalogue = catalogue

        fleet.on_models = models_changed
        admin = None
        if reload is not None:
            house = House(fleet=fleet, drain=drain or Drain(), reload=reload, limits=lambda: limits_of(current))
            admin = Admin(settings.admin.key, house, registry.providers, upstreams.check)
        yield Gateway(
            handler=Access(_routes(chat, pages, passthrough, admin, cors)),
            common_headers=lambda headers: cors_headers(cors, headers.get("origin")),
            upstreams=upstreams,
            reconfigure=reconfigure,
        )


def _line_for(settings: Settings, line: Line, metrics: Metrics) -> Line:
    """Return `line` as the settings want it; what it has learned of the models stays."""
    return replace(
        line,
        hedging=_hedging(settings, metrics),
        words_prompt=settings.reply.words_prompt,
        progress=settings.reply.progress,
    )


def _chat_settings(settings: Settings, registry: Registry, catalogue: Catalogue) -> ChatSettings:
    reply = settings.reply
    lines = tool_lines(settings.words)  # read even where they are not said: what is wrong with them is told
    return ChatSettings(
        policies=registry.policies,
        default_policy=reply.policy,
        rules=RequestRules(
            max_tokens_limit=reply.max_tokens_limit,
            default_temperature=reply.temperature,
            stream_default=reply.stream_default,
            platform_fields=PLATFORM_FIELDS | set(reply.platform_fields),
        ),
        catalogue=catalogue,
        phrasebook=phrasebook(settings.words, Path.cwd()),
        tool_lines=lines if reply.announce_tools else None,
        default_client=FALLBACK if reply.client is None else PROFILES[reply.client],
        adopt_within_s=reply.adopt_within_s,
        comment_after_s=reply.comment_after_s,
    )


def _hedging(settings: Settings, metrics: Metrics) -> Hedging | None:
    several = settings.fallbacks or any(len(pair.answering) > 1 for pair in settings.pairs.values())
    if not several or not settings.hedge.share:
        return None
    return Hedging(
        budget=HedgeBudget(settings.hedge.share), expectation=metrics.expectation, after_s=settings.hedge.after_s
    )


def _service(settings: Settings) -> Service:
    models = {} if settings.small is None else {"small": settings.small}
    models |= {deployment.name: deployment for deployment in settings.answering}
    return Service(
        policy=settings.reply.policy,
        demo=settings.demo,
        models=models,
        answering=frozenset(deployment.name for deployment in settings.answering),
        created=int(time.time()),
    )


def _routes(chat: Chat, pages: Inspect, passthrough: Passthrough, admin: Admin | None, cors: CorsRules) -> Routes:
    return Routes(
        {
            "/": {"GET": pages.info},
            "/health": {"GET": pages.health},
            "/ready": {"GET": pages.ready},
            "/metrics": {"GET": pages.metrics},
            "/metrics/reset": {"POST": pages.reset},
            # Both with and without /v1: voice platforms append to whatever base they are given.
            "/v1/models": {"GET": pages.models},
            "/models": {"GET": pages.models},
            "/v1/info": {"GET": pages.about},
            "/v1/chat/completions": {"POST": chat.handle},
            "/chat/completions": {"POST": chat.handle},
            **{base + path: {"POST": passthrough.handler(path)} for path in PASSED_ON for base in ("/v1", "")},
            **({} if admin is None else admin.table()),
        },
        cors,
        {
            "/v1/models/{name}": {"GET": pages.model},
            "/models/{name}": {"GET": pages.model},
            **({} if admin is None else admin.named()),
        },
    )
