"""What an upstream replies: the bytes of a stream, or of a completion, as deltas.

`StreamReader` is a machine without I/O. What it makes of one choice, in the order of events:

    text, tool call, ...     a delta
    finish reason alone      its finish; from here the choice only gets usage, and notes on it (Azure) are dropped
    finish reason with text  the text at once, the finish with the next event that adds nothing to this choice:
                             some upstreams say "stop" in every chunk
    more text after a finish an error: what is said after the end cannot be told from a defect
    [DONE]                   what has no finish yet gets one: tool_calls or stop
    end of the stream        complete if every choice that began has its finish, otherwise it was cut

Usage is given out once: that of the chunk that ends the last choice or of a later one, else the last that was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from loro_core import Delta, Deployment, UpstreamClosed, UpstreamError, UpstreamProtocolError, Usage
from loro_core.wire.json_text import decode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.refusal import read_error
from loro_core.wire.sse import ServerSentEvent, SSEDecoder
from loro_openai.habits import Habits, Known
from loro_openai.message import ToolCallNumbers, read_choice
from loro_openai.stencil import Stencil

MAX_REPLY_BYTES = 64 << 20
"""The most of a reply that comes whole: 32,000 tokens with 20 log-probabilities each stay below."""

MAX_EVENT_BYTES = 16 << 20
"""The most of one event: sound and pictures travel in one, as base64."""

LESSONS = 32
"""So often it is learned what the events have in common: where none is like the one before it, the trying costs."""

_OF_A_CHUNK = frozenset({"id", "object", "created", "model", "choices", "usage", "error"})
_COUNTED = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_BLANKS = b"\xef\xbb\xbf \t\r\n"


class _Choice:
    """ended: its finish was given out. held: a finish that came with text, until it is known to be the last."""

    def __init__(self) -> None:
        self.numbers = ToolCallNumbers()
        self.ended = False
        self.held: str | None = None


class StreamReader:
    """Makes deltas of a streamed reply, under any split of its bytes alike.

    An upstream that answers with a whole completion instead of events is understood too.
    complete: the upstream has said that this is all. failure: why the reply cannot go on; set with the deltas before
    it given out, and then nothing more may be decoded.
    habits: how services write, from the replies before this one.
    """

    def __init__(self, deployment: Deployment, habits: Habits | None = None) -> None:
        self.complete = False
        self.failure: UpstreamError | None = None
        self._deployment = deployment
        self._events = SSEDecoder(MAX_EVENT_BYTES)
        self._start: bytearray | None = bytearray()
        self._is_document = False
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._usage_given = False
        self._chunk_fields: dict[str, Any] = {}
        self._stencil: Stencil | None = None
        self._lessons = LESSONS
        self._habits = Habits() if habits is None else habits
        self._before_text: tuple[Known, bytes] | None = None

    def decode(self, data: bytes) -> list[Delta]:
        """Return the deltas that `data` completes, in order."""
        deltas: list[Delta] = []
        at = 0
        try:
            while at < len(data) and not self.complete:
                if self._stencil is not None and self._events.between_events:
                    run, at = self._stencil.read_run(data, at)
                    if run:
                        deltas += run
                        self._chunk_fields = {}
                recalled = self._recall(data, at, deltas)
                at = self._decode_events(data, at, deltas) if recalled == at else recalled
        except UpstreamError as error:
            self.failure = error
        except WireFormatError as error:
            self.failure = self._malformed(error)
        return deltas

    def _decode_events(self, data: bytes, at: int, deltas: list[Delta]) -> int:
        """Take what stands in `data` from `at` on, event by event while they may be learned from; return how far."""
        end = data.find(b"\n\n", at) + 2 if self._lessons else 1
        if end == 1:
            end = len(data)
        for event in self._frames(data if end - at == len(data) else data[at:end]):
            if self._stencil is not None and event.type == "message":
                delta = self._stencil.read(event.data_bytes)
                if delta is not None:
                    deltas.append(delta)
                    self._chunk_fields = {}
                    continue
            self._take(event, deltas)
        return end

    def _recall(self, data: bytes, at: int, deltas: list[Delta]) -> int:
        """Take the event that begins `at` if one like it was read before; return where the next one begins."""
        if self._start:
            return at
        found = self._events.plain_event(data, at)
        if found is None:
            return at
        event, end = found
        if event == b"[DONE]" and self._choices:
            self._end(deltas)
            return end
        recalled = self._habits.recall(event)
        if recalled is None or len(self._choices) > 1 or not self._all_go_on:
            return at
        known, mark = recalled
        choice = self._choices.get(known.index)
        if choice is None:
            choice = self._choices[known.index] = _Choice()
        self._start = None
        if known.fields:
            self._chunk_fields |= known.fields
        if known.finish_reason is None:
            self._before_text, self._stencil = recalled, known.text_of(mark)
            return end
        self._stencil = None
        choice.ended = True
        deltas += self._with_chunk_fields([Delta(index=known.index, finish_reason=known.finish_reason)])
        return end

    @property
    def _all_go_on(self) -> bool:
        """Whether no choice has ended or may be about to."""
        return not any(choice.ended or choice.held for choice in self._choices.values())

    def _with_chunk_fields(self, added: list[Delta]) -> list[Delta]:
        """Return what an event added with what the chunks said beside it since they last added something."""
        if added and self._chunk_fields:
            added = [replace(delta, chunk_fields=self._chunk_fields) for delta in added]
            self._chunk_fields = {}
        return added

    def finish(self) -> list[Delta]:
        """Return what the end of the stream completes; `failure` says if it was cut."""
        deltas: list[Delta] = []
        try:
            if self._start is not None and self._is_document:
                deltas += read_completion(self._deployment, bytes(self._start))
                self.complete = True
                return deltas
            for event in self._events.finish():
                self._take(event, deltas)
        except UpstreamError as error:
            self.failure = error
            return deltas
        except WireFormatError:
            self.failure = self._cut()  # The last event has no end: half a document is a cut, not nonsense.
            return deltas
        if not self.complete:
            if self._choices and all(choice.ended or choice.held for choice in self._choices.values()):
                self._end(deltas)
            else:
                self.failure = self._cut()
        return deltas

    def _frames(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events of `data`; none while it is not known whether this is an event stream, or if it is not."""
        if self._start is None:
            return self._events.decode(data)
        self._start += data
        if len(self._start) > MAX_REPLY_BYTES:
            raise WireFormatError(f"a reply of more than {MAX_REPLY_BYTES} bytes")
        if not self._is_document:
            self._start = self._start.lstrip(_BLANKS)  # DeepSeek sends empty lines while it is busy.
            # No line of an event stream that means anything starts so; `<` is somebody's web page.
            self._is_document = self._start.startswith((b"{", b"[", b"<"))
        if not self._start or self._is_document:
            return []
        data, self._start = bytes(self._start), None
        return self._events.decode(data)

    def _take(self, event: ServerSentEvent, deltas: list[Delta]) -> None:
        text = event.data_bytes.strip()
        if self.complete or not text:
            return
        if text == b"[DONE]":
            if not self._choices:
                raise WireFormatError("[DONE] before any choice")
            self._end(deltas)
            return
        if event.type == "error":
            raise self._said_error(text)
        value = decode_json(text)
        error = read_error(self._deployment, value)
        if error is not None:
            raise error
        if not isinstance(value, dict):
            raise WireFormatError("a chunk that is no object")
        added = self._take_chunk(value)
        deltas += added
        self._learn(text, added)
        if event.type == "message":
            self._remember(text, value, added)

    def _take_chunk(self, chunk: dict[str, Any]) -> list[Delta]:
        usage = _usage(chunk.get("usage"))
        choices = _choices(chunk)
        if "choices" in chunk:
            self._chunk_fields |= _chunk_fields(chunk)
        added: list[Delta] = []
        spoke = set()
        for position, raw in enumerate(choices):
            usage = usage or _usage(raw.get("usage"))  # Moonshot counts inside the choice.
            delta = self._take_choice(raw, position)
            if delta is not None:
                added.append(delta)
                spoke.add(delta.index)
        for index, choice in self._choices.items():
            if choice.held is not None and index not in spoke:
                added.append(_finish(index, choice, choice.held))
        self._usage = usage or self._usage
        if usage is not None and self._choices and all(choice.ended for choice in self._choices.values()):
            self._give_usage(added)
        return self._with_chunk_fields(added)

    def _learn(self, event: bytes, added: list[Delta]) -> None:
        """See how the next events may be read at a glance: while no choice has ended or may be about to."""
        self._stencil = None
        if len(added) == 1 and self._lessons and self._all_go_on:
            self._stencil = Stencil.of(event, added[0])
            self._lessons -= self._stencil is not None

    def _remember(self, event: bytes, chunk: dict[str, Any], added: list[Delta]) -> None:
        """Keep in mind how this service writes: what stands before a text, a text, the end."""
        before, self._before_text = self._before_text, None
        if self._stencil is not None:
            if before is not None and self._stencil.bare:
                known, mark = before
                known.text, known.mark = self._stencil, mark
            return
        choices = _choices(chunk)
        if len(choices) != 1 or chunk.get("usage") or choices[0].get("usage"):
            return
        index, reason = _index(choices[0], 0), _finish_reason(choices[0])
        end = Delta(index=index, finish_reason=reason, chunk_fields=added[0].chunk_fields) if added else None
        if added != ([] if reason is None else [end]):
            return
        known = Known(index=index, finish_reason=reason, fields=_chunk_fields(chunk))
        learned = self._habits.learn(event, chunk, known)
        if learned is not None and reason is None:
            self._before_text = known, learned

    def _take_choice(self, raw: dict[str, Any], position: int) -> Delta | None:
        """Return what a choice says, None if that is nothing."""
        index = _index(raw, position)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        delta = read_choice(raw, index, choice.numbers)
        finish = _finish_reason(raw)
        if choice.ended:
            if delta.answers:
                raise WireFormatError("text after the finish_reason")
            return None
        if delta.answers or delta.fields:
            choice.held = finish
            return delta
        if finish is None:
            return delta if delta.adds else None
        choice.held, choice.ended = None, True
        return Delta(index=index, finish_reason=finish, choice_fields=delta.choice_fields)

    def _end(self, deltas: list[Delta]) -> None:
        self.complete = True
        self._stencil = None
        added = [
            _finish(index, choice, choice.held or ("tool_calls" if choice.numbers else "stop"))
            for index, choice in self._choices.items()
            if not choice.ended
        ]
        self._give_usage(added)
        deltas += added

    def _give_usage(self, added: list[Delta]) -> None:
        """Put the usage, once, on the last of `added`, or alone behind them."""
        if self._usage is None or self._usage_given:
            return
        self._usage_given = True
        if added:
            added[-1] = replace(added[-1], usage=self._usage)
        else:
            added.append(Delta(usage=self._usage))

    def _said_error(self, text: bytes) -> UpstreamError:
        try:
            value = decode_json(text)
        except WireFormatError:
            value = text.decode("utf-8", "replace")
        error = read_error(self._deployment, value) or read_error(self._deployment, {"error": value or "unknown"})
        return error or self._cut()

    def _malformed(self, error: WireFormatError) -> UpstreamProtocolError:
        return UpstreamProtocolError(
            f"deployment '{self._deployment.name}' sent a stream that holds {error}", deployment=self._deployment.name
        )

    def _cut(self) -> UpstreamClosed:
        return UpstreamClosed(
            f"deployment '{self._deployment.name}' ended its stream before the answer was complete",
            deployment=self._deployment.name,
        )


