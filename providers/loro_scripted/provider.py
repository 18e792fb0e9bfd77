"""Plays a script in process: steps become deltas, and faults the errors that a real upstream's would become."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
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
    UpstreamHttp,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamUnreachable,
)
from loro_core.testing import Ask, Script, ScriptError, ask_of, parse_script, performance
from loro_scripted.demo import DEMOS, demo_options

Phase = Literal["connect", "prefill", "decode"]


class ScriptedProvider:
    """Speaks no protocol: each deployment's options are what its model does.

    It counts the calls of each deployment, for faults that strike the first `times` of them only.
    """

    name = "scripted"

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[AsyncIterator[Sequence[Delta]], None]:
        deployment = call.deployment
        script = _script(deployment, call.request).on_call(self._calls[deployment.name])
        self._calls[deployment.name] += 1
        ask = _ask(call.request, call.prefill)
        start_s = trio.current_time()
        play = _stream if ask.stream else _whole
        async with aclosing(play(script, ask, deployment.name, start_s)) as items:
            await anext(items)  # the response's head
            yield items

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:  # noqa: ARG002  # a script is reached without one
        """Return, or raise what the deployment's next call will meet before its head."""
        script = _script(deployment, None).on_call(self._calls[deployment.name])
        step = next(performance.perform(script, Ask()))
        if isinstance(step, performance.Head):
            await trio.lowlevel.checkpoint()
            return
        await _until(step, trio.current_time())
        raise _error(step, deployment.name, "prefill")

    def problems(self, deployment: Deployment) -> Sequence[str]:
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

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:  # noqa: ARG002
        """Always: what becomes of it is in the script (`prefill`)."""
        return True


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
