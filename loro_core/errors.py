"""What can go wrong: whose fault it is, in which phase, and what to answer.

    LoroError
      ConfigError(problems)         the operator's; all of them at once                exit status 2
      PluginError(plugin)           a plugin's author's
      ClientError(param)            the caller's                                       4xx
        BadRequest 400, Unauthorized 401, Forbidden 403, NotFound 404, MethodNotAllowed 405, TimedOut 408,
        Conflict 409, Superseded 409, ...
      Overloaded(retry_after_s)     nobody's                                           429 or 503
      UpstreamError(deployment, phase)  a model's                                      502, 504 or its own
        UpstreamUnreachable UpstreamTimeout UpstreamStatus UpstreamProtocolError UpstreamClosed UpstreamBusy
      InternalError                 ours                                               500

Each carries what an OpenAI error body needs: `status`, `type`, `code`, `param`, and its message. Messages show the
value and the expectation, never a key, a prompt or an exception's repr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

Phase = Literal["connect", "prefill", "decode"]
"""connect: no connection yet; prefill: before the first delta; decode: after it."""


class LoroError(Exception):
    """An error that loro understands.

    message: one or two sentences for whoever has to act.
    param: the request field at fault, by path (`messages[2].role`), or None.
    """

    status: int = 500
    type: str = "internal_error"
    code: str | None = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer's head says beside the body (Allow, Retry-After, x-should-retry)."""
        return {}


class ConfigError(LoroError):
    """The settings cannot be used. problems: every one found, each with its key path and what would be right."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class PluginError(LoroError):
    """A plugin cannot be used. plugin: its entry point or module, with its distribution where known."""

    def __init__(self, message: str, *, plugin: str) -> None:
        super().__init__(f"plugin {plugin}: {message}")
        self.plugin = plugin


class InternalError(LoroError):
    """A bug of ours."""


class ClientError(LoroError):
    """The caller's fault."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None


class BadRequest(ClientError):
    """The request cannot be understood or is out of range; `param` names the field."""

    code = "validation_failed"


class Unauthorized(ClientError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(ClientError):
    """What is asked for is closed, whoever asks."""

    status = 403
    type = "permission_error"
    code = "forbidden"


class NotFound(ClientError):
    status = 404
    code = "not_found"


class MethodNotAllowed(ClientError):
    """allow: the methods this path has."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: Sequence[str]) -> None:
        super().__init__(message)
        self.allow = tuple(allow)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"allow": ", ".join(self.allow)}


class TimedOut(ClientError):
    """The caller took too long to send its request."""

    status = 408
    type = "timeout_error"
    code = "request_timeout"


class Conflict(ClientError):
    """It cannot be done to what is there now: it is there already, or it is another's."""

    status = 409
    code = "conflict"


class Superseded(ClientError):
    """A later request of the same turn took this one's place: the user had gone on speaking."""

    status = 409
    code = "superseded"


class TooLarge(ClientError):
    """The body is larger than we take."""

    status = 413
    code = "request_too_large"


class UriTooLong(ClientError):
    status = 414
    code = "uri_too_long"


class UnsupportedMediaType(ClientError):
    status = 415
    code = "unsupported_media_type"


class ExpectationFailed(ClientError):
    """An `Expect` other than 100-continue."""

    status = 417
    code = "expectation_failed"


class Unprocessable(ClientError):
    """It is understood and cannot be done, for a reason that lies outside of the request."""

    status = 422
    code = "unprocessable"


class HeadersTooLarge(ClientError):
    status = 431
    code = "headers_too_large"


class NotSupported(ClientError):
    """Correct HTTP that we do not speak: a transfer coding other than chunked, CONNECT."""

    status = 501
    code = "not_supported"


class VersionNotSupported(ClientError):
    """Neither HTTP/1.0 nor HTTP/1.1."""

    status = 505
    code = "http_version_not_supported"


class Overloaded(LoroError):
    """We take no more now. retry_after_s: when it is worth another try."""

    status = 503
    type = "overloaded_error"
    code = "overloaded"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> Mapping[str, str]:
        return {"retry-after": str(max(1, round(self.retry_after_s)))}


class UpstreamError(LoroError):
    """A model did not answer as it should. deployment: its name in the configuration; phase: how far it came."""

    status = 502
    type = "api_error"
    code = "upstream_error"
    kind: ClassVar[str] = "error"
    """One word for metrics and the log."""

    def __init__(self, message: str, *, deployment: str = "", phase: Phase = "prefill") -> None:
        super().__init__(message)
        self.deployment = deployment
        self.phase: Phase = phase

    @property
    def headers(self) -> Mapping[str, str]:
        # The official SDKs retry 408, 409, 429 and 5xx twice by themselves. Our budget is already spent on it, so
        # tell them not to multiply it.
        return {"x-should-retry": "false"}


class UpstreamUnreachable(UpstreamError):
    """No connection: refused, no such host, TLS failed."""

    code = "upstream_unreachable"
    kind = "unreachable"

    def __init__(self, message: str, *, deployment: str = "", phase: Phase = "connect") -> None:
        super().__init__(message, deployment=deployment, phase=phase)


class UpstreamTimeout(UpstreamError):
    """Connected late, spoke late, or fell silent."""

    status = 504
    type = "timeout_error"
    code = "upstream_timeout"
    kind = "timeout"


class UpstreamProtocolError(UpstreamError):
    """It answered with something that is not its protocol."""

    code = "upstream_protocol_error"
    kind = "protocol"


class UpstreamClosed(UpstreamError):
    """It closed before the answer was finished."""

    code = "upstream_closed"
    kind = "closed"


class UpstreamBusy(UpstreamError):
    """It takes no more now: its queue is full, or no seat was free in time. retry_after_s: when it is worth a try.

    full: the queue is at its bound (429), else the wait was too long or the model cannot run now (503).
    """

    status = 503
    type = "overloaded_error"
    code = "model_busy"
    kind = "busy"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float,
        full: bool = False,
        deployment: str = "",
        phase: Phase = "connect",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, deployment=deployment, phase=phase)
        self.retry_after_s = retry_after_s
        self._headers = dict(headers or {})
        if full:
            self.status = 429

    @property
    def headers(self) -> Mapping[str, str]:
        # Nothing was asked of a model yet: the client's own retries are welcome.
        return {"retry-after": str(max(1, round(self.retry_after_s))), **self._headers}


class UpstreamStatus(UpstreamError):
    """It answered with an error, in its head or inside its stream.

    upstream_status: the HTTP status it gave, None for an error inside a stream.
    retry_after_s: how long it asked to be left alone, None if it did not say.
    The status (4xx and 5xx), message, type, code and param are handed to the caller as the upstream gave them.
    """

    kind = "status"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None,
        deployment: str = "",
        phase: Phase = "prefill",
        error_type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, deployment=deployment, phase=phase)
        self.upstream_status = upstream_status
        self.retry_after_s = retry_after_s
        self.param = param
        if upstream_status is not None and 400 <= upstream_status <= 599:
            self.status = upstream_status
        if error_type is not None:
            self.type = error_type
        if code is not None:
            self.code = code

    @property
    def headers(self) -> Mapping[str, str]:
        headers = {"x-should-retry": "false"}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(max(1, round(self.retry_after_s)))
        return headers
