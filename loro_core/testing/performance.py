"""A script and a request become a timetable: what a scripted model does, and when. Pure: the players wait and write.

`perform` is read by the scripted upstream, which turns steps into bytes, and by the scripted provider, which turns them
into deltas and errors; so both do the same at the same times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from loro_core.chat import NOTHING, Delta, Json, ToolCallDelta, Usage
from loro_core.testing.ask import Ask
from loro_core.testing.script import ENDING_FAULTS, Script, ScriptedToolCall, tokenise


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The response's head."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A keep-alive that says nothing."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """The delta that names the role, for each of n choices."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One token, a finish reason or the usage: a delta a choice. token: whether it is something said."""

    at_s: float
    deltas: tuple[Delta, ...]
    token: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """An event that is not JSON."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The reply is complete and says so ([DONE])."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The body ends, in good form. complete: whether the reply had its end before."""

    at_s: float
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """An error status instead of a reply."""

    at_s: float
    status: int
    retry_after_s: float | None
    error: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """An error object inside the stream."""

    at_s: float
    error: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The connection goes: never there, closed in the middle of the body, or reset."""

    at_s: float
    how: Literal["unreachable", "cut", "reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """Silence for ever."""

    at_s: float


Step = Head | Comment | Role | Say | Garbage | Done | End | Refuse | Fail | Break | Hang


def error_of(script: Script) -> dict[str, Json]:
    """Return the error object of an OpenAI body."""
    kind, code = _ERRORS.get(script.status or 500, ("server_error", None))
    return {
        "message": script.error_message,
        "type": script.error_type or kind,
        "param": None,
        "code": script.error_code or code,
    }


# Types and codes as OpenAI's error guide lists them.
_ERRORS: Mapping[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


# --- the timetable -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What a choice says, token by token, and why it stops."""

    tokens: tuple[Delta, ...]
    finish_reason: str
    reasoned: int


def perform(script: Script, ask: Ask) -> Iterator[Step]:
    """Yield what happens to one call, in order of time; `at_s` counts from the arrival of the request.

    The last step is Done or End of a complete reply, or the fault that ends it; after Hang nothing comes. A player of
    a reply that does not stream may fold the steps with `whole`.
    """
    if script.unreachable or script.reset_before_head:
        yield Break(at_s=script.fault_s, how="unreachable" if script.unreachable else "reset")
    elif script.status is not None:
        yield Refuse(
            at_s=script.fault_s,
            status=script.status,
            retry_after_s=script.retry_after_s,
            error=error_of(script),
        )
    elif script.prefill == "refuse" and ask.prefill:
        yield Refuse(at_s=script.fault_s, status=400, retry_after_s=None, error=error_of(replace(script, status=400)))
    elif script.hang == "before_head":
        yield Hang(at_s=0.0)
    else:
        yield from _opening(script)
        if script.hang == "after_head":
            yield Hang(at_s=script.first_token_s)
        else:
            yield from _reply(script, ask)


def _opening(script: Script) -> Iterator[Step]:
    first_s = script.first_token_s
    head_s = 0.0 if script.head == "early" else first_s
    yield Head(at_s=head_s)
    if script.role == "with_head":
        yield Role(at_s=head_s)
    for number in range(1, script.keepalives + 1):
        yield Comment(at_s=head_s + (first_s - head_s) * number / (script.keepalives + 1))
    if script.role == "with_first_token" and script.hang is None:
        yield Role(at_s=first_s)


def _reply(script: Script, ask: Ask) -> Iterator[Step]:
    part = _part(script, ask)
    total = len(part.tokens)
    stall_from = total + 1 if script.stall_after is None else min(script.stall_after, total)
    wanted = script.usage == "always" or (script.usage == "asked" and ask.include_usage)
    at_s = script.first_token_s
    for k in range(total + 1):
        fault = _ending_fault(script, k, total, at_s)
        if fault is not None:
            yield fault
            return
        if script.malformed_after is not None and k == min(script.malformed_after, total):
            yield Garbage(at_s=at_s)
        # Reckoned from the start, never from the token before: nothing drifts. The end comes with the last token.
        at_s = script.first_token_s + min(k, max(total - 1, 0)) * script.interval_s
        at_s += script.stall_s if k >= stall_from else 0.0
        if k < total:
            yield Say(at_s=at_s, deltas=_for_each(ask.n, part.tokens[k]), token=True)
    yield from _finish(script, ask, part, wanted, at_s)
    yield Done(at_s=at_s) if script.done else End(at_s=at_s, complete=script.finish != "never")


def _ending_fault(script: Script, k: int, total: int, at_s: float) -> Step | None:
    """Return the fault that ends the reply after `k` of `total` tokens, if there is one."""

    def strikes(after: int | None) -> bool:
        return after is not None and k == min(after, total)

    if strikes(script.cut_after):
        return Break(at_s=at_s, how="cut")
    if strikes(script.reset_after):
        return Break(at_s=at_s, how="reset")
    if strikes(script.end_after):
        return End(at_s=at_s, complete=False)
    if strikes(script.error_after):
        return Fail(at_s=at_s, error=error_of(script))
    if strikes(script.hang_after):
        return Hang(at_s=at_s)
    return None


