from __future__ import annotations

import contextlib
import json

import pytest
import trio

from loro_core import Delta, Provider, ProviderSettings, Secret, UpstreamClosed, UpstreamProtocolError, UpstreamStatus
from loro_openai import OpenAIProvider, loro_register_providers
from tests.providers.fake_http import CUT, Answer, FakeHttp, call, deployment, request
from tests.providers.test_openai_reply import COMPLETION, DONE, STOP, WHOLE, chunk, event, says

OPENAI = OpenAIProvider()


async def items(http, asked=None, **settings):
    async with OPENAI.open(call(http, asked, **settings)) as stream:
        return [list(item) async for item in stream]


def test_it_is_a_provider_that_checks_settings():
    found: list[Provider] = []
    loro_register_providers(found.append)
    (provider,) = found
    assert isinstance(OPENAI, Provider)
    assert isinstance(OPENAI, ProviderSettings)
    assert provider.name == "openai"


async def test_each_piece_of_the_stream_becomes_an_item():
    http = FakeHttp(Answer([says("a") + says("b"), b": hi\n\n", chunk(finish="stop"), DONE]))
    assert await items(http) == [[Delta(content="a"), Delta(content="b")], [STOP]]
    (asked,) = http.asked
    assert (asked.method, asked.url) == ("POST", "http://h/v1/chat/completions")
    assert asked.headers["accept"] == "text/event-stream"
    assert asked.json["model"] == "m"
    assert http.open == 0


async def test_it_ends_at_done_though_the_body_goes_on():
    assert await items(FakeHttp(Answer([says("a"), chunk(finish="stop") + DONE, CUT]))) == [
        [Delta(content="a")],
        [STOP],
    ]


async def test_whole_reply_is_one_item():
    body = json.dumps(COMPLETION).encode()
    http = FakeHttp(Answer([body[:10], body[10:]]))
    assert await items(http, request(stream=False)) == [WHOLE]
    assert http.asked[0].headers["accept"] == "application/json"


async def test_whole_reply_though_a_stream_was_asked_for():
    body = json.dumps(COMPLETION).encode()
    assert await items(FakeHttp(Answer([body[:10], body[10:]], headers={"content-type": "application/json"}))) == [
        WHOLE
    ]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([says("a")], UpstreamClosed),
        ([says("a"), CUT], UpstreamClosed),
        ([says("a"), event({"error": {"message": "no"}})], UpstreamStatus),
        ([says("a"), b"data: {\n\n"], UpstreamProtocolError),
        ([says("a") + b"data: {\n\n"], UpstreamProtocolError),
    ],
)
async def test_what_came_before_the_failure_is_given_first(pieces, expected):
    http = FakeHttp(Answer(pieces))
    seen: list[Delta] = []

    async def watch():
        async with OPENAI.open(call(http)) as stream:
            async for item in stream:
                seen.extend(item)

    with pytest.raises(expected):
        await watch()
    assert seen == [Delta(content="a")]
    assert len(http.asked) == 1 and http.open == 0


async def test_error_status_is_told_in_the_upstreams_words():
    body = b'{"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limited", "param": null}}'
    http = FakeHttp(Answer([body[:20], body[20:]], status=429, headers={"retry-after": "7"}))
    with pytest.raises(UpstreamStatus) as caught:
        await items(http)
    error = caught.value
    assert (error.status, error.message, error.type, error.code) == (429, "slow down", "rate_limit", "rate_limited")
    assert (error.retry_after_s, error.deployment) == (7.0, "small")
    assert len(http.asked) == 1


async def test_error_status_counts_though_its_body_breaks_off():
    with pytest.raises(UpstreamStatus, match="503"):
        await items(FakeHttp(Answer([b'{"error', CUT], status=503)))


async def test_error_body_is_read_to_its_cap_only():
    with pytest.raises(UpstreamStatus, match=r"answered 500: x+$"):
        await items(FakeHttp(Answer([b"x" * 50_000] * 2 + [CUT], status=500, headers={"content-type": "text/plain"})))


async def test_leaving_in_the_middle_ends_the_exchange():
    http = FakeHttp(Answer([says("a"), says("b"), CUT]))
    async with OPENAI.open(call(http)) as stream:
        assert list(await anext(stream)) == [Delta(content="a")]
    assert http.open == 0


async def test_cancelled_while_it_waits(autojump_clock):
    class Silent(Answer):
        async def __anext__(self):
            with contextlib.suppress(StopAsyncIteration):
                return await super().__anext__()
            return await trio.sleep_forever()

    http = FakeHttp(Silent([says("a")]))
    with trio.move_on_after(1) as scope:
        await items(http)
    assert scope.cancelled_caught
    assert http.open == 0


@pytest.mark.parametrize("status", [200, 404, 405])
async def test_check_finds_it_there(status):
    http = FakeHttp(Answer([b"{}"], status=status))
    await OPENAI.check(deployment(base_url="http://h/v1/chat/completions"), http)
    assert [(a.method, a.url) for a in http.asked] == [("GET", "http://h/v1/models")]


@pytest.mark.parametrize(
    ("status", "key", "match"),
    [
        (401, Secret("sk-1"), "the api_key is refused: bad"),
        (403, None, "it wants a key, and api_key is not set: bad"),
        (500, None, "bad"),
    ],
)
async def test_check_says_what_is_wrong(status, key, match):
    http = FakeHttp(Answer([b'{"error": {"message": "bad"}}'], status=status))
    with pytest.raises(UpstreamStatus, match=match) as caught:
        await OPENAI.check(deployment(api_key=key), http)
    assert (caught.value.upstream_status, caught.value.deployment) == (status, "small")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"base_url": ""}, "base_url: is '', needs http"),
        ({"base_url": "localhost:8080/v1"}, "base_url"),
        ({"base_url": "ftp://h"}, "base_url"),
        ({"base_url": "http:///v1"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"model": " "}, "model: is empty"),
        ({"api_key": Secret("sk-1\n")}, "api_key: holds"),
        ({"api_key": Secret("schlüssel")}, "api_key: holds"),
        ({"options": {"keep_alive": "5m"}}, "options.keep_alive: is unknown"),
    ],
)
def test_problems_name_the_setting(settings, problem):
    (found,) = OPENAI.problems(deployment(**settings))
    assert found.startswith(problem)
    assert "sk-1" not in found and "schlüssel" not in found


def test_no_problem():
    assert not OPENAI.problems(deployment(api_key=Secret("sk-1")))
