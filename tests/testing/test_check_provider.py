"""The kit passes providers that keep the contract, and names the sentence that each of these others breaks."""

from __future__ import annotations

import json
import logging
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace

import pytest
import trio

from loro_core import Call, Delta, LastDeltas, UpstreamClosed, UpstreamError, UpstreamStatus
from loro_core.testing.bench import CannotPlay, ProviderBench, ollama_bench, openai_bench
from loro_core.testing.check_provider import check_provider
from loro_core.testing.listening import REQUEST
from loro_core.testing.provider_checks import PROVIDER_CHECKS
from loro_ollama import OllamaProvider
from loro_openai import OpenAIProvider


async def test_openai_keeps_the_contract(autojump_clock):
    assert await check_provider(OpenAIProvider(), openai_bench()) == ()


async def test_openai_keeps_the_contract_on_the_real_clock():
    assert await check_provider(OpenAIProvider(), openai_bench()) == ("it_sets_no_deadline",)


async def test_ollama_keeps_the_contract(autojump_clock):
    assert await check_provider(OllamaProvider(), ollama_bench(), without=["choices_do_not_mix"]) == ()


@pytest.mark.parametrize(
    "style", ["prefix-field", "prefix-message", "partial-message", "continue-final-message", "trailing-message"]
)
async def test_openai_goes_on_from_words_in_every_style(style, autojump_clock):
    @asynccontextmanager
    async def play(script):
        async with openai_bench().play(script) as stage:
            yield replace(stage, deployment=replace(stage.deployment, options={"prefill": style}))

    others = set(PROVIDER_CHECKS) - {"it_goes_on_from_words_if_it_says_so"}
    assert await check_provider(OpenAIProvider(), ProviderBench(play=play), without=others) == ()


class Altered(OpenAIProvider):
    """A provider whose stream goes through `alter`."""

    name = "altered"

    async def alter(self, stream, call):
        async for item in stream:
            yield item

    @asynccontextmanager
    async def open(self, call):
        async with super().open(call) as stream, aclosing(self.alter(stream, call)) as altered:
            yield altered


class BadName(Altered):
    name = "Bad Name"


class LosesTextAtSplits(OpenAIProvider):
    """Takes each piece of bytes for whole events."""

    name = "split"

    @asynccontextmanager
    async def open(self, call):
        async with call.http.send("POST", call.deployment.base_url + "/chat/completions", body=body(call)) as response:

            async def read():
                async for data in response.chunks():
                    for line in data.decode("utf-8", "replace").split("\n"):
                        try:
                            choice = json.loads(line.removeprefix("data: "))["choices"][0]
                        except (ValueError, LookupError, TypeError):
                            continue
                        yield [Delta(content=choice["delta"].get("content"), finish_reason=choice["finish_reason"])]

            async with aclosing(read()) as deltas:
                yield deltas


def body(call) -> bytes:
    return json.dumps({"model": call.deployment.model, "messages": [{}], "stream": call.request.stream}).encode()


