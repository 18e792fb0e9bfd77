"""A fleet in memory, and the gateway that serves its admin API on memory streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import trio

from loro_core.app.access import Access
from loro_core.app.admin.fleet import Limits
from loro_core.app.admin.pages import Admin, House
from loro_core.app.config import load
from loro_core.app.config.changes import Changes
from loro_core.app.routes import Routes
from loro_core.errors import ConfigError, UpstreamError, UpstreamUnreachable
from loro_core.fleet import Deployment, Secret
from loro_core.models import FleetEvent, InstanceState, InstanceStatus, Launch, LogLine, Model, ModelKind, ModelStatus
from loro_core.runtime.http_service import Drain, Service
from loro_core.runtime.upstreams import Upstreams
from loro_core.wire.cors import CorsRules, cors_headers
from loro_core.wire.http1 import HeaderList, Headers
from loro_core.wire.openai_out import error_body
from tests.app.serving import NOWHERE, Heard, registry, send
from tests.runtime.fakes import NoHttp, PlayingProvider

KEY = "a-key-of-sixteen-and-more"
UPSTREAM_KEY = "sk-7f3a9c-never-to-be-seen"
GIB = 1 << 30


def process(name: str, **more: Any) -> Model:
    """Return a model that is a process of ours."""
    return Model(
        name=name,
        deployment=Deployment(name=name, provider="large", model=name, api_key=Secret(UPSTREAM_KEY)),
        launch=Launch(kind="llama-server", command=("llama-server", "--port", "{port}")),
        source="loro.toml:12",
        **more,
    )


class FakeLog:
    """Lines, the latest of them, and their followers."""

    def __init__(self) -> None:
        self.kept: list[LogLine] = []
        self.followers = 0
        self._news = trio.Event()

    def write(self, text: str, instance: str = "qwen-1", at: float = 1_800_000_000.0, stream: str = "stderr") -> None:
        self.add(LogLine(at=at, instance=instance, stream=stream, text=text))

    def add(self, line: LogLine) -> None:
        self.kept.append(line)
        self._news.set()
        self._news = trio.Event()

    def lines(self) -> Sequence[LogLine]:
        return list(self.kept)

    def follow(self) -> AsyncIterator[LogLine]:
        return self._follow(len(self.kept))

    async def _follow(self, at: int) -> AsyncIterator[LogLine]:
        self.followers += 1
        try:
            while True:
                while at == len(self.kept):
                    await self._news.wait()
                yield self.kept[at]
                at += 1
        finally:
            self.followers -= 1


class FakeFleet:
    """A fleet whose loads take `load_s` and end in `failure`, if that is set; `calls` are what was asked of it."""

    def __init__(self, *models: Model, load_s: float = 2.0) -> None:
        self._statuses = {model.name: ModelStatus(model=model) for model in models}
        self.load_s = load_s
        self.failure: UpstreamError | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.logs: dict[str, FakeLog] = {}
        self.subscribers: set[trio.MemorySendChannel[FleetEvent]] = set()
        self.now = 1_800_000_000.0
        self.limits = Limits(memory_bytes=8 * GIB, max_instances=3)

    def models(self) -> list[ModelStatus]:
        return list(self._statuses.values())

    def put(self, status: ModelStatus) -> None:
        self._statuses[status.model.name] = status

    def instance(self, name: str, state: InstanceState, **more: Any) -> None:
        """Let a model have one instance, in `state`, and tell so."""
        known = self._statuses[name]
        found = InstanceStatus(id=f"{name}-1", model=name, state=state, since=self.now, slots=known.model.slots, **more)
        gone = state is InstanceState.STOPPED
        self._statuses[name] = replace(known, instances=() if gone else (found,))
        self.tell(FleetEvent(kind="state", at=self.now, model=name, instance=found.id, state=state))

    def tell(self, event: FleetEvent) -> None:
        for subscriber in self.subscribers:
            subscriber.send_nowait(event)

    def log(self, name: str) -> FakeLog:
        return self.logs.setdefault(name, FakeLog())

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[FleetEvent]]:
        send_channel, receive_channel = trio.open_memory_channel[FleetEvent](1_000_000)
        self.subscribers.add(send_channel)
        try:
            async with receive_channel:
                yield receive_channel
        finally:
            self.subscribers.discard(send_channel)

    async def load(self, name: str) -> None:
        self.calls.append(("load", name))
        if any(i.state is InstanceState.READY for i in self._statuses[name].instances):
            return
        self.instance(name, InstanceState.STARTING, pid=4711)
        try:
            await trio.sleep(self.load_s / 2)
            self.instance(name, InstanceState.LOADING, pid=4711)
            await trio.sleep(self.load_s / 2)
        except trio.Cancelled:
            self.calls.append(("left", name))
            self.instance(name, InstanceState.STOPPED)
            raise
        if self.failure is not None:
            raise self.failure
        self.instance(name, InstanceState.READY, pid=4711, memory_bytes=3 * GIB, load_s=self.load_s)

    async def unload(self, name: str, *, drain: bool = True) -> None:
        self.calls.append(("unload", name, drain))
        self.instance(name, InstanceState.DRAINING if drain else InstanceState.STOPPING)
        await trio.lowlevel.checkpoint()

    async def drain(self, name: str) -> None:
        self.calls.append(("drain", name))
        self.instance(name, InstanceState.DRAINING)
        await trio.sleep(1)
        self.instance(name, InstanceState.STOPPED)

    def register(self, model: Model) -> None:
        self.calls.append(("register", model.name))
        url = model.deployment.base_url
        found = InstanceStatus(
            id=f"{model.name}-1",
            model=model.name,
            state=InstanceState.READY,
            since=self.now,
            slots=model.slots,
            base_url=url,
        )
        self.put(ModelStatus(model=model, instances=(found,)))
        self.tell(FleetEvent(kind="registered", at=self.now, model=model.name))

    def unregister(self, name: str) -> None:
        self.calls.append(("unregister", name))
        del self._statuses[name]
        self.tell(FleetEvent(kind="unregistered", at=self.now, model=name))


class Gatehouse:
    """Makes requests to the admin API of a gateway, with its key unless told otherwise.

    problems: what the next reload finds; nothing lets it go well.
    """

    def __init__(self, fleet: FakeFleet) -> None:
        self.fleet = fleet
        self.drain = Drain()
        self.service: Service
        self.absent: UpstreamError | None = None
        self.problems: list[str] = []
        self.reloads = 0

    async def reload(self) -> Changes:
        self.reloads += 1
        await trio.lowlevel.checkpoint()
        if self.problems:
            raise ConfigError(self.problems)
        return Changes(
            added=("new",), changed=("qwen",), restarted=("qwen",), keys=("reply.policy",), waits=("server.port",)
        )

    async def get(self, path: str, **headers: str) -> Heard:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: bytes = b"", **headers: str) -> Heard:
        return await self.ask("POST", path, body=body, headers=headers)

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None, key: str | None = KEY
    ) -> Heard:
        own = {} if key is None else {"authorization": f"Bearer {key}"}
        return await send(self.service, method, path, headers={**own, **(headers or {})}, body=body)


class AbsentProvider(PlayingProvider):
    """A provider whose upstreams are not there as long as its gatehouse says so."""

    def __init__(self, house: Gatehouse) -> None:
        super().__init__([])
        self.house = house

    async def check(self, deployment: Deployment, http: Any) -> None:
        await super().check(deployment, http)
        if self.house.absent is not None:
            raise self.house.absent


def unreachable(name: str) -> UpstreamUnreachable:
    return UpstreamUnreachable(f"deployment '{name}': connection refused", deployment=name)


def two_models(**more: Any) -> FakeFleet:
    """Return a fleet with a chat model and an embedding model, neither loaded."""
    return FakeFleet(
        process("qwen", aliases=("small",), slots=4, pinned=True, context_tokens=8192, memory_bytes=2 * GIB),
        process("bge", kinds=frozenset({ModelKind.EMBEDDING})),
        **more,
    )


@asynccontextmanager
async def administered(fleet: FakeFleet, *, key: str | None = KEY, **environ: str) -> AsyncIterator[Gatehouse]:
    """Serve the admin API of `fleet`. key: None leaves it closed."""
    house = Gatehouse(fleet)
    provider = AbsentProvider(house)
    variables = {"LARGE_MODEL_PROVIDER": "large", "LARGE_MODEL_NAME": "large", "LARGE_MODEL_API_KEY": "none", **environ}
    if key is not None:
        variables["LORO_ADMIN_KEY"] = key
    settings = load(environ=variables, directory=NOWHERE)
    asked = House(
        fleet=fleet,
        drain=house.drain,
        reload=house.reload,
        limits=lambda: fleet.limits,
    )
    plugins = registry(provider, provider)
    upstreams = Upstreams(plugins.providers, lambda _: NoHttp())
    admin = Admin(settings.admin.key, asked, plugins.providers, upstreams.check)
    cors = CorsRules(origins=settings.server.cors_origins)
    handler = Access(Routes(admin.table(), cors, admin.named()))

    def common_headers(headers: Headers) -> HeaderList:
        return cors_headers(cors, headers.get("origin"))

    house.service = Service(handler=handler, common_headers=common_headers, error_body=error_body, drain=house.drain)
    await trio.lowlevel.checkpoint()
    yield house