def read_completion(deployment: Deployment, body: bytes) -> Sequence[Delta]:
    """Return a whole completion, a delta a choice, the usage with the last.

    Raises UpstreamStatus for an error document, UpstreamProtocolError for anything else.
    """
    try:
        value = decode_json(body)
        error = read_error(deployment, value)
        if error is not None:
            raise error
        deltas = _completion(value)
    except WireFormatError as error:
        page = "a web page" if body.lstrip(_BLANKS).startswith(b"<") else f"what is no completion ({error})"
        raise UpstreamProtocolError(
            f"deployment '{deployment.name}' replied with {page}: is base_url right, does it want /v1 at its end?",
            deployment=deployment.name,
        ) from error
    return deltas


def _completion(value: Any) -> list[Delta]:
    if not isinstance(value, dict) or not value.get("choices"):
        raise WireFormatError("no choices")
    chunk_fields = _chunk_fields(value)
    deltas = []
    for position, raw in enumerate(_choices(value)):
        numbers = ToolCallNumbers()
        delta = read_choice(raw, _index(raw, position), numbers)
        finish = _finish_reason(raw) or ("tool_calls" if numbers else "stop")
        deltas.append(replace(delta, finish_reason=finish, chunk_fields=chunk_fields))
    deltas[-1] = replace(deltas[-1], usage=_usage(value.get("usage")))
    return deltas


