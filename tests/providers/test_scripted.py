from __future__ import annotations

import pytest
import trio

from loro_core import (
    Call,
    ChatRequest,
    Delta,
    Deployment,
    Message,
    Provider,
    ProviderSettings,
    UpstreamClosed,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamUnreachable,
)
from loro_core.plugin.registry import load_plugins
from loro_core.testing import Script, parse_script
from loro_scripted import ScriptedProvider


class NoHttp:
    """A transport that must not be used."""

    def send(self, method, url, *, headers=None, body=b""):
        raise AssertionError(f"{method} {url}: the scripted provider has no network")


def deployment(**options):
    return Deployment(name="d", provider="scripted", model="m", options=options)


def call(options, text="What time is it?", *, stream=True, **request):
    messages = (Message.of("user", text),)
    asked = ChatRequest(model="m", messages=messages, stream=stream, **request)
    return Call(deployment=deployment(**options), request=asked, http=NoHttp())


async def items_of(provider, one, seen=None):
    """All items; their deltas also go to `seen`, as far as they come."""
    whole = []
    async with provider.open(one) as items:
        async for item in items:
            whole.append(tuple(item))
            if seen is not None:
                seen += item
    return whole


async def said(options, text="What time is it?"):
    items = await items_of(ScriptedProvider(), call(options, text))
    return "".join(delta.content or "" for item in items for delta in item)


def test_it_is_an_installed_plugin():
    registry = load_plugins()
    assert isinstance(registry.providers["scripted"], ScriptedProvider)
    assert isinstance(ScriptedProvider(), Provider)
    assert isinstance(ScriptedProvider(), ProviderSettings)


async def test_a_token_an_item_at_its_time(autojump_clock):
    start_s = trio.current_time()
    seen = []
    deltas: list[Delta] = []
    one = call({"text": "a b", "first_token_s": 0.5, "gap_s": 0.25}, include_usage=True)
    async with ScriptedProvider().open(one) as items:
        opened_s = trio.current_time() - start_s
        async for item in items:
            seen.append((trio.current_time() - start_s, *((d.content, d.finish_reason) for d in item)))
            deltas += item
    assert opened_s == 0.0
    assert seen == [(0.5, ("a", None)), (0.75, (" b", None)), (0.75, (None, "stop")), (0.75, (None, None))]
    usage = deltas[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (4, 2)


async def test_a_late_head_is_waited_for_in_opening(autojump_clock):
    start_s = trio.current_time()
    async with ScriptedProvider().open(call({"head": "late", "first_token_s": 0.5})):
        assert trio.current_time() - start_s == 0.5


async def test_what_does_not_stream_is_one_item_at_the_end(autojump_clock):
    start_s = trio.current_time()
    one = call({"text": "a b c", "first_token_s": 0.5, "gap_s": 0.25}, stream=False, n=2)
    (item,) = await items_of(ScriptedProvider(), one)
    assert trio.current_time() - start_s == 1.0
    assert [(d.index, d.content, d.finish_reason) for d in item] == [(0, "a b c", "stop"), (1, "a b c", "stop")]
    assert [d.usage is not None for d in item] == [False, True]


@pytest.mark.parametrize("stream", [True, False])
async def test_the_request_is_honoured(stream):
    one = call({"text": "a b c d"}, stream=stream, n=2, parameters={"max_tokens": 3, "stop": " c"})
    deltas = [delta for item in await items_of(ScriptedProvider(), one) for delta in item]
    for index in (0, 1):
        mine = [delta for delta in deltas if delta.index == index]
        assert "".join(delta.content or "" for delta in mine) == "a b"
        assert [delta.finish_reason for delta in mine if delta.finish_reason] == ["stop"]
    one = call({"text": "a b c d"}, stream=stream, parameters={"max_completion_tokens": 3})
    assert (await items_of(ScriptedProvider(), one))[-1][0].finish_reason == "length"


async def test_scripted_tool_calls_are_made():
    one = call({"tool_calls": [{"name": "f", "arguments": {"a": 1}}]})
    deltas = [delta for item in await items_of(ScriptedProvider(), one) for delta in item]
    assert (deltas[0].tool_calls[0].name, deltas[-1].finish_reason) == ("f", "tool_calls")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("options", "kind", "phase"),
    [
        ({"unreachable": True}, UpstreamUnreachable, "connect"),
        ({"reset_before_head": True}, UpstreamClosed, "prefill"),
        ({"status": 503}, UpstreamStatus, "prefill"),
        ({"cut_after": 0}, UpstreamClosed, "prefill"),
        ({"cut_after": 1}, UpstreamClosed, "decode"),
        ({"end_after": 1}, UpstreamClosed, "decode"),
        ({"reset_after": 1}, UpstreamClosed, "decode"),
        ({"error_after": 1}, UpstreamStatus, "decode"),
        ({"malformed_after": 1}, UpstreamProtocolError, "decode"),
    ],
    ids=str,
)
async def test_faults_are_the_errors_of_a_real_upstream(options, kind, phase, stream):
    seen: list[Delta] = []
    with pytest.raises(kind) as caught:
        await items_of(ScriptedProvider(), call({"text": "a b", **options}, stream=stream), seen)
    assert caught.value.deployment == "d"
    assert caught.value.phase == (phase if stream else {"decode": "prefill"}.get(phase, phase))
    assert [delta.content for delta in seen] == (["a"] if stream and phase == "decode" else [])


