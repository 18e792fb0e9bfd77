"""The body of a chat completion request into a ChatRequest, or an error that names the field by its path.

What OpenAI accepts is accepted, what it refuses is refused: an upstream would refuse it too, only later and in other
words. Three rules are ours:

1. `null` at the top level is the same as leaving the field out, of every field but `model` and `messages`: clients
   write it for "unset", and some upstreams refuse it.
2. A message may say nothing ("" is what voice platforms send for silence, and at the end for a reply not begun), but
   not all of them: there would be nothing to answer.
3. What voice platforms add for themselves goes to `ChatRequest.platform` and to no upstream, for strict upstreams
   refuse fields that they do not know.

A provider sends {"model": its own, "messages": [m.fields ...], "stream": ..., **parameters}, and with
`include_usage` sets that one key in `stream_options`, whose other keys are in `parameters`; this is what the client
sent. `n` is in `parameters` too if it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loro_core.chat import ROLES, ChatRequest, Json, Message
from loro_core.errors import BadRequest
from loro_core.wire.json_text import decode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.parameters import (
    CHECKS,
    check_array,
    check_boolean,
    check_named_function,
    check_object,
    check_string,
    check_token_limit,
    kind,
    wrong_type,
)

PLATFORM_FIELDS = frozenset(
    {
        # Vapi, by its two spellings; its `metadata` is OpenAI's too and stays a parameter.
        *("call", "phoneNumber", "phone_number", "customer", "assistant"),
        # ElevenLabs.
        *("user_id", "elevenlabs_extra_body"),
        # Hume.
        "custom_session_id",
    }
)
# Hume: how the words were spoken, and when.
MESSAGE_PLATFORM_FIELDS = frozenset({"models", "time"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRules:
    """What the operator decides about requests.

    max_tokens_limit: the most that max_tokens and max_completion_tokens may ask for.
    default_temperature: sent upstream where the client gave none; None leaves it to the upstream.
    stream_default: whether a request without `stream` is streamed.
    platform_fields, message_platform_fields: names, at the top level and in a message, that no upstream gets.
    """

    max_tokens_limit: int = 8192
    default_temperature: float | None = 0.7
    stream_default: bool = False
    platform_fields: frozenset[str] = PLATFORM_FIELDS
    message_platform_fields: frozenset[str] = MESSAGE_PLATFORM_FIELDS


def decode_chat_request(body: bytes, rules: RequestRules) -> ChatRequest:
    """Return the request that `body` is.

    Values are kept as they were sent (5 stays an integer, 5.0 does not become one). The text of a message with
    several text parts has a line for each.
    Raises BadRequest; its `param` is the path of the field at fault (`messages[2].role`), None when the body is not
    a JSON object.
    """
    document = _object(body)
    model = _model(document.get("model"))
    messages = _messages(document.get("messages"), rules)
    for name in ("max_tokens", "max_completion_tokens"):
        if document.get(name) is not None:
            check_token_limit(name, document[name], rules.max_tokens_limit)
    stream = _flag(document, "stream", rules.stream_default)
    stream_options = _stream_options(document.get("stream_options"), stream)
    parameters, platform = _sort(document, rules)
    include_usage = bool(stream_options.pop("include_usage", False))
    if stream_options:
        parameters["stream_options"] = stream_options
    return ChatRequest(
        model=model,
        messages=messages,
        stream=stream,
        include_usage=include_usage,
        n=parameters.get("n", 1),
        disable_quick_response=_flag(document, "disable_quick_response", False),
        parameters=parameters,
        platform=platform,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = decode_json(body)
    except WireFormatError as exc:
        raise BadRequest(f"The body is not valid JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise BadRequest(f"The body must be a JSON object, not {kind(document)}")
    return document


def _model(model: Any) -> str:
    if model is None or (isinstance(model, str) and not model.strip()):
        raise BadRequest("Model name cannot be empty", param="model")
    check_string("model", model)
    return str(model)


def _flag(document: Mapping[str, Any], name: str, default: bool) -> bool:
    value = document.get(name)
    if value is None:
        return default
    check_boolean(name, value)
    return bool(value)


def _stream_options(options: Any, stream: bool) -> dict[str, Any]:
    if options is None:
        return {}
    check_object("stream_options", options)
    if not stream:
        raise BadRequest("stream_options is only allowed when stream is true", param="stream_options")
    if options.get("include_usage") is not None:
        check_boolean("stream_options.include_usage", options["include_usage"])
    return {name: value for name, value in options.items() if value is not None}


_OWN_FIELDS = frozenset({"model", "messages", "stream", "stream_options", "disable_quick_response"})


def _sort(document: Mapping[str, Any], rules: RequestRules) -> tuple[dict[str, Any], dict[str, Json]]:
    """Return what upstreams may get, checked, and what is the platforms' own."""
    parameters: dict[str, Any] = {}
    platform: dict[str, Json] = {}
    for name, value in document.items():
        if value is None or name in _OWN_FIELDS:
            continue
        if name in rules.platform_fields:
            platform[name] = value
            continue
        if name in CHECKS:
            CHECKS[name](name, value)
        parameters[name] = value
    if rules.default_temperature is not None:
        parameters.setdefault("temperature", rules.default_temperature)
    return parameters, platform