def _chunk_fields(chunk: dict[str, Any]) -> dict[str, Any]:
    """Return what a chunk or a completion says beside what all of them do."""
    if chunk.keys() <= _OF_A_CHUNK:
        return {}
    return {k: v for k, v in chunk.items() if k not in _OF_A_CHUNK and v is not None}


def _choices(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    choices = chunk.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise WireFormatError("choices that are no list of objects")
    return choices


def _index(choice: dict[str, Any], position: int) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else position


def _finish_reason(choice: dict[str, Any]) -> str | None:
    reason = choice.get("finish_reason") or None  # "" is what some say while it goes on (ollama #4357).
    if reason is not None and not isinstance(reason, str):
        raise WireFormatError("a finish_reason that is no text")
    return reason


def _finish(index: int, choice: _Choice, reason: str) -> Delta:
    choice.ended = True
    choice.held = None
    return Delta(index=index, finish_reason=reason)


def _usage(usage: Any) -> Usage | None:
    """Return an upstream's count, None if there is none. A part that is missing counts as 0."""
    if not isinstance(usage, dict) or not usage:
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(
        prompt_tokens=prompt if isinstance(prompt, int) else 0,
        completion_tokens=completion if isinstance(completion, int) else 0,
        details={k: v for k, v in usage.items() if k not in _COUNTED and v is not None},
    )
