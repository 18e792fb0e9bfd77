"""The way to the upstreams: one HTTP/1.1 client for all of them, behind `plugin.api.UpstreamHttp`.

An HTTP library cost several times as much as everything else that is done with a reply (docs/decisions/0004), so this
is our own: a request is one send, a read of the answer is one wait and one system call, and no scope, task or
generator of the client's stands between. What it rules:

1. The pool is never the queue, see `http_pool`: admission is ours.
2. A connection that a server has quietly given up while it was idle costs one more try on a fresh one, when it ended
   before any byte of an answer. llama.cpp's server closes after a few requests without saying so.
3. Whoever leaves an exchange early has closed its connection when the block is left; closing does not wait.
4. No cookies and no redirects: the calls of different users share one client.

A deployment with `http2` is served by `http2_client`, which is not imported before it is needed.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from loro_core.errors import ConfigError, UpstreamError
from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp, UpstreamResponse
from loro_core.runtime.dialling import USER_AGENT, Dialler, proxy_fields, trust_of
from loro_core.runtime.http_exchange import Exchange
from loro_core.runtime.http_pool import Pool
from loro_core.runtime.streams import ByteStream
from loro_core.wire.http1_request import Target, encode_request, parse_url

if TYPE_CHECKING:
    from loro_core.runtime.http2_client import Http2Client

EXPIRE_EVERY_S = 15.0
"""How often `tend` looks for connections that have waited long enough."""

HTTP2_EXTRA = "pip install 'loro-core[http2]'"

_DEFAULTS = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
_MOST_TARGETS = 256


class HttpClient:
    """Makes requests to every upstream; open from `async with` on.

    tls: whom it trusts; None trusts the usual authorities, or SSL_CERT_FILE and SSL_CERT_DIR where they are set.
    Raises ConfigError if the environment's variables for proxies or certificates cannot be used.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._dialler = Dialler(tls, os.environ)
        self._pool = Pool()
        self._targets: dict[str, Target] = {}
        self._http2: Http2Client | None = None

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._pool.close()
        if self._http2 is not None:
            await self._http2.aclose()

    def bind(self, deployment: Deployment) -> UpstreamHttp:
        """Return the transport for calls to `deployment`: its connect timeout, its name in every error.

        Raises ConfigError for a deployment with `http2` if the packages for it are not there.
        """
        if deployment.http2:
            return self._for_http2().bind(deployment)
        return _Bound(self, deployment)

    async def tend(self, deployments: Sequence[Deployment]) -> None:
        """Connect to each of `deployments` that wants it beforehand; then keep the pool free of what has expired.

        For ever: it is cancelled. A connection that cannot be made is not, without a word: whoever calls will be told.
        """
        async with trio.open_nursery() as nursery:
            warmed = set()
            for deployment in deployments:
                if not deployment.prewarm or deployment.http2:
                    continue
                try:
                    target = self.target(deployment.base_url)
                except ValueError:
                    continue  # its provider knows where it is
                if target.origin not in warmed:
                    warmed.add(target.origin)
                    nursery.start_soon(self._warm, target, deployment)
            while True:
                await trio.sleep(EXPIRE_EVERY_S)
                self._pool.expire()

    async def _warm(self, target: Target, deployment: Deployment) -> None:
        try:
            stream = await self._dialler.connect(target, deployment.connect_timeout_s, deployment.name)
        except UpstreamError:
            return
        self._pool.give(target.origin, stream)

    def target(self, url: str) -> Target:
        """Return where `url` leads; raise ValueError if nowhere."""
        target = self._targets.get(url)
        if target is None:
            target = parse_url(url)
            if len(self._targets) >= _MOST_TARGETS:  # deployments have a handful; a provider could make many
                self._targets.clear()
            self._targets[url] = target
        return target

    def request(self, method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
        """Return the bytes of a request, for whoever stands at the other end of the connection."""
        proxy = self._dialler.proxy_for(target)
        if proxy is None or target.scheme == "https":
            return encode_request(method, target.path, target.authority, defaults=_DEFAULTS, headers=headers, body=body)
        defaults = _DEFAULTS | proxy_fields(proxy)
        return encode_request(method, target.absolute, target.authority, defaults=defaults, headers=headers, body=body)

    def take(self, target: Target) -> ByteStream | None:
        """Return an idle connection to `target`, which is the caller's now, or None."""
        return self._pool.take(target.origin)

    async def connect(self, target: Target, deployment: Deployment) -> ByteStream:
        """Return a new connection to `target`; see `Dialler.connect`."""
        return await self._dialler.connect(target, deployment.connect_timeout_s, deployment.name)

    def give(self, target: Target, stream: ByteStream, idle_s: float | None) -> None:
        """Take back a connection on which an exchange has ended well."""
        self._dialler.remember(target, stream)
        self._pool.give(target.origin, stream, idle_s)

    def _for_http2(self) -> Http2Client:
        if self._http2 is None:
            try:
                from loro_core.runtime.http2_client import Http2Client  # noqa: PLC0415 - slows the start

                self._http2 = Http2Client(self._tls or trust_of(os.environ))
            except ImportError as error:
                raise ConfigError([f"http2 = true needs packages that are not installed: {HTTP2_EXTRA}"]) from error
        return self._http2


@asynccontextmanager
async def open_http(deployments: Sequence[Deployment]) -> AsyncIterator[HttpClient]:
    """Give a client that tends its connections to `deployments` while the block runs.

    Raises ConfigError as `HttpClient` and its `bind` do, and what the block raises, as itself and not in a group.
    """
    failure: Exception | None = None
    async with HttpClient() as client:
        for deployment in deployments:
            client.bind(deployment)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.tend, deployments)
            try:
                yield client
            except Exception as exc:  # noqa: BLE001  # raised again below, outside of the nursery's group
                failure = exc
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


class _Bound:
    """`UpstreamHttp` for one deployment."""

    __slots__ = ("_client", "_deployment")

    def __init__(self, client: HttpClient, deployment: Deployment) -> None:
        self._client = client
        self._deployment = deployment

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        return Exchange(self._client, self._deployment, method=method, url=url, headers=headers or {}, body=body)
