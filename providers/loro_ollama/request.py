"""A chat completion request as Ollama's native /api/chat understands it.

What Ollama cannot do comes in two kinds:
- refused, because the reply would not be what was asked for: n > 1, a forced tool, logit_bias, sound, functions,
  web_search_options, pictures by address, files. The error is a 400 that names the parameter.
- left out, because the reply is as good without it: user, metadata, store, service_tier, parallel_tool_calls,
  prediction, verbosity, cache keys and whatever else is not known here.

Source: docs.ollama.com/api/chat and its openapi.yaml (2025-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loro_core import ChatRequest, Deployment, Json, Message, UpstreamStatus
from loro_core.wire.json_text import decode_json, encode_json
from loro_core.wire.lines import WireFormatError

KEEP_ALIVE = "10m"
"""How long the model stays in memory after a call: Ollama's own 5 minutes are shorter than a pause in a talk can be."""

MODEL_OPTIONS = frozenset({
    "temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "stop",
    "num_predict", "num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap",
    "repeat_last_n", "repeat_penalty", "presence_penalty", "frequency_penalty",
    "mirostat", "mirostat_tau", "mirostat_eta",
})  # fmt: skip
"""What goes into `options`, from a request as from a deployment's options."""

OWN_OPTIONS = frozenset({"keep_alive", "think", "prefill"})
"""A deployment's options that do not go into `options`."""

PREFILLS = ("trailing-message", "none")
"""How a model is made to go on from words: chat templates leave a last assistant message open; or not at all."""

_REFUSED = ("functions", "function_call", "logit_bias", "audio", "web_search_options")
_TOP = ("tools", "logprobs", "top_logprobs")
_EFFORT: Mapping[str, Json] = {"none": False, "minimal": "low"}
_ROLES = {"developer": "system", "function": "tool"}


def root(base_url: str) -> str:
    """Return the address of the service itself: base_url may end in /v1, /api or a slash."""
    trimmed = base_url.rstrip("/")
    for tail in ("/api/chat", "/api", "/v1"):
        trimmed = trimmed.removesuffix(tail)
    return trimmed.rstrip("/")


def continues(deployment: Deployment, request: ChatRequest) -> bool:
    """Return whether the model can be made to go on from words: not where it is asked to think first."""
    asked_to_think = deployment.extra_fields.get("think") or _think(deployment, request.parameters)
    return deployment.options.get("prefill", PREFILLS[0]) != "none" and not asked_to_think


def request_body(deployment: Deployment, request: ChatRequest, prefill: str = "") -> bytes:
    """Return the body of /api/chat: the request's parameters over the deployment's options, extra_fields over both.

    prefill: the words that the reply has begun with, "" for none.
    Raises UpstreamStatus (400, param) for what cannot be asked of Ollama.
    """
    asked = {k: v for k, v in request.parameters.items() if v is not None and k not in deployment.drop_fields}
    _check(deployment, request, asked)
    begun = (Message.of("assistant", prefill),) if prefill else ()
    body: dict[str, Any] = {
        "model": deployment.model,
        "messages": list(_messages(deployment, (*request.messages, *begun))),
        "stream": request.stream,
        "keep_alive": deployment.options.get("keep_alive", KEEP_ALIVE),
    }
    body.update({name: asked[name] for name in _TOP if asked.get(name)})
    if asked.get("tool_choice") == "none":
        body.pop("tools", None)
    if (think := _think(deployment, asked)) is not None:
        body["think"] = think
    if (wanted := _format(asked.get("response_format"))) is not None:
        body["format"] = wanted
    options = _options(deployment, asked)
    for name, value in deployment.extra_fields.items():
        if name == "options" and isinstance(value, Mapping):
            options.update(value)
        else:
            body[name] = value
    if options:
        body["options"] = options
    return encode_json({name: value for name, value in body.items() if name not in deployment.drop_fields})


def _check(deployment: Deployment, request: ChatRequest, asked: Mapping[str, Json]) -> None:
    if request.n > 1:
        raise refused(deployment, "n", f"is {request.n}, Ollama gives one choice")
    for name in _REFUSED:
        if asked.get(name):
            raise refused(deployment, name, "cannot be asked of Ollama")
    modalities = asked.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise refused(deployment, "modalities", "asks for audio, Ollama gives text")
    if asked.get("tool_choice") not in (None, "auto", "none"):
        raise refused(deployment, "tool_choice", "forces a tool, Ollama leaves the choice to the model (auto, none)")


