"""From a target to a connection: straight or through a proxy, in plain or over TLS."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

import trio

from loro_core._version import __version__
from loro_core.decide.proxies import Proxies, Proxy
from loro_core.errors import ConfigError
from loro_core.runtime import http_failure
from loro_core.runtime.http_pool import Origin
from loro_core.runtime.streams import ByteStream, TlsStream, open_tcp
from loro_core.wire.http1_request import Target, encode_request
from loro_core.wire.http1_response import ResponseDecoder
from loro_core.wire.lines import WireFormatError

USER_AGENT = f"loro/{__version__}"
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class Dialler:
    """Makes connections. One for all upstreams: it keeps whom to trust, the proxies, and TLS sessions.

    tls: whom it trusts; None trusts the usual authorities, or SSL_CERT_FILE and SSL_CERT_DIR where they are set.
    environ: the environment's variables.
    Raises ConfigError if a variable for proxies or certificates cannot be used.
    """

    def __init__(self, tls: ssl.SSLContext | None, environ: Mapping[str, str] = os.environ) -> None:
        self._proxies = Proxies(environ)
        self._sessions: dict[Origin, ssl.SSLSession] = {}
        self._tls = tls
        if tls is None and any(environ.get(name) for name in _VARIABLES):
            self._tls = trust_of(environ)  # at the start: a file that is not there is the operator's to mend

    def proxy_for(self, target: Target) -> Proxy | None:
        return self._proxies.choose(target.scheme, target.host, target.port)

    async def connect(self, target: Target, limit_s: float, deployment: str) -> ByteStream:
        """Return a connection to `target`: for http:// upstreams behind a proxy, one to the proxy.

        limit_s: for all of it: the name, the connection, the proxy's consent, the TLS handshake.
        deployment: whom errors are about.
        Raises UpstreamUnreachable or UpstreamTimeout; after these and after Cancelled no connection is left.
        """
        with trio.move_on_after(limit_s):
            proxy = self.proxy_for(target)
            if proxy is not None:
                return await self._through(proxy, target, deployment)
            try:
                stream = await open_tcp(target.host, target.port)
                return stream if target.scheme == "http" else await self._secure(stream, target)
            except (OSError, ValueError) as error:  # ValueError: a label that is too long for the DNS
                raise http_failure.unreachable(error, target.address, deployment) from error
        raise http_failure.connect_timeout(target.address, limit_s, deployment)

    def remember(self, target: Target, stream: ByteStream) -> None:
        """Keep the TLS session of `stream`, on which an exchange has gone well, for later connections."""
        if isinstance(stream, TlsStream) and target.origin not in self._sessions:
            session = stream.session
            if session is not None:
                self._sessions[target.origin] = session

    async def _through(self, proxy: Proxy, target: Target, deployment: str) -> ByteStream:
        stream: ByteStream
        try:
            stream = await open_tcp(proxy.host, proxy.port)
            if proxy.scheme == "https":
                stream = await _handshaken(TlsStream(stream, self._context(), proxy.host))
        except (OSError, ValueError) as error:
            raise http_failure.proxy_unreachable(error, proxy.address, target.address, deployment) from error
        if target.scheme == "http":
            return stream
        try:
            await _tunnel(stream, proxy, target, deployment)
        except BaseException:
            stream.close()
            raise
        try:
            return await self._secure(stream, target)
        except OSError as error:
            raise http_failure.unreachable(error, target.address, deployment) from error

    async def _secure(self, stream: ByteStream, target: Target) -> TlsStream:
        """Return TLS to `target` over `stream`; close it if that fails."""
        session = self._sessions.pop(target.origin, None)  # a ticket is good for one connection (RFC 8446, C.4)
        try:
            context = self._context()
            context.set_alpn_protocols(["http/1.1"])  # each time: `http2_client` may share the context
            secured = TlsStream(stream, context, target.host.rstrip("."), session)
        except BaseException:
            stream.close()
            raise
        return await _handshaken(secured)

    def _context(self) -> ssl.SSLContext:
        # Not before it is needed: reading the usual authorities takes some 30 ms, and services in plain need none.
        if self._tls is None:
            self._tls = trust_of({})
        return self._tls


async def _handshaken(stream: TlsStream) -> TlsStream:
    try:
        await stream.handshake()
    except BaseException:
        stream.close()
        raise
    return stream


async def _tunnel(stream: ByteStream, proxy: Proxy, target: Target, deployment: str) -> None:
    """Have `proxy` connect `stream` to `target`. Raises UpstreamUnreachable; the caller closes the stream."""
    defaults = {"user-agent": USER_AGENT} | proxy_fields(proxy)
    request = encode_request("CONNECT", target.address, target.address, defaults=defaults, headers={}, body=b"")
    decoder = ResponseDecoder("CONNECT")
    try:
        await stream.send_all(request)
        while decoder.head is None:
            data = await stream.receive()
            if not data:
                raise http_failure.proxy_refused(target.address, f"{proxy.address} closed the connection", deployment)
            decoder.feed(data)
    except (OSError, WireFormatError) as error:
        raise http_failure.proxy_refused(target.address, f"{proxy.address} failed", deployment) from error
    status = decoder.head.status
    if not 200 <= status < 300:
        hint = ", it wants a user and a password" if status == 407 else ""
        raise http_failure.proxy_refused(target.address, f"{proxy.address} answered {status}{hint}", deployment)
    if decoder.rest:  # TLS servers do not speak first
        raise http_failure.proxy_refused(target.address, f"{proxy.address} does not connect", deployment)


def proxy_fields(proxy: Proxy | None) -> dict[str, str]:
    """Return the header fields for `proxy`, which no upstream may see."""
    return {} if proxy is None or proxy.authorization is None else {"proxy-authorization": proxy.authorization}


def trust_of(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return whom the environment trusts. Raises ConfigError if it names what cannot be read."""
    file, directory = (environ.get(name) or None for name in _VARIABLES)
    if file is None and directory is None:
        import certifi  # noqa: PLC0415 - not needed where all upstreams are on this machine

        file = certifi.where()
    try:
        context = ssl.create_default_context(cafile=file, capath=directory)
    except OSError as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) and error.strerror else "it holds no certificate"
        raise ConfigError([f"SSL_CERT_FILE: {file!r} cannot be used: {reason.lower()}"]) from error
    if directory is not None and not os.path.isdir(directory):  # noqa: PTH112 - OpenSSL takes lists of directories
        missing = [d for d in directory.split(os.pathsep) if not os.path.isdir(d)]  # noqa: PTH112
        if missing:
            raise ConfigError([f"SSL_CERT_DIR: {missing[0]!r} is not a directory"])
    return context
