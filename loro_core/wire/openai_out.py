"""Deltas, usage, errors and model lists into the bytes that an OpenAI client reads.

What every chunk of one reply holds to, each rule with a client that breaks without it:

1. One id, created and model, on all of them (Vercel's SDK takes them from the first alone).
2. The role once a choice, in its first chunk, with a string or null beside it as content (Home Assistant drops every
   delta until one brings the role).
3. `finish_reason` is null until the end, never "" (ollama #4357).
4. No key `error` in an ordinary chunk, not even with null (Vercel's SDK asks whether the key is there).
5. Asked for usage, every chunk but the last has `usage: null`, and the last has `choices: []`; not asked, none has
   either (clients that read `choices[0]` unasked-for break).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from loro_core.chat import Delta, JoinedText, Json, ReplyUsage, ToolCallDelta, Usage
from loro_core.errors import LoroError
from loro_core.wire.json_text import encode_json
from loro_core.wire.sse import DONE, encode_event

CHUNK_FIELDS = frozenset({"id", "object", "created", "model", "choices", "usage", "loro", "error"})
"""Top-level fields that are ours to write, whatever an upstream put into `Delta.chunk_fields`."""

CHOICE_FIELDS = frozenset({"index", "delta", "message", "finish_reason", "error"})
"""The same of a choice, for `Delta.choice_fields`."""

DELTA_FIELDS = frozenset({"role", "content", "tool_calls"})
"""The same of a delta or message, for `Delta.fields`."""


class ReplyHead(Struct, frozen=True, kw_only=True):
    """What one reply says of itself, the same in every part of it.

    id: "chatcmpl-..."; created: seconds since 1970; model: as the client named it.
    include_usage: whether a streamed reply tells what it cost.
    """

    id: str
    created: int
    model: str
    include_usage: bool = False


class ChunkEncoder:
    """Gives the events of one streamed reply."""

    def __init__(self, head: ReplyHead) -> None:
        fields = {"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model}
        # 1: encoded once. What a chunk adds is put between these two.
        self._before = b"data: " + encode_json(fields)[:-1] + b',"choices":['
        self._after = b',"usage":null}\n\n' if head.include_usage else b"}\n\n"
        self._after_text = b'},"finish_reason":null}]' + self._after
        self._chunk_fields: Mapping[str, Json] | None = None
        self._after_chunk_fields = b""
        self._include_usage = head.include_usage

    def delta(self, delta: Delta, *, role: bool) -> bytes:
        """Return the event that says `delta`, its finish reason included; its usage is left to `end`.

        A text that was joined of pieces gets an event for each of them.
        role: whether it is the first of its choice.
        """
        if delta.is_text:
            # Nearly every chunk: what the lines below would give.
            before = self._before + b'{"index":%d,"delta":{"content":' % delta.index
            first = (
                self._before + b'{"index":%d,"delta":{"role":"assistant","content":' % delta.index if role else before
            )
            after = self._after_text if not delta.chunk_fields else self._after_text_with(delta.chunk_fields)
            if type(delta.content) is JoinedText:
                return b"".join((first, b'"', (b'"' + after + before + b'"').join(delta.content.pieces), b'"', after))
            return b"".join((first, encode_json(delta.content), after))
        choice: dict[str, Any] = {"index": delta.index, "delta": _delta_object(delta, role)}
        if delta.choice_fields:
            choice |= without(delta.choice_fields, CHOICE_FIELDS)
        choice["finish_reason"] = delta.finish_reason or None  # 3
        more = without(delta.chunk_fields, CHUNK_FIELDS) if delta.chunk_fields else None  # 4
        if more:
            return b"".join((self._before, encode_json(choice), b"],", encode_json(more)[1:-1], self._after))
        return b"".join((self._before, encode_json(choice), b"]", self._after))

    def _after_text_with(self, chunk_fields: Mapping[str, Json]) -> bytes:
        """Return what follows a text in a chunk with these fields: the same object for one token after the other."""
        if chunk_fields is not self._chunk_fields:
            more = without(chunk_fields, CHUNK_FIELDS)
            told = b"," + encode_json(more)[1:-1] if more else b""
            self._chunk_fields = chunk_fields
            self._after_chunk_fields = b'},"finish_reason":null}]' + told + self._after
        return self._after_chunk_fields

    def end(self, usage: ReplyUsage, ledger: Mapping[str, Json] | None = None) -> bytes:
        """Return what follows the last delta of a complete reply: the usage, if asked for and counted, and [DONE].

        ledger: goes into the same chunk, as `loro`; None if it was not asked for.
        """
        total = usage_object(usage) if self._include_usage else None  # 5
        if total is None and ledger is None:
            return DONE
        more = b"" if ledger is None else b',"loro":' + encode_json(ledger)
        return b"".join((self._before, b'],"usage":', encode_json(total), more, b"}\n\n", DONE))


def without(fields: Mapping[str, Json], names: frozenset[str]) -> dict[str, Json]:
    """Return `fields` but those in `names`."""
    return {name: value for name, value in fields.items() if name not in names}


def _delta_object(delta: Delta, role: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if role:  # 2
        # A choice that begins with a call has null here at OpenAI, everything else has text.
        fields = {"role": "assistant", "content": delta.content or (None if delta.tool_calls else "")}
    elif delta.content:
        fields["content"] = delta.content
    if delta.fields:
        fields |= without(delta.fields, DELTA_FIELDS)
    if delta.tool_calls:
        fields["tool_calls"] = [_tool_call_piece(piece) for piece in delta.tool_calls]
    return fields


def _tool_call_piece(piece: ToolCallDelta) -> dict[str, Any]:
    """Return the object of `piece`: id, type and name stand in a call's first, only its arguments in the others."""
    fields: dict[str, Any] = {"index": piece.index}
    if piece.id is not None:
        fields["id"] = piece.id
    type_ = piece.fields.get("type") or ("function" if piece.id is not None or piece.name is not None else None)
    if type_ is not None:
        fields["type"] = type_
    if piece.name is not None:
        fields["function"] = {"name": piece.name, "arguments": piece.arguments}
    elif piece.arguments or type_ in (None, "function"):
        fields["function"] = {"arguments": piece.arguments}
    for name, value in piece.fields.items():
        fields.setdefault(name, value)
    return fields


