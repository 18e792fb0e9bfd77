"""What an upstream is asked: the address, the head and the body of a chat completion request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from loro_core import ChatRequest, Deployment, Json
from loro_core.wire.json_text import encode_json
from loro_openai.prefill import prefilled

_CHAT = "/chat/completions"


def is_address(base_url: str) -> bool:
    """Whether `base_url` is http:// or https:// and a host."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def completions_url(base_url: str) -> str:
    """Return where completions are asked for: `base_url` may already end in /chat/completions or in a slash."""
    return _root(base_url) + _CHAT


def models_url(base_url: str) -> str:
    return _root(base_url) + "/models"


def _root(base_url: str) -> str:
    return base_url.rstrip("/").removesuffix(_CHAT).rstrip("/")


def request_headers(deployment: Deployment, *, accept: str) -> Mapping[str, str]:
    """Return the head: Authorization only if there is a key."""
    headers = {"accept": accept, "content-type": "application/json"}
    if deployment.api_key is not None:
        headers["authorization"] = f"Bearer {deployment.api_key.reveal()}"
    return headers


def request_body(deployment: Deployment, request: ChatRequest, prefill: str = "") -> bytes:
    """Return the body: the client's parameters, then the deployment's extra_fields, without its drop_fields.

    stream_options are the client's with include_usage set as it is asked for; OpenAI refuses them without stream.
    prefill: the words that the reply has begun with, told as this deployment wants it; "" for none.
    """
    last, beside = prefilled(deployment, prefill) if prefill else ([], {})
    body: dict[str, Json] = {
        "model": deployment.model,
        "messages": [*(message.fields for message in request.messages), *last],
        "stream": request.stream,
    }
    if request.n > 1:
        body["n"] = request.n
    body.update(request.parameters)
    options = body.pop("stream_options", None)
    if request.stream:
        wanted = dict(options) if isinstance(options, Mapping) else {}
        wanted.pop("include_usage", None)
        if request.include_usage:
            wanted["include_usage"] = True
        if wanted:
            body["stream_options"] = wanted
    body.update(beside)
    body.update(deployment.extra_fields)
    return encode_json({name: value for name, value in body.items() if name not in deployment.drop_fields})
