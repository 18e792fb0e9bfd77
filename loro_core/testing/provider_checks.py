"""The checks of `check_provider`, each named for what holds when it passes."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import trio

from loro_core.errors import UpstreamClosed, UpstreamProtocolError, UpstreamStatus
from loro_core.plugin.api import Continues, Provider
from loro_core.testing.bench import CannotPlay
from loro_core.testing.listening import (
    GONE_WITHIN_S,
    REQUEST,
    WHOLE_REQUEST,
    Heard,
    Trial,
    cancelled_at_every_await,
    jumps,
    leaves_nothing,
    listen,
    no_logged_words,
)
from loro_core.testing.script import Script, ScriptedToolCall

PIECES = ("Well,", " in", " Gruyères", ": \u2028", '"so\\n"', "\n", "讓我想想。", " 👩‍🚀", " data: x", "{}", " end. ")
"""What a reply says in these checks: the pieces that readers trip over."""

TEXT = "".join(PIECES)
SAYS = Script(pieces=PIECES)

Check = Callable[[Trial], Awaitable[None]]


async def _name_is_plain(trial: Trial) -> None:
    name = trial.provider.name
    plain = bool(name) and all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in name)
    assert plain, f"its name is {name!r}, needs lower-case letters, digits and hyphens"
    assert isinstance(trial.provider, Provider), "it lacks a part of the protocol: name, open, check"
    await trio.lowlevel.checkpoint()


async def _text_is_exact(trial: Trial) -> None:
    heard = await trial.hear(SAYS)
    heard.must_be_finished()
    _same_text(heard, "")


async def _text_is_exact_in_every_framing(trial: Trial) -> None:
    if not trial.bench.framings:
        raise CannotPlay("framings")
    for framing in trial.bench.framings:
        heard = await trial.hear(SAYS, **framing)
        heard.must_be_finished(f" with {framing}")
        _same_text(heard, f" with {framing}")


def _same_text(heard: Heard, where: str) -> None:
    assert heard.text() == TEXT, f"the upstream said {TEXT!r}, it gave {heard.text()!r}{where}"


async def _each_choice_finishes_once_and_last(trial: Trial) -> None:
    for script, reason in (
        (SAYS, "stop"),
        (Script(pieces=PIECES, finish_reason="length"), "length"),
        (Script(pieces=PIECES, finish="with_content"), "stop"),
        (Script(text=""), "stop"),
    ):
        heard = await trial.hear(script)
        heard.must_be_finished()
        assert heard.finishes() == {0: reason}, f"the upstream finished with {reason!r}, it gave {heard.finishes()}"


async def _choices_do_not_mix(trial: Trial) -> None:
    heard = await trial.hear(SAYS, request=replace(REQUEST, n=3))
    heard.must_be_finished()
    assert heard.finishes() == dict.fromkeys(range(3), "stop"), f"of 3 choices it finished {heard.finishes()}"
    for index in range(3):
        assert heard.text(index) == TEXT, f"choice {index} said {TEXT!r}, it gave {heard.text(index)!r}"


async def _usage_comes_once_when_asked_for(trial: Trial) -> None:
    heard = await trial.hear(SAYS, prompt_tokens=7)
    assert len(heard.usages) == 1, f"usage was asked for, it gave it {len(heard.usages)} times"
    counted = (heard.usages[0].prompt_tokens, heard.usages[0].completion_tokens)
    assert counted == (7, len(PIECES)), f"the upstream counted {(7, len(PIECES))}, it gave {counted}"
    for finish in ("with_usage", "with_content"):
        heard = await trial.hear(Script(pieces=PIECES, usage="always", finish=finish))
        assert len(heard.usages) <= 1, f"it gave usage {len(heard.usages)} times"
    heard = await trial.hear(Script(pieces=PIECES, usage="never"))
    heard.must_be_finished(" by an upstream that does not count")


async def _it_goes_on_from_words_if_it_says_so(trial: Trial) -> None:
    provider = trial.provider
    if not isinstance(provider, Continues):
        return
    async with trial.stage(SAYS) as stage:
        if not provider.continues(stage.deployment, REQUEST):
            return
    for script, wanted in (
        (Script(pieces=("Well,", " yes.")), " yes."),
        (Script(pieces=("yes.",), prefill="echo"), "Well, yes."),
    ):
        heard = await trial.hear(script, prefill="Well,")
        heard.must_be_finished(" that was begun with words")
        said = heard.text()
        assert said == wanted, f"of a reply begun with 'Well,' the upstream had {wanted!r} to say, it gave {said!r}"
    heard = await trial.hear(Script(pieces=("yes.",), prefill="refuse"), prefill="Well,")
    refused = isinstance(heard.error, UpstreamStatus) and heard.error.upstream_status == 400
    assert refused, f"the upstream refused to go on from words, it raised {heard.error!r}"


async def _tool_calls_are_whole(trial: Trial) -> None:
    wanted = (
        ScriptedToolCall(name="weather", arguments='{"city": "Gruyères"}', id="call_a"),
        ScriptedToolCall(name="time", arguments="{}", id="call_b"),
    )
    heard = await trial.hear(Script(tool_calls=wanted))
    heard.must_be_finished()
    assert heard.finishes() == {0: "tool_calls"}, f"it called tools, it finished with {heard.finishes()}"
    calls = heard.tool_calls()
    assert sorted(calls) == [0, 1], f"2 tools were called, it numbered them {sorted(calls)}"
    for call, told in zip(wanted, (calls[0], calls[1]), strict=True):
        assert told.name == call.name, f"a tool call was {call.name!r}, it gave {told.name!r}"
        same = json.loads(told.arguments) == json.loads(call.arguments)
        assert same, f"its arguments were {call.arguments}, it gave {told.arguments}"
        assert told.id, f"the tool call {call.name!r} has no id"
    assert calls[0].id != calls[1].id, "two tool calls have one id"


async def _whole_reply_is_one_item(trial: Trial) -> None:
    heard = await trial.hear(SAYS, request=WHOLE_REQUEST)
    heard.must_be_finished(" that does not stream")
    assert len(heard.items) == 1, f"a reply that does not stream came in {len(heard.items)} items"
    assert len(heard.items[0]) == 1, f"a reply of one choice came in {len(heard.items[0])} deltas"
    _same_text(heard, " without streaming")


async def _truncated_stream_is_never_finished(trial: Trial) -> None:
    for fault in ("cut_after", "end_after", "reset_after"):
        for said in (0, 1, len(PIECES), len(PIECES) + 1):
            changes: dict[str, Any] = {fault: said}
            heard = await trial.hear(SAYS, **changes)
            where = f"the upstream broke off ({fault}: {said})"
            assert heard.error is not None, f"{where}, it ended as if that had been all"
            assert isinstance(heard.error, UpstreamClosed), f"{where}, it raised {type(heard.error).__name__}"
            assert not heard.finishes(), f"{where}, it gave a finish_reason"
            if fault != "reset_after":  # a reset may overtake what was sent before it
                told = "".join(PIECES[:said])
                assert heard.text() == told, f"{where} after {told!r}, it gave {heard.text()!r}"
            assert TEXT.startswith(heard.text()), f"{where}, it gave {heard.text()!r}, which nobody said"


async def _truncated_whole_reply_is_an_error(trial: Trial) -> None:
    for fault in ("cut_after", "reset_after"):
        changes: dict[str, Any] = {fault: 3}
        heard = await trial.hear(SAYS, WHOLE_REQUEST, **changes)
        assert heard.error is not None, f"half a reply ({fault}) looked whole"


async def _malformed_stream_is_not_swallowed(trial: Trial) -> None:
    heard = await trial.hear(SAYS, malformed_after=3)
    assert heard.error is not None, "an event that is no JSON was skipped"
    kind = type(heard.error).__name__
    assert isinstance(heard.error, UpstreamProtocolError), f"an event that is no JSON raised {kind}"
    assert heard.text() == "".join(PIECES[:3]), f"it gave {heard.text()!r} before the event that is no JSON"


async def _error_inside_the_stream_is_told(trial: Trial) -> None:
    heard = await trial.hear(SAYS, error_after=3, error_message="out of breath")
    assert isinstance(heard.error, UpstreamStatus), f"an error inside the stream became {heard.error!r}"
    assert "out of breath" in heard.error.message, f"the upstream said 'out of breath', it told {heard.error.message!r}"
    assert heard.text() == "".join(PIECES[:3]), f"it gave {heard.text()!r} before the error"


async def _error_status_is_told(trial: Trial) -> None:
    for status in (400, 401, 404, 429, 500, 503):
        for request in (REQUEST, WHOLE_REQUEST):
            script = Script(status=status, error_message="not today", retry_after_s=3)
            heard = await trial.hear(script, request=request)
            error = heard.error
            assert isinstance(error, UpstreamStatus), f"status {status} became {error!r}"
            assert error.upstream_status == status, f"status {status} became {error.upstream_status}"
            assert "not today" in error.message, f"the upstream said 'not today', it told {error.message!r}"
            assert error.retry_after_s == 3, f"Retry-After was 3, it told {error.retry_after_s}"


async def _broken_connection_is_an_upstream_error(trial: Trial) -> None:
    for script in (Script(reset_before_head=True), Script(unreachable=True)):
        heard = await trial.hear(script)
        assert heard.error is not None, f"nobody answered, it ended with {heard.finishes()}"


async def _leaving_early_ends_the_call(trial: Trial) -> None:
    script = Script(pieces=PIECES, stall_after=2, stall_s=3600)
    async with trial.stage(script) as stage, leaves_nothing(stage):
        heard = await listen(trial.provider, stage, REQUEST, items=1)
        assert heard.items, f"it raised {heard.error!r} before the first token"


async def _cancelled_it_ends_at_once(trial: Trial) -> None:
    # Five seconds: long enough to tell, short enough for a provider that shields itself to come back and be told.
    for script in (Script(first_token_s=5, head="late"), Script(first_token_s=5), Script(stall_after=1, stall_s=5)):
        async with trial.stage(script) as stage, leaves_nothing(stage):
            cancelled_s = trio.current_time() + 0.05
            with trio.move_on_at(cancelled_s):
                await listen(trial.provider, stage, REQUEST)
            took_s = trio.current_time() - cancelled_s
            assert took_s < GONE_WITHIN_S, f"cancelled while the upstream was silent it ended {took_s:.1f} s later"


async def _cancelled_at_any_await_it_leaves_nothing(trial: Trial) -> None:
    for request in (REQUEST, WHOLE_REQUEST):
        async with trial.stage(Script(pieces=PIECES[:3], gap_s=0.001)) as stage:
            call = functools.partial(listen, trial.provider, stage, request)
            await cancelled_at_every_await(stage, call, whole=lambda heard: bool(heard.finishes()))
            async with leaves_nothing(stage):
                heard = await listen(trial.provider, stage, request)
            heard.must_be_finished(" after calls that were cancelled")
    # An upstream that goes on for an hour cannot be taken for one whose caller has left.
    async with trial.stage(Script(pieces=PIECES, stall_after=1, stall_s=3600)) as stage:
        call = functools.partial(listen, trial.provider, stage, REQUEST, items=1)
        await cancelled_at_every_await(stage, call, whole=lambda heard: bool(heard.items))


async def _calls_at_once_do_not_mix(trial: Trial) -> None:
    scripts = [Script(pieces=tuple(f" {number}.{i}" for i in range(8)), gap_s=0.001) for number in range(4)]
    heard: dict[int, Heard] = {}

    async def one(number: int) -> None:
        request = WHOLE_REQUEST if number == 3 else REQUEST
        heard[number] = await trial.hear(scripts[number], request=request)

    await _all_at_once([functools.partial(one, number) for number in range(4)])
    for number, told in heard.items():
        told.must_be_finished(" beside others")
        said = "".join(scripts[number].pieces or ())
        assert told.text() == said, f"of calls at once one said {said!r}, it gave {told.text()!r}"
    async with trial.stage(replace(SAYS, gap_s=0.001)) as stage:

        async def same(number: int) -> None:
            heard[number] = await listen(trial.provider, stage, REQUEST)

        await _all_at_once([functools.partial(same, number) for number in range(4)])
    for told in heard.values():
        told.must_be_finished(" beside others at one deployment")
        _same_text(told, " beside others at one deployment")


async def _all_at_once(works: list[Callable[[], Awaitable[None]]]) -> None:
    """Do all `works` at once; of their failures the first comes out, in no group."""
    failures: list[Exception] = []

    async def do(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (AssertionError, CannotPlay) as failure:
            failures.append(failure)

    async with trio.open_nursery() as nursery:
        for work in works:
            nursery.start_soon(do, work)
    if failures:
        raise failures[0]


async def _it_sets_no_deadline(trial: Trial) -> None:
    if not jumps():
        raise CannotPlay("hours on the real clock")
    hours = 4 * 3600.0
    heard = await trial.hear(Script(pieces=PIECES, first_token_s=hours, stall_after=2, stall_s=hours))
    heard.must_be_finished(" that took eight hours")
    _same_text(heard, " over eight hours")


async def _check_finds_it_there_without_a_call(trial: Trial) -> None:
    async with trial.stage(SAYS) as stage, leaves_nothing(stage):
        error = await trial.check(stage)
        assert error is None, f"check raised {error!r} for an upstream that is there"
        assert not (stage.calls and stage.calls()), "check made the model generate"


async def _check_tells_that_nobody_is_there(trial: Trial) -> None:
    async with trial.stage(Script(unreachable=True)) as stage:
        assert await trial.check(stage) is not None, "check found an upstream where nobody listens"


async def _words_are_not_logged(trial: Trial) -> None:
    with no_logged_words(REQUEST.last_user_text, "marked words of the reply"):
        await trial.hear(Script(pieces=("marked words of the reply",)))
        await trial.hear(Script(pieces=("marked words of the reply",), cut_after=1))


PROVIDER_CHECKS: dict[str, Check] = {
    check.__name__.lstrip("_"): check
    for check in (
        _name_is_plain,
        _text_is_exact,
        _text_is_exact_in_every_framing,
        _each_choice_finishes_once_and_last,
        _choices_do_not_mix,
        _usage_comes_once_when_asked_for,
        _it_goes_on_from_words_if_it_says_so,
        _tool_calls_are_whole,
        _whole_reply_is_one_item,
        _truncated_stream_is_never_finished,
        _truncated_whole_reply_is_an_error,
        _malformed_stream_is_not_swallowed,
        _error_inside_the_stream_is_told,
        _error_status_is_told,
        _broken_connection_is_an_upstream_error,
        _leaving_early_ends_the_call,
        _cancelled_it_ends_at_once,
        _cancelled_at_any_await_it_leaves_nothing,
        _calls_at_once_do_not_mix,
        _it_sets_no_deadline,
        _check_finds_it_there_without_a_call,
        _check_tells_that_nobody_is_there,
        _words_are_not_logged,
    )
}
