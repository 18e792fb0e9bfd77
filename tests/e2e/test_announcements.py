"""A tool call with its line before it, put together by the official `openai` client, from loro as a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from loro_core.testing import Script, ScriptedToolCall, upstream_process
from tests.e2e.gateway import gateway, models

QUESTION: list[Any] = [{"role": "user", "content": "What's the weather in Berlin, and where is my order?"}]
LINE = "Let me check the weather."
CALLS = (
    ScriptedToolCall(name="get_weather", arguments='{"city": "Zürich 天"}', id="call_7"),
    ScriptedToolCall(name="get_order", arguments='{"number": 12}', id="call_8"),
)
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": call.name, "parameters": {"type": "object", "properties": {}}}}
    for call in CALLS
]


@pytest.fixture(scope="module")
def client() -> Iterator[OpenAI]:
    large = Script(text="", tool_calls=CALLS, first_token_s=0.1)
    with (
        upstream_process({"large": large, "small": Script(text="Hm.")}) as upstream,
        # The answer is well within this slack: the gate lets nothing be said before it.
        gateway("--policy", "adaptive", **models(upstream.openai_url), LORO_REPLY_SLACK_S="30") as loro,
        OpenAI(base_url=f"{loro.url}/v1", api_key="sk-test", max_retries=0) as openai,
    ):
        yield openai


def test_the_stream_helper_has_the_line_first_and_then_the_calls(client):
    kinds: list[str] = []
    with client.chat.completions.stream(model="loro", messages=QUESTION, tools=TOOLS) as stream:
        for event in stream:
            if event.type in ("content.delta", "content.done", "tool_calls.function.arguments.delta"):
                kinds.append(event.type)  # noqa: PERF401  # the helper gives its events once
        whole: Any = stream.get_final_completion()
    message = whole.choices[0].message
    assert (message.role, message.content.strip()) == ("assistant", LINE)
    called = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls]
    assert called == [("call_7", "get_weather", {"city": "Zürich 天"}), ("call_8", "get_order", {"number": 12})]
    assert whole.choices[0].finish_reason == "tool_calls"
    assert kinds[0] == "content.delta" and set(kinds[1:]) == {"content.done", "tool_calls.function.arguments.delta"}


def test_chunk_by_chunk_there_is_one_role_one_line_and_every_call_untouched(client):
    chunks = list(client.chat.completions.create(model="loro", messages=QUESTION, tools=TOOLS, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert [d.role for d in deltas if d.role] == ["assistant"] and deltas[0].role == "assistant"
    assert [d.content.strip() for d in deltas if d.content] == [LINE] and deltas[0].content
    pieces = [piece for d in deltas for piece in d.tool_calls or []]
    assert [(p.index, p.id, p.function.name) for p in pieces if p.id] == [
        (0, "call_7", "get_weather"),
        (1, "call_8", "get_order"),
    ]
    for number, call in enumerate(CALLS):
        said = "".join(p.function.arguments or "" for p in pieces if p.index == number)
        assert said == call.arguments
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["tool_calls"]


def test_the_whole_turn_goes_round_with_the_line_in_the_history(client):
    with client.chat.completions.stream(model="loro", messages=QUESTION, tools=TOOLS) as stream:
        message: Any = stream.get_final_completion().choices[0].message
    results: list[Any] = [{"role": "tool", "tool_call_id": call.id, "content": "7"} for call in message.tool_calls]
    history = [*QUESTION, message.model_dump(include={"role", "content", "tool_calls"}), *results]
    reply = client.chat.completions.create(model="loro", messages=history, tools=TOOLS)
    assert reply.choices[0].finish_reason == "stop"


def test_a_whole_reply_has_the_calls_alone(client):
    reply = client.chat.completions.create(model="loro", messages=QUESTION, tools=TOOLS)
    assert reply.choices[0].message.content is None and len(reply.choices[0].message.tool_calls) == 2
