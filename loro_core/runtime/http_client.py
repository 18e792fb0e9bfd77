"""The way to the upstreams: one HTTP/1.1 client for all of them, behind `plugin.api.UpstreamHttp`.

Above this module no HTTP library has a name and no exception of one is seen (`http_failure` maps them, once). What it
adds to the library:

1. The pool is never the queue. It has no limit: admission is ours, and a limited pool keeps the slots of cancelled
   calls until a restart (encode/httpcore #961, #1093).
2. A connection that a server has quietly given up while it was idle costs one more try on a fresh one, when it ended
   before any answer. llama.cpp's server closes after a few requests without saying so.
3. Whoever leaves an exchange early has closed its connection when the block is left; nothing is left to a collector.
4. No cookie jar: the calls of different users share one client.
"""

from __future__ import annotations

import math
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import trio

from loro_core._version import __version__
from loro_core.errors import ConfigError, UpstreamProtocolError, UpstreamTimeout, UpstreamUnreachable
from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp, UpstreamResponse
from loro_core.runtime.http_failure import address, failure, is_closed_early

KEEP_ALIVE_S = 60.0
"""How long an idle connection waits for its next call: the pauses of a conversation fit in, and it is below the idle
limits of the usual address translators (AWS 350 s, Azure 240 s)."""

KEEP_ALIVE_CONNECTIONS = 100
"""How many may wait so; the official OpenAI client keeps as many."""

REUSE_GRACE_S = 0.02
"""What is left of a body when its reader goes in peace has this long to arrive, so that the connection can serve again:
the end of a chunked body is often one packet behind the last event."""

INFLATED_PIECE_BYTES = 1 << 20
"""The most that one piece of a compressed body may become at a time; 64 KiB of zeros would become 64 MiB."""


