"""What Ollama replies, as deltas: lines of JSON, the last one with "done"; or one such document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from loro_core import (
    ChatRequest,
    Delta,
    Deployment,
    ToolCallDelta,
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    Usage,
)
from loro_core.wire.json_text import encode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.ndjson import NdjsonDecoder
from loro_core.wire.refusal import read_error

MAX_LINE_BYTES = 16 << 20
"""The most of one line; a reply that is not streamed is one."""

_SAID = frozenset({"role", "content", "thinking", "tool_calls", "images"})


class StreamReader:
    """Makes deltas of a reply, under any split of its bytes alike.

    complete: the last line was read. failure: why the reply cannot go on; set with the deltas before it given out.
    """

    def __init__(self, deployment: Deployment, request: ChatRequest) -> None:
        self.complete = False
        self.failure: UpstreamError | None = None
        self._deployment = deployment
        self._turn = len(request.messages)
        self._lines = NdjsonDecoder(MAX_LINE_BYTES)
        self._calls = 0

    def decode(self, data: bytes) -> list[Delta]:
        """Return the deltas that `data` completes, in order."""
        deltas: list[Delta] = []
        try:
            # Line by line: the decoder gives nothing of a piece in which one line is broken.
            for line in data.splitlines(keepends=True):
                if self.complete:
                    break
                for value in self._lines.decode(line):
                    self._take(value, deltas)
        except UpstreamError as error:
            self.failure = error
        except WireFormatError as error:
            self.failure = self._malformed(error)
        return deltas

    def finish(self) -> list[Delta]:
        """Return what the end of the stream completes; `failure` says if it was cut."""
        deltas: list[Delta] = []
        try:
            for value in self._lines.finish():
                self._take(value, deltas)
        except UpstreamError as error:
            self.failure = error
        except WireFormatError:
            pass  # Half a line is a cut, as below.
        if not self.complete and self.failure is None:
            self.failure = UpstreamClosed(
                f"deployment '{self._deployment.name}' ended its stream before the answer was complete",
                deployment=self._deployment.name,
            )
        return deltas

    def _take(self, line: Any, deltas: list[Delta]) -> None:
        error = read_error(self._deployment, line)
        if error is not None:
            raise error
        message = line.get("message") if isinstance(line, dict) else None
        if not isinstance(line, dict) or not isinstance(message, (dict, type(None))):
            raise WireFormatError("a line that is no chat reply")
        if message is None and not line.get("done"):
            raise WireFormatError("a line that is no chat reply")
        delta = self._delta(line, message or {})
        self.complete = bool(line.get("done"))
        if delta.adds or self.complete:
            deltas.append(delta)

    def _delta(self, line: Mapping[str, Any], message: Mapping[str, Any]) -> Delta:
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list):
            raise WireFormatError("tool_calls that are no list")
        fields = {name: value for name, value in message.items() if name not in _SAID and value is not None}
        if thoughts := _text(message, "thinking"):
            fields["reasoning_content"] = thoughts
        logprobs = line.get("logprobs")
        return Delta(
            content=_text(message, "content") or None,
            tool_calls=tuple(self._tool_call(call) for call in calls),
            finish_reason=self._finish_reason(line) if line.get("done") else None,
            usage=_usage(line) if line.get("done") else None,
            fields=fields,
            choice_fields={"logprobs": {"content": logprobs}} if logprobs else {},
        )

    def _finish_reason(self, line: Mapping[str, Any]) -> str:
        """Return why it ended: an answer with tool calls ends for them; load, unload and "" are a stop."""
        if line.get("done_reason") == "length":
            return "length"
        return "tool_calls" if self._calls else "stop"

    def _tool_call(self, call: Any) -> ToolCallDelta:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise WireFormatError("a tool call that is no object with a function")
        name, arguments = _text(function, "name"), encode_json(function.get("arguments") or {}).decode()
        number, self._calls = self._calls, self._calls + 1
        return ToolCallDelta(
            index=number,
            id=_text(call, "id") or self._call_id(number, name, arguments),
            name=name,
            arguments=arguments,
            fields={"type": "function"},
        )

    def _call_id(self, number: int, name: str, arguments: str) -> str:
        """Return an id where Ollama gives none: the same for the same reply, another in every turn of a talk."""
        text = f"{self._turn}\n{number}\n{name}\n{arguments}"
        return "call_" + hashlib.sha256(text.encode()).hexdigest()[:24]

    def _malformed(self, error: WireFormatError) -> UpstreamProtocolError:
        return UpstreamProtocolError(
            f"deployment '{self._deployment.name}' sent a reply that holds {error}: is base_url that of Ollama itself?",
            deployment=self._deployment.name,
        )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WireFormatError(f"a {name} that is no text")
    return value


def _usage(line: Mapping[str, Any]) -> Usage | None:
    """Return the counts of the last line; Ollama leaves out a count of 0 (a prompt that was all in its cache)."""
    prompt, completion = line.get("prompt_eval_count"), line.get("eval_count")
    if not isinstance(prompt, int) and not isinstance(completion, int):
        return None
    return Usage(
        prompt_tokens=prompt if isinstance(prompt, int) else 0,
        completion_tokens=completion if isinstance(completion, int) else 0,
    )
