"""The pages that tell how loro is: service info, liveness, readiness, models, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import trio
from msgspec import Struct, structs

from loro_core._version import __version__
from loro_core.app.exposition import families
from loro_core.app.listing import Listing
from loro_core.app.metrics import Metrics
from loro_core.app.processes.colleagues import Colleagues
from loro_core.app.processes.hub import Hub
from loro_core.app.processes.sums import added_up
from loro_core.app.replies import JSON_HEADERS
from loro_core.app.routes import Fields
from loro_core.chat import Json
from loro_core.decide.catalogue import Catalogue
from loro_core.errors import InternalError, NotFound, UpstreamError
from loro_core.fleet import Deployment
from loro_core.models import ModelStatus
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Counts
from loro_core.runtime.upstreams import Upstreams
from loro_core.wire.exposition import CONTENT_TYPE, Family, encode_exposition, wants_exposition
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.json_text import encode_json

READY_FOR_S = 5.0
"""So long an answer about the upstreams is kept: a prober every second does not become their load."""

ENDPOINTS = (
    "POST /v1/chat/completions",
    "POST /v1/embeddings",
    "POST /v1/audio/speech",
    "GET /v1/models",
    "GET /v1/info",
    "GET /health",
    "GET /ready",
    "GET /metrics",
    "POST /metrics/reset",
)

DEMO = (
    "no model is configured: both are played by a script. "
    "Set SMALL_MODEL_API_KEY and LARGE_MODEL_API_KEY (and their _BASE_URL and _NAME) to use real ones."
)


class Service(Struct, frozen=True, kw_only=True):
    """What loro says of itself. policy: the default one. created: when it started, seconds since 1970.

    answering: which of `models`, by role, may answer; loro is ready if one of them is.
    """

    policy: str
    demo: bool
    models: Mapping[str, Deployment]
    answering: frozenset[str]
    created: int


class Inspect:
    """The handlers of the inspecting paths.

    catalogue: what can be asked for. statuses: of the models that loro runs.
    of_models: their numbers, where this is the only process.
    colleagues: the other workers, if this is one of several.
    aside: knows the numbers of the process that takes large requests.
    """

    def __init__(
        self,
        service: Service,
        upstreams: Upstreams,
        metrics: Metrics,
        counts: Counts,
        catalogue: Catalogue,
        *,
        statuses: Callable[[], Sequence[ModelStatus]] = list,
        of_models: Callable[[], Iterable[Family]] = list,
        colleagues: Colleagues | None = None,
        aside: Hub | None = None,
    ) -> None:
        self._statuses = statuses
        self._of_models = of_models
        self._service, self._catalogue = service, catalogue
        self._metrics = metrics
        self._counts = counts
        self._colleagues = colleagues
        self._aside = aside
        self._upstreams = upstreams
        self._readiness = _Readiness(upstreams)

    def configure(self, service: Service, catalogue: Catalogue) -> None:
        """Tell of these from now on."""
        self._service, self._catalogue = structs.replace(service, created=self._service.created), catalogue
        self._readiness = _Readiness(self._upstreams)

    async def info(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        service = self._service
        body: dict[str, Json] = {
            "message": "loro: the gateway that makes voice assistants feel instant",
            "mode": "demo" if service.demo else "gateway",
            "version": __version__,
            "policy": service.policy,
            "models": {role: {"model": d.model, "provider": d.provider} for role, d in service.models.items()},
            "endpoints": list(ENDPOINTS),
        }
        if service.demo:
            body["demo"] = DEMO
        await _send_json(reply, 200, {**body, **await self._workers()})

    async def health(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        await _send_json(reply, 200, {"status": "healthy", **await self._workers()})

    async def ready(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        found = await self._readiness.ask(self._service.models)
        answering = self._service.answering
        is_ready = any(found[role] is None for role in answering) and all(
            error is None for role, error in found.items() if role not in answering
        )
        upstreams: dict[str, Json] = {
            role: {"ready": error is None} if error is None else {"ready": False, "error": error.message}
            for role, error in found.items()
        }
        status = "ready" if is_ready else "not ready"
        body: dict[str, Json] = {"status": status, "upstreams": upstreams, **await self._workers()}
        await _send_json(reply, 200 if is_ready else 503, body)

    async def models(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        await _send_json(reply, 200, {"object": "list", "data": self._listing().entries()})

    async def model(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:  # noqa: ARG002
        """GET /v1/models/NAME."""
        entry = next((entry for entry in self._listing().entries() if entry["id"] == name), None)
        if entry is None:
            raise NotFound(f"there is no model {name!r}", param="model", code="model_not_found")
        await _send_json(reply, 200, entry)

    async def about(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        """GET /v1/info."""
        service, listing = self._service, self._listing()
        body: dict[str, Json] = {
            "type": "gateway",
            "version": __version__,
            "policy": service.policy,
            "models": listing.by_kind(),
            "pairs": listing.pairs(),
            "endpoints": list(ENDPOINTS),
        }
        await _send_json(reply, 200, body)

    def _listing(self) -> Listing:
        statuses = {status.model.name: status for status in self._statuses()}
        service = self._service
        return Listing(catalogue=self._catalogue, statuses=statuses, policy=service.policy, created=service.created)

    async def metrics(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        text = wants_exposition(request.header("accept") or "")
        if self._colleagues is not None:
            body = await self._colleagues.metrics(text=text)
            if body is None:
                raise InternalError("The supervisor of the workers did not tell their numbers in time.")
        else:
            metrics, connections = await self._numbers()
            body = (
                encode_exposition([*families(metrics, connections=connections), *self._of_models()])
                if text
                else encode_json(metrics.as_json())
            )
        await reply.send(200, [("content-type", CONTENT_TYPE)] if text else JSON_HEADERS, body)

    async def reset(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        body: dict[str, Json] = {"message": "Metrics reset successfully"}
        if self._colleagues is None:
            self._metrics.reset()
            if self._aside is not None:
                await self._aside.reset()
        else:
            standing = await self._colleagues.reset()
            if standing is None:
                raise InternalError("The supervisor of the workers did not reset their numbers in time.")
            body["workers"] = standing.as_json()
        await _send_json(reply, 200, body)

    async def _numbers(self) -> tuple[Metrics, int]:
        """Return the numbers of this process and of the one for large requests, and how many are connected."""
        if self._aside is None or not self._aside.has_numbers:
            return self._metrics, self._counts.connections
        _, tally = await self._aside.collect()
        return added_up([self._metrics, *tally.parts]), self._counts.connections + tally.connections

    async def _workers(self) -> dict[str, Json]:
        """Return what is told of the workers: nothing where there is one process."""
        if self._colleagues is None:
            return {}
        standing = await self._colleagues.standing()
        return {
            "worker": self._colleagues.number,
            "workers": None if standing is None else standing.as_json(),
        }


class _Readiness:
    """Asks the upstreams, once for all who want to know within READY_FOR_S."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._lock = trio.Lock()
        self._asked_at = -READY_FOR_S
        self._found: dict[str, UpstreamError | None] = {}

    async def ask(self, models: Mapping[str, Deployment]) -> Mapping[str, UpstreamError | None]:
        """Return by role what is wrong with each upstream, None where nothing is."""
        async with self._lock:
            if trio.current_time() - self._asked_at >= READY_FOR_S or not self._found:
                found: dict[str, UpstreamError | None] = {}

                async def ask_one(role: str, deployment: Deployment) -> None:
                    found[role] = await self._upstreams.check(deployment)

                async with trio.open_nursery() as nursery:
                    for role, deployment in models.items():
                        nursery.start_soon(ask_one, role, deployment)
                self._found = {role: found[role] for role in models}
                self._asked_at = trio.current_time()
            return self._found


async def _send_json(reply: Reply, status: int, body: Mapping[str, Json]) -> None:
    await reply.send(status, JSON_HEADERS, encode_json(body))
