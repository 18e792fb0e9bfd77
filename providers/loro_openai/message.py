"""What a choice says: the `delta` of a chunk or the `message` of a completion, as text, tool calls and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loro_core import Delta, Json, ToolCallDelta, text_delta
from loro_core.wire.json_text import encode_json
from loro_core.wire.lines import WireFormatError

_SAID = frozenset({"role", "content", "tool_calls"})
_OF_A_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "usage"})
_EMPTY: tuple[object, ...] = (None, "", [], {})


class ToolCallNumbers:
    """Numbers the tool calls of one choice from 0, in the order in which they begin.

    Upstreams number them from 1 (then a client that starts at 0 sees a call without a name, pipecat #4987), give every
    call the number 0, or none. A piece belongs to the call that last had its number, unless it brings another id.
    """

    def __init__(self) -> None:
        self._current: dict[int | None, int] = {}
        self._ids: list[str] = []
        self._names: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._ids)

    def read(self, piece: Any) -> ToolCallDelta:
        """Return `piece`, one element of `tool_calls`, numbered; id and name only where they are new."""
        if not isinstance(piece, dict):
            raise WireFormatError("a tool call that is no object")
        function = piece.get("function") or {}
        if not isinstance(function, dict):
            raise WireFormatError("a tool call whose function is no object")
        call_id, name = _text(piece, "id"), _text(function, "name")
        number = self._number(piece.get("index"), call_id, name)
        if call_id == self._ids[number]:
            call_id = ""
        if name == self._names[number]:
            name = ""
        self._ids[number] = self._ids[number] or call_id
        self._names[number] += name
        return ToolCallDelta(
            index=number,
            id=call_id or None,
            name=name or None,
            arguments=_arguments(function.get("arguments")),
            fields={k: v for k, v in piece.items() if k not in ("index", "id", "function") and v is not None},
        )

    def _number(self, given: Any, call_id: str, name: str) -> int:
        key = given if isinstance(given, int) else None
        known = self._current.get(key)
        if known is not None:
            other_id = call_id and self._ids[known] not in ("", call_id)
            whole_call_without_marks = key is None and name and not call_id
            if not other_id and not whole_call_without_marks:
                return known
        self._current[key] = len(self._ids)
        self._ids.append("")
        self._names.append("")
        return self._current[key]


def read_choice(choice: Mapping[str, Any], index: int, numbers: ToolCallNumbers) -> Delta:
    """Return what `choice` says, without its finish reason.

    Content may be a list of parts: its texts are joined, and thoughts (Mistral) become `reasoning_content`. Fields
    that are null or empty say nothing and are left out. Raises WireFormatError for shapes that mean nothing.
    """
    message = choice.get("delta") or choice.get("message") or {}
    if not isinstance(message, dict):
        raise WireFormatError("a delta that is no object")
    fields = _told(message, _SAID)
    content, thoughts = _content(message.get("content"))
    if thoughts:
        fields["reasoning_content"] = _text(fields, "reasoning_content") + thoughts
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise WireFormatError("tool_calls that are no list")
    choice_fields = _told(choice, _OF_A_CHOICE)
    if content is not None and not (calls or fields or choice_fields):
        return text_delta(index, content)
    return Delta(
        index=index,
        content=content,
        tool_calls=tuple(numbers.read(piece) for piece in calls),
        fields=fields,
        choice_fields=choice_fields,
    )


def _told(said: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return what is said beside what is `known`."""
    if said.keys() <= known:
        return {}
    return {name: value for name, value in said.items() if name not in known and value not in _EMPTY}


def _content(content: Json) -> tuple[str | None, str]:
    """Return the text of a content and what was thought in it."""
    if content is None or isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        raise WireFormatError("a content that is neither text nor parts")
    text, thoughts = "", ""
    for part in content:
        if isinstance(part, str):
            text += part
        elif isinstance(part, dict):
            text += _text(part, "text")
            inner = part.get("thinking")
            thoughts += inner if isinstance(inner, str) else _content(inner)[0] or ""
        else:
            raise WireFormatError("a content part that is neither text nor object")
    return text, thoughts


def _arguments(arguments: Json) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else encode_json(arguments).decode()


def _text(fields: Mapping[str, Any], name: str) -> str:
    """Return a field that is text or absent."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WireFormatError(f"a {name} that is no text")
    return value
