"""The scripted upstream as a process, on the real clock, asked by the official client."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from loro_core.testing import Record, Script, ScriptedToolCall, upstream_process

MESSAGES: Any = [{"role": "user", "content": "Hi there"}]
COMMAND = [sys.executable, "-m", "loro_core.testing.upstream"]


@pytest.fixture(scope="module")
def process():
    scripts = {
        "small": Script(text="Sure, let me see.", first_token_s=0.05),
        "large": Script(text="Sixteen degrees.", first_token_s=0.3, tokens_per_s=50),
        "tools": Script(tool_calls=(ScriptedToolCall(name="weather", arguments='{"city": "Köln"}'),)),
    }
    with upstream_process(scripts) as upstream:
        yield upstream


@pytest.fixture
def upstream(process):
    process.reset()
    return process


@pytest.fixture
def client(upstream):
    with openai.OpenAI(base_url=upstream.openai_url, api_key="made-up", max_retries=0, timeout=10) as client:
        yield client


def until_ended(upstream):
    """The records, once all calls have ended; for two seconds at most."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        records = upstream.records()
        if records and all(record.ended for record in records):
            return records
    raise AssertionError(f"still open: {upstream.records()}")


@pytest.mark.timing
def test_the_official_client_streams(client, upstream):
    start_s = time.monotonic()
    chunks, content_at_s = [], []
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(model="large", messages=MESSAGES, stream=True, stream_options=options):
        if chunk.choices and chunk.choices[0].delta.content:
            content_at_s.append(time.monotonic())
        chunks.append(chunk)
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == "Sixteen degrees."
    assert [c.choices[0].finish_reason for c in chunks[:-1]][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 2
    record = upstream.records()[0]
    assert (record.model, record.headers["authorization"]) == ("large", "Bearer made-up")
    assert 0.3 <= record.first_token.monotonic_s - record.arrived.monotonic_s < 0.5
    assert start_s <= record.arrived.monotonic_s <= content_at_s[0] - 0.3


def test_the_official_client_without_streaming(client):
    reply = client.chat.completions.create(model="small", messages=MESSAGES, max_tokens=2)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("Sure, let", "length")
    assert reply.usage.total_tokens == 4


def test_the_official_client_gets_tool_calls(client):
    call = client.chat.completions.create(model="tools", messages=MESSAGES).choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Köln"})


def test_the_official_client_understands_the_faults(client):
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model="small?status=429&retry_after_s=2", messages=MESSAGES)
    assert (limited.value.code, limited.value.response.headers["retry-after"]) == ("rate_limit_exceeded", "2")
    with pytest.raises(openai.APIError, match="as it was told to"):
        list(client.chat.completions.create(model="small?error_after=1", messages=MESSAGES, stream=True))
    with pytest.raises(openai.BadRequestError, match="tokenz: unknown"):
        client.chat.completions.create(model="small?tokenz=1", messages=MESSAGES)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="huge", messages=MESSAGES)


@pytest.mark.timing
def test_a_client_that_leaves_is_recorded_within_50_ms(client, upstream):
    lags_s = []
    for _ in range(3):
        stream = client.chat.completions.create(model="small?tokens=1000&rate=100", messages=MESSAGES, stream=True)
        next(chunk for chunk in stream if chunk.choices[0].delta.content)
        left_s = time.monotonic()
        stream.response.close()
        record = until_ended(upstream)[-1]
        assert (record.end, 0 < record.tokens < 1000) == ("gone", True)
        lags_s.append(record.ended.monotonic_s - left_s)
    # The quickest of three: a machine that is busy elsewhere may delay any one of them.
    assert 0 <= min(lags_s) < 0.05


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["large", "small", "tools"]


def test_the_log_file_has_a_line_at_arrival_and_one_at_the_end(tmp_path):
    log = tmp_path / "calls.ndjson"
    with upstream_process(Script(text="a"), log=log) as upstream:
        with openai.OpenAI(base_url=upstream.openai_url, api_key="made-up", max_retries=0, timeout=10) as client:
            client.chat.completions.create(model="m", messages=MESSAGES)
        expected = upstream.records()
    lines = [Record.of(json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]
    chats = [line for line in lines if line.face]
    assert [line.end for line in chats] == ["open", "finished"]
    assert chats[-1] == expected[0]


@contextmanager
def started(*arguments, **kwargs):
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, **kwargs) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_by_hand_with_flags_and_the_end_by_sigterm():
    flags = ("--port", "0", "--ttft", "0.01", "--tokens", "2", "--text", "42", "--script", "b?text=bee")
    with started(*flags) as (process, ready):
        assert (ready["event"], ready["pid"]) == ("ready", process.pid)
        with openai.OpenAI(base_url=ready["openai_url"], api_key="made-up", max_retries=0, timeout=10) as client:
            said = [
                client.chat.completions.create(model=model, messages=MESSAGES).choices[0].message.content
                for model in ("any", "b")
            ]
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert said == ["42 42", "bee"]


def test_it_ends_with_whoever_holds_its_stdin():
    with started("--until-stdin-closes", stdin=subprocess.PIPE) as (process, _):
        process.stdin.close()
        assert process.wait(5) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ttft", "soon"], "ttft: is 'soon', needs a number >= 0"),
        (["--script", "m?tokenz=1"], "tokenz: unknown"),
        (["--status", "200"], "needs a whole number from 400 to 599"),
    ],
)
def test_flags_that_are_no_script_are_refused_by_name(arguments, message):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert message.replace("ttft", "first_token_s") in done.stderr
    assert done.stdout == ""


def test_an_address_that_is_taken_is_said_and_not_traced():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"127.0.0.1:{port}: " in done.stderr


def test_the_process_ends_with_its_block():
    with upstream_process() as upstream:
        address = urlsplit(upstream.url)
        os.kill(upstream.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(upstream.pid, 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=1)


def test_a_process_that_does_not_come_up_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="did not start"), upstream_process(port=port):
            pass
