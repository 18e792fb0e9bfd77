"""Where a provider is tested: an upstream that plays a script, and the way to it.

`openai_bench` and `ollama_bench` are ready for providers that speak those protocols. For a protocol of your own write
one: a function that plays a `Script` in your protocol, in the same trio run, and tells what reached it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp
from loro_core.runtime.http_client import HttpClient
from loro_core.testing.script import Script
from loro_core.testing.upstream import open_upstream

MODEL = "scripted"


class CannotPlay(Exception):
    """This bench has no way to play that script, in its protocol or at all. The message says what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One upstream that plays one script for every call.

    deployment, http: what the provider is handed.
    calls: how many calls for a reply have reached the upstream; None if there is nobody to count them.
    settled: returns when no such call is open any more at the upstream's end; None likewise. It is waited for with a
        bound, after a caller has left.
    """

    deployment: Deployment
    http: UpstreamHttp
    calls: Callable[[], int] | None = None
    settled: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBench:
    """How to set up upstreams of one protocol.

    play: gives a stage for a script; raises CannotPlay for one that it has no way to play. A script with
        `unreachable` is a deployment at whose address nobody answers.
    framings: ways in which the same reply may travel in this protocol, each as changes to a script's fields.
    """

    play: Callable[[Script], AbstractAsyncContextManager[Stage]]
    framings: tuple[Mapping[str, Any], ...] = ()


@asynccontextmanager
async def _play(script: Script, *, provider: str, path: str) -> AsyncGenerator[Stage, None]:
    # Trusts nobody: these upstreams are spoken to in plain, and reading the authorities takes longer than a check.
    async with HttpClient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        if script.unreachable:
            with socket.socket() as nobody:
                nobody.bind(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{nobody.getsockname()[1]}{path}"
                deployment = Deployment(name="bench", provider=provider, base_url=url, model=MODEL)
                yield Stage(deployment=deployment, http=client.bind(deployment))
            return
        async with open_upstream({MODEL: script}) as upstream:
            deployment = Deployment(name="bench", provider=provider, base_url=upstream.url + path, model=MODEL)
            yield Stage(
                deployment=deployment,
                http=client.bind(deployment),
                calls=lambda: len(upstream.records),
                settled=lambda: upstream.wait_until(lambda records: all(record.ended for record in records)),
            )


_ANY_PROTOCOL: tuple[Mapping[str, Any], ...] = (
    *({"write_bytes": size} for size in (1, 7, 64)),
    {"body": "close"},
    {"newline": "crlf", "write_bytes": 3},
    {"head": "late"},
    {"finish": "with_content"},
    {"finish": "with_usage", "usage": "always"},
    {"finish": "never"},
)

_EVENT_STREAM: tuple[Mapping[str, Any], ...] = (
    {"newline": "cr"},
    {"newline": "cr", "write_bytes": 5},
    {"space": False},
    {"bom": True, "write_bytes": 2},
    {"keepalives": 3},
    {"role": "with_head"},
    {"role": "never"},
    {"finish": "empty_content"},
    {"done": False},
)


def openai_bench(provider: str = "openai") -> ProviderBench:
    """Return a bench for providers that speak chat completions over server-sent events. provider: its name."""
    return ProviderBench(
        play=lambda script: _play(script, provider=provider, path="/v1"), framings=_ANY_PROTOCOL + _EVENT_STREAM
    )


def ollama_bench(provider: str = "ollama") -> ProviderBench:
    """Return a bench for providers that speak Ollama's native API. provider: its name."""
    return ProviderBench(play=lambda script: _play(script, provider=provider, path=""), framings=_ANY_PROTOCOL)
