"""A client that leaves takes both upstream calls with it, wherever the reply stands."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import gateway, models

CANCELLED_WITHIN_S = 0.050
TRIES = 3  # the best of them counts: a busy machine may delay any one, and a call that is not cancelled is never quick

pytestmark = pytest.mark.timing
slow = pytest.mark.slow
SCRIPTS = {
    "small": Script(text="Let me see. So,", first_token_s=0.1),
    "slow-small": Script(text="Let me see. So,", first_token_s=3.0),
    "large": Script(text="word " * 200, first_token_s=0.5, tokens_per_s=20.0),
    "late-head": Script(text="word " * 200, first_token_s=5.0, head="late"),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Any]:
    with upstream_process(SCRIPTS) as running:
        yield running


def leave(url: str, after_s: float, asked: Callable[[], bool], **more) -> float:
    """Ask, leave after so long, once the models were asked, and return when that was, as a clock on the wall tells."""
    parts = urlsplit(url)
    body = json.dumps(
        {"model": "loro", "messages": [{"role": "user", "content": "Why is the sky blue?"}], **more}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(head.encode() + body)
        time.sleep(after_s)  # a user's patience is real time
        deadline = time.monotonic() + 10
        while not asked():  # a busy machine takes longer than the user's patience
            assert time.monotonic() < deadline, "the models were not asked"
            time.sleep(0.01)
    return time.time()


@pytest.mark.parametrize(
    ("what", "small", "large", "after_s", "stream", "called"),
    [
        ("before anything was said", "slow-small", "late-head", 0.2, True, {"slow-small", "late-head"}),
        ("after the acknowledgement", "small", "large", 0.3, True, {"large"}),
        pytest.param("in the middle of the answer", "small", "large", 0.9, True, {"large"}, marks=slow),
        pytest.param(
            "when it does not stream", "small", "late-head", 0.2, False, {"late-head"}, marks=pytest.mark.slow
        ),
    ],
)
def test_both_calls_are_cancelled_within_50_ms(upstream, what, small, large, after_s, stream, called):
    lags_s: list[float] = []
    with gateway("--policy", "race", **models(upstream.openai_url, small=small, large=large)) as loro:
        while len(lags_s) < TRIES and min(lags_s, default=1.0) > CANCELLED_WITHIN_S:
            upstream.reset()
            left_at = leave(loro.url, after_s, lambda: {r.model for r in upstream.records()} >= called, stream=stream)
            deadline = time.monotonic() + 3
            while not (records := [r for r in upstream.records() if r.model in called]) or any(
                r.end == "open" for r in records
            ):
                assert time.monotonic() < deadline, f"{what}: {records}"
            assert {r.model for r in records} == called
            assert {r.end for r in records} == {"gone"}, what
            lags_s.append(max(r.ended.unix_s for r in records) - left_at)
    assert min(lags_s) <= CANCELLED_WITHIN_S, what
    lines = [line for line in loro.lines if "/v1/chat/completions" in line]
    assert len(lines) == len(lags_s) and all("outcome=cancelled" in line for line in lines)
