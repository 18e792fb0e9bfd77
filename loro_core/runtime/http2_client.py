"""The way to upstreams that are called over HTTP/2: `UpstreamHttp` over httpx, which is not imported for any other.

`http_client` binds deployments with `http2` to it. Services that only speak HTTP/2, or sit behind a balancer that
does, are its reason; it is slower than ours by an order (docs/decisions/0004). Above this module nobody sees the
library's name or its exceptions. What is added to it:

1. A call has a connection of its own. httpx would put many on one, and when a call is left early it tells the server
   nothing; here the connection is closed, which every server understands, and no other call is on it.
2. The clients that hold these connections are kept and used again, the latest first, with no limit: a limited pool
   keeps the slots of cancelled calls until a restart (encode/httpcore #961, #1093).
3. A connection that a server has given up while it was idle costs one more try on a fresh one, when it ended before
   any answer.
4. No cookie jar: the calls of different users share clients.

Where the other end does not speak HTTP/2 (no TLS, or no "h2" in its handshake), it is spoken to in HTTP/1.1.
"""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import trio

from loro_core.decide.proxies import Proxies
from loro_core.errors import UpstreamError, UpstreamProtocolError
from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp, UpstreamResponse
from loro_core.runtime import http_failure
from loro_core.runtime.dialling import USER_AGENT
from loro_core.runtime.http_exchange import REUSE_GRACE_S
from loro_core.runtime.http_pool import KEEP_ALIVE_CONNECTIONS, KEEP_ALIVE_S
from loro_core.runtime.inflating import uncoded
from loro_core.wire.http1_request import parse_url

# The library says so only in words: httpcore's for an end before the head, h11's for one inside the body, h2's events.
_CLOSED_EARLY = ("Server disconnected without sending a response", "<ConnectionTerminated")
_CLOSED_INSIDE = ("peer closed connection without sending complete message body", "<StreamReset")


class Http2Client:
    """Makes requests over HTTP/2. tls: whom it trusts, as for `HttpClient`.

    http2: False speaks HTTP/1.1 only, to compare. Raises ImportError if the packages for HTTP/2 are not there.
    """

    def __init__(self, tls: ssl.SSLContext, *, http2: bool = True) -> None:
        self._tls = tls
        self._http2 = http2
        self._proxies = Proxies(os.environ)
        self._idle: dict[tuple[str, str, int], list[httpx.AsyncClient]] = {}
        self._make("https", "models.invalid", 443)  # says what is missing, and opens nothing

    async def aclose(self) -> None:
        """Close what is idle. After Cancelled that is done, too."""
        with trio.CancelScope(shield=True):
            while self._idle:
                _, clients = self._idle.popitem()
                for client in clients:
                    await client.aclose()

    def bind(self, deployment: Deployment) -> UpstreamHttp:
        """Return the transport for calls to `deployment`: its connect timeout, its name in every error."""
        return _Bound(self, deployment)

    def take(self, origin: tuple[str, str, int]) -> httpx.AsyncClient:
        """Return a client for one call to `origin`, with a connection if there is an idle one."""
        clients = self._idle.get(origin)
        return clients.pop() if clients else self._make(*origin)

    def give(self, origin: tuple[str, str, int], client: httpx.AsyncClient) -> httpx.AsyncClient | None:
        """Take back a client whose call has ended well; return one that is too many, to be closed."""
        clients = self._idle.setdefault(origin, [])
        clients.append(client)
        return clients.pop(0) if len(clients) > KEEP_ALIVE_CONNECTIONS else None

    def _make(self, scheme: str, host: str, port: int) -> httpx.AsyncClient:
        proxy = self._proxies.choose(scheme, host, port)
        way = None
        if proxy is not None:
            said = {"proxy-authorization": proxy.authorization} if proxy.authorization else {}
            way = httpx.Proxy(f"{proxy.scheme}://{proxy.address}", headers=said)
        return httpx.AsyncClient(
            verify=self._tls,
            http2=self._http2,
            proxy=way,
            trust_env=False,
            timeout=None,  # noqa: S113 - deadlines are the caller's, but for connecting, which _Bound sees to
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_S),
            headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )


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
        elif event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
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

    def __init__(self, client: Http2Client, deployment: Deployment) -> None:
        self._client = client
        self._deployment = deployment

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        return self._exchange(method, url, headers or {}, body)

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[UpstreamResponse, None]:
        name = self._deployment.name
        for header, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                raise http_failure.unfit_header(header, name)
        try:
            target = parse_url(url)
        except ValueError:
            raise http_failure.unfit_url("what base_url names", name) from None
        client = self._client.take(target.origin)
        whole = False
        try:
            try:
                response = await self._request(client, method, url, target.address, headers, body=body)
            except _StaleConnection:
                await _close(client)
                client = self._client.take(target.origin)
                response = await self._request(client, method, url, target.address, headers, body=body, last=True)
            try:
                yield response
                await response.settle(REUSE_GRACE_S)
            finally:
                whole = await response.close()
        finally:
            extra = self._client.give(target.origin, client) if whole else client
            if extra is not None:
                await _close(extra)

    async def _request(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        where: str,
        headers: Mapping[str, str],
        *,
        body: bytes,
        last: bool = False,
    ) -> _Response:
        """Return the response once its head is there.

        Raises _StaleConnection if a connection that had served before ended before it answered; not the `last` time.
        """
        name, limit_s = self._deployment.name, self._deployment.connect_timeout_s
        with trio.move_on_after(limit_s) as connecting:
            progress = _Progress(connecting)
            try:
                request = client.build_request(
                    method, url, headers=dict(headers), content=body, extensions={"trace": progress.trace}
                )
                request.stream = _Body(body)
                return _Response(await client.send(request, stream=True), where, name)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if progress.reused and not last and _is_closed_early(error):
                    raise _StaleConnection from error
                raise _failure(error, where, name) from error
            except BaseException:
                await progress.abandon()
                raise
        raise http_failure.connect_timeout(where, limit_s, name)


