from __future__ import annotations

import pytest

from loro_core import Message, Secret
from loro_core.wire.json_text import decode_json
from loro_openai.request import completions_url, models_url, request_body, request_headers
from tests.providers.fake_http import deployment, request


def body(asked=None, **settings):
    return decode_json(request_body(deployment(**settings), asked or request()))


@pytest.mark.parametrize(
    "base_url", ["http://h/v1", "http://h/v1/", "http://h/v1/chat/completions", "http://h/v1/chat/completions/"]
)
def test_base_url_may_end_in_any_of_the_usual_ways(base_url):
    assert completions_url(base_url) == "http://h/v1/chat/completions"
    assert models_url(base_url) == "http://h/v1/models"


def test_base_url_without_a_path():
    assert completions_url("http://h:1") == "http://h:1/chat/completions"


def test_key_is_sent_only_if_there_is_one():
    assert "authorization" not in request_headers(deployment(), accept="a/b")
    headers = request_headers(deployment(api_key=Secret("sk-1")), accept="text/event-stream")
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["accept"] == "text/event-stream"


def test_body_is_what_the_client_asked_with_the_deployments_model():
    message = Message(
        role="user", text="hi", fields={"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "Al"}
    )
    assert body(request(message, parameters={"temperature": 0.5, "tools": []})) == {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "Al"}],
        "stream": True,
        "temperature": 0.5,
        "tools": [],
    }


def test_platform_fields_stay_here():
    assert "call" not in body(request(platform={"call": {"id": "1"}}))


def test_n_is_asked_for():
    assert "n" not in body()
    assert body(request(n=2))["n"] == 2


def test_extra_fields_win_and_dropped_fields_go():
    settings = {
        "extra_fields": {"temperature": 0, "think": False},
        "drop_fields": frozenset({"user", "stream_options"}),
    }
    asked = request(parameters={"temperature": 1, "user": "u"}, include_usage=True)
    assert body(asked, **settings) == body() | {"temperature": 0, "think": False}


@pytest.mark.parametrize(
    ("stream", "include_usage", "given", "sent"),
    [
        (True, True, None, {"include_usage": True}),
        (True, True, {"include_obfuscation": False}, {"include_obfuscation": False, "include_usage": True}),
        (True, True, {"include_usage": True}, {"include_usage": True}),
        (True, False, None, None),
        (True, False, {"include_usage": False}, None),
        (True, False, {"include_obfuscation": False}, {"include_obfuscation": False}),
        (False, True, {"include_usage": True}, None),
    ],
)
def test_stream_options(stream, include_usage, given, sent):
    parameters = {} if given is None else {"stream_options": given}
    asked = request(stream=stream, include_usage=include_usage, parameters=parameters)
    assert body(asked).get("stream_options") == sent
    assert body(asked)["stream"] is stream
