"""The provider "openai": every upstream that speaks chat completions over server-sent events.

OpenAI itself, vLLM, llama.cpp, LM Studio, LocalAI, Groq, Mistral, DeepSeek, OpenRouter, another loro. It asks for what
the client asked for (`request`), and reads what such servers are known to send beside the specification (`reply`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from loro_core import (
    Call,
    ChatRequest,
    Delta,
    Deployment,
    LastDeltas,
    Provider,
    UpstreamError,
    UpstreamHttp,
    UpstreamResponse,
    UpstreamStatus,
    hookimpl,
)
from loro_core.wire.refusal import MAX_REFUSAL_BYTES, read_refusal
from loro_openai.habits import Habits
from loro_openai.prefill import AUTO, STYLES, style_of, thinks
from loro_openai.reply import MAX_REPLY_BYTES, StreamReader, read_completion
from loro_openai.request import completions_url, is_address, models_url, request_body, request_headers

NO_LIST = (404, 405)
"""What servers without a list of models answer to GET /models; they are there all the same."""


class OpenAIProvider:
    """Speaks chat completions. Remembers how services write their events, and nothing of what they say."""

    name = "openai"

    def __init__(self) -> None:
        self._habits = Habits()

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[AsyncIterator[Sequence[Delta]], None]:
        deployment = call.deployment
        accept = "text/event-stream" if call.request.stream else "application/json"
        async with call.http.send(
            "POST",
            completions_url(deployment.base_url),
            headers=request_headers(deployment, accept=accept),
            body=request_body(deployment, call.request, call.prefill),
        ) as response:
            if not 200 <= response.status <= 299:
                raise await _refusal(deployment, response)
            read = self._streamed if call.request.stream else _whole
            async with aclosing(read(deployment, response)) as deltas:
                yield deltas

    async def _streamed(
        self, deployment: Deployment, response: UpstreamResponse
    ) -> AsyncGenerator[Sequence[Delta], None]:
        reader = StreamReader(deployment, self._habits)
        async for data in response.chunks():
            deltas = reader.decode(data)
            if reader.complete and reader.failure is None:
                if deltas:
                    yield LastDeltas(deltas)
                return
            if deltas:
                yield deltas
            if reader.failure is not None:
                raise reader.failure
        deltas = reader.finish()
        if deltas:
            yield LastDeltas(deltas) if reader.complete and reader.failure is None else deltas
        if reader.failure is not None:
            raise reader.failure

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        """Ask for the list of models; a server that has none (404, 405) is there too."""
        url = models_url(deployment.base_url)
        async with http.send("GET", url, headers=request_headers(deployment, accept="application/json")) as response:
            if 200 <= response.status <= 299 or response.status in NO_LIST:
                return
            error = await _refusal(deployment, response)
        if response.status in (401, 403):
            key = (
                "the api_key is refused" if deployment.api_key is not None else "it wants a key, and api_key is not set"
            )
            raise UpstreamStatus(f"{key}: {error.message}", upstream_status=response.status, deployment=deployment.name)
        raise error

    def problems(self, deployment: Deployment) -> Sequence[str]:
        """Return what is wrong with base_url, model, api_key and options."""
        found = []
        if not is_address(deployment.base_url):
            found.append(f"base_url: is {deployment.base_url!r}, needs http:// or https:// and a host, often with /v1")
        if not deployment.model.strip():
            found.append("model: is empty, needs the upstream's name for the model")
        key = deployment.api_key.reveal() if deployment.api_key is not None else ""
        if not (key.isascii() and key.isprintable()) or " " in key:
            found.append("api_key: holds blanks, line ends or characters beyond ASCII, which HTTP cannot carry")
        found += [f"options.{name}: is unknown, known is prefill" for name in deployment.options if name != "prefill"]
        prefill = deployment.options.get("prefill", AUTO)
        if prefill not in (AUTO, *STYLES):
            found.append(f"options.prefill: is {prefill!r}, needs one of {', '.join((AUTO, *STYLES))}")
        return found

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
        """Whether this service has a way to go on from words, and the model is not asked to think before it speaks."""
        return style_of(deployment) != "none" and not thinks(deployment, request)


async def _whole(deployment: Deployment, response: UpstreamResponse) -> AsyncGenerator[Sequence[Delta], None]:
    yield read_completion(deployment, await response.read(MAX_REPLY_BYTES))


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


@hookimpl
def loro_register_providers(register: Callable[[Provider], None]) -> None:
    register(OpenAIProvider())
