"""Two answering models in a process of their own, and one of them in trouble; loro is another process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from loro_core.testing import Record, Script, upstream_process
from loro_core.testing.upstream.process import UpstreamProcess
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.test_two_legs import QUESTION

pytestmark = pytest.mark.slow

TEXT = "Light from the sun is scattered by the air, and blue light is scattered the most."
HEALTHY = Script(text=TEXT, first_token_s=0.2, tokens_per_s=100.0)


@dataclass
class Scene:
    """a, b: what the two models were asked, in order."""

    loro: Gateway
    client: httpx.Client
    upstream: UpstreamProcess

    @property
    def a(self) -> list[Record]:
        return [record for record in self.upstream.records() if record.model == "a"]

    @property
    def b(self) -> list[Record]:
        return [record for record in self.upstream.records() if record.model == "b"]


@dataclass
class Heard:
    """One streamed reply. at_s: seconds from the request to each of its texts."""

    texts: list[str] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    finish_reasons: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    done: bool = False
    usage: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return "".join(self.texts)


@contextmanager
def scene(a: Script, b: Script, *, policy: str = "direct", **environment: str) -> Iterator[Scene]:
    with upstream_process({"a": a, "b": b}) as upstream:
        models = {
            "LARGE_MODEL_BASE_URL": upstream.openai_url,
            "LARGE_MODEL_NAME": "a",
            "LARGE_MODEL_API_KEY": "none",
            "FALLBACK_MODEL_BASE_URL": upstream.openai_url,
            "FALLBACK_MODEL_NAME": "b",
            "FALLBACK_MODEL_API_KEY": "none",
            "LORO_MODELS_FALLBACK_OPTIONS": '{"prefill": "trailing-message"}',
            "LORO_HEDGE_SHARE": "0",
            "MAX_RETRIES": "0",
        }
        with (
            gateway("--policy", policy, **{**models, **environment}) as loro,
            httpx.Client(base_url=loro.url, timeout=10) as client,
        ):
            yield Scene(loro, client, upstream)


def ask(client: httpx.Client, **more: Any) -> Heard:
    heard = Heard()
    start = time.perf_counter()
    with client.stream(
        "POST", "/v1/chat/completions", json={"messages": QUESTION, "model": "m", "stream": True, **more}
    ) as r:
        assert r.status_code == 200, r.read()
        for line in r.iter_lines():
            if line == "data: [DONE]":
                heard.done = True
            elif line.startswith("data: "):
                chunk = json.loads(line.removeprefix("data: "))
                heard.error = chunk.get("error", heard.error)
                heard.usage = chunk.get("usage") or heard.usage
                for choice in chunk.get("choices", ()):
                    if choice["delta"].get("content"):
                        heard.texts.append(choice["delta"]["content"])
                        heard.at_s.append(time.perf_counter() - start)
                    if choice["finish_reason"]:
                        heard.finish_reasons.append(choice["finish_reason"])
    return heard


BREAKS = {
    "closed": Script(text=TEXT, first_token_s=0.2, tokens_per_s=100.0, cut_after=5),
    "reset": Script(text=TEXT, first_token_s=0.2, tokens_per_s=100.0, reset_after=5),
    "silent": Script(text=TEXT, first_token_s=0.2, tokens_per_s=100.0, hang_after=5),
    "an error in the stream": Script(text=TEXT, first_token_s=0.2, tokens_per_s=100.0, error_after=5),
}


def slow(*values: str) -> Any:
    """A further case of what a quicker one shows, too: the composed gateway is tested with all of them."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("how", "prefill"),
    [
        ("reset", "continue"),
        ("silent", "echo"),
        *[slow(how, prefill) for how in BREAKS for prefill in ("continue", "echo")],
    ],
)
def test_one_dies_after_five_tokens_and_the_other_goes_on(how, prefill):
    b = Script(text=TEXT, first_token_s=0.2, tokens_per_s=100.0, prefill=prefill)
    with scene(BREAKS[how], b, LORO_MODELS_LARGE_IDLE_TIMEOUT_S="0.4") as s:
        heard = ask(s.client, stream_options={"include_usage": True})
        assert heard.text == TEXT
        assert (heard.finish_reasons, heard.done, heard.error) == (["stop"], True, None)
        (a_record,), (b_record,) = s.a, s.b
        assert a_record.tokens == 5 and a_record.end in ("fault", "gone")
        body: Any = b_record.body
        assert body["messages"][-1] == {"role": "assistant", "content": "Light from the sun is"}
        assert heard.usage is not None and heard.usage["completion_tokens"] == b_record.tokens
    assert any("taken_over=after" in line and "answered_by=fallback" in line for line in s.loro.lines)


