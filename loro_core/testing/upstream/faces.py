"""Steps of a performance as the bytes of a body: OpenAI's chat completion chunks, Ollama's lines.

One reply object a call. Sources: OpenAI API reference, "Chat"; Ollama docs/api.md, "Generate a chat completion".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

import msgspec

from loro_core.chat import Delta, Json, Usage
from loro_core.testing.ask import Ask, ask_of
from loro_core.testing.performance import Comment, Done, Fail, Garbage, Role, Say, Whole
from loro_core.testing.script import Script

BOM = b"\xef\xbb\xbf"
NEWLINES = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One chat call. number: of its record. unix_s: when it arrived."""

    number: int
    unix_s: float
    model: str
    script: Script
    ask: Ask


class Reply(Protocol):
    """How one call is answered in bytes."""

    content_type: str

    def event(self, step: Role | Comment | Say | Garbage | Fail | Done) -> bytes:
        """Return what `step` puts into a stream, b"" for nothing."""

    def whole(self, whole: Whole) -> bytes:
        """Return the body of a reply that does not stream."""


# --- OpenAI --------------------------------------------------------------------------------------------------------


class OpenAIReply:
    """Server-sent events, framed as the script wants."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, called: Called) -> None:
        script = called.script
        self._ask = called.ask
        self._newline = NEWLINES[script.newline]
        self._prefix = b"data: " if script.space else b"data:"
        self._head = {"id": f"chatcmpl-{called.number}", "created": int(called.unix_s), "model": called.model}
        self._counts = called.ask.include_usage and script.usage != "never"

    def event(self, step: Role | Comment | Say | Garbage | Fail | Done) -> bytes:
        if isinstance(step, Say):
            return b"".join(self._data(encode(self._chunk(delta))) for delta in step.deltas)
        if isinstance(step, Role):
            openings = [Delta(index=i, content="", fields={"role": "assistant"}) for i in range(self._ask.n)]
            return b"".join(self._data(encode(self._chunk(delta))) for delta in openings)
        if isinstance(step, Comment):
            return b": keep-alive" + self._newline * 2
        if isinstance(step, Fail):
            return self._data(encode({"error": step.error}))
        return self._data(b"[DONE]" if isinstance(step, Done) else b'{"choices": [{"delta":')

    def whole(self, whole: Whole) -> bytes:
        usage = next((reply.usage for reply in whole.replies if reply.usage), None)
        choices = [
            {
                "index": reply.index,
                "message": {"role": "assistant", "content": None, **_said(reply, streamed=False)},
                "finish_reason": reply.finish_reason,
            }
            for reply in whole.replies
        ]
        body = {**self._head, "object": "chat.completion", "choices": choices}
        return encode(body if usage is None else {**body, "usage": _openai_usage(usage)})

    def _data(self, data: bytes) -> bytes:
        return self._prefix + data + self._newline * 2

    def _chunk(self, delta: Delta) -> dict[str, Any]:
        chunk: dict[str, Any] = {**self._head, "object": "chat.completion.chunk", "choices": []}
        said = _said(delta, streamed=True)
        if said or delta.finish_reason or delta.usage is None:
            chunk["choices"] = [{"index": delta.index, "delta": said, "finish_reason": delta.finish_reason}]
        if delta.usage is not None:
            chunk["usage"] = _openai_usage(delta.usage)
        elif self._counts:
            chunk["usage"] = None
        return chunk


def _said(delta: Delta, *, streamed: bool) -> dict[str, Any]:
    said: dict[str, Any] = dict(delta.fields)
    if delta.content is not None:
        said["content"] = delta.content
    if delta.tool_calls:
        said["tool_calls"] = calls = []
        for call in delta.tool_calls:
            function: dict[str, Any] = {"arguments": call.arguments}
            whole: dict[str, Any] = {"index": call.index} if streamed else {}
            if call.id is not None:
                whole |= {"id": call.id, **call.fields}
                function = {"name": call.name, **function}
            calls.append({**whole, "function": function})
    return said


def _openai_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        **usage.details,
    }


def openai_error(error: Mapping[str, Json]) -> bytes:
    """Return an error answer's body."""
    return encode({"error": error})


