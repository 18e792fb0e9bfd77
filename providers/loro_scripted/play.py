"""Plays a script in process: steps become deltas, and faults the errors that a real upstream's would become."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import trio

from loro_core import (
    Call,
    ChatRequest,
    Delta,
    Deployment,
    Json,
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamUnreachable,
)
from loro_core.testing import Ask, Script, ScriptError, ask_of, parse_script, performance
from loro_scripted.demo import DEMOS, demo_options

Phase = Literal["connect", "prefill", "decode"]


def problems_of(deployment: Deployment) -> Sequence[str]:
    """Return what is wrong with the script in the options of `deployment`."""
    options = dict(deployment.options)
    problems: list[str] = []
    demo = options.pop("demo", None)
    if demo is not None and not (isinstance(demo, str) and demo in DEMOS):
        problems.append(f"demo: is {demo!r}, needs one of {', '.join(sorted(DEMOS))}")
    try:
        parse_script(options)
    except ScriptError as error:
        problems += error.problems
    return [f"options.{problem}" for problem in problems]


def items_of(call: Call, earlier: int) -> AsyncGenerator[Sequence[Delta], None]:
    """Return nothing once the head is there, then the deltas of a call that came after `earlier` ones."""
    deployment, start_s = call.deployment, trio.current_time()
    script = _script(deployment, call.request).on_call(earlier)
    ask = _ask(call.request, call.prefill)
    play = _stream if ask.stream else _whole
    return play(script, ask, deployment.name, start_s)


async def check(deployment: Deployment, earlier: int) -> None:
    """Return, or raise what a call to `deployment` after `earlier` ones will meet before its head."""
    script = _script(deployment, None).on_call(earlier)
    step = next(performance.perform(script, Ask()))
    if isinstance(step, performance.Head):
        await trio.lowlevel.checkpoint()
        return
    await _until(step, trio.current_time())
    raise _error(step, deployment.name, "prefill")


def _script(deployment: Deployment, request: ChatRequest | None) -> Script:
    """Return what this deployment plays to `request`."""
    options = dict(deployment.options)
    demo = options.pop("demo", None)
    try:
        base = Script()
        if isinstance(demo, str) and demo in DEMOS:
            base = parse_script(demo_options(demo, request.last_user_text if request else ""))
        return parse_script(options, base)
    except ScriptError as error:
        raise UpstreamProtocolError(f"its options are no script: {error}", deployment=deployment.name) from error


def _ask(request: ChatRequest, prefill: str) -> Ask:
    body: Mapping[str, Json] = {
        **request.parameters,
        "messages": [message.fields for message in request.messages],
        "stream": request.stream,
        "stream_options": {"include_usage": request.include_usage},
        "n": request.n,
    }
    ask = ask_of(body)
    return replace(ask, prefill=prefill) if prefill else ask


async def _stream(script: Script, ask: Ask, deployment: str, start_s: float) -> AsyncGenerator[Sequence[Delta], None]:
    """Yield nothing once the head is there, then the deltas token by token."""
    steps = performance.perform(script, ask)
    phase: Phase = "prefill"
    for step in steps:
        await _until(step, start_s)
        if isinstance(step, performance.Head):
            yield ()
        elif isinstance(step, performance.Say):
            phase = "decode"
            yield step.deltas
        elif isinstance(step, performance.Done) or (isinstance(step, performance.End) and step.complete):
            if script.finish == "never":
                yield tuple(Delta(index=index, finish_reason="stop") for index in range(ask.n))
            return
        elif not isinstance(step, (performance.Comment, performance.Role)):
            raise _error(step, deployment, phase)


async def _whole(script: Script, ask: Ask, deployment: str, start_s: float) -> AsyncGenerator[Sequence[Delta], None]:
    """Yield nothing once the reply is there, then all of it."""
    folded = performance.whole(script, ask)
    await _until(folded.ending, start_s)
    if not isinstance(folded.ending, performance.Done):
        raise _error(folded.ending, deployment, "prefill")
    yield ()
    yield folded.replies


async def _until(step: performance.Step, start_s: float) -> None:
    await trio.sleep_until(start_s + step.at_s)
    if isinstance(step, performance.Hang):
        await trio.sleep_forever()


def _error(step: performance.Step, deployment: str, phase: Phase) -> UpstreamError:
    """Return what a provider of a real protocol would raise for `step`."""
    if isinstance(step, performance.Refuse):
        return _status(step.error, step.status, step.retry_after_s, deployment, phase)
    if isinstance(step, performance.Fail):
        return _status(step.error, None, None, deployment, phase)
    if isinstance(step, performance.Garbage):
        return UpstreamProtocolError("it sent an event that is not JSON", deployment=deployment, phase=phase)
    if isinstance(step, performance.Break) and step.how == "unreachable":
        return UpstreamUnreachable("nobody answers there", deployment=deployment)
    return UpstreamClosed("it closed before its reply was finished", deployment=deployment, phase=phase)


def _status(
    error: Mapping[str, Json], status: int | None, retry_after_s: float | None, deployment: str, phase: Phase
) -> UpstreamStatus:
    kind, code = error["type"], error["code"]
    return UpstreamStatus(
        str(error["message"]),
        upstream_status=status,
        deployment=deployment,
        phase=phase,
        error_type=kind if isinstance(kind, str) else None,
        code=code if isinstance(code, str) else None,
        retry_after_s=retry_after_s,
    )