async def _close(client: httpx.AsyncClient) -> None:
    with trio.CancelScope(shield=True), suppress(httpx.HTTPError):
        await client.aclose()


class _Response:
    """`UpstreamResponse` of one exchange. where: the upstream's "host:port"."""

    def __init__(self, response: httpx.Response, where: str, deployment: str) -> None:
        self._response = response
        self._where = where
        self._deployment = deployment
        self._pieces: AsyncIterator[bytes] = response.aiter_raw()
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
        }
        self._whole = False

    def chunks(self) -> AsyncIterator[bytes]:
        return uncoded(self, self.headers.get("content-encoding", ""), self._unfit_body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._pieces.__anext__()
        except StopAsyncIteration:
            self._whole = True
            raise
        except httpx.HTTPError as error:
            raise _failure(error, self._where, self._deployment) from error

    def _unfit_body(self, what: str) -> UpstreamProtocolError:
        return http_failure.unfit_body(self._where, what, self._deployment)

    async def read(self, max_bytes: int) -> bytes:
        body = bytearray()
        async for piece in self.chunks():
            body += piece
            if len(body) > max_bytes:
                raise self._unfit_body(f"is longer than {max_bytes} bytes")
        return bytes(body)

    async def settle(self, grace_s: float) -> None:
        """Read on for `grace_s`, in case that the body is about to end."""
        with trio.move_on_after(grace_s), suppress(httpx.HTTPError):
            async for _ in self._pieces:
                pass
            self._whole = True

    async def close(self) -> bool:
        """Finish the exchange; return whether all of the body came, and the connection can serve again.

        The body is always read on, if only into the cancelled scope: the library's generators must all end here,
        or the collector would have to await.
        """
        with trio.CancelScope(shield=True, deadline=-math.inf), suppress(httpx.HTTPError):
            async for _ in self._pieces:
                pass
        with trio.CancelScope(shield=True), suppress(httpx.HTTPError):
            await self._response.aclose()
        return self._whole


def _is_closed_early(error: Exception) -> bool:
    """Whether the connection ended before the head of an answer was complete."""
    if isinstance(error, httpx.RemoteProtocolError):
        return str(error).startswith(_CLOSED_EARLY)
    return isinstance(error, (httpx.ReadError, httpx.WriteError))


def _failure(error: Exception, where: str, deployment: str) -> UpstreamError:
    """Return what `error`, met while asking `where` or reading its answer, is called here."""
    if isinstance(error, httpx.ProxyError):
        return http_failure.proxy_refused(where, "", deployment)
    if isinstance(error, httpx.ConnectError):
        return http_failure.unreachable(error, where, deployment)
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        return http_failure.unfit_url(where, deployment)
    if _is_closed_early(error):
        return http_failure.closed_early(where, deployment)
    if isinstance(error, httpx.RemoteProtocolError) and not str(error).startswith(_CLOSED_INSIDE):
        return http_failure.not_http(where, deployment, what="HTTP/2 or HTTP/1.1")
    return http_failure.closed_early(where, deployment)