# --- Ollama --------------------------------------------------------------------------------------------------------


class OllamaReply:
    """JSON lines; the last one says why it ended and counts. A tool call comes whole, its arguments as an object."""

    content_type = "application/x-ndjson"

    def __init__(self, called: Called) -> None:
        moment = datetime.fromtimestamp(called.unix_s, tz=timezone.utc)
        self._head = {"model": called.model, "created_at": moment.isoformat().replace("+00:00", "Z")}
        # A lone CR ends no line of NDJSON.
        self._newline = b"\r\n" if called.script.newline == "crlf" else b"\n"
        self._first_token_s = called.script.first_token_s
        self._calls: dict[int, tuple[str, str]] = {}
        self._finish_reason: str | None = None
        self._usage: Usage | None = None

    def event(self, step: Role | Comment | Say | Garbage | Fail | Done) -> bytes:
        if isinstance(step, Say):
            return b"".join(self._line({"message": message, "done": False}) for message in self._messages(step))
        if isinstance(step, Fail):
            return encode({"error": step.error.get("message")}) + self._newline
        if isinstance(step, Garbage):
            return b'{"message": {"role":' + self._newline
        return self._last({"role": "assistant", "content": ""}, step.at_s) if isinstance(step, Done) else b""

    def whole(self, whole: Whole) -> bytes:
        reply = whole.replies[0]
        message: dict[str, Any] = {"role": "assistant", "content": reply.content or ""}
        if reply.fields:
            message["thinking"] = reply.fields["reasoning_content"]
        if reply.tool_calls:
            message["tool_calls"] = [_ollama_call(call.name or "", call.arguments) for call in reply.tool_calls]
        self._finish_reason, self._usage = reply.finish_reason, reply.usage
        return self._last(message, whole.ending.at_s)

    def _messages(self, step: Say) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        for delta in step.deltas[:1]:
            for call in delta.tool_calls:
                name, arguments = self._calls.get(call.index, ("", ""))
                self._calls[call.index] = (call.name or name, arguments + call.arguments)
            if delta.fields:
                messages.append({"role": "assistant", "content": "", "thinking": delta.fields["reasoning_content"]})
            if delta.content:
                messages.append({"role": "assistant", "content": delta.content})
            if delta.finish_reason:
                self._finish_reason = delta.finish_reason
                if self._calls:
                    calls = [_ollama_call(*call) for call in self._calls.values()]
                    messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        self._usage = step.deltas[-1].usage or self._usage
        return messages

    def _last(self, message: dict[str, Any], at_s: float) -> bytes:
        line: dict[str, Any] = {"message": message, "done": True}
        if self._finish_reason is not None:
            # Ollama knows no reason for tool calls: it stopped.
            line["done_reason"] = "stop" if self._finish_reason == "tool_calls" else self._finish_reason
        if self._usage is not None:
            line |= {
                "total_duration": _ns(at_s),
                "load_duration": 0,
                "prompt_eval_count": self._usage.prompt_tokens,
                "prompt_eval_duration": _ns(self._first_token_s),
                "eval_count": self._usage.completion_tokens,
                "eval_duration": _ns(at_s - self._first_token_s),
            }
        return self._line(line)

    def _line(self, fields: dict[str, Any]) -> bytes:
        return encode({**self._head, **fields}) + self._newline


def _ollama_call(name: str, arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        value = arguments
    return {"function": {"name": name, "arguments": value}}


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def ollama_ask(body: Mapping[str, Json]) -> Ask:
    """Return what an Ollama chat body wants; it streams unless told not to, and always counts."""
    options = body.get("options")
    options = options if isinstance(options, Mapping) else {}
    return ask_of(
        {
            "messages": body.get("messages"),
            "stream": body.get("stream") is not False,
            "stream_options": {"include_usage": True},
            "max_tokens": options.get("num_predict"),
            "stop": options.get("stop"),
        }
    )


def ollama_error(error: Mapping[str, Json]) -> bytes:
    """Return an error answer's body."""
    return encode({"error": error.get("message")})
