"""The main job, with everything in processes of its own: the acknowledgement early, the answer no later than alone.

The bars are those of a machine that has time. How late it is at each moment is told by calls straight to the small
model, between the others: on a quiet machine they come within 5 ms of their time, and nothing is added to a bar.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import gateway, models

QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]
ANSWER = "Light from the sun is scattered by the air, and blue light is scattered the most."
WORDS = "Good question, let me see. So,"
ROUNDS = 5
SMALL_S = 0.1

pytestmark = pytest.mark.timing


@dataclass
class Heard:
    """One streamed reply, with the seconds from the request to its moments."""

    first_s: float = 0.0
    total_s: float = 0.0
    texts: list[str] = field(default_factory=list)
    chunks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def ask(client: httpx.Client, **more) -> Heard:
    heard = Heard()
    body = {"model": "loro", "messages": QUESTION, "stream": True, **more}
    start = time.perf_counter()
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.status_code == 200, response.read()
        for line in response.iter_lines():
            if line.startswith("data: {"):
                chunk = json.loads(line.removeprefix("data: "))
                heard.chunks.append(chunk)
                text = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
                if text and not heard.texts:
                    heard.first_s = time.perf_counter() - start
                heard.texts += [text] if text else []
    heard.total_s = time.perf_counter() - start
    return heard


@pytest.fixture(scope="module")
def slow_pair() -> Iterator[tuple[httpx.Client, object]]:
    scripts = {
        "small": Script(text=WORDS, first_token_s=SMALL_S),
        "large": Script(text=ANSWER, first_token_s=0.3, tokens_per_s=200.0),
    }
    with (
        upstream_process(scripts) as upstream,
        gateway("--policy", "race", **models(upstream.openai_url)) as loro,
        httpx.Client(base_url=loro.url, timeout=10) as client,
    ):
        ask(client)  # the first reply pays for the connections
        yield client, upstream


def late_s(straight: list[Heard]) -> float:
    """Return how late a machine is at which the small model was heard so, but for the 5 ms of a quiet one."""
    return max(0.0, statistics.median(heard.first_s for heard in straight) - SMALL_S - 0.005)


def test_first_content_comes_with_the_small_model_and_the_total_is_that_of_direct_mode(slow_pair):
    client, upstream = slow_pair
    quick, direct, straight = [], [], []
    with httpx.Client(base_url=upstream.url, timeout=10) as small:
        ask(small, model="small")  # as for loro, the first one pays for the connection
        for _ in range(ROUNDS):
            quick.append(ask(client))
            straight.append(ask(small, model="small"))
            direct.append(ask(client, disable_quick_response=True))
    assert {q.text for q in quick} == {f"{WORDS} {ANSWER}"}
    assert {d.text for d in direct} == {ANSWER}
    machine_s = 2 * late_s(straight)  # there are two connections on the way instead of one
    assert statistics.median(q.first_s for q in quick) <= 0.130 + machine_s
    quick_total_s, direct_total_s = (statistics.median(h.total_s for h in heard) for heard in (quick, direct))
    assert quick_total_s <= direct_total_s + 0.030 + machine_s


@pytest.mark.slow
def test_both_requests_reach_the_upstream_at_the_same_instant(slow_pair):
    client, upstream = slow_pair
    upstream.reset()
    for _ in range(ROUNDS):
        ask(client)
    arrivals: dict[str, list[float]] = {"small": [], "large": []}
    for record in upstream.records():
        arrivals[record.model].append(record.arrived.unix_s)
    apart_s = [abs(s - a) for s, a in zip(arrivals["small"], arrivals["large"], strict=True)]
    # Had one waited for the other, they would all be 100 ms apart; a busy machine may delay two of five.
    assert len(apart_s) == ROUNDS and statistics.median(apart_s) <= 0.020


@pytest.mark.slow
def test_a_quick_large_model_is_not_acknowledged_and_its_stream_is_that_of_direct_mode():
    scripts = {
        "small": Script(text=WORDS, first_token_s=0.1),
        "large": Script(text=ANSWER, first_token_s=0.05, tokens_per_s=100.0),
    }
    with (
        upstream_process(scripts) as upstream,
        gateway("--policy", "race", **models(upstream.openai_url)) as loro,
        httpx.Client(base_url=loro.url, timeout=10) as client,
    ):
        quick, direct = ask(client), ask(client, disable_quick_response=True)
        # Batches fall where the reads fall; what is said, and in which order, is the same.
        same_for_all = ("object", "model")
        assert [[c[k] for k in same_for_all] for c in quick.chunks][:1] == [
            [c[k] for k in same_for_all] for c in direct.chunks
        ][:1]
        assert [c["choices"] for c in quick.chunks] == [c["choices"] for c in direct.chunks]
        assert quick.text == direct.text == ANSWER
        small = next(r for r in upstream.records() if r.model == "small")
        assert small.end == "gone" and small.ended is not None and small.tokens == 0


@pytest.mark.slow
def test_adaptive_learns_that_a_model_is_quick_and_stops_asking_the_small_one():
    scripts = {"small": Script(text=WORDS, first_token_s=0.1), "large": Script(text=ANSWER, first_token_s=0.02)}
    with (
        upstream_process(scripts) as upstream,
        gateway(**models(upstream.openai_url)) as loro,
        httpx.Client(base_url=loro.url, timeout=10) as client,
    ):
        for _ in range(10):
            ask(client)
        asked = [r.model for r in upstream.records()]
        assert asked.count("large") == 10 and 5 <= asked.count("small") <= 8
