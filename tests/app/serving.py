"""The composed gateway on memory streams: everything but the kernel, on the jumping clock."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h11
import trio
import trio.testing

from loro_core.app.build import open_gateway
from loro_core.app.config import load
from loro_core.plugin.api import Policy, Provider
from loro_core.plugin.registry import Registry, load_plugins
from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_service import Counts, Service
from loro_core.wire.openai_out import error_body
from tests.runtime.fakes import PlayingProvider

NOWHERE = Path("/nonexistent")
QUESTION = {"model": "loro", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


class Heard:
    """One response, as it arrived.

    at_s: for each event of a stream, the seconds since the request; keep_alive_s: the same for each comment that only
    says that the stream is alive.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.events: list[str] = []
        self.at_s: list[float] = []
        self.keep_alive_s: list[float] = []
        self.complete = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(e) for e in self.events if e != "[DONE]"]

    @property
    def text(self) -> str:
        return "".join(c["choices"][0]["delta"].get("content") or "" for c in self.chunks if c.get("choices"))

    @property
    def first_text_s(self) -> float:
        return next(
            at
            for at, event in zip(self.at_s, self.events, strict=True)
            if event != "[DONE]" and json.loads(event)["choices"][0]["delta"].get("content")
        )


class Client:
    """Makes requests to `service`, each on a connection of its own."""

    def __init__(self, service: Service, small: PlayingProvider, large: PlayingProvider) -> None:
        self.service, self.small, self.large = service, small, large

    async def ask(self, *, headers: Mapping[str, str] | None = None, **more: Any) -> Heard:
        body = json.dumps({**QUESTION, "stream": True, **more}).encode()
        return await self.send("POST", "/v1/chat/completions", headers=headers, body=body)

    async def get(self, path: str, **headers: str) -> Heard:
        return await self.send("GET", path, headers=headers)

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Heard:
        return await send(self.service, method, path, headers=headers, body=body)


async def send(
    service: Service, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Heard:
    """Make one request of `service`, on a connection of its own, and return its whole response."""
    ours, theirs = trio.testing.memory_stream_pair()
    heard = Heard()
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await serve_connection(theirs, service, client="192.0.2.1")

        nursery.start_soon(serve)
        await _exchange(ours, method, path, headers or {}, body, heard)
        await ours.aclose()
    return heard


async def _exchange(
    stream: trio.abc.Stream, method: str, path: str, headers: Mapping[str, str], body: bytes, heard: Heard
) -> None:
    http = h11.Connection(h11.CLIENT)
    fields = {"host": "loro.test", "connection": "close", "content-length": str(len(body)), **headers}
    sent = http.send(h11.Request(method=method, target=path, headers=list(fields.items()))) or b""
    sent += http.send(h11.Data(data=body)) or b"" if body else b""
    await stream.send_all(sent + (http.send(h11.EndOfMessage()) or b""))
    start = trio.current_time()
    pending = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.Response):
            heard.status = event.status_code
            heard.headers = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, h11.Data):
            heard.body += event.data
            *events, pending = (pending + bytes(event.data)).split(b"\n\n")
            now_s = trio.current_time() - start
            for text in (event.decode() for event in events):
                if text == ": keep-alive":
                    heard.keep_alive_s.append(now_s)
                else:
                    heard.events.append(text.removeprefix("data: "))
                    heard.at_s.append(now_s)
        else:
            heard.complete = isinstance(event, h11.EndOfMessage)
            return


def registry(small: Provider, large: Provider, *policies: Policy) -> Registry:
    """Return what is built in, with the two providers as "small" and "large"."""
    built_in = load_plugins(installed=[])
    return Registry(
        providers={"small": small, "large": large},
        policies={**built_in.policies, **{p.name: p for p in policies}},
        plugins=(),
        broken=(),
    )


@asynccontextmanager
async def serving(
    small: PlayingProvider | None, large: PlayingProvider, *policies: Policy, **environ: str
) -> AsyncIterator[Client]:
    """Serve with these models; environ: the settings' variables beside the models'."""
    models = {"LARGE_MODEL_PROVIDER": "large", "LARGE_MODEL_NAME": "large-model", "LARGE_MODEL_API_KEY": "none"}
    if small is not None:
        models |= {"SMALL_MODEL_PROVIDER": "small", "SMALL_MODEL_NAME": "small-model", "SMALL_MODEL_API_KEY": "none"}
    async with composed({**models, **environ}, registry(small or large, large, *policies)) as service:
        yield Client(service, small or large, large)


@asynccontextmanager
async def composed(environ: Mapping[str, str], plugins: Registry) -> AsyncIterator[Service]:
    """Give the service that loro would run with these variables and plugins."""
    settings = load(environ=environ, directory=NOWHERE)
    counts = Counts()
    async with open_gateway(settings, plugins, counts) as gateway:
        yield Service(
            handler=gateway.handler, common_headers=gateway.common_headers, error_body=error_body, counts=counts
        )
