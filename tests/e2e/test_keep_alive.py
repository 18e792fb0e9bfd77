"""A stream with comments in it, read by the official `openai` client and byte by byte, from loro as a process."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import gateway, models

QUESTION: list[Any] = [{"role": "user", "content": "Why is the sky blue?"}]
ANSWER = "Because the air scatters blue light the most."
EVERY_S = 0.1
STALL_S = 0.55


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    script = Script(text=ANSWER, first_token_s=0.3, stall_after=3, stall_s=STALL_S)
    with (
        upstream_process({"large": script, "small": Script(text="Hm.")}) as upstream,
        gateway("--policy", "direct", **models(upstream.openai_url), LORO_REPLY_COMMENT_AFTER_S=str(EVERY_S)) as loro,
    ):
        yield f"{loro.url}/v1"


def test_the_openai_client_reads_the_stream_unharmed(url):
    with OpenAI(base_url=url, api_key="sk-test", max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="loro", messages=QUESTION, stream=True))
        with client.chat.completions.stream(model="loro", messages=QUESTION) as stream:
            whole: Any = stream.get_final_completion()
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == ANSWER
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (ANSWER, "stop")


@pytest.mark.slow
@pytest.mark.timing
def test_the_comments_stand_alone_between_two_events_at_their_times(url):
    lines: list[tuple[float, str]] = []
    body = {"model": "loro", "messages": QUESTION, "stream": True}
    with httpx.stream("POST", f"{url}/chat/completions", json=body, timeout=10) as response:
        lines += [(time.monotonic(), line) for line in response.iter_lines()]
    assert lines[0][1].startswith("data: ")  # nothing before the first token, at 0.3 s
    comments = [at for at, line in lines if line.startswith(":")]
    events = [(at, line) for at, line in lines if line and not line.startswith(":")]
    assert {line for _, line in lines if line.startswith(":")} == {": keep-alive"}
    assert all(line.startswith("data: ") for _, line in events) and events[-1][1] == "data: [DONE]"
    assert [json.loads(line[6:])["object"] for _, line in events[:-1]]
    # At 0.1, 0.2, ... s of the 0.55 s of silence; a busy machine may be late, never early.
    third = events[2][0]
    assert len(comments) >= 2
    assert all(at - third >= EVERY_S * number - 0.03 for number, at in enumerate(comments, 1))
    assert all(after == "" for (_, line), (_, after) in itertools.pairwise(lines) if line.startswith(":"))
