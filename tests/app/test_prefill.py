"""An answer that knows what was said before it: every way of telling it, and every way in which that fails."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loro_core import Acknowledge, ChatRequest, Plan, Snapshot
from loro_core.plugin.registry import load_plugins
from loro_core.testing import Record, Script, Upstream, open_upstream
from tests.app.serving import QUESTION, Heard, composed, send, serving
from tests.runtime.fakes import STOP, Continuing, PlayingProvider, says

TEXT = "because air scatters blue light the most."
STYLES = ["prefix-field", "prefix-message", "partial-message", "continue-final-message", "trailing-message"]
NOT_SAYING_WHY = "The request could not be processed."
SAYING_WHY = "This model does not support assistant message prefill."


class Talk:
    """A gateway whose answering model plays a script, and a client that asks it again and again."""

    def __init__(self, upstream: Upstream, service: Any) -> None:
        self.upstream = upstream
        self._service = service

    async def ask(self, **more: Any) -> tuple[Heard, list[Record]]:
        """Return what the client hears of one request, and what its model was asked."""
        before = len(self.upstream.records)
        body = json.dumps({**QUESTION, "stream": True, **more}).encode()
        heard = await send(self._service, "POST", "/v1/chat/completions", body=body)
        return heard, list(self.upstream.records[before:])

    async def metrics(self) -> Any:
        return (await send(self._service, "GET", "/metrics")).json


@asynccontextmanager
async def talk(script: Script, style: str = "trailing-message", *, face: str = "openai") -> AsyncIterator[Talk]:
    async with open_upstream(script) as upstream:
        settings = {
            "LARGE_MODEL_BASE_URL": upstream.openai_url if face == "openai" else upstream.url,
            "LARGE_MODEL_API_KEY": "none",
            "LORO_REPLY_POLICY": "instant",
            "MAX_RETRIES": "0",
        }
        if face == "openai":
            settings["LORO_MODELS_LARGE_OPTIONS"] = json.dumps({"prefill": style})
        async with composed(settings, load_plugins()) as service:
            yield Talk(upstream, service)


def how(record: Record, words: str) -> str:
    """Return how a call was told of `words`."""
    body = record.body
    assert isinstance(body, Mapping) and isinstance(body["messages"], list)
    messages: list[Any] = body["messages"]
    if body.get("prefix") == words or (messages[-1]["role"] == "assistant" and messages[-1]["content"] == words):
        return "native"
    return "hint" if messages[0]["role"] == "system" and words in messages[0]["content"] else "none"


def parts(heard: Heard) -> tuple[str, str]:
    """Return what was said by loro and by its model."""
    assert heard.status == 200 and heard.events[-1] == "[DONE]", heard.body
    words = heard.chunks[0]["choices"][0]["delta"]["content"]
    return words, heard.text.removeprefix(words)


@pytest.mark.parametrize("style", STYLES)
async def test_the_answer_goes_on_from_the_words(style):
    async with talk(Script(text=TEXT), style) as client:
        heard, records = await client.ask()
        words, answer = parts(heard)
        assert answer == f" {TEXT}" and [how(r, words) for r in records] == ["native"]
        assert (await client.metrics())["told"]["native"] == {"replies": 1, "went_on": 1}


async def test_an_answer_of_a_word_goes_on_too():
    async with talk(Script(text="air.")) as client:
        await client.ask()
        assert (await client.metrics())["told"]["native"] == {"replies": 1, "went_on": 1}


async def test_ollama_goes_on_without_being_told_to():
    async with talk(Script(text=TEXT), face="ollama") as client:
        heard, records = await client.ask()
        words, answer = parts(heard)
        assert answer == f" {TEXT}" and [how(r, words) for r in records] == ["native"]


async def test_a_service_that_nothing_is_known_of_is_told_by_a_hint():
    async with talk(Script(text=TEXT), "auto") as client:
        heard, records = await client.ask()
        assert [how(r, parts(heard)[0]) for r in records] == ["hint"]


@pytest.mark.parametrize("why", [NOT_SAYING_WHY, SAYING_WHY])
@pytest.mark.parametrize("style", STYLES)
async def test_a_refusal_is_answered_within_the_same_request_and_not_asked_for_again(style, why):
    async with talk(Script(text=TEXT, prefill="refuse", error_message=why), style) as client:
        heard, records = await client.ask()
        words, answer = parts(heard)
        assert answer == f" {TEXT}" and [how(r, words) for r in records] == ["native", "hint"]
        heard, records = await client.ask()
        words, answer = parts(heard)
        assert answer == f" {TEXT}" and [how(r, words) for r in records] == ["hint"]
        numbers = await client.metrics()
    assert numbers["told"]["hint"] == {"replies": 2}
    (upstream,) = numbers["upstreams"].values()
    assert (upstream["asked_otherwise"], upstream["retries"], upstream["errors"]) == (1, 0, {})


async def test_a_refusal_costs_no_more_than_its_own_time(autojump_clock):
    async with talk(Script(text=TEXT, prefill="refuse", fault_s=0.2, first_token_s=0.3)) as client:
        heard, _ = await client.ask()
    assert heard.first_text_s < 0.05
    assert heard.at_s[1] == pytest.approx(0.5, abs=0.05)


async def test_a_model_that_repeats_the_words_is_told_natively_all_the_same():
    async with talk(Script(text=TEXT, prefill="echo")) as client:
        for _ in range(4):
            heard, records = await client.ask()
            assert [how(r, parts(heard)[0]) for r in records] == ["native"]
        assert (await client.metrics())["told"]["native"] == {"replies": 4, "echoed": 4}


async def test_a_model_that_greets_again_and_again_is_told_otherwise():
    async with talk(Script(text=TEXT, prefill="greet")) as client:
        told = []
        for _ in range(5):
            heard, records = await client.ask()
            told += [how(r, parts(heard)[0]) for r in records]
        assert told == ["native"] * 3 + ["hint"] * 2
        assert (await client.metrics())["told"]["native"] == {"replies": 3, "began_anew": 3}


async def test_a_model_that_ignores_the_words_does_no_harm():
    async with talk(Script(text="The sky is blue.", prefill="ignore")) as client:
        for _ in range(4):
            heard, _ = await client.ask()
            assert parts(heard)[1] == " the sky is blue."  # "So, the sky ..."


async def test_a_model_that_takes_the_words_for_its_turn_does_not_leave_the_user_in_silence():
    async with talk(Script(text=TEXT, prefill="silent", usage="always")) as client:
        told = []
        for _ in range(4):
            heard, records = await client.ask(stream_options={"include_usage": True})
            words, answer = parts(heard)
            assert answer == f" {TEXT}"
            assert sum(bool(c["choices"] and c["choices"][0]["finish_reason"]) for c in heard.chunks) == 1
            told += [how(r, words) for r in records]
    assert told == ["native", "hint"] * 3 + ["hint"]


async def test_a_refusal_that_is_about_something_else_comes_through_after_one_call():
    script = Script(status=400, error_code="context_length_exceeded", error_message="too long")
    async with talk(script) as client:
        heard, records = await client.ask()
    assert heard.chunks[-1]["error"]["message"] == "too long" and len(records) == 1


async def test_a_request_that_is_wrong_in_itself_closes_no_way():
    async with talk(Script(status=400, error_message=NOT_SAYING_WHY, times=2, text=TEXT)) as client:
        heard, records = await client.ask()
        assert heard.chunks[-1]["error"]["message"] == NOT_SAYING_WHY and len(records) == 2
        heard, records = await client.ask()
        assert [how(r, parts(heard)[0]) for r in records] == ["native"]


async def test_where_tools_are_offered_the_model_is_told_by_a_hint():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    async with talk(Script(text=TEXT)) as client:
        heard, records = await client.ask(tools=tools)
        assert [how(r, parts(heard)[0]) for r in records] == ["hint"]


async def test_the_scripted_provider_knows_every_case_too():
    for prefill, rungs in (("continue", "native"), ("refuse", "hint"), ("silent", "hint")):
        options = {"text": TEXT, "prefill": prefill}
        settings = {
            "LARGE_MODEL_PROVIDER": "scripted",
            "LARGE_MODEL_NAME": "m",
            "LORO_MODELS_LARGE_OPTIONS": json.dumps(options),
            "LORO_REPLY_POLICY": "instant",
        }
        async with composed(settings, load_plugins()) as service:
            heard = await send(
                service, "POST", "/v1/chat/completions", body=json.dumps({**QUESTION, "stream": True}).encode()
            )
            assert parts(heard)[1] == f" {TEXT}"
            told = (await send(service, "GET", "/metrics")).json["told"]
            assert [rung for rung, numbers in told.items() if numbers["replies"]] == [rungs]


class HoldsItsWords:
    """Words that a quick answer may still make needless."""

    name = "holds"

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
        words = Acknowledge(
            words="Let me see. So,", ask_model=False, deadline_s=0.0, not_before_s=0.5, tell_answer=True
        )
        return Plan(policy="holds", acknowledge=words)


async def test_an_answer_does_not_go_on_from_words_that_may_never_be_said(autojump_clock):
    large = Continuing([0.1, says("The sky."), STOP])
    async with serving(None, large, HoldsItsWords(), LORO_REPLY_POLICY="holds") as client:
        heard = await client.ask()
        (call,) = large.calls
    assert heard.text == "The sky." and call.prefill == ""


async def test_a_provider_that_does_not_continue_is_never_handed_words(autojump_clock):
    large = PlayingProvider([0.1, says("The sky."), STOP])
    async with serving(None, large, LORO_REPLY_POLICY="instant") as client:
        await client.ask()
    assert [call.prefill for call in large.calls] == [""]


async def test_nobody_is_told_where_the_policy_does_not_want_it(autojump_clock):
    large = Continuing([0.1, says("The sky."), STOP])
    async with serving(None, large, LORO_REPLY_POLICY="race") as client:
        await client.ask()
    (call,) = large.calls
    assert call.prefill == "" and len(call.request.messages) == 1
