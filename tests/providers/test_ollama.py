from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core import (
    Delta,
    Message,
    Provider,
    ProviderSettings,
    Recogniser,
    Secret,
    ToolCallDelta,
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    Usage,
)
from loro_ollama import OllamaProvider, loro_register_providers
from loro_ollama.reply import StreamReader
from tests.providers.fake_http import CUT, Answer, FakeHttp, call, deployment, request
from tests.providers.reading import cut, read_to_the_end

OLLAMA = OllamaProvider()


def line(**value) -> bytes:
    return json.dumps({"model": "m", "created_at": "2025", **value}, ensure_ascii=False).encode() + b"\n"


def says(text, **message) -> bytes:
    return line(message={"role": "assistant", "content": text, **message}, done=False)


def done(**fields) -> bytes:
    return line(message={"role": "assistant", "content": ""}, done=True, **({"done_reason": "stop"} | fields))


def calls(*functions, **ids) -> bytes:
    return says("", tool_calls=[{"function": f, **ids} for f in functions])


STOP = Delta(finish_reason="stop")


async def items(http, asked=None, **settings):
    async with OLLAMA.open(call(http, asked, **settings)) as stream:
        return [list(item) async for item in stream]


def test_it_is_a_provider_that_checks_settings_and_recognises():
    found: list[Provider] = []
    loro_register_providers(found.append)
    assert [type(p) for p in found] == [OllamaProvider]
    for protocol in (Provider, ProviderSettings, Recogniser):
        assert isinstance(OLLAMA, protocol)


async def test_stream():
    http = FakeHttp(Answer([says("Hel") + says("lo"), done(prompt_eval_count=3, eval_count=2, total_duration=5)]))
    usage = Usage(prompt_tokens=3, completion_tokens=2)
    assert await items(http, api_key=Secret("sk-1"), base_url="http://h:1/v1") == [
        [Delta(content="Hel"), Delta(content="lo")],
        [Delta(finish_reason="stop", usage=usage)],
    ]
    (asked,) = http.asked
    assert (asked.method, asked.url) == ("POST", "http://h:1/api/chat")
    assert asked.headers["authorization"] == "Bearer sk-1"
    assert http.open == 0


async def test_no_key_no_authorization():
    http = FakeHttp(Answer([done()]))
    await items(http)
    assert "authorization" not in http.asked[0].headers


async def test_whole_reply_is_one_item():
    body = line(
        message={"role": "assistant", "content": "Hello"}, done=True, done_reason="length", eval_count=2
    ).strip()
    got = await items(FakeHttp(Answer([body[:9], body[9:]])), request(stream=False))
    usage = Usage(prompt_tokens=0, completion_tokens=2)
    assert got == [[Delta(content="Hello", finish_reason="length", usage=usage)]]


async def test_thoughts_are_reasoning():
    got = await items(FakeHttp(Answer([says("", thinking="hm"), says("a"), done()])))
    assert got == [[Delta(fields={"reasoning_content": "hm"})], [Delta(content="a")], [STOP]]


async def test_log_probabilities_take_openais_shape():
    odds = [{"token": "a", "logprob": -0.1}]
    told = line(message={"role": "assistant", "content": "a"}, done=False, logprobs=odds)
    got = await items(FakeHttp(Answer([told, done()])))
    assert got[0][0].choice_fields == {"logprobs": {"content": odds}}


async def test_tool_calls():
    """ollama/ollama #9632, #12557: they are lost where each line is looked at for its content only."""
    http = FakeHttp(
        Answer([calls({"name": "f", "arguments": {"a": 1}}, {"name": "g"}), calls({"name": "f"}, id="own"), done()])
    )
    first, second, last = await items(http)
    (one, two), (three,) = first[0].tool_calls, second[0].tool_calls
    assert one == ToolCallDelta(index=0, id=one.id, name="f", arguments='{"a":1}', fields={"type": "function"})
    assert (two.index, two.name, two.arguments) == (1, "g", "{}")
    assert (three.index, three.id) == (2, "own")
    assert one.id and two.id and one.id != two.id
    assert last == [Delta(finish_reason="tool_calls")]


def test_synthetic_ids_are_the_same_for_the_same_reply_and_others_in_the_next_turn():
    def ids(*messages):
        reader = StreamReader(deployment(), request(*messages))
        return [c.id for d in reader.decode(calls({"name": "f"}, {"name": "f"})) for c in d.tool_calls]

    user = Message.of("user", "a")
    assert ids(user) == ids(user)
    assert not set(ids(user)) & set(ids(user, user))
    assert len(set(ids(user))) == 2


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("load", "stop"), ("", "stop"), (None, "stop")]
)
async def test_done_reasons(reason, finish):
    assert await items(FakeHttp(Answer([done(done_reason=reason)]))) == [[Delta(finish_reason=finish)]]