# --- usage -------------------------------------------------------------------------------------------------------


def usage_object(usage: ReplyUsage) -> dict[str, Any] | None:
    """Return OpenAI's usage object of a reply, None if neither leg was counted.

    The tokens of both legs are added up, for both are paid for; the details are the answer's. Where an
    acknowledgement was counted, `loro` tells the legs apart.
    """
    answer, acknowledgement = usage.answer, usage.acknowledgement
    if acknowledgement is None:
        return None if answer is None else {**_counts(answer), **without(answer.details, _OUR_USAGE_FIELDS)}
    legs = [leg for leg in (answer, acknowledgement) if leg is not None]
    return {
        "prompt_tokens": sum(leg.prompt_tokens for leg in legs),
        "completion_tokens": sum(leg.completion_tokens for leg in legs),
        "total_tokens": sum(leg.total_tokens for leg in legs),
        **(without(answer.details, _OUR_USAGE_FIELDS) if answer is not None else {}),
        "loro": {
            "acknowledgement": _counts(acknowledgement),
            "answer": None if answer is None else _counts(answer),
        },
    }


_OUR_USAGE_FIELDS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "loro"})


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


# --- errors -------------------------------------------------------------------------------------------


def error_body(error: LoroError) -> bytes:
    """Return the body of an error answer: always an object `error` with message, type, param and code."""
    envelope = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return encode_json({"error": envelope})


def error_event(error: LoroError) -> bytes:
    """Return the event that ends a stream which cannot be completed; no [DONE] follows it."""
    return encode_event(error_body(error))
