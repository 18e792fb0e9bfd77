"""What a client sees of each thing that can go wrong with an upstream, over real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loro_core.plugin.registry import load_plugins
from loro_core.testing import Script, open_upstream
from tests.app.serving import QUESTION, Heard, composed, send

TEXT = "Blue light is scattered the most — 蓝色。"


async def ask(script: Script, *, face: str = "openai", stream: bool = True, **environ: str) -> tuple[Heard, Any]:
    """Return what a client hears of an answering model that plays `script`, and what the model saw."""
    async with open_upstream(script) as upstream:
        settings = {
            "LARGE_MODEL_BASE_URL": upstream.openai_url if face == "openai" else upstream.url,
            "LARGE_MODEL_API_KEY": "none",
            "LORO_REPLY_POLICY": "direct",
            "LORO_MODELS_LARGE_PREWARM": "false",  # an idle connection that breaks would cost one more try
            "MAX_RETRIES": "2",
            **environ,
        }
        async with composed(settings, load_plugins()) as service:
            body = json.dumps({**QUESTION, "stream": stream}).encode()
            heard = await send(service, "POST", "/v1/chat/completions", body=body)
            return heard, upstream.records


def said(heard: Heard) -> str:
    if heard.headers["content-type"] == "application/json":
        return str(heard.json["choices"][0]["message"]["content"])
    assert heard.events[-1] == "[DONE]"
    return heard.text


HARMLESS = {
    "nothing odd": Script(text=TEXT),
    "crlf": Script(text=TEXT, newline="crlf"),
    "cr": Script(text=TEXT, newline="cr"),
    "no space after the colon": Script(text=TEXT, space=False),
    "byte order mark": Script(text=TEXT, bom=True),
    "comments first": Script(text=TEXT, keepalives=3),
    "a byte a write": Script(text="Blue — 蓝。", write_bytes=1),
    "seven bytes a write": Script(text=TEXT, write_bytes=7),
    "head with the first token": Script(text=TEXT, head="late", first_token_s=0.05),
    "role in a chunk of its own": Script(text=TEXT, role="with_head"),
    "no role at all": Script(text=TEXT, role="never"),
    "empty content beside the finish reason": Script(text=TEXT, finish="empty_content"),
    "text beside the finish reason": Script(text=TEXT, finish="with_content"),
    "usage beside the finish reason": Script(text=TEXT, finish="with_usage", usage="always"),
    "usage nobody asked for": Script(text=TEXT, usage="always"),
    "no [DONE]": Script(text=TEXT, done=False),
    "no finish reason": Script(text=TEXT, finish="never"),
    "body until the close": Script(text=TEXT, body="close"),
    "empty answer": Script(text=""),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", HARMLESS)
async def test_the_text_arrives_whole(name, stream):
    heard, _ = await ask(HARMLESS[name], stream=stream)
    assert heard.status == 200 and said(heard) == HARMLESS[name].text


@pytest.mark.parametrize("stream", [True, False])
async def test_ollama_is_recognised_by_asking_and_spoken_to_natively(stream):
    heard, records = await ask(Script(text=TEXT), face="ollama", stream=stream)
    assert said(heard) == TEXT and records[0].path == "/api/chat"


ONCE = {
    "429 with Retry-After": Script(text=TEXT, status=429, retry_after_s=1.0, times=1),
    "500": Script(text=TEXT, status=500, times=1),
    "503": Script(text=TEXT, status=503, times=1),
    "reset before the head": Script(text=TEXT, reset_before_head=True, times=1),
}


@pytest.mark.parametrize("name", ONCE)
async def test_what_fails_once_is_tried_again(name):
    heard, records = await ask(ONCE[name])
    assert said(heard) == TEXT
    assert len(records) == 2
    waited_s = records[1].arrived.monotonic_s - records[0].arrived.monotonic_s
    assert waited_s >= (1.0 if "Retry-After" in name else 0.04)


FOR_EVER = {
    "429": (Script(status=429), 429, 3),
    "503": (Script(status=503), 503, 3),
    "400": (Script(status=400, error_code="context_length_exceeded"), 400, 1),
    "401": (Script(status=401), 401, 1),
    "reset before the head": (Script(reset_before_head=True), 502, 3),
    "silence before the head": (Script(hang="before_head"), 504, 1),
    "silence after the head": (Script(hang="after_head"), 504, 1),
}


@pytest.mark.parametrize("name", FOR_EVER)
async def test_what_fails_for_ever_is_a_status_within_the_budget(name):
    script, status, tries = FOR_EVER[name]
    heard, records = await ask(script, LORO_MODELS_LARGE_FIRST_TOKEN_TIMEOUT_S="0.8")
    assert heard.status == status, heard.body
    assert heard.json["error"]["message"]
    assert len(records) == tries


BROKEN = {
    "cut": Script(text=TEXT, cut_after=3),
    "reset": Script(text=TEXT, reset_after=3),
    "an error in the stream": Script(text=TEXT, error_after=3, error_message="out of memory"),
    "an event that is not JSON": Script(text=TEXT, malformed_after=3),
    "silence": Script(text=TEXT, stall_after=3, stall_s=60.0),
    "a body that ends in good form, but too soon": Script(text=TEXT, end_after=3),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_breaks_off_is_one_error_event_and_never_looks_finished(name):
    heard, records = await ask(BROKEN[name], LORO_MODELS_LARGE_IDLE_TIMEOUT_S="0.5")
    assert heard.status == 200 and heard.complete
    assert TEXT.startswith(heard.text) and heard.text not in ("", TEXT)
    *chunks, last = heard.chunks
    assert list(last) == ["error"] and set(last["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in heard.events
    assert not [c for c in chunks if "error" in c or c["choices"][0]["finish_reason"]]
    assert len(records) == 1, "a stream that has begun must not be asked for again"


@pytest.mark.parametrize("name", ["cut", "reset"])
async def test_a_whole_reply_that_breaks_off_is_a_502(name):
    script = {"cut": Script(text=TEXT * 50, cut_after=3), "reset": Script(text=TEXT * 50, reset_after=3)}[name]
    heard, _ = await ask(script, stream=False, MAX_RETRIES="0")
    assert heard.status == 502 and heard.json["error"]["code"].startswith("upstream_")
