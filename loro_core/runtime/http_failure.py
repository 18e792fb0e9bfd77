"""What an HTTP library's exception means: its one translation into our errors."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamUnreachable

# The library says so only in words: httpcore's for an end before the head, h11's for one inside the body.
CLOSED_EARLY = "Server disconnected without sending a response"
CLOSED_INSIDE = "peer closed connection without sending complete message body"


def address(url: str) -> str:
    """Return "host:port" of `url`, for a message."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "?"
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "what base_url names"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def is_closed_early(error: Exception) -> bool:
    """Whether the connection ended before the head of an answer was complete."""
    if isinstance(error, httpx.RemoteProtocolError):
        return str(error).startswith(CLOSED_EARLY)
    return isinstance(error, (httpx.ReadError, httpx.WriteError))


def failure(error: Exception, url: str, deployment: str) -> UpstreamError:
    """Return what `error`, met while asking `url` or reading its answer, is called here.

    Its message names host and port and what to look at, and repeats nothing that a header might have held.
    """
    where, whose = address(url), f"deployment '{deployment}':"
    if isinstance(error, httpx.ProxyError):
        return UpstreamUnreachable(
            f"{whose} the proxy gives no connection to {where}; see HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
            deployment=deployment,
        )
    if isinstance(error, httpx.ConnectError):
        return UpstreamUnreachable(f"{whose} cannot reach {where}: {_reason(error)}", deployment=deployment)
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        return UpstreamUnreachable(
            f"{whose} cannot ask {where}: base_url must be http:// or https:// and a host", deployment=deployment
        )
    if is_closed_early(error):
        return UpstreamClosed(
            f"{whose} {where} closed the connection before its answer was complete", deployment=deployment
        )
    if isinstance(error, httpx.RemoteProtocolError) and not str(error).startswith(CLOSED_INSIDE):
        return UpstreamProtocolError(
            f"{whose} {where} does not answer in HTTP/1.1: are the port and the scheme right?", deployment=deployment
        )
    return UpstreamClosed(
        f"{whose} {where} closed the connection before its answer was complete", deployment=deployment
    )


def _reason(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "there is no such host name; see base_url"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted ({cause.verify_message}); see base_url and SSL_CERT_FILE"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed ({(cause.reason or 'no reason given').lower().replace('_', ' ')}); is it http:// there?"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there; is the server running, and is the port right?"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror.lower()}; see base_url"
    return "the connection failed; see base_url"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what led to it, also inside groups, the nearest first."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        following = (current.__cause__, current.__context__, *getattr(current, "exceptions", ()))
        waiting += [e for e in following if isinstance(e, BaseException)]
