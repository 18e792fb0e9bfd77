"""The provider `echo-lines`: asks a service that speaks the line protocol of README.md."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from urllib.parse import quote, urlsplit

from loro_core import (
    Call,
    Delta,
    Deployment,
    UpstreamHttp,
    UpstreamProtocolError,
    UpstreamResponse,
    UpstreamStatus,
)
from loro_core.wire.json_text import decode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.refusal import MAX_REFUSAL_BYTES, read_refusal
from loro_example.reply import LineReader, whole

SERVICE = "echo-lines"
"""What the service calls itself, and what a configuration calls this provider."""

DEFAULT_PATH = "/say"
MAX_WELCOME_BYTES = 4096


class EchoLines:
    """Speaks the line protocol. Holds no state, so one object serves all calls at once."""

    name = SERVICE

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[AsyncIterator[Sequence[Delta]], None]:
        deployment = call.deployment
        if call.request.n > 1:
            raise _refused(deployment, "n", f"is {call.request.n}, this service gives one choice")
        async with call.http.send(
            "POST", _say_url(deployment), headers=_headers(deployment), body=call.request.last_user_text.encode()
        ) as response:
            if response.status != 200:
                raise read_refusal(
                    deployment, response.status, response.headers, await response.read(MAX_REFUSAL_BYTES)
                )
            read = _streamed if call.request.stream else _at_once
            # aclosing: whoever leaves early, cancelled or not, leaves no half-read generator to the collector.
            async with aclosing(read(deployment, response)) as deltas:
                yield deltas

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        """Ask the service for its name."""
        if await _welcome(deployment, http) != SERVICE:
            raise UpstreamProtocolError(
                f"GET / does not answer as {SERVICE} does: is base_url right?", deployment=deployment.name
            )

    def problems(self, deployment: Deployment) -> Sequence[str]:
        """Return what is wrong with base_url, the field lists and options; called before anything is started."""
        found = []
        if urlsplit(deployment.base_url).scheme not in ("http", "https"):
            found.append(f"base_url: is {deployment.base_url!r}, needs http:// or https:// and a host")
        if deployment.extra_fields:
            found.append("extra_fields: is set, needs to be empty: a line has no fields")
        path = deployment.options.get("path", DEFAULT_PATH)
        if not isinstance(path, str) or not path.startswith("/"):
            found.append(f"options.path: is {path!r}, needs text that starts with /")
        found += [f"options.{name}: is unknown, known is path" for name in deployment.options if name != "path"]
        return found

    async def recognise(self, deployment: Deployment, http: UpstreamHttp) -> bool:
        """Ask for the name, too; an answer of another service is a no, a service out of order is no answer."""
        try:
            return await _welcome(deployment, http) == SERVICE
        except UpstreamProtocolError:
            return False
        except UpstreamStatus as error:
            if error.status >= 500:
                raise
            return False


async def _streamed(deployment: Deployment, response: UpstreamResponse) -> AsyncGenerator[Sequence[Delta], None]:
    """Yield what each piece of the body completes; what stands before a failure is given out first."""
    reader = LineReader(deployment)
    async for data in response.chunks():
        if deltas := reader.decode(data):
            yield deltas
        if reader.failure is not None:
            raise reader.failure
        if reader.complete:
            return
    raise reader.cut()


async def _at_once(deployment: Deployment, response: UpstreamResponse) -> AsyncGenerator[Sequence[Delta], None]:
    """Yield the whole reply as one item: the service always streams, the client did not ask for it."""
    async with aclosing(_streamed(deployment, response)) as batches:
        deltas = [delta async for batch in batches for delta in batch]
    yield [whole(deltas)]


async def _welcome(deployment: Deployment, http: UpstreamHttp) -> str:
    """Return the name in the answer to GET /, "" if there is none."""
    async with http.send("GET", deployment.base_url + "/", headers=_headers(deployment)) as response:
        body = await response.read(MAX_WELCOME_BYTES)
    if response.status != 200:
        raise read_refusal(deployment, response.status, response.headers, body)
    try:
        said = decode_json(body)
    except WireFormatError:
        return ""
    name = said.get("service") if isinstance(said, dict) else None
    return name if isinstance(name, str) else ""


def _say_url(deployment: Deployment) -> str:
    path = deployment.options.get("path", DEFAULT_PATH)
    return f"{deployment.base_url}{path}?model={quote(deployment.model, safe='')}"


def _headers(deployment: Deployment) -> Mapping[str, str]:
    headers = {"accept": "application/x-ndjson", "content-type": "text/plain; charset=utf-8"}
    if deployment.api_key is not None:
        headers["authorization"] = f"Bearer {deployment.api_key.reveal()}"
    return headers


def _refused(deployment: Deployment, param: str, why: str) -> UpstreamStatus:
    """Return the error for what this service cannot be asked: better a refusal than half of what was wanted."""
    return UpstreamStatus(
        f"{param} {why}",
        upstream_status=400,
        deployment=deployment.name,
        error_type="invalid_request_error",
        code="unsupported_parameter",
        param=param,
    )
