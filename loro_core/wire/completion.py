"""The deltas of a reply put together again: what a client gets that did not ask for a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loro_core.chat import Delta, Json, ReplyUsage, ToolCallDelta
from loro_core.wire.json_text import encode_json
from loro_core.wire.openai_out import CHOICE_FIELDS, CHUNK_FIELDS, DELTA_FIELDS, ReplyHead, usage_object, without


def completion_body(head: ReplyHead, deltas: Iterable[Delta], usage: ReplyUsage) -> bytes:
    """Return the chat.completion that `deltas` add up to.

    deltas: of all choices, in the order they came, streamed or whole. A choice whose deltas name no finish reason
    has "stop". usage: of the whole reply; `Delta.usage` is not looked at.

    Of a choice: texts are joined, and there is null instead of text where it called a tool, refused or spoke sound
    without any; pieces of a tool call are joined by their index; other fields of the deltas grow as `grown` says;
    the log probabilities follow one another; of other choice and chunk fields the last value that is not null stays.
    """
    choices: dict[int, _Choice] = {}
    more: dict[str, Any] = {}
    for delta in deltas:
        choices.setdefault(delta.index, _Choice()).add(delta)
        _put(more, without(delta.chunk_fields, _CHUNK_ONLY))
    body = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [{"index": index, **choices[index].fields()} for index in sorted(choices)],
        **more,
    }
    total = usage_object(usage)
    if total is not None:
        body["usage"] = total
    return encode_json(body)


def with_ledger(body: bytes, ledger: Mapping[str, Json]) -> bytes:
    """Return `body`, a chat.completion, with `ledger` as its field `loro`."""
    return b"".join((body[:-1], b',"loro":', encode_json(ledger), b"}"))


# `obfuscation` pads the length of one event (stream_options.include_obfuscation).
_CHUNK_ONLY = CHUNK_FIELDS | {"obfuscation"}


class _Choice:
    """One choice while it is put together."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, _ToolCall] = {}
        self._message: dict[str, Any] = {}
        self._more: dict[str, Any] = {}
        self._logprobs: Any = None
        self._finish_reason: str | None = None

    def add(self, delta: Delta) -> None:
        if delta.content:
            self._texts.append(delta.content)
        for piece in delta.tool_calls:
            self._calls.setdefault(piece.index, _ToolCall()).add(piece)
        for name, value in without(delta.fields, DELTA_FIELDS).items():
            self._message[name] = grown(self._message.get(name), value, name)
        self._logprobs = grown(self._logprobs, delta.choice_fields.get("logprobs"), "logprobs")
        _put(self._more, without(delta.choice_fields, CHOICE_FIELDS | {"logprobs"}))
        self._finish_reason = delta.finish_reason or self._finish_reason

    def fields(self) -> dict[str, Any]:
        instead = bool(self._calls or self._message.get("refusal") or self._message.get("audio"))
        message = {
            "role": "assistant",
            "content": "".join(self._texts) or (None if instead else ""),
            "refusal": None,
            **self._message,
        }
        if self._calls:
            message["tool_calls"] = [self._calls[index].fields() for index in sorted(self._calls)]
        return {
            "message": message,
            "logprobs": self._logprobs,
            **self._more,
            "finish_reason": self._finish_reason or "stop",
        }


class _ToolCall:
    """One tool call while it is put together."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._name: str | None = None
        self._arguments: list[str] = []
        self._more: dict[str, Any] = {}

    def add(self, piece: ToolCallDelta) -> None:
        self._id = self._id or piece.id
        self._name = self._name or piece.name
        self._arguments.append(piece.arguments)
        self._more = grown(self._more, piece.fields)

    def fields(self) -> dict[str, Any]:
        more = without(self._more, frozenset({"index", "id", "type", "function"}))
        type_ = self._more.get("type") or "function"
        call: dict[str, Any] = {"id": self._id or "", "type": type_}
        if self._name is not None or type_ == "function":
            call["function"] = {"name": self._name or "", "arguments": "".join(self._arguments)}
        return call | more


# What names or numbers a thing comes whole in every piece that has it; joined, "function" becomes
# "functionfunction".
_WHOLE = frozenset({"type", "id", "index", "name", "format", "signature"})


def grown(value: Any, addition: Any, name: str = "") -> Any:
    """Return `value` after `addition` to it, both Json; `name`: of the field they are of.

    Strings are joined, arrays follow one another, objects grow field by field; null adds nothing. Of anything else,
    and of what names things (`type`, `id`, ...), the addition takes the place.
    """
    if value is None or addition is None:
        return value if addition is None else addition
    if isinstance(value, str) and isinstance(addition, str) and name not in _WHOLE:
        return value + addition
    if isinstance(value, list) and isinstance(addition, list):
        return value + addition
    if isinstance(value, Mapping) and isinstance(addition, Mapping):
        return {**value, **{key: grown(value.get(key), inner, key) for key, inner in addition.items()}}
    return addition


def _put(fields: dict[str, Any], additions: Mapping[str, Any]) -> None:
    for name, value in additions.items():
        if value is not None or name not in fields:
            fields[name] = value
