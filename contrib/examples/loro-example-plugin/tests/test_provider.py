"""The provider `echo-lines` keeps the contract, and reads what only the line protocol has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from line_bench import LINE_BENCH

from loro_core import Call, ChatRequest, Deployment, Message, UpstreamProtocolError, UpstreamStatus
from loro_core.testing import Script, check_provider
from loro_example.provider import EchoLines
from loro_example.reply import LineReader

PROVIDER = EchoLines()
THERE = Deployment(name="parrot", provider="echo-lines", base_url="http://lines", model="parrot")
HELLO = ChatRequest(model="loro", messages=(Message.of("user", "Hello there"),), stream=True)
# One choice, no tools, and a reply that is always streamed: there is no half of a whole one.
NOT_IN_LINES = ("choices_do_not_mix", "tool_calls_are_whole")


async def test_it_keeps_the_contract(autojump_clock):
    await check_provider(PROVIDER, LINE_BENCH, without=NOT_IN_LINES)


async def test_two_choices_are_refused():
    async with LINE_BENCH.play(Script()) as stage:
        call = Call(deployment=stage.deployment, request=replace(HELLO, n=2), http=stage.http)
        with pytest.raises(UpstreamStatus) as refused:
            async with PROVIDER.open(call):
                pass
    assert (refused.value.status, refused.value.param) == (400, "n")


async def test_it_recognises_its_own_service():
    async with LINE_BENCH.play(Script()) as stage:
        assert await PROVIDER.recognise(stage.deployment, stage.http)


def test_what_stands_before_an_error_is_given_out_with_it():
    reader = LineReader(THERE)
    deltas = reader.decode(b'{"text": "Good "}\n{"error": "out of breath"}\n')
    assert [delta.content for delta in deltas] == ["Good "]
    assert isinstance(reader.failure, UpstreamStatus)
    assert reader.failure.message == "out of breath"


@pytest.mark.parametrize("line", [b"[]", b'"text"', b"{}", b'{"text": 3}', b'{"done": null}', b"{"])
def test_a_line_of_another_protocol_is_an_error(line):
    reader = LineReader(THERE)
    assert reader.decode(line + b"\n") == []
    assert isinstance(reader.failure, UpstreamProtocolError)


def test_counts_are_read_where_both_are_there():
    reader = LineReader(THERE)
    (end,) = reader.decode(b'{"done": "length", "heard_tokens": 3, "said_tokens": 2}\n')
    assert end.finish_reason == "length"
    assert end.usage is not None
    assert end.usage.total_tokens == 5
    (end,) = LineReader(THERE).decode(b'{"done": "stop", "heard_tokens": 3}\n')
    assert end.usage is None


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"base_url": ""}, "base_url"),
        ({"base_url": "lines:9100"}, "base_url"),
        ({"extra_fields": {"seed": 1}}, "extra_fields"),
        ({"options": {"path": "say"}}, "options.path"),
        ({"options": {"path": 1}}, "options.path"),
        ({"options": {"paht": "/say"}}, "options.paht"),
    ],
)
def test_wrong_settings_are_told_by_their_key(wrong, key):
    assert PROVIDER.problems(THERE) == []
    (problem,) = PROVIDER.problems(replace(THERE, **wrong))
    assert problem.startswith(f"{key}: ")