async def test_an_error_status_has_the_upstreams_words():
    options = {"status": 429, "retry_after_s": 3, "error_message": "slow down", "error_type": "t", "error_code": "c"}
    with pytest.raises(UpstreamStatus, match="slow down") as caught:
        await items_of(ScriptedProvider(), call(options))
    error = caught.value
    assert (error.upstream_status, error.retry_after_s, error.type, error.code) == (429, 3.0, "t", "c")


async def test_an_error_in_the_stream_has_no_status():
    with pytest.raises(UpstreamStatus) as caught:
        await items_of(ScriptedProvider(), call({"error_after": 1}))
    assert caught.value.upstream_status is None


async def test_a_fault_comes_when_it_is_due(autojump_clock):
    start_s = trio.current_time()
    with pytest.raises(UpstreamStatus):
        await items_of(ScriptedProvider(), call({"status": 500, "fault_s": 2}))
    assert trio.current_time() - start_s == 2.0


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("options", [{"hang": "before_head"}, {"hang": "after_head"}, {"hang_after": 1}], ids=str)
async def test_silence_until_it_is_cancelled(options, stream, autojump_clock):
    with trio.move_on_after(3600) as scope:
        await items_of(ScriptedProvider(), call(options, stream=stream))
    assert scope.cancelled_caught


async def test_faults_strike_the_first_calls_of_each_deployment_only():
    provider = ScriptedProvider()
    one = call({"text": "a", "status": 503, "times": 1})
    with pytest.raises(UpstreamStatus):
        await items_of(provider, one)
    assert (await items_of(provider, one))[0] == (Delta(content="a"),)
    with pytest.raises(UpstreamStatus):
        await items_of(ScriptedProvider(), one)


async def test_done_without_a_finish_reason_is_an_end():
    items = await items_of(ScriptedProvider(), call({"text": "a", "finish": "never"}, n=2))
    assert [(d.index, d.finish_reason) for d in items[-1]] == [(0, "stop"), (1, "stop")]


async def test_neither_finish_reason_nor_done_is_truncated():
    with pytest.raises(UpstreamClosed):
        await items_of(ScriptedProvider(), call({"text": "a", "finish": "never", "done": False}))


async def test_a_finish_reason_without_done_is_an_end():
    items = await items_of(ScriptedProvider(), call({"text": "a", "done": False}))
    assert items[-1] == (Delta(finish_reason="stop"),)


async def test_leaving_early_leaves_nothing_behind(autojump_clock):
    async with ScriptedProvider().open(call({"gap_s": 1})) as items:
        await anext(items)
    with pytest.raises(StopAsyncIteration):
        await anext(items)