class HttpClient:
    """Makes requests to every upstream; open from `async with` on.

    tls: whom it trusts; None trusts the usual authorities, or SSL_CERT_FILE and SSL_CERT_DIR where they are set.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        tls = tls or httpx.create_ssl_context()  # one for both clients: reading the certificates takes some 30 ms
        self._pooled = _client(tls, keep=KEEP_ALIVE_CONNECTIONS)
        self._fresh = _client(tls, keep=0)

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with trio.CancelScope(shield=True):
            await self._pooled.aclose()
            await self._fresh.aclose()

    def bind(self, deployment: Deployment) -> UpstreamHttp:
        """Return the transport for calls to `deployment`: its connect timeout, its name in every error."""
        return _Bound(self._pooled, self._fresh, deployment)


def _client(tls: ssl.SSLContext, *, keep: int) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            verify=tls,
            timeout=None,  # noqa: S113 - deadlines are the caller's, but for connecting, which _Bound sees to
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=keep, keepalive_expiry=KEEP_ALIVE_S),
            headers={"user-agent": f"loro/{__version__}", "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # What runs on this machine is not behind the proxy of the environment; Go's clients rule it so.
            mounts={"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None},
        )
    except (ImportError, ValueError) as error:
        # ImportError: a socks:// proxy needs a package that is not there.
        raise ConfigError(
            [f"HTTP_PROXY, HTTPS_PROXY, ALL_PROXY: cannot be used ({error}); give an http:// proxy"]
        ) from error


class _StaleConnection(Exception):
    """The server had given this connection up: nothing was wrong with the request."""


class _Progress:
    """How far one request has come, as the library's trace tells it.

    connecting: its deadline is lifted when the connection stands.
    reused: whether the connection has served before.
    """

    def __init__(self, connecting: trio.CancelScope) -> None:
        self._connecting = connecting
        self._stream: Any = None
        self.reused = True

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.reused = False
        elif event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self._connecting.deadline = math.inf

    async def abandon(self) -> None:
        """Close the connection that was made for a request that was then cancelled.

        The library loses it when Cancelled comes between the connect and the first byte, or in a TLS handshake.
        """
        if self._stream is not None:
            with trio.CancelScope(shield=True):
                await self._stream.aclose()


class _Body(httpx.AsyncByteStream):
    """A request's body in one piece. The library's own is a generator, which a cancelled call would leave open."""

    def __init__(self, body: bytes) -> None:
        self._pieces = [body] if body else []

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


class _Bound:
    """`UpstreamHttp` for one deployment."""

    def __init__(self, pooled: httpx.AsyncClient, fresh: httpx.AsyncClient, deployment: Deployment) -> None:
        self._pooled = pooled
        self._fresh = fresh
        self._deployment = deployment

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        return self._exchange(method, url, headers or {}, body)

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[UpstreamResponse, None]:
        self._check_headers(headers)
        try:
            response = await self._request(self._pooled, method, url, headers, body)
        except _StaleConnection:
            response = await self._request(self._fresh, method, url, headers, body)
        grace_s = 0.0
        try:
            yield response
            grace_s = REUSE_GRACE_S
        finally:
            await response.close(grace_s)

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                hint = "; see api_key" if name.lower() == "authorization" else ""
                raise UpstreamUnreachable(
                    f"deployment '{self._deployment.name}': the header {name} holds what HTTP cannot carry{hint}",
                    deployment=self._deployment.name,
                )

    async def _request(
        self, client: httpx.AsyncClient, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> _Response:
        """Return the response once its head is there.

        Raises _StaleConnection if a connection that had served before ended before it answered.
        """
        name, limit_s = self._deployment.name, self._deployment.connect_timeout_s
        with trio.move_on_after(limit_s) as connecting:
            progress = _Progress(connecting)
            try:
                request = client.build_request(
                    method, url, headers=dict(headers), content=body, extensions={"trace": progress.trace}
                )
                request.stream = _Body(body)
                return _Response(await client.send(request, stream=True), name)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if progress.reused and is_closed_early(error):
                    raise _StaleConnection from error
                raise failure(error, url, name) from error
            except BaseException:
                await progress.abandon()
                raise
        raise UpstreamTimeout(
            f"deployment '{name}': no connection to {address(url)} within {limit_s:g} s: is base_url right?",
            deployment=name,
            phase="connect",
        )


class _Response:
    """`UpstreamResponse` of one exchange."""

    def __init__(self, response: httpx.Response, deployment: str) -> None:
        self._response = response
        self._deployment = deployment
        self._pieces: AsyncIterator[bytes] = response.aiter_raw()
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
        }

        self._inflater: Any = None
        self._deflated = b""

    def chunks(self) -> AsyncIterator[bytes]:
        coding = self.headers.get("content-encoding", "").strip().lower()
        if coding in ("gzip", "deflate"):
            self._inflater = zlib.decompressobj(wbits=47)  # either header, told by its bytes
        elif coding not in ("", "identity"):
            raise self._not_its_protocol(f"is coded as {coding[:40]!r}, which was not asked for")
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = b""
        while not piece:
            data = self._deflated or await self._next_piece()
            piece = self._inflate(data) if self._inflater else data
        return piece

    async def _next_piece(self) -> bytes:
        try:
            return await self._pieces.__anext__()
        except httpx.HTTPError as error:
            raise failure(error, str(self._response.url), self._deployment) from error

    def _inflate(self, data: bytes) -> bytes:
        try:
            piece: bytes = self._inflater.decompress(data, INFLATED_PIECE_BYTES)
        except zlib.error as error:
            raise self._not_its_protocol("does not fit its content-encoding") from error
        self._deflated = self._inflater.unconsumed_tail
        return piece

    def _not_its_protocol(self, what: str) -> UpstreamProtocolError:
        where = address(str(self._response.url))
        return UpstreamProtocolError(
            f"deployment '{self._deployment}': the body that {where} sent {what}", deployment=self._deployment
        )

    async def read(self, max_bytes: int) -> bytes:
        body = bytearray()
        async for piece in self.chunks():
            body += piece
            if len(body) > max_bytes:
                raise self._not_its_protocol(f"is longer than {max_bytes} bytes")
        return bytes(body)

    async def close(self, grace_s: float) -> None:
        """Finish the exchange: a body that ends within grace_s leaves its connection for the next call.

        The body is always read on, if only into the cancelled scope: the library's generators must all end here,
        or the collector would have to await.
        """
        with trio.CancelScope(shield=True, deadline=trio.current_time() + grace_s), suppress(httpx.HTTPError):
            async for _ in self._pieces:
                pass
        with trio.CancelScope(shield=True):
            await self._response.aclose()
