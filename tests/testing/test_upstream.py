"""The scripted upstream on raw sockets: what it does to the byte, and when. Server and client share one trio run."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import trio

from loro_core.testing import Ask, Record, Script, ScriptedToolCall, model_of, open_upstream
from loro_core.testing.upstream.connection import Request
from loro_core.testing.upstream.faces import Called
from loro_core.testing.upstream.player import Player
from loro_core.testing.upstream.records import Ledger

MESSAGES = [{"role": "user", "content": "Hi there"}]


def named(value):
    return model_of("m", value) if isinstance(value, Script) else ""


async def connect(upstream):
    return await trio.open_tcp_stream("127.0.0.1", upstream.port)


def request(path="/v1/chat/completions", *, method="POST", head="", **fields):
    body = json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode() if method == "POST" else b""
    lines = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{head}\r\n"
    return lines.encode() + body


async def read_all(stream):
    """Everything until the end, and whether that was a FIN or a RST."""
    data = b""
    while True:
        try:
            piece = await stream.receive_some()
        except trio.BrokenResourceError:
            return data, "reset"
        if not piece:
            return data, "closed"
        data += piece


async def exchange(upstream, **fields):
    """(status, headers, body with its chunks joined, how the connection ended)."""
    async with await connect(upstream) as stream:
        await stream.send_all(request(head="connection: close\r\n", **fields))
        data, end = await read_all(stream)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    if headers.get("transfer-encoding") == "chunked":
        body, complete = dechunk(body)
        end += "" if complete else " early"
    return int(first.split()[1]) if first else None, headers, body, end


def dechunk(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            return body, data == b"\r\n"
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return body, False


def events(body):
    """The data of well-framed events, JSON decoded."""
    pieces = body.split(b"\n\n")
    assert pieces[-1] == b""
    data = [piece.removeprefix(b"data: ") for piece in pieces[:-1] if not piece.startswith(b":")]
    return [text.decode() if text == b"[DONE]" else json.loads(text) for text in data]


async def ended(upstream, count=1):
    with trio.fail_after(5):
        await upstream.wait_until(lambda records: len(records) >= count and all(r.ended for r in records))
    return upstream.records


# --- the OpenAI face -----------------------------------------------------------------------------------------------


async def test_a_streamed_reply():
    async with open_upstream(Script(text="a b")) as upstream:
        status, headers, body, end = await exchange(upstream, stream=True, stream_options={"include_usage": True})
    assert (status, end) == (200, "closed")
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    *chunks, done = events(body)
    assert done == "[DONE]"
    assert {(c["id"], c["model"], c["object"]) for c in chunks} == {("chatcmpl-1", "m", "chat.completion.chunk")}
    assert [c["choices"][0]["delta"] for c in chunks[:-1]] == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {"content": " b"},
        {},
    ]
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None, None, None, "stop"]
    assert [c["usage"] for c in chunks[:-1]] == [None] * 4
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


async def test_usage_that_is_not_asked_for_is_not_sent():
    async with open_upstream(Script(text="a")) as upstream:
        _, _, body, _ = await exchange(upstream, stream=True)
        assert all("usage" not in chunk for chunk in events(body)[:-1])
        upstream.scripts["*"] = Script(text="a", usage="always")
        _, _, body, _ = await exchange(upstream, stream=True)
        assert events(body)[-2]["usage"]["total_tokens"] == 3


async def test_a_reply_that_does_not_stream():
    async with open_upstream(Script(text="a b", reasoning="hm")) as upstream:
        status, headers, body, _ = await exchange(upstream, n=2)
    reply = json.loads(body)
    assert (status, headers["content-type"], reply["object"]) == (200, "application/json", "chat.completion")
    assert [choice["index"] for choice in reply["choices"]] == [0, 1]
    assert reply["choices"][1]["message"] == {"role": "assistant", "content": "a b", "reasoning_content": "hm"}
    assert reply["usage"]["completion_tokens"] == 6


async def test_tool_calls_stream_as_openai_streams_them():
    script = Script(tool_calls=(ScriptedToolCall(name="f", arguments='{"a": 1}'),))
    async with open_upstream(script) as upstream:
        _, _, body, _ = await exchange(upstream, stream=True)
    deltas = [chunk["choices"][0]["delta"] for chunk in events(body)[:-1]]
    assert deltas[1]["tool_calls"] == [
        {"index": 0, "id": "call_0", "type": "function", "function": {"name": "f", "arguments": ""}}
    ]
    assert deltas[2]["tool_calls"] == [{"index": 0, "function": {"arguments": '{"a":'}}]


async def test_any_prefix_will_do():
    async with open_upstream() as upstream:
        for path in ("/chat/completions", "/v1/chat/completions", "/compatible/api/v3/chat/completions"):
            assert (await exchange(upstream, path=path, stream=True))[0] == 200


async def test_models_are_listed():
    async with open_upstream({"small": Script(), "large": Script()}) as upstream:
        _, _, body, _ = await exchange(upstream, path="/v1/models", method="GET")
    assert [model["id"] for model in json.loads(body)["data"]] == ["large", "small"]


async def test_an_unknown_model_is_not_found():
    async with open_upstream({"small": Script()}) as upstream:
        status, _, body, _ = await exchange(upstream, model="huge")
    assert (status, json.loads(body)["error"]["message"]) == (404, "no such model: 'huge'; there are small")


async def test_unknown_keys_in_the_models_name_answer_400():
    async with open_upstream() as upstream:
        status, _, body, _ = await exchange(upstream, model="m?tokenz=3&bom=7")
    error = json.loads(body)["error"]
    assert (status, error["param"], error["type"]) == (400, "model", "invalid_request_error")
    assert "tokenz: unknown" in error["message"]
    assert "bom: is 7" in error["message"]


@pytest.mark.parametrize("fields", [{"model": ""}, {"model": 3}, {"messages": []}, {"messages": "hi"}])
async def test_a_call_that_no_service_would_take_answers_400(fields):
    async with open_upstream() as upstream:
        assert (await exchange(upstream, **fields))[0] == 400
        assert upstream.records[0].end == "fault"


async def test_the_models_name_picks_and_changes_the_script():
    async with open_upstream({"small": Script(text="a b c"), "large": Script(text="d")}) as upstream:
        _, _, body, _ = await exchange(upstream, model="small?tokens=1")
        assert json.loads(body)["choices"][0]["message"]["content"] == "a"
        _, _, body, _ = await exchange(upstream, model="large")
        assert json.loads(body)["choices"][0]["message"]["content"] == "d"


# --- the Ollama face -----------------------------------------------------------------------------------------------


async def test_ollama_streams_lines_unless_told_not_to():
    script = Script(text="a b", reasoning="hm", first_token_s=0.5, gap_s=0.25)
    async with open_upstream(script) as upstream:
        _, headers, body, end = await exchange(upstream, path="/api/chat", options={"num_predict": 2})
    lines = [json.loads(line) for line in body.splitlines()]
    assert (headers["content-type"], end) == ("application/x-ndjson", "closed")
    assert [line["message"] for line in lines] == [
        {"role": "assistant", "content": "", "thinking": "hm"},
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": ""},
    ]
    assert [line["done"] for line in lines] == [False, False, True]
    last = lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("length", 2, 2)
    assert (last["prompt_eval_duration"], last["eval_duration"]) == (500_000_000, 250_000_000)


async def test_ollama_does_not_stream_when_told_not_to():
    script = Script(tool_calls=(ScriptedToolCall(name="f", arguments='{"a": 1}'),))
    async with open_upstream(script) as upstream:
        _, _, body, _ = await exchange(upstream, path="/api/chat", stream=False)
    reply = json.loads(body)
    assert reply["message"]["tool_calls"] == [{"function": {"name": "f", "arguments": {"a": 1}}}]
    assert (reply["done"], reply["done_reason"]) == (True, "stop")


async def test_ollama_sends_a_tool_call_whole():
    script = Script(tool_calls=(ScriptedToolCall(name="f", arguments='{"a": 1}'), ScriptedToolCall(name="g")))
    async with open_upstream(script) as upstream:
        _, _, body, _ = await exchange(upstream, path="/api/chat")
    lines = [json.loads(line) for line in body.splitlines()]
    assert lines[0]["message"]["tool_calls"] == [
        {"function": {"name": "f", "arguments": {"a": 1}}},
        {"function": {"name": "g", "arguments": {}}},
    ]


async def test_ollama_errors_are_texts():
    async with open_upstream(Script(status=500, error_message="no memory")) as upstream:
        status, _, body, _ = await exchange(upstream, path="/api/chat")
        assert (status, json.loads(body)) == (500, {"error": "no memory"})
        upstream.scripts["*"] = Script(error_after=1, error_message="lost")
        _, _, body, _ = await exchange(upstream, path="/api/chat")
        assert json.loads(body.splitlines()[-1]) == {"error": "lost"}


async def test_ollama_says_what_it_is_unless_it_is_not():
    async with open_upstream({"small": Script()}) as upstream:
        assert "version" in json.loads((await exchange(upstream, path="/api/version", method="GET"))[2])
        tags = json.loads((await exchange(upstream, path="/api/tags", method="GET"))[2])
        assert [model["name"] for model in tags["models"]] == ["small"]
    async with open_upstream(faces=["openai"]) as upstream:
        assert (await exchange(upstream, path="/api/version", method="GET"))[0] == 404
        assert (await exchange(upstream, path="/api/chat"))[0] == 404


# --- faults --------------------------------------------------------------------------------------------------------


async def test_an_error_status_with_retry_after():
    script = Script(status=429, retry_after_s=1.5, error_code="slow_down")
    async with open_upstream(script) as upstream:
        status, headers, body, _ = await exchange(upstream, stream=True)
    assert (status, headers["retry-after"], headers["retry-after-ms"]) == (429, "2", "1500")
    assert json.loads(body)["error"]["code"] == "slow_down"


async def test_faults_that_strike_once():
    async with open_upstream(Script(status=503, times=1)) as upstream:
        statuses = [(await exchange(upstream, model=model))[0] for model in ("m", "m", "other", "m")]
        assert statuses == [503, 200, 503, 200]
        upstream.reset()
        assert (await exchange(upstream))[0] == 503


@pytest.mark.parametrize(
    ("script", "data", "end"),
    [
        (Script(text="a b c", cut_after=2), ["a", " b"], "closed early"),
        (Script(text="a b c", reset_after=2), ["a", " b"], "reset early"),
        (Script(text="a b c", end_after=2), ["a", " b"], "closed"),
        (Script(text="a b", done=False), ["a", " b", "stop"], "closed"),
        (Script(text="a b", finish="never"), ["a", " b", "[DONE]"], "closed"),
        (Script(text="a b", finish="never", done=False), ["a", " b"], "closed"),
        (Script(text="a b", cut_after=0), [], "closed early"),
        (Script(text="", role="never"), ["stop", "[DONE]"], "closed"),
    ],
    ids=named,
)
async def test_ways_to_break_off(script, data, end):
    async with open_upstream(script) as upstream:
        _, _, body, ended_by = await exchange(upstream, stream=True)
    seen = []
    for event in events(body):
        if event == "[DONE]":
            seen.append(event)
        else:
            choice = event["choices"][0]
            seen.append(choice["delta"].get("content") or choice["finish_reason"])
    assert ([one for one in seen if one], ended_by) == (data, end)


async def test_a_reset_before_the_head():
    async with open_upstream(Script(reset_before_head=True)) as upstream:
        assert await exchange(upstream, stream=True) == (None, {}, b"", "reset")
        assert await exchange(upstream, stream=False) == (None, {}, b"", "reset")


async def test_an_error_object_in_the_stream():
    async with open_upstream(Script(text="a b", error_after=1, error_message="lost")) as upstream:
        _, _, body, end = await exchange(upstream, stream=True)
        assert (events(body)[-1]["error"]["message"], end) == ("lost", "closed")
        assert (await exchange(upstream, stream=False))[0] == 500


async def test_a_malformed_chunk_and_then_it_goes_on():
    async with open_upstream(Script(text="a b", malformed_after=1)) as upstream:
        _, _, body, _ = await exchange(upstream, stream=True)
    pieces = body.split(b"\n\n")
    assert pieces[2] == b'data: {"choices": [{"delta":'
    assert b'" b"' in pieces[3]
    assert pieces[-2] == b"data: [DONE]"


async def test_half_a_body_where_nothing_streams():
    async with open_upstream(Script(text="a b", cut_after=1)) as upstream:
        _, headers, body, end = await exchange(upstream)
        assert (len(body) < int(headers["content-length"]), end) == (True, "closed")
        upstream.scripts["*"] = Script(text="a b", end_after=1)
        _, headers, body, _ = await exchange(upstream)
        assert len(body) == int(headers["content-length"])
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)


@pytest.mark.parametrize(
    ("script", "received"),
    [
        (Script(hang="before_head"), 0),
        (Script(hang="after_head"), 1),
        (Script(hang_after=1, text="a b"), 3),
        (Script(head="late", first_token_s=1e6), 0),
    ],
    ids=named,
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
async def test_silence(script, received, path, autojump_clock):
    """It is silent for an hour, and sees at once that the client has had enough."""
    async with open_upstream(script) as upstream:
        async with await connect(upstream) as stream:
            await stream.send_all(request(path, stream=True))
            data = b""
            with trio.move_on_after(3600):
                while piece := await stream.receive_some():
                    data += piece
            left_s = trio.current_time()
        assert (bool(data), b'"a"' in data) == (received > 0, received == 3)
        record = (await ended(upstream))[0]
        assert record.end == "gone"
        assert record.ended is not None
        assert record.ended.run_s - left_s < 0.05


async def test_a_stall(autojump_clock):
    async with open_upstream(Script(text="a b", first_token_s=0.5, stall_after=1, stall_s=30.0)) as upstream:
        start_s = trio.current_time()
        await exchange(upstream, stream=True)
        assert trio.current_time() - start_s == pytest.approx(30.5)
        record = upstream.records[0]
        assert record.first_token is not None
        assert record.first_token.run_s - record.arrived.run_s == pytest.approx(0.5)
        assert (record.end, record.tokens) == ("finished", 2)


# --- framing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "newline"), [("lf", b"\n"), ("crlf", b"\r\n"), ("cr", b"\r")])
async def test_line_ends(name, newline):
    async with open_upstream(Script(text="a", newline=name)) as upstream:
        _, _, body, _ = await exchange(upstream, stream=True)
    assert body.endswith(b"data: [DONE]" + newline * 2)
    assert body.count(newline * 2) == 4
    assert set(body) & set(b"\r\n") == set(newline)


async def test_no_space_a_bom_and_keepalives():
    async with open_upstream(Script(text="a", space=False, bom=True, keepalives=2)) as upstream:
        _, _, body, _ = await exchange(upstream, stream=True)
    assert body.startswith(b"\xef\xbb\xbf: keep-alive\n\n: keep-alive\n\ndata:{")
    assert body.count(b"\xef\xbb\xbf") == 1


async def test_keepalives_fill_the_wait(autojump_clock):
    async with open_upstream(Script(keepalives=3, first_token_s=4.0)) as upstream, await connect(upstream) as stream:
        await stream.send_all(request(stream=True))
        start_s = trio.current_time()
        at_s: list[float] = []
        while len(at_s) < 3:
            if b"keep-alive" in await stream.receive_some():
                at_s.append(trio.current_time() - start_s)
        assert at_s == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.parametrize("size", [1, 7])
async def test_small_writes(size):
    async with open_upstream(Script(text="a b", write_bytes=size)) as upstream:
        async with await connect(upstream) as stream:
            await stream.send_all(request(head="connection: close\r\n", stream=True))
            data, _ = await read_all(stream)
        chunks = data.partition(b"\r\n\r\n")[2]
        assert {int(line, 16) for line in chunks.split(b"\r\n")[:-4:2]} <= set(range(1, size + 1))
        assert events(dechunk(chunks)[0])[-1] == "[DONE]"


async def test_one_giant_event():
    async with open_upstream(Script(giant_bytes=3_000_000)) as upstream:
        _, _, body, _ = await exchange(upstream, stream=True)
    assert len(events(body)[1]["choices"][0]["delta"]["content"]) == 3_000_000


async def test_a_body_until_the_connection_ends():
    async with open_upstream(Script(text="a", body="close")) as upstream, await connect(upstream) as stream:
        await stream.send_all(request(stream=True))
        data, end = await read_all(stream)
    head, _, body = data.partition(b"\r\n\r\n")
    assert (b"transfer-encoding" in head, events(body)[-1], end) == (False, "[DONE]", "closed")


# --- connections and records ---------------------------------------------------------------------------------------


@pytest.mark.timing
async def test_a_client_that_leaves_is_recorded_within_50_ms():
    lags_s: list[float] = []
    async with open_upstream(Script(first_token_s=60.0)) as upstream:
        for _ in range(3):
            stream = await connect(upstream)
            await stream.send_all(request(stream=True))
            await upstream.wait_until(lambda records: len(records) == len(lags_s) + 1)
            left_s = time.monotonic()
            await stream.aclose()
            record = (await ended(upstream))[-1]
            assert (record.end, record.tokens, record.first_token) == ("gone", 0, None)
            lags_s.append(record.ended.monotonic_s - left_s)
    # The quickest of three: a machine that is busy elsewhere may delay any one of them.
    assert 0 <= min(lags_s) < 0.05


async def test_a_client_that_leaves_while_it_does_not_read_is_seen():
    """The server waits in a write; its reading half still learns of the end."""
    async with open_upstream(Script(giant_bytes=50_000_000)) as upstream:
        stream = await connect(upstream)
        await stream.send_all(request(stream=True))
        await upstream.wait_until(lambda records: records and records[0].tokens)
        await stream.aclose()
        assert (await ended(upstream))[0].end == "gone"


async def test_a_client_that_stops_reading_at_done_has_had_it_all():
    async with open_upstream(Script(text="a")) as upstream:
        async with await connect(upstream) as stream:
            await stream.send_all(request(stream=True))
            data = b""
            while b"[DONE]" not in data:
                data += await stream.receive_some()
        assert (await ended(upstream))[0].end == "finished"


async def test_a_client_quicker_than_our_last_write_has_had_it_all():
    """It reads [DONE] and closes before we know that the write of it is over."""

    class Quick:
        def __init__(self):
            self.left = trio.Event()

        async def write(self, data):
            if b"[DONE]" in data:
                self.left.set()
                await trio.sleep_forever()

        async def watch(self):
            await self.left.wait()

    ledger = Ledger()
    asked = Request(method="POST", path="/", headers={}, body=b"", keeps=True, chunks=True)
    number = ledger.arrive(connection=1, method="POST", path="/", face="openai", headers={}, model="m", body=None)
    called = Called(number=number, unix_s=0.0, model="m", script=Script(), ask=Ask())
    connection: Any = Quick()
    assert await Player(connection, asked, "openai", called, ledger).play_watched() == "close"
    assert ledger.records[0].end == "finished"


async def test_a_connection_is_used_again_even_for_requests_sent_ahead():
    async with open_upstream(Script(text="a", first_token_s=0.05)) as upstream:
        async with await connect(upstream) as stream:
            await stream.send_all(request(stream=True) * 2)
            await upstream.wait_until(lambda records: len(records) == 2)
            await stream.send_all(request(head="connection: close\r\n"))
            data, _ = await read_all(stream)
        assert data.count(b"HTTP/1.1 200 OK") == 3
        assert [(r.number, r.connection, r.end) for r in upstream.records] == [
            (1, 1, "finished"),
            (2, 1, "finished"),
            (3, 1, "finished"),
        ]


async def test_what_is_recorded():
    async with open_upstream() as upstream:
        await exchange(upstream, path="/v1/models", method="GET")
        await exchange(upstream, model="m?text=a", user="u1")
        record = upstream.records[0]
        assert (record.number, record.method, record.path, record.face) == (2, "POST", "/v1/chat/completions", "openai")
        assert (record.model, record.headers["connection"]) == ("m?text=a", "close")
        assert record.body == {"model": "m?text=a", "messages": MESSAGES, "user": "u1"}
        assert [r.path for r in upstream.all_records] == ["/v1/models", "/v1/chat/completions"]


async def test_the_log_over_http_and_its_reset():
    seen: list[Record] = []
    async with open_upstream(log=seen.append) as upstream:
        await exchange(upstream)
        log = json.loads((await exchange(upstream, path="/__log__", method="GET"))[2])
        assert [(line["number"], line["end"]) for line in log] == [(1, "finished")]
        assert (await exchange(upstream, path="/__reset__"))[0] == 200
        assert upstream.all_records == ()
        await exchange(upstream)
        assert [(r.number, r.end) for r in upstream.records] == [(2, "finished")]
    assert [(record.number, record.end) for record in seen] == [
        (1, "open"),
        (1, "finished"),
        (2, "open"),
        (2, "finished"),
    ]


async def test_what_is_no_http_answers_400():
    async with open_upstream() as upstream, await connect(upstream) as stream:
        await stream.send_all(b"\x16\x03\x01 not http\r\n\r\n")
        data, _ = await read_all(stream)
        assert data.startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_waits_for_100_is_told_to_go_on():
    async with open_upstream() as upstream, await connect(upstream) as stream:
        head, _, body = request(head="expect: 100-continue\r\nconnection: close\r\n").partition(b"\r\n\r\n")
        await stream.send_all(head + b"\r\n\r\n")
        assert await stream.receive_some() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(body)
        assert b"200 OK" in (await read_all(stream))[0]


async def test_what_the_block_raises_comes_out_as_it_is():
    with pytest.raises(ZeroDivisionError):
        async with open_upstream():
            raise ZeroDivisionError


async def test_leaving_the_block_drops_the_connections():
    async with open_upstream(Script(hang="after_head")) as upstream:
        stream = await connect(upstream)
        await stream.send_all(request(stream=True))
        await stream.receive_some()
    async with stream:
        assert (await read_all(stream))[0] == b""
    with pytest.raises(OSError, match="connect"):
        await connect(upstream)


async def test_while_it_loads_it_answers_503_to_all_and_then_it_is_healthy(autojump_clock):
    async with open_upstream(Script(text="Hi"), load_s=5.0) as upstream:
        for path, method in (("/health", "GET"), ("/v1/chat/completions", "POST")):
            status, _, body, _ = await exchange(upstream, path=path, method=method)
            assert status == 503
            assert json.loads(body)["error"]["message"] == "Loading model"
        await trio.sleep(5)
        assert (await exchange(upstream, path="/health", method="GET"))[0] == 200
        assert (await exchange(upstream))[0] == 200
        assert len(upstream.records) == 1
