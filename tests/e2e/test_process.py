"""Starting, draining, ending and lasting: loro as an operator has it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import httpx
import pytest

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import gateway, models

QUESTION = {"model": "loro", "messages": [{"role": "user", "content": "Why is the sky blue?"}], "stream": True}
MiB = 1024 * 1024


def read_all(url: str, into: list[str], started: threading.Event) -> None:
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=QUESTION, timeout=20) as response:
        try:
            for line in response.iter_lines():
                into.append(line)
                started.set()
        except httpx.HTTPError as error:
            into.append(f"broken: {type(error).__name__}")


@pytest.mark.timing
def test_the_first_200_comes_within_a_second_of_the_start():
    def start_s() -> float:
        start = time.monotonic()
        with gateway() as loro:
            assert httpx.get(f"{loro.url}/health").status_code == 200
            return time.monotonic() - start

    def bare_s() -> float:
        start = time.monotonic()
        subprocess.run([sys.executable, "-c", "import h11, msgspec, trio"], check=True)
        return time.monotonic() - start

    # The best of three: a busy machine can only make a start look slower than it is. One on which an interpreter with
    # our libraries alone takes a quarter of the second is given four times what that takes.
    starts_s: list[float] = []
    bare: list[float] = []
    while len(starts_s) < 3 and min(starts_s, default=1.0) >= 1.0:
        bare.append(bare_s())
        starts_s.append(start_s())
    assert min(starts_s) < max(1.0, 4 * min(bare))


def test_with_nothing_configured_it_is_a_demo_and_says_so_everywhere():
    with gateway() as loro:
        info = httpx.get(loro.url).json()
        assert info["mode"] == "demo" and "SMALL_MODEL_API_KEY" in info["demo"]
        reply = httpx.post(f"{loro.url}/v1/chat/completions", json={**QUESTION, "stream": False}, timeout=10).json()
        assert "demo" in reply["choices"][0]["message"]["content"]
        assert any("loro.demo" in line for line in loro.lines)


def test_sigterm_lets_a_live_stream_finish_and_refuses_new_connections():
    script = {"large": Script(text="word " * 20, first_token_s=0.1, tokens_per_s=20.0)}
    with upstream_process(script) as upstream, gateway("--policy", "direct", **models(upstream.openai_url)) as loro:
        lines: list[str] = []
        started = threading.Event()
        reading = threading.Thread(target=read_all, args=(loro.url, lines, started))
        reading.start()
        assert started.wait(5)
        loro.process.send_signal(signal.SIGTERM)
        while not any("loro.draining" in line for line in loro.lines):
            assert loro.process.poll() is None
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{loro.url}/health")
        reading.join(10)
        assert lines[-2:] == ["data: [DONE]", ""]
        assert loro.process.wait(5) == 0


@pytest.mark.slow
def test_a_stream_longer_than_the_drain_is_cut_and_never_looks_finished():
    script = {"large": Script(text="word " * 400, first_token_s=0.1, tokens_per_s=20.0)}
    with (
        upstream_process(script) as upstream,
        gateway("--policy", "direct", **models(upstream.openai_url), LORO_SERVER_DRAIN_S="0.3") as loro,
    ):
        lines: list[str] = []
        started = threading.Event()
        reading = threading.Thread(target=read_all, args=(loro.url, lines, started))
        reading.start()
        assert started.wait(5)
        began = time.monotonic()
        loro.process.send_signal(signal.SIGTERM)
        assert loro.process.wait(5) == 0
        assert time.monotonic() - began < 3
        reading.join(5)
        assert "data: [DONE]" not in lines and not any('"finish_reason":"stop"' in line for line in lines)


def test_sigint_twice_is_now():
    script = {"large": Script(text="word " * 400, first_token_s=0.1, tokens_per_s=20.0)}
    with upstream_process(script) as upstream, gateway("--policy", "direct", **models(upstream.openai_url)) as loro:
        lines: list[str] = []
        started = threading.Event()
        reading = threading.Thread(target=read_all, args=(loro.url, lines, started))
        reading.start()
        assert started.wait(5)
        loro.process.send_signal(signal.SIGINT)
        while not any("loro.draining" in line for line in loro.lines):
            assert loro.process.poll() is None
        began = time.monotonic()
        loro.process.send_signal(signal.SIGINT)
        assert loro.process.wait(5) == 0
        assert time.monotonic() - began < 2
        reading.join(5)


def test_a_taken_port_is_said_in_one_line_with_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "loro_core", "--host", "127.0.0.1", "--port", port],
            capture_output=True,
            text=True,
            timeout=15,
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr and "--port" in ended.stderr and "Traceback" not in ended.stderr


def test_ready_tells_whether_the_models_are_there():
    with upstream_process(Script()) as upstream:
        environment = models(upstream.openai_url)
        with gateway(**environment) as loro:
            assert httpx.get(f"{loro.url}/ready").status_code == 200
        environment["LARGE_MODEL_BASE_URL"] = "http://127.0.0.1:9/v1"
        with gateway(**environment) as loro:
            answer = httpx.get(f"{loro.url}/ready")
            assert answer.status_code == 503
            assert answer.json()["upstreams"]["large"]["ready"] is False
            assert answer.json()["upstreams"]["small"] == {"ready": True}


def test_keys_are_in_no_line_of_the_log():
    with upstream_process(
        Script(status=401, error_message="Incorrect API key provided: sk-very-secret-key")
    ) as upstream:
        environment = {**models(upstream.openai_url), "LARGE_MODEL_API_KEY": "sk-very-secret-key", "LOG_LEVEL": "trace"}
        with gateway(**environment) as loro:
            httpx.post(f"{loro.url}/v1/chat/completions", json=QUESTION)
    assert loro.lines and not [line for line in loro.lines if "sk-very-secret-key" in line]


@pytest.mark.slow
def test_memory_is_small_after_the_start_and_flat_over_ten_thousand_requests():
    with (
        upstream_process(Script(text="A short answer.", first_token_s=0.0)) as upstream,
        gateway("--policy", "race", **models(upstream.openai_url)) as loro,
    ):
        httpx.get(f"{loro.url}/health")
        assert loro.resident_bytes() < 60 * MiB
        total, callers = 10_000, 8
        sizes: list[int] = []

        def call(count: int) -> None:
            # Not httpx: ten thousand requests of it cost more than all that is measured here.
            with closing(http.client.HTTPConnection(loro.url.removeprefix("http://"), timeout=30)) as client:
                for _ in range(count):
                    client.request("POST", "/v1/chat/completions", body=json.dumps(QUESTION))
                    assert client.getresponse().read().endswith(b"data: [DONE]\n\n")

        for _ in range(10):
            threads = [threading.Thread(target=call, args=(total // 10 // callers,)) for _ in range(callers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            sizes.append(loro.resident_bytes())
        assert sizes[-1] - sizes[1] < 2 * MiB, [f"{size / MiB:.1f}" for size in sizes]
        sockets = loro.open_sockets()
        assert sockets < 40, sockets
