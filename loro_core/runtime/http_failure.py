"""What goes wrong on the way to an upstream, in our errors: host and port and what to look at.

Nothing that a header might have held is repeated.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from loro_core.errors import UpstreamClosed, UpstreamProtocolError, UpstreamTimeout, UpstreamUnreachable

PROXY_VARIABLES = "HTTP_PROXY, HTTPS_PROXY, NO_PROXY"


def unreachable(error: BaseException, where: str, deployment: str) -> UpstreamUnreachable:
    """Return what `error`, met while connecting to `where` ("host:port"), is called."""
    return UpstreamUnreachable(
        f"deployment '{deployment}': cannot reach {where}: {_reason(error)}", deployment=deployment
    )


def proxy_refused(where: str, reason: str, deployment: str) -> UpstreamUnreachable:
    """reason: what the proxy did, to follow the message in brackets; "" if it is not known."""
    reason = f" ({reason})" if reason else ""
    return UpstreamUnreachable(
        f"deployment '{deployment}': the proxy gives no connection to {where}; see {PROXY_VARIABLES}{reason}",
        deployment=deployment,
    )


def proxy_unreachable(error: BaseException, proxy: str, where: str, deployment: str) -> UpstreamUnreachable:
    """proxy: its "host:port"."""
    reason = _reason(error).partition(";")[0]
    return proxy_refused(where, f"{proxy} cannot be reached: {reason}", deployment)


def unfit_url(where: str, deployment: str) -> UpstreamUnreachable:
    return UpstreamUnreachable(
        f"deployment '{deployment}': cannot ask {where}: base_url must be http:// or https:// and a host",
        deployment=deployment,
    )


def unfit_header(name: str, deployment: str) -> UpstreamUnreachable:
    hint = "; see api_key" if name.lower() == "authorization" else ""
    shown = name if name.isascii() and name.isprintable() else "with a strange name"
    return UpstreamUnreachable(
        f"deployment '{deployment}': the header {shown} holds what HTTP cannot carry{hint}", deployment=deployment
    )


def connect_timeout(where: str, limit_s: float, deployment: str) -> UpstreamTimeout:
    return UpstreamTimeout(
        f"deployment '{deployment}': no connection to {where} within {limit_s:g} s: is base_url right?",
        deployment=deployment,
        phase="connect",
    )


def closed_early(where: str, deployment: str) -> UpstreamClosed:
    return UpstreamClosed(
        f"deployment '{deployment}': {where} closed the connection before its answer was complete",
        deployment=deployment,
    )


def not_http(where: str, deployment: str, *, what: str = "HTTP/1.1") -> UpstreamProtocolError:
    return UpstreamProtocolError(
        f"deployment '{deployment}': {where} does not answer in {what}: are the port and the scheme right?",
        deployment=deployment,
    )


def unfit_body(where: str, what: str, deployment: str) -> UpstreamProtocolError:
    """what: a predicate of "the body that ... sent"."""
    return UpstreamProtocolError(f"deployment '{deployment}': the body that {where} sent {what}", deployment=deployment)


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