async def test_last_line_may_lack_its_end_and_its_message():
    assert await items(FakeHttp(Answer([says("a"), b'{"done":true}']))) == [[Delta(content="a")], [STOP]]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([says("a")], UpstreamClosed),
        ([says("a"), says("b")[:-8]], UpstreamClosed),
        ([says("a"), CUT], UpstreamClosed),
        ([says("a"), line(error="llama runner process has terminated")], UpstreamStatus),
        ([says("a") + line(error="no")], UpstreamStatus),
        ([says("a") + b"{broken\n"], UpstreamProtocolError),
        ([says("a"), b"7\n"], UpstreamProtocolError),
        ([says("a"), b'{"status":"ok"}\n'], UpstreamProtocolError),
        ([says("a"), line(message=7)], UpstreamProtocolError),
        ([says("a"), says(7)], UpstreamProtocolError),
        ([says("a"), says("", tool_calls={"a": 1})], UpstreamProtocolError),
        ([says("a"), says("", tool_calls=[7])], UpstreamProtocolError),
    ],
)
async def test_what_came_before_the_failure_is_given_first(pieces, expected):
    http = FakeHttp(Answer(pieces))
    seen: list[Delta] = []

    async def watch():
        async with OLLAMA.open(call(http)) as stream:
            async for item in stream:
                seen.extend(item)

    with pytest.raises(expected):
        await watch()
    assert seen == [Delta(content="a")]
    assert len(http.asked) == 1
    assert http.open == 0


async def test_missing_model_is_told_in_ollamas_words():
    http = FakeHttp(Answer([b'{"error":"model \'m\' not found"}'], status=404))
    with pytest.raises(UpstreamStatus, match="model 'm' not found") as caught:
        await items(http)
    assert caught.value.status == 404


async def test_unsupported_parameter_is_refused_without_a_call():
    http = FakeHttp(Answer())
    with pytest.raises(UpstreamStatus, match="n is 2"):
        await items(http, request(n=2))
    assert not http.asked


def service(version=b'{"version":"0.12.11"}', tags=b'{"models":[{"name":"m:latest","model":"m:latest"}]}', status=200):
    return FakeHttp(lambda asked: Answer([version if asked.url.endswith("/api/version") else tags], status=status))


async def test_check():
    http = service()
    await OLLAMA.check(deployment(base_url="http://h/v1"), http)
    assert [a.url for a in http.asked] == ["http://h/api/version", "http://h/api/tags"]
    await OLLAMA.check(deployment(model="m:latest"), service())


@pytest.mark.parametrize("tags", [b"{}", b"[]", b'{"models":null}', b'{"models":[{"name":"other:latest"}]}'])
async def test_check_tells_a_missing_model(tags):
    with pytest.raises(UpstreamStatus, match="ollama pull m") as caught:
        await OLLAMA.check(deployment(), service(tags=tags))
    assert caught.value.status == 404


async def test_check_tells_an_error():
    with pytest.raises(UpstreamStatus):
        await OLLAMA.check(deployment(), service(status=500))
    with pytest.raises(UpstreamProtocolError, match="base_url"):
        await OLLAMA.check(deployment(), service(version=b"<html>"))


@pytest.mark.parametrize(
    ("http", "ollama"),
    [
        (service(), True),
        (service(b"{}"), False),
        (service(b'{"version": 3}'), False),
        (service(b"[]"), False),
        (service(b"Ollama is running"), False),
        (service(status=404), False),
        (service(status=401), False),
    ],
)
@pytest.mark.parametrize("port", [11434, 8000])
async def test_it_is_recognised_by_its_answer_and_not_by_its_port(http, ollama, port):
    """A substring 11434 in the address decided in an ancestor of loro."""
    assert await OLLAMA.recognise(deployment(base_url=f"http://h:{port}"), http) is ollama


async def test_service_that_is_out_of_order_is_not_judged():
    with pytest.raises(UpstreamError):
        await OLLAMA.recognise(deployment(), service(status=502))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"base_url": "localhost:11434"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"model": ""}, "model"),
        ({"options": {"keepalive": "5m"}}, "options.keepalive: is unknown, known are"),
        (
            {"options": {"prefill": "prefix-field"}},
            "options.prefill: is 'prefix-field', needs one of trailing-message, none",
        ),
    ],
)
def test_problems_name_the_setting(settings, problem):
    (found,) = OLLAMA.problems(deployment(**settings))
    assert found.startswith(problem)


def test_no_problem():
    assert not OLLAMA.problems(deployment(options={"keep_alive": "5m", "think": False, "num_ctx": 4096}))


lines = st.sampled_from([says("ä\u2028"), says("b", thinking="x"), says("c").replace(b"\n", b"\r\n"), b"\n"])
lines |= st.sampled_from([calls({"name": "f", "arguments": {"ä": 1}}), done(eval_count=1), line(error="no"), b"{\n"])


@given(st.lists(lines, max_size=6).map(b"".join), st.lists(st.integers(0, 5000), max_size=8))
def test_any_split_of_any_transcript_gives_the_same_deltas(data, places):
    def read(pieces):
        reader = StreamReader(deployment(), request())
        found = read_to_the_end(reader, pieces)
        assert reader.complete != (reader.failure is not None)
        return found, type(reader.failure)

    whole = read([data])
    assert read(cut(data, places)) == whole
    assert read([data[i : i + 1] for i in range(len(data))]) == whole