@pytest.mark.timing
@pytest.mark.parametrize("policy", ["instant", slow("race")])
def test_the_same_behind_an_acknowledgement(policy):
    with scene(BREAKS["reset"], HEALTHY, policy=policy) as s:
        heard = ask(s.client)
        words = heard.texts[0]
        assert heard.text.lower() == f"{words.rstrip()} {TEXT}".lower() and heard.done
        assert heard.at_s[0] < 0.15


@pytest.mark.timing
def test_headers_then_nothing_is_answered_within_the_deadline_and_the_others_own_time():
    with scene(Script(hang="after_head"), HEALTHY, LORO_MODELS_LARGE_FIRST_TOKEN_TIMEOUT_S="0.5") as s:
        heard = ask(s.client)
        assert heard.text == TEXT and heard.done
        assert 0.7 <= heard.at_s[0] <= 0.7 + 0.25
        assert s.a[0].end == "gone"


@pytest.mark.parametrize("apology", ["", slow("Sorry, that went wrong.")])
@pytest.mark.slow
def test_both_dead_is_an_error_and_no_speech_but_the_apology(apology):
    dead = Script(hang="before_head"), Script(reset_before_head=True)
    limits = {"LORO_MODELS_LARGE_FIRST_TOKEN_TIMEOUT_S": "0.3", "LORO_REPLY_APOLOGY": apology}
    with scene(*dead, policy="instant", **limits) as s:
        heard = ask(s.client)
        assert heard.texts[1:] == ([f" {apology}"] if apology else [])
        assert heard.error is not None and heard.error["message"]
        assert not heard.done and not heard.finish_reasons


def test_one_that_cannot_go_on_leaves_an_error_and_never_a_silent_cut():
    with scene(BREAKS["reset"], Script(text=TEXT, prefill="refuse")) as s:
        heard = ask(s.client)
        assert TEXT.startswith(heard.text) and len(heard.text.split()) == 5
        assert heard.error is not None and "large" in heard.error["message"]
        assert not heard.done and not heard.finish_reasons


@pytest.mark.timing
def test_a_slow_one_is_hedged_within_the_budget_and_the_loser_is_cancelled_at_once():
    slow, quick = Script(text="Slow.", first_token_s=0.5), Script(text="Quick.", first_token_s=0.05)
    with scene(slow, quick, LORO_HEDGE_AFTER_S="0.1", LORO_HEDGE_SHARE="0.1") as s:
        ask(s.client)  # the first reply pays for the connections
        heard = [ask(s.client) for _ in range(4)]
        assert [h.text for h in heard] == ["Quick.", "Slow.", "Slow.", "Slow."]
        assert heard[0].at_s[0] <= 0.15 + 0.15
        a, b = s.a, s.b
        assert len(b) == 2 and [record.end for record in a[:2]] == ["gone", "gone"]
        for loser, winner in zip(a, b, strict=False):
            assert loser.ended is not None and winner.first_token is not None
            assert loser.ended.monotonic_s - winner.first_token.monotonic_s <= 0.050
        upstreams = s.client.get("/metrics").json()["upstreams"]
        assert (upstreams["fallback"]["hedges_won"], upstreams["large"]["wasted"]) == (2, 2)
        assert {upstream["in_flight"] for upstream in upstreams.values()} == {0}


@pytest.mark.timing
@pytest.mark.slow
def test_a_client_that_leaves_takes_both_calls_of_a_hedge_with_it():
    silent = Script(hang="after_head")
    with scene(silent, silent, LORO_HEDGE_AFTER_S="0.05", LORO_HEDGE_SHARE="0.1") as s:
        with pytest.raises(httpx.ReadTimeout):
            s.client.post(
                "/v1/chat/completions", json={"messages": QUESTION, "model": "m", "stream": True}, timeout=0.4
            )
        left = time.monotonic()
        deadline = left + 5
        while time.monotonic() < deadline and not all(r.ended for r in (*s.a, *s.b)):
            time.sleep(0.005)
        (a_record,), (b_record,) = s.a, s.b
        for record in (a_record, b_record):
            assert record.end == "gone" and record.ended is not None and record.ended.monotonic_s - left <= 0.050