def _finish(script: Script, ask: Ask, part: _Part, wanted: bool, at_s: float) -> Iterator[Step]:
    count = Usage(
        prompt_tokens=ask.prompt_tokens if script.prompt_tokens is None else script.prompt_tokens,
        completion_tokens=len(part.tokens) * ask.n,
        details={"completion_tokens_details": {"reasoning_tokens": part.reasoned}} if part.reasoned else NOTHING,
    )
    said = part.tokens[-1].finish_reason is not None if part.tokens else False
    if script.finish != "never" and not said:
        content = "" if script.finish == "empty_content" else None
        ends = _for_each(ask.n, Delta(content=content, finish_reason=part.finish_reason))
        if script.finish == "with_usage" and wanted:
            ends = (*ends[:-1], replace(ends[-1], usage=count))
            wanted = False
        yield Say(at_s=at_s, deltas=ends)
    if wanted:
        yield Say(at_s=at_s, deltas=(Delta(usage=count),))


def _part(script: Script, ask: Ask) -> _Part:
    content = _until(script.says(after_tool=ask.after_tool, prefill=ask.prefill), ask.stop)
    reasoning = [Delta(fields={"reasoning_content": piece}) for piece in tokenise(script.reasoning)]
    calls = () if ask.after_tool else script.tool_calls
    tokens = [*reasoning, *(Delta(content=piece) for piece in content), *_call_pieces(calls)]
    kept = tokens[: ask.max_tokens]
    # A fault that ends the reply strikes before the finish reason, so that must not ride on the last token.
    breaks = any(getattr(script, fault) is not None for fault in ENDING_FAULTS if fault.endswith("_after"))
    finish_reason = script.finish_reason or ("tool_calls" if calls else "stop")
    if len(kept) < len(tokens):
        finish_reason = "length"
    if kept and script.finish == "with_content" and not breaks:
        kept[-1] = replace(kept[-1], finish_reason=finish_reason)
    return _Part(tokens=tuple(kept), finish_reason=finish_reason, reasoned=min(len(reasoning), len(kept)))


def _until(pieces: tuple[str, ...], stop: tuple[str, ...]) -> tuple[str, ...]:
    """Return the pieces up to the first stop text; it may lie across several of them."""
    text = "".join(pieces)
    left = min((at for at in (text.find(s) for s in stop) if at >= 0), default=-1)
    if left < 0:
        return pieces
    kept: list[str] = []
    for piece in pieces:
        if left <= 0:
            break
        kept.append(piece[:left])
        left -= len(piece)
    return tuple(kept)


def _call_pieces(calls: Sequence[ScriptedToolCall]) -> Iterator[Delta]:
    """Yield the deltas of tool calls as OpenAI streams them: id and name first, then the arguments in pieces."""
    for index, call in enumerate(calls):
        opening = ToolCallDelta(index=index, id=call.id or f"call_{index}", name=call.name, fields={"type": "function"})
        yield Delta(tool_calls=(opening,))
        for piece in tokenise(call.arguments):
            yield Delta(tool_calls=(ToolCallDelta(index=index, arguments=piece),))


def _for_each(n: int, delta: Delta) -> tuple[Delta, ...]:
    return (delta,) if n == 1 else tuple(replace(delta, index=index) for index in range(n))


# --- a reply that does not stream ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A performance folded into one reply.

    replies: a delta a choice with all that it says; the last one has the usage, if it is given.
    tokens: how many were said, a choice. ending: Done, or the fault that ended it; its `at_s` is when it happens.
    """

    replies: tuple[Delta, ...]
    tokens: int
    ending: Step


def whole(script: Script, ask: Ask) -> Whole:
    """Return what a call gets that does not stream: everything at the end, when the last token would have come."""
    ask = replace(ask, include_usage=True)
    replies = [Delta(index=index) for index in range(ask.n)]
    tokens = 0
    ending: Step = Done(at_s=0.0)
    for step in perform(replace(script, done=True), ask):
        ending = step
        if isinstance(step, Garbage):
            break
        if isinstance(step, Say):
            tokens += step.token
            for delta in step.deltas:
                # A count alone belongs to the whole call, not to a choice.
                at = -1 if delta.usage is not None and delta.finish_reason is None else delta.index
                replies[at] = _joined(replies[at], delta)
    return Whole(replies=tuple(replies), tokens=tokens, ending=ending)


def _joined(reply: Delta, delta: Delta) -> Delta:
    calls = list(reply.tool_calls)
    for call in delta.tool_calls:
        if call.index < len(calls):
            calls[call.index] = replace(calls[call.index], arguments=calls[call.index].arguments + call.arguments)
        else:
            calls.append(call)
    reasoning = f"{reply.fields.get('reasoning_content', '')}{delta.fields.get('reasoning_content', '')}"
    return replace(
        reply,
        content=reply.content if delta.content is None else (reply.content or "") + delta.content,
        tool_calls=tuple(calls),
        finish_reason=delta.finish_reason or reply.finish_reason,
        usage=delta.usage or reply.usage,
        fields={"reasoning_content": reasoning} if reasoning else NOTHING,
    )