def refused(deployment: Deployment, param: str, why: str) -> UpstreamStatus:
    return UpstreamStatus(
        f"{param} {why}",
        upstream_status=400,
        deployment=deployment.name,
        error_type="invalid_request_error",
        code="unsupported_parameter",
        param=param,
    )


def _options(deployment: Deployment, asked: Mapping[str, Json]) -> dict[str, Json]:
    options = {name: value for name, value in deployment.options.items() if name in MODEL_OPTIONS}
    options.update({name: value for name, value in asked.items() if name in MODEL_OPTIONS})
    for name in ("max_tokens", "max_completion_tokens"):  # the newer name wins
        if name in asked:
            options["num_predict"] = asked[name]
    if isinstance(options.get("stop"), str):
        options["stop"] = [options["stop"]]
    return options


def _think(deployment: Deployment, asked: Mapping[str, Json]) -> Json:
    if "think" in asked:
        return asked["think"]
    effort = asked.get("reasoning_effort")
    if isinstance(effort, str):
        return _EFFORT.get(effort, effort)
    return deployment.options.get("think")


def _format(wanted: Json) -> Json:
    if not isinstance(wanted, Mapping):
        return None
    if wanted.get("type") == "json_object":
        return "json"
    schema = wanted.get("json_schema")
    if wanted.get("type") == "json_schema" and isinstance(schema, Mapping):
        inner: Json = schema.get("schema")
        return "json" if inner is None else inner
    return None


def _messages(deployment: Deployment, messages: tuple[Message, ...]) -> Iterator[dict[str, Any]]:
    names: dict[str, str] = {}
    for place, message in enumerate(messages):
        fields = message.fields
        said: dict[str, Any] = {"role": _ROLES.get(message.role, message.role), "content": message.text}
        if images := list(_images(deployment, place, fields.get("content"))):
            said["images"] = images
        thoughts = fields.get("reasoning_content") or fields.get("reasoning")
        if message.role == "assistant" and isinstance(thoughts, str):
            said["thinking"] = thoughts
        calls = fields.get("tool_calls")
        if isinstance(calls, (list, tuple)) and calls:
            said["tool_calls"] = [_tool_call(call, names) for call in calls if isinstance(call, Mapping)]
        if said["role"] == "tool":
            call_id = str(fields.get("tool_call_id") or "")
            said["tool_name"] = str(fields.get("name") or names.get(call_id, ""))
            if call_id:
                said["tool_call_id"] = call_id
        yield said


def _images(deployment: Deployment, place: int, content: Json) -> Iterator[str]:
    """Yield the pictures of a content as base64."""
    if not isinstance(content, (list, tuple)):
        return
    for number, part in enumerate(content):
        if not isinstance(part, Mapping) or part.get("type") in ("text", "refusal"):
            continue
        where = f"messages[{place}].content[{number}]"
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if not isinstance(url, str):
            raise refused(deployment, where, f"is {part.get('type')!r}, Ollama takes text and image_url")
        head, comma, data = url.partition(",")
        if not (comma and head.startswith("data:") and head.endswith(";base64")):
            raise refused(deployment, where, "is a picture by address, Ollama takes data:image/...;base64,... only")
        yield data


def _tool_call(call: Mapping[str, Json], names: dict[str, str]) -> dict[str, Any]:
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    name, call_id = str(function.get("name") or ""), str(call.get("id") or "")
    names[call_id] = name
    said: dict[str, Any] = {"function": {"name": name, "arguments": _arguments(function.get("arguments"))}}
    return {"id": call_id, **said} if call_id else said


def _arguments(arguments: Json) -> Any:
    """Return arguments as the object that Ollama insists on.

    What a small model once wrote and is no object stays legible: refusing it would end the conversation for good.
    """
    if isinstance(arguments, Mapping):
        return arguments
    if not isinstance(arguments, str) or not arguments.strip():
        return {}
    try:
        value = decode_json(arguments.encode("utf-8", "replace"))
    except WireFormatError:
        value = None
    return value if isinstance(value, dict) else {"arguments": arguments}
