"""The provider "ollama": Ollama's native API, which can do what its OpenAI-compatible one cannot.

Options of a deployment: `keep_alive` (default "10m"; how long the model stays in memory after a call), `think` (true,
false or a level), `prefill` (how the model is made to go on from words: "trailing-message", or "none" for not at all),
and every model option of Ollama (num_ctx, num_gpu, repeat_penalty, ...) as a default for requests that do not set it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from loro_core import (
    Call,
    ChatRequest,
    Delta,
    Deployment,
    Provider,
    UpstreamError,
    UpstreamHttp,
    UpstreamProtocolError,
    UpstreamResponse,
    UpstreamStatus,
    hookimpl,
)
from loro_core.wire.json_text import decode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.refusal import MAX_REFUSAL_BYTES, read_refusal
from loro_ollama.reply import StreamReader
from loro_ollama.request import MODEL_OPTIONS, OWN_OPTIONS, PREFILLS, continues, request_body, root

MAX_LIST_BYTES = 4 << 20
"""The most of a list of models: some 400 bytes each."""


class OllamaProvider:
    """Speaks /api/chat. Holds no state."""

    name = "ollama"

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[AsyncIterator[Sequence[Delta]], None]:
        deployment = call.deployment
        body = request_body(deployment, call.request, call.prefill)
        async with call.http.send(
            "POST", root(deployment.base_url) + "/api/chat", headers=_headers(deployment), body=body
        ) as response:
            if not 200 <= response.status <= 299:
                raise await _refusal(deployment, response)
            reader = StreamReader(deployment, call.request)
            read = _streamed if call.request.stream else _whole
            async with aclosing(read(reader, response)) as deltas:
                yield deltas

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        """Ask for the version, and for the list of models if this one is on it."""
        await _get(deployment, http, "/api/version")
        tags = await _get(deployment, http, "/api/tags")
        models = tags.get("models") if isinstance(tags, dict) else None
        known = {m.get(key) for m in models or () if isinstance(m, dict) for key in ("name", "model")}
        if not known & {deployment.model, f"{deployment.model}:latest"}:
            raise UpstreamStatus(
                f"model '{deployment.model}' is not on this Ollama; try: ollama pull {deployment.model}",
                upstream_status=404,
                deployment=deployment.name,
                code="model_not_found",
            )

    async def recognise(self, deployment: Deployment, http: UpstreamHttp) -> bool:
        """Whether GET /api/version answers as Ollama does; no port or name is looked at."""
        try:
            answer = await _get(deployment, http, "/api/version")
        except UpstreamProtocolError:
            return False
        except UpstreamStatus as error:
            if error.status >= 500:  # out of order, or a proxy before it: who it is cannot be told now
                raise
            return False
        return isinstance(answer, dict) and isinstance(answer.get("version"), str)

    def problems(self, deployment: Deployment) -> Sequence[str]:
        """Return what is wrong with base_url, model and options."""
        found = []
        if not _is_address(deployment.base_url):
            found.append(
                f"base_url: is {deployment.base_url!r}, needs http:// or https:// and a host, as http://127.0.0.1:11434"
            )
        if not deployment.model.strip():
            found.append("model: is empty, needs a name from `ollama list`")
        known = MODEL_OPTIONS | OWN_OPTIONS
        found += [
            f"options.{name}: is unknown, known are {', '.join(sorted(known))}"
            for name in deployment.options
            if name not in known
        ]
        prefill = deployment.options.get("prefill", PREFILLS[0])
        if prefill not in PREFILLS:
            found.append(f"options.prefill: is {prefill!r}, needs one of {', '.join(PREFILLS)}")
        return found

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
        """Whether the model may go on from words: unless told otherwise, and unless it is asked to think first."""
        return continues(deployment, request)


async def _streamed(reader: StreamReader, response: UpstreamResponse) -> AsyncGenerator[Sequence[Delta], None]:
    async for data in response.chunks():
        if deltas := reader.decode(data):
            yield deltas
        if reader.failure is not None:
            raise reader.failure
        if reader.complete:
            return
    if deltas := reader.finish():
        yield deltas
    if reader.failure is not None:
        raise reader.failure


async def _whole(reader: StreamReader, response: UpstreamResponse) -> AsyncGenerator[Sequence[Delta], None]:
    """Give the reply as one item: it is one line, which may lack its end."""
    whole: list[Delta] = []
    async with aclosing(_streamed(reader, response)) as batches:
        async for batch in batches:
            whole += batch
    yield whole


async def _get(deployment: Deployment, http: UpstreamHttp, path: str) -> Any:
    async with http.send("GET", root(deployment.base_url) + path, headers=_headers(deployment)) as response:
        if not 200 <= response.status <= 299:
            raise await _refusal(deployment, response)
        body = await response.read(MAX_LIST_BYTES)
    try:
        return decode_json(body)
    except WireFormatError as error:
        raise UpstreamProtocolError(
            f"deployment '{deployment.name}' gives no JSON at {path} ({error}): is base_url that of Ollama itself?",
            deployment=deployment.name,
        ) from error


def _headers(deployment: Deployment) -> Mapping[str, str]:
    headers = {"accept": "application/x-ndjson, application/json", "content-type": "application/json"}
    if deployment.api_key is not None:
        headers["authorization"] = f"Bearer {deployment.api_key.reveal()}"
    return headers


async def _refusal(deployment: Deployment, response: UpstreamResponse) -> UpstreamStatus:
    """Return the error that a response with an error status says; the status counts even if its body breaks off."""
    body = bytearray()
    try:
        async for data in response.chunks():
            body += data
            if len(body) >= MAX_REFUSAL_BYTES:
                break
    except UpstreamError:
        body.clear()
    return read_refusal(deployment, response.status, response.headers, bytes(body[:MAX_REFUSAL_BYTES]))


def _is_address(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@hookimpl
def loro_register_providers(register: Callable[[Provider], None]) -> None:
    register(OllamaProvider())