# --- messages ----------------------------------------------------------------------------------------------------

_ROLES = frozenset(ROLES)
# What an assistant may have done instead of saying something.
_DEEDS = ("tool_calls", "function_call", "refusal", "audio")


def _messages(messages: Any, rules: RequestRules) -> tuple[Message, ...]:
    if messages is None or messages == []:
        raise BadRequest("Messages array cannot be empty", param="messages")
    check_array("messages", messages)
    decoded = tuple(_message(i, fields, rules.message_platform_fields) for i, fields in enumerate(messages))
    if not any(message.text.strip() or _speaks_otherwise(message.fields) for message in decoded):
        raise _empty(0, "content")
    return decoded


def _message(i: int, fields: Any, platform_fields: frozenset[str]) -> Message:
    if not isinstance(fields, dict):
        raise wrong_type(f"messages[{i}]", "an object", fields)
    role = _role(i, fields.get("role"))
    content = fields.get("content")
    text = content if isinstance(content, str) else _text(i, role, content, fields)
    if role == "assistant":
        _check_tool_calls(i, fields.get("tool_calls"))
    elif role == "tool":
        _check_named(i, fields, "tool_call_id")
    elif role == "function":
        _check_named(i, fields, "name")
    if fields.get("name") is not None:
        check_string(f"messages[{i}].name", fields["name"])
    if not platform_fields.isdisjoint(fields):
        fields = {name: value for name, value in fields.items() if name not in platform_fields}
    return Message(role=role, text=text, fields=fields)


def _role(i: int, role: Any) -> Any:
    if role is None or (isinstance(role, str) and not role.strip()):
        raise _empty(i, "role")
    check_string(f"messages[{i}].role", role)
    if role not in _ROLES:
        raise BadRequest(f"Message {i} has invalid role: {role[:64]}", param=f"messages[{i}].role")
    return role


def _text(i: int, role: str, content: Any, fields: Mapping[str, Any]) -> str:
    """Return the text of a content that is not a string."""
    if content is None:
        if role == "function" or (role == "assistant" and any(fields.get(deed) for deed in _DEEDS)):
            return ""
        raise _empty(i, "content")
    path = f"messages[{i}].content"
    if not isinstance(content, list):
        raise wrong_type(path, "a string or an array of parts", content)
    if not content:
        raise _empty(i, "content")
    texts = []
    for k, part in enumerate(content):
        check_object(f"{path}[{k}]", part)
        check_string(f"{path}[{k}].type", part.get("type"))
        if part["type"] == "text":
            check_string(f"{path}[{k}].text", part.get("text"))
            texts.append(part["text"])
    return "\n".join(texts)


def _speaks_otherwise(fields: Mapping[str, Any]) -> bool:
    """Whether a message without text says something: a picture, sound, a call."""
    content = fields.get("content")
    parts = content if isinstance(content, list) else []
    return any(part["type"] != "text" for part in parts) or any(fields.get(deed) for deed in _DEEDS)


def _check_tool_calls(i: int, calls: Any) -> None:
    if calls is None:
        return
    path = f"messages[{i}].tool_calls"
    check_array(path, calls)
    for k, call in enumerate(calls):
        check_object(f"{path}[{k}]", call)
        check_string(f"{path}[{k}].id", call.get("id"))
        if call.get("type", "function") == "function":
            check_named_function(f"{path}[{k}]", call)
            check_string(f"{path}[{k}].function.arguments", call["function"].get("arguments"))


def _check_named(i: int, fields: Mapping[str, Any], name: str) -> None:
    if fields.get(name) in (None, ""):
        raise _empty(i, name)
    check_string(f"messages[{i}].{name}", fields[name])


def _empty(i: int, name: str) -> BadRequest:
    return BadRequest(f"Message {i} {name} cannot be empty", param=f"messages[{i}].{name}")
