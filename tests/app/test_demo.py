"""The demonstration, as whoever types `make run` for the first time meets it."""

from __future__ import annotations

import json

import pytest

from loro_core.plugin.registry import load_plugins
from tests.app.serving import composed, send

TURNS = [
    "Hello, good to meet you!",
    "Why is the sky blue?",
    "Please turn on the light.",
    "How are you today?",
    "你好，很高兴认识你",
    "天空为什么是蓝色的？",
    "请帮我开灯",
]


@pytest.mark.parametrize("turn", TURNS)
async def test_both_models_speak_with_the_delays_of_a_real_pair_and_own_up_to_being_none(turn, autojump_clock):
    async with composed({}, load_plugins()) as service:
        body = json.dumps({"model": "loro", "stream": True, "messages": [{"role": "user", "content": turn}]}).encode()
        heard = await send(service, "POST", "/v1/chat/completions", body=body)
        numbers = (await send(service, "GET", "/metrics")).json
    assert numbers["acknowledgements"]["by_model"] == 1, numbers["acknowledgements"]["words_rejected"]
    # Nobody has measured these models yet, so the words are held a little: the answer might be first.
    assert 0.1 <= heard.first_text_s <= 0.3
    assert numbers["quick_response_mode"]["answer_first_token_latency"]["avg"] == pytest.approx(1.22, abs=0.03)
    assert "demo" in heard.text or "演示" in heard.text
