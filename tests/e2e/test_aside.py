"""Large requests are served by a process of their own; small ones never see it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import Gateway, gateway, models
from tests.e2e.test_workers import is_alive, wait_until

pytestmark = pytest.mark.slow

KiB = 1024


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with upstream_process({"large": Script(text="Air scatters blue.")}) as running:
        yield running.openai_url


@pytest.fixture(scope="module")
def one(upstream) -> Iterator[Gateway]:
    with gateway("--policy", "direct", **models(upstream)) as loro:
        yield loro


def question(characters: int, **more) -> dict[str, object]:
    said = "word " * (characters // 5)
    return {"model": "loro", "messages": [{"role": "user", "content": f"{said}Why?"}], "stream": False, **more}


def ask(url: str, characters: int, **more) -> httpx.Response:
    return httpx.post(f"{url}/v1/chat/completions", json=question(characters, **more), timeout=40)


def access_lines(loro: Gateway) -> list[str]:
    return [line for line in loro.lines if "/v1/chat/completions" in line]


def aside_pid(loro: Gateway) -> int:
    return int(re.findall(r"worker\.ready worker=\S*aside pid=(\d+)", "\n".join(loro.lines))[-1])


def test_small_bodies_start_no_process_and_stay_here(upstream):
    with gateway("--policy", "direct", **models(upstream)) as loro:
        assert ask(loro.url, 200 * KiB).status_code == 200
        wait_until(lambda: access_lines(loro), "no access line")
        assert "worker=" not in access_lines(loro)[0]
        assert not any("worker.started" in line for line in loro.lines)


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_large_body_is_served_aside_and_answered_as_any_other(one, chunked):
    body = json.dumps(question(600 * KiB)).encode()
    parts = urlsplit(one.url)
    before = len(access_lines(one))
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=40)
    pieces = (body[at : at + 50_000] for at in range(0, len(body), 50_000))
    connection.request("POST", "/v1/chat/completions", pieces if chunked else body, encode_chunked=chunked)
    response = connection.getresponse()
    reply = json.loads(response.read())
    assert response.status == 200 and reply["choices"][0]["message"]["content"] == "Air scatters blue."
    # The next request may be small, and belongs to the first process again.
    assert response.headers["connection"] == "close"
    connection.close()
    wait_until(lambda: len(access_lines(one)) > before, "no access line")
    assert access_lines(one)[-1].endswith("worker=aside")


def test_its_numbers_are_in_the_metrics_and_are_reset_with_them(one):
    ask(one.url, 600 * KiB)
    httpx.post(f"{one.url}/metrics/reset")
    for characters in (10, 600 * KiB, 10, 600 * KiB):
        assert ask(one.url, characters).status_code == 200
    numbers = httpx.get(f"{one.url}/metrics").json()
    assert numbers["direct_mode"]["total_requests"] == 4
    assert numbers["upstreams"]["large"]["calls"] == 4
    assert "workers" not in numbers
    text = httpx.get(f"{one.url}/metrics", headers={"accept": "text/plain"}).text
    assert 'loro_replies_total{mode="direct",outcome="finished"} 4\n' in text
    httpx.post(f"{one.url}/metrics/reset")
    assert httpx.get(f"{one.url}/metrics").json()["direct_mode"]["total_requests"] == 0


def test_a_refusal_is_told_from_there_and_one_too_large_from_here(one):
    assert ask(one.url, 600 * KiB, stream="yes").json()["error"]["param"] == "stream"
    parts = urlsplit(one.url)
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_expect_100_continue_is_met_by_whoever_reads_the_body(one):
    body = json.dumps(question(600 * KiB)).encode()
    parts = urlsplit(one.url)
    with socket.create_connection((parts.hostname, parts.port)) as client:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        client.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.slow
def test_when_it_is_killed_it_is_replaced_and_large_requests_go_on(one):
    ask(one.url, 600 * KiB)
    first = aside_pid(one)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not is_alive(first), "it lives")
    assert ask(one.url, 600 * KiB).status_code == 200
    assert aside_pid(one) != first


@pytest.mark.slow
def test_never_keeps_them_here(upstream):
    with gateway("--policy", "direct", **models(upstream), LORO_SERVER_ASIDE_BYTES="never") as loro:
        assert ask(loro.url, 600 * KiB).status_code == 200
        assert not any("worker.started" in line for line in loro.lines)


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_large_request_is_drained_like_any_other_and_no_process_is_left(workers):
    script = Script(text="word " * 30, first_token_s=0.1, tokens_per_s=20.0)
    with (
        upstream_process({"large": script}) as upstream,
        gateway("--policy", "direct", "--workers", workers, **models(upstream.openai_url)) as loro,
        httpx.stream(
            "POST", f"{loro.url}/v1/chat/completions", json=question(600 * KiB, stream=True), timeout=40
        ) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        aside = aside_pid(loro)
        loro.process.send_signal(signal.SIGTERM)
        assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert loro.process.wait(10) == 0
        assert not is_alive(aside)


@pytest.mark.slow
def test_it_does_not_outlive_a_killed_gateway(upstream):
    with gateway("--policy", "direct", **models(upstream)) as loro:
        ask(loro.url, 600 * KiB)
        aside = aside_pid(loro)
        loro.process.kill()
        loro.process.wait()
        wait_until(lambda: not is_alive(aside), "it is left")