async def test_cancelled_at_any_wait_it_stops_there(autojump_clock):
    for after_s in (0.25, 0.75, 1.25, 5.0):
        with trio.move_on_after(after_s) as scope:
            await items_of(ScriptedProvider(), call({"text": "a b c", "first_token_s": 0.5, "gap_s": 0.5}))
        assert scope.cancelled_caught == (after_s < 1.5)


# --- settings and check --------------------------------------------------------------------------------------------


def test_problems_are_named_by_key():
    problems = ScriptedProvider().problems(deployment(tokenz=1, first_token_s="soon", demo="both"))
    assert [problem.partition(":")[0] for problem in problems] == [
        "options.demo",
        "options.tokenz",
        "options.first_token_s",
    ]
    assert ScriptedProvider().problems(deployment(demo="answer", first_token_s=2)) == []
    assert ScriptedProvider().problems(deployment()) == []
    assert len(ScriptedProvider().problems(deployment(demo=["answer"]))) == 1


async def test_options_that_nobody_checked_are_a_protocol_error():
    with pytest.raises(UpstreamProtocolError, match="tokenz: unknown"):
        await items_of(ScriptedProvider(), call({"tokenz": 1}))


async def test_check_meets_what_the_next_call_would(autojump_clock):
    provider = ScriptedProvider()
    await provider.check(deployment(head="late", first_token_s=1e9), NoHttp())
    await provider.check(deployment(cut_after=1), NoHttp())
    with pytest.raises(UpstreamStatus):
        await provider.check(deployment(status=401), NoHttp())
    with pytest.raises(UpstreamUnreachable):
        await provider.check(deployment(unreachable=True), NoHttp())
    with trio.move_on_after(60) as scope:
        await provider.check(deployment(hang="before_head"), NoHttp())
    assert scope.cancelled_caught


async def test_check_is_no_call():
    provider = ScriptedProvider()
    one = call({"status": 503, "times": 1})
    for _ in range(2):
        with pytest.raises(UpstreamStatus):
            await provider.check(one.deployment, NoHttp())
    with pytest.raises(UpstreamStatus):
        await items_of(provider, one)
    await provider.check(one.deployment, NoHttp())


# --- the demonstration ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello", {"Hello there!", "Hi, good to hear you!"}),
        ("Play some music", {"Let me see about that. So,", "Okay, let me look into that. Now,"}),
        ("Can you play some music?", {"Let me see about that. So,", "Okay, let me look into that. Now,"}),
        ("What is the weather", {"Good question, let me see. So,", "Let me think about that. Well,"}),
        ("你好", {"你好！", "嗨，你好！"}),
        ("帮我订一张票", {"好的，我看一下。", "嗯，我来看看。"}),
        ("明天天气怎么样？", {"好问题，我想想。", "嗯，让我看看。"}),
        ("", {"Let me see about that. So,", "Okay, let me look into that. Now,"}),
    ],
)
async def test_the_demos_acknowledgement_fits_the_turn(text, words, autojump_clock):
    assert await said({"demo": "acknowledgement"}, text) in words


@pytest.mark.parametrize(
    "text", ["Hello", "Historic places near me", "Who are you?", "Sing!", "你好", "你是谁？", "请唱首歌"]
)
async def test_the_demos_answer_says_that_it_is_a_demo_in_the_users_language(text, autojump_clock):
    answer = await said({"demo": "answer"}, text)
    assert ("演示" if "\u4e00" <= text[0] <= "\u9fff" else "demo") in answer
    assert "SMALL_MODEL" in answer
    assert "LARGE_MODEL" in answer
    assert await said({"demo": "answer"}, text) == answer


async def test_the_demos_pace_can_be_changed(autojump_clock):
    start_s = trio.current_time()
    await said({"demo": "answer", "first_token_s": 7, "gap_s": 0})
    assert trio.current_time() - start_s == 7.0


def test_a_script_in_options_is_the_script_of_the_kit():
    assert parse_script({"text": "a", "tokens_per_s": 5}) == Script(text="a", tokens_per_s=5.0)
