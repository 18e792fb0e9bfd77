"""Tool calls through the composed gateway: what is said before them, to whom, and who is told."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from loro_core.app.exposition import families
from loro_core.app.metrics import Metrics
from loro_core.chat import Delta, ToolCallDelta
from loro_core.errors import ConfigError, UpstreamUnreachable
from tests.app.serving import Heard, serving
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

QUESTION = [{"role": "user", "content": "What's the weather in Berlin?"}]
LINE = "Let me check the weather. "


def tools(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in names]


def calls(name: str = "get_weather", *, index: int = 0, id: str = "call_7") -> list[Move]:  # noqa: A002
    return [
        Delta(tool_calls=(ToolCallDelta(index=index, id=id, name=name),)),
        Delta(tool_calls=(ToolCallDelta(index=index, arguments='{"city": '),)),
        0.1,
        Delta(tool_calls=(ToolCallDelta(index=index, arguments='"Berlin"}'),)),
    ]


CALLED = Delta(finish_reason="tool_calls")
CALLING: list[Move] = [0.2, *calls(), CALLED]


async def ask(*moves: Move, policy: str = "adaptive", headers=None, environ=None, **request) -> tuple[Heard, Any, Any]:
    """Return what is heard of an answer that plays `moves`, the metrics, and what the model was asked."""
    large = PlayingProvider(list(moves) or CALLING)
    environ = {"LORO_REPLY_POLICY": policy, "LORO_REPLY_SLACK_S": "30", **(environ or {})}
    async with serving(None, large, **environ) as client:
        more = {"messages": QUESTION, "tools": tools("get_weather", "get_order", "end_call"), **request}
        heard = await client.ask(headers=headers or {}, **more)
        return heard, (await client.get("/metrics")).json, large.calls[0].request


def deltas(heard: Heard) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in heard.chunks if chunk["choices"]]


async def test_a_call_behind_silence_is_announced_before_it(autojump_clock):
    heard, numbers, _ = await ask()
    first, begun, *rest = deltas(heard)
    assert first == {"role": "assistant", "content": LINE}
    assert "role" not in begun and begun["tool_calls"][0]["function"]["name"] == "get_weather"
    arguments = "".join(d["tool_calls"][0]["function"]["arguments"] for d in (begun, *rest) if "tool_calls" in d)
    assert json.loads(arguments) == {"city": "Berlin"}
    assert heard.at_s[0] == heard.at_s[1] == pytest.approx(0.2)
    assert numbers["announced"] == {"named": 1}


@pytest.mark.parametrize("policy", ["race", "instant"])
async def test_an_acknowledged_call_is_not_announced_again(policy, autojump_clock):
    heard, numbers, _ = await ask(0.6, *calls(), CALLED, policy=policy)
    said = [d["content"] for d in deltas(heard) if d.get("content")]
    assert len(said) == 1 and said[0] != LINE and numbers["announced"] == {}


async def test_an_acknowledgement_that_is_held_gives_way_to_the_announcement(autojump_clock):
    """A call within the floor: the words were not written yet."""
    heard, numbers, _ = await ask(environ={"LORO_REPLY_FLOOR_S": "1.0", "LORO_REPLY_SLACK_S": "1.0"})
    assert deltas(heard)[0]["content"] == LINE
    assert numbers["announced"] == {"named": 1} and numbers["acknowledgements"]["by_phrase"] == 0


@pytest.mark.parametrize(
    "request_",
    [
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        {"response_format": {"type": "json_object"}},
        {"disable_quick_response": True},
        {"messages": [{"role": "system", "content": "Reply only in JSON."}, *QUESTION]},
        {"tools": None},
        {"tools": []},
    ],
    ids=lambda request: next(iter(request)),
)
async def test_where_the_contract_has_no_room_for_words_there_are_none(request_, autojump_clock):
    heard, numbers, _ = await ask(**{**request_})
    assert heard.status == 200 and heard.text == "" and numbers["announced"] == {}


async def test_a_whole_reply_has_the_call_alone(autojump_clock):
    heard, _, _ = await ask(stream=False)
    message = heard.json["choices"][0]["message"]
    assert message["content"] is None and message["tool_calls"][0]["function"]["name"] == "get_weather"


async def test_the_policy_direct_says_nothing_of_its_own(autojump_clock):
    assert (await ask(policy="direct"))[0].text == ""
    assert (await ask(headers={"x-loro-policy": "direct"}))[0].text == ""


async def test_it_can_be_switched_off(autojump_clock):
    heard, _, _ = await ask(environ={"LORO_REPLY_ANNOUNCE_TOOLS": "false"})
    assert heard.text == ""


@pytest.mark.parametrize("on", ["true", "false"])
async def test_a_line_that_cannot_be_said_stops_the_start(on, autojump_clock):
    environ = {"LORO_REPLY_ANNOUNCE_TOOLS": on, "LORO_WORDS_TOOLS": '{"get_weather": {"en": 7}}'}
    with pytest.raises(ConfigError, match=r"words\.tools\.get_weather\.en: needs a text"):
        await ask(environ=environ)


async def test_the_operators_lines_hold(autojump_clock):
    lines = {"LORO_WORDS_TOOLS": '{"get_weather": {"en": "Let me look outside."}, "get_order": {"*": ""}}'}
    heard, numbers, _ = await ask(environ=lines)
    assert heard.text == "Let me look outside. " and numbers["announced"] == {"own": 1}
    heard, numbers, _ = await ask(*calls("get_order"), CALLED, environ=lines)
    assert heard.text == "" and numbers["announced"] == {}


async def test_what_the_model_says_itself_stands_alone(autojump_clock):
    heard, _, _ = await ask(says("I'll look."), *calls(), CALLED)
    assert heard.text == "I'll look."


async def test_calls_side_by_side_are_announced_once_and_numbered_from_zero(autojump_clock):
    heard, _, _ = await ask(*calls(index=3, id="a"), *calls("get_order", index=5, id="b"), CALLED)
    begun = [d["tool_calls"][0] for d in deltas(heard) if d.get("tool_calls") and "id" in d["tool_calls"][0]]
    assert heard.text == LINE and [(c["index"], c["id"]) for c in begun] == [(0, "a"), (1, "b")]


async def test_nothing_is_said_before_the_call_is_ended(autojump_clock):
    heard, _, _ = await ask(*calls("end_call"), CALLED)
    assert heard.text == ""


async def test_a_call_that_never_gets_its_name_is_never_announced(autojump_clock):
    nameless = Delta(tool_calls=(ToolCallDelta(index=0, id="a"),))
    heard, _, _ = await ask(nameless, UpstreamUnreachable("gone", phase="decode"))
    assert heard.status == 502 and LINE.encode() not in heard.body


async def test_the_line_comes_back_in_the_history_and_is_not_sent_upstream(autojump_clock):
    call = {"id": "call_7", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    history = [
        *QUESTION,
        {"role": "assistant", "content": LINE.strip(), "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_7", "content": "7 degrees"},
    ]
    heard, _, asked = await ask(says("It is cold."), STOP, messages=history)
    assert heard.text == "It is cold."
    assert asked.messages[1].fields == {"role": "assistant", "content": None, "tool_calls": [call]}


async def test_a_second_call_in_the_turn_is_announced_only_if_it_is_news(autojump_clock):
    call = {"id": "call_7", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    history = [
        *QUESTION,
        {"role": "assistant", "content": LINE, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_7", "content": "7 degrees"},
    ]
    again, _, _ = await ask(messages=history)
    other, _, _ = await ask(*calls("get_order"), CALLED, messages=history)
    assert (again.text, other.text) == ("", "Let me check the order. ")


async def test_the_line_is_the_first_response_and_the_call_the_answers_first_token(autojump_clock, caplog):
    with caplog.at_level(logging.INFO, logger="loro.access"):
        heard, numbers, _ = await ask(headers={"x-loro-trace": "legs", "x-loro-client": "elevenlabs"})
    line = caplog.records[0].getMessage()
    assert "winner=announcement" in line and "announced=named" in line and "acknowledged" not in line
    told, _, _ = await ask(headers={"x-loro-ledger": "usage"})
    assert told.chunks[-1]["loro"]["announced"] == "named"
    assert told.chunks[-1]["loro"]["acknowledgement"]["outcome"] == "skipped"
    mode = numbers["direct_mode"]
    for latency in ("first_response_latency", "first_speakable_latency", "answer_first_token_latency"):
        assert mode[latency]["avg"] == pytest.approx(0.2), latency
    assert mode["quick_response_latency"]["avg"] == 0
    comments = [event for event in heard.body.decode().split("\n\n") if ": loro leg" in event]
    assert [comment.rpartition("=")[2] for comment in comments] == ["acknowledgement", "answer"]


async def test_a_re_sent_request_whose_line_was_written_gets_no_other(autojump_clock):
    """The reply broke off: it cannot be read again, and is made again."""
    large = PlayingProvider([*calls(), UpstreamUnreachable("gone", phase="decode")], CALLING)
    async with serving(None, large, LORO_REPLY_POLICY="adaptive", LORO_REPLY_SLACK_S="30") as client:
        request: Any = {"messages": QUESTION, "tools": tools("get_weather"), "headers": {"x-loro-call": "1"}}
        first, second = await client.ask(**request), await client.ask(**request)
    assert "".join(d.get("content") or "" for d in map(_delta, first.chunks)) == LINE and second.text == ""


def _delta(chunk: dict[str, Any]) -> dict[str, Any]:
    return dict(chunk["choices"][0]["delta"]) if "choices" in chunk else {}


def test_prometheus_has_the_count():
    metrics = Metrics(100)
    metrics.announced["named"] += 2
    (family,) = [f for f in families(metrics, connections=0) if f.name == "loro_announced_total"]
    assert [(s.labels, s.value) for s in family.samples] == [({"source": "named"}, 2)]  # type: ignore[union-attr]