class StripsText(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield [replace(d, content=d.content and d.content.strip()) for d in item]


class SwallowsTruncation(Altered):
    async def alter(self, stream, call):
        try:
            async for item in stream:
                yield item
        except UpstreamClosed:
            yield [Delta(finish_reason="stop")]


class EndsQuietlyWhenTruncated(Altered):
    async def alter(self, stream, call):
        try:
            async for item in stream:
                yield item
        except UpstreamClosed:
            return


class CallsEverythingTheLast(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield LastDeltas(item)


class SpeaksItsErrors(Altered):
    async def alter(self, stream, call):
        try:
            async for item in stream:
                yield item
        except UpstreamError as error:
            yield [Delta(content=f"[ERROR: {error}]", finish_reason="stop")]


class ForgetsTheFinish(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            kept = [replace(d, finish_reason=None) for d in item if d.content or d.usage]
            if kept:
                yield kept


class FinishesTwice(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield item
        yield [Delta(finish_reason="stop")]


class FinishesWithAWordOfItsOwn(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield [replace(d, finish_reason=d.finish_reason and "STOP") for d in item]


class KnowsOneChoiceOnly(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield [replace(d, index=0) for d in item if d.index == 0 or d.content]


class CountsTwice(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield item
            if used := [d.usage for d in item if d.usage]:
                yield [Delta(usage=used[0])]


class NeverCounts(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield [replace(d, usage=None) for d in item]


class GivesEmptyItems(Altered):
    async def alter(self, stream, call):
        yield []
        async for item in stream:
            yield item


class GivesDicts(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield [{"content": d.content} for d in item]


class MixesToolCalls(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            yield [replace(d, tool_calls=tuple(replace(c, index=0) for c in d.tool_calls)) for d in item]


class CutsWholeReplies(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            for delta in item:
                if call.request.stream:
                    yield [delta]
                else:
                    yield [replace(delta, finish_reason=None)]
                    yield [Delta(finish_reason=delta.finish_reason)]


class LosesTheStatus(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        try:
            async with super().open(call) as stream:
                yield stream
        except UpstreamStatus as error:
            raise UpstreamError("API error", deployment=error.deployment) from error


class LetsForeignErrorsOut(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        try:
            async with super().open(call) as stream:
                yield stream
        except UpstreamError as error:
            raise KeyError("choices") from error


class ForgetsWhoseErrorItIs(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        try:
            async with super().open(call) as stream:
                yield stream
        except UpstreamError as error:
            error.deployment = ""
            raise


class Retries(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        for last in (False, True):
            try:
                async with super().open(call) as stream:
                    yield stream
                return
            except UpstreamStatus:
                if last:
                    raise


class LeaksATask(Altered):
    async def alter(self, stream, call):
        async def linger():
            await trio.sleep_forever()

        self.lingering = trio.lowlevel.spawn_system_task(linger)
        async for item in stream:
            yield item


class LeaksAConnection(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        manager = super().open(call)
        KEPT.append(manager)
        yield await manager.__aenter__()


KEPT: list[AbstractAsyncContextManager[object]] = []


class ShieldsItself(Altered):
    async def alter(self, stream, call):
        with trio.CancelScope(shield=True):
            items = [item async for item in stream]
        for item in items:
            yield item


class SwallowsCancelled(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        try:
            async with super().open(call) as stream:
                yield stream
        except BaseException as exc:
            raise UpstreamClosed("something happened", deployment=call.deployment.name) from exc


class LeavesGenerators(OpenAIProvider):
    @asynccontextmanager
    async def open(self, call):
        async with super().open(call) as stream:

            async def again():
                async for item in stream:
                    yield item

            yield again()


class MixesCalls(Altered):
    """Keeps what it reads on itself."""

    async def alter(self, stream, call):
        async for item in stream:
            self.item = item
            await trio.sleep(0.002)
            yield self.item


class HasADeadline(Altered):
    async def alter(self, stream, call):
        started = trio.current_time()
        async for item in stream:
            if trio.current_time() - started > 600:
                raise UpstreamClosed("took too long", deployment=call.deployment.name)
            yield item


class ChecksByGenerating(OpenAIProvider):
    async def check(self, deployment, http):
        async with self.open(Call(deployment=deployment, request=REQUEST, http=http)) as stream:
            async for _ in stream:
                pass


class ChecksNothing(OpenAIProvider):
    async def check(self, deployment, http):
        await trio.lowlevel.checkpoint()


class LogsReplies(Altered):
    async def alter(self, stream, call):
        async for item in stream:
            logging.getLogger("altered").debug("got %s", [d.content for d in item])
            yield item


class PromisesToGoOn(Altered):
    """Says that it goes on from words, and does not tell the upstream any."""

    def continues(self, deployment, request):
        return True

    @asynccontextmanager
    async def open(self, call):
        async with super().open(replace(call, prefill="")) as stream:
            yield stream


class SkipsWhatItCannotRead(OpenAIProvider):
    """Reads on after an event that is no JSON."""

    @asynccontextmanager
    async def open(self, call):
        async with super().open(replace(call, http=Cleaned(call.http))) as stream:
            yield stream


class Cleaned:
    def __init__(self, http):
        self.http = http

    @asynccontextmanager
    async def send(self, method, url, *, headers=None, body=b""):
        async with self.http.send(method, url, headers=headers, body=body) as response:
            yield CleanedResponse(response)


class CleanedResponse:
    def __init__(self, response):
        self.status, self.headers, self.read = response.status, response.headers, response.read
        self._chunks = response.chunks()

    def chunks(self):
        return self

    def __aiter__(self):
        return self

    async def __anext__(self):
        return (await self._chunks.__anext__()).replace(b'data: {"choices": [{"delta":\n\n', b": no JSON\n\n")


BROKEN = [
    (BadName, "name_is_plain", "its name is 'Bad Name'"),
    (LosesTextAtSplits, "text_is_exact_in_every_framing", "'write_bytes': 1"),
    (StripsText, "text_is_exact", "it gave 'Well,inGruy"),
    (SwallowsTruncation, "truncated_stream_is_never_finished", "it ended as if that had been all"),
    (EndsQuietlyWhenTruncated, "truncated_stream_is_never_finished", "it ended as if that had been all"),
    (CallsEverythingTheLast, "text_is_exact_in_every_framing", "after the one that it called the last"),
    (CallsEverythingTheLast, "truncated_stream_is_never_finished", "raised UpstreamClosed after the item that"),
    (SpeaksItsErrors, "error_inside_the_stream_is_told", "became None"),
    (ForgetsTheFinish, "each_choice_finishes_once_and_last", "got no finish_reason"),
    (FinishesTwice, "each_choice_finishes_once_and_last", "finished twice"),
    (FinishesWithAWordOfItsOwn, "each_choice_finishes_once_and_last", "finish_reason is 'STOP'"),
    (KnowsOneChoiceOnly, "choices_do_not_mix", "of 3 choices it finished"),
    (CountsTwice, "usage_comes_once_when_asked_for", "gave it 2 times"),
    (NeverCounts, "usage_comes_once_when_asked_for", "gave it 0 times"),
    (GivesEmptyItems, "text_is_exact", "an item without a delta"),
    (GivesDicts, "text_is_exact", "needs deltas"),
    (MixesToolCalls, "tool_calls_are_whole", "2 tools were called"),
    (CutsWholeReplies, "whole_reply_is_one_item", "came in 2 items"),
    (LosesTheStatus, "error_status_is_told", "status 400 became UpstreamError"),
    (LetsForeignErrorsOut, "broken_connection_is_an_upstream_error", "raised KeyError"),
    (ForgetsWhoseErrorItIs, "error_status_is_told", "names deployment ''"),
    (Retries, "error_status_is_told", "asked 2 times"),
    (LeaksATask, "leaving_early_ends_the_call", "left tasks behind: .*linger"),
    (LeaksAConnection, "leaving_early_ends_the_call", "still answering"),
    (ShieldsItself, "cancelled_it_ends_at_once", r"ended [45]\.\d s later"),
    (SwallowsCancelled, "cancelled_at_any_await_it_leaves_nothing", "as if it had not been, and raised UpstreamClosed"),
    (LeavesGenerators, "leaving_early_ends_the_call", "left something to the collector"),
    (MixesCalls, "calls_at_once_do_not_mix", "of calls at once one said|beside others"),
    (HasADeadline, "it_sets_no_deadline", "that took eight hours"),
    (ChecksByGenerating, "check_finds_it_there_without_a_call", "made the model generate"),
    (ChecksNothing, "check_tells_that_nobody_is_there", "where nobody listens"),
    (LogsReplies, "words_are_not_logged", "it logged words"),
    (PromisesToGoOn, "it_goes_on_from_words_if_it_says_so", "had ' yes.' to say, it gave 'Well, yes.'"),
    (SkipsWhatItCannotRead, "malformed_stream_is_not_swallowed", "was skipped"),
]


@pytest.mark.parametrize(("broken", "check", "sentence"), BROKEN, ids=[f"{b.__name__}-{c}" for b, c, _ in BROKEN])
async def test_provider_that_breaks_a_sentence_is_told_which(broken, check, sentence, autojump_clock):
    others = set(PROVIDER_CHECKS) - {check}
    with pytest.raises(AssertionError, match=rf"(?s)does not keep the contract\n{check}: .*({sentence})"):
        await check_provider(broken(), openai_bench(), without=others)
    for manager in KEPT:
        await manager.__aexit__(None, None, None)
    KEPT.clear()


def test_every_check_has_a_provider_that_fails_it():
    failed = {check for _, check, _ in BROKEN}
    assert set(PROVIDER_CHECKS) - failed == {"truncated_whole_reply_is_an_error"}


async def test_all_failures_are_told_together(autojump_clock):
    others = set(PROVIDER_CHECKS) - {"each_choice_finishes_once_and_last", "whole_reply_is_one_item"}
    with pytest.raises(AssertionError, match=r"(?s)finishes_once_and_last: .*whole_reply_is_one_item: "):
        await check_provider(ForgetsTheFinish(), openai_bench(), without=others)


async def test_name_of_a_check_that_is_none():
    with pytest.raises(AssertionError, match="no checks"):
        await check_provider(OpenAIProvider(), openai_bench(), without=["text_is_exakt"])


async def test_what_a_bench_cannot_play_is_skipped_and_named(autojump_clock):
    def play(script):
        if script.error_after is not None:
            raise CannotPlay("no errors inside a stream in this protocol")
        return openai_bench().play(script)

    wanted = {"text_is_exact", "text_is_exact_in_every_framing", "error_inside_the_stream_is_told"}
    others = set(PROVIDER_CHECKS) - wanted
    skipped = await check_provider(OpenAIProvider(), ProviderBench(play=play), without=others)
    assert skipped == ("text_is_exact_in_every_framing", "error_inside_the_stream_is_told")
