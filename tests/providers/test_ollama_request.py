from __future__ import annotations

import pytest

from loro_core import Message, UpstreamStatus
from loro_core.wire.json_text import decode_json
from loro_ollama import OllamaProvider
from loro_ollama.request import request_body, root
from tests.providers.fake_http import deployment, request


def body(asked=None, **settings):
    return decode_json(request_body(deployment(**settings), asked or request()))


def asked_with(**parameters):
    return body(request(parameters=parameters))


def message(role, **fields) -> Message:
    content = fields.get("content")
    text = content if isinstance(content, str) else "".join(p.get("text", "") for p in content or [])
    return Message(role=role, text=text, fields={"role": role, **fields})


@pytest.mark.parametrize(
    "base_url",
    ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "http://h:1/api", "http://h:1/api/chat"],
)
def test_base_url_may_end_in_any_of_the_usual_ways(base_url):
    assert root(base_url) == "http://h:1"


def test_smallest_request():
    assert body() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "keep_alive": "10m",
    }


def test_not_streaming_must_be_said_for_it_is_not_the_default():
    assert body(request(stream=False))["stream"] is False


def test_sampling_goes_into_options():
    """An ancestor of loro lost temperature, max_tokens and stop."""
    given = {
        "temperature": 0.2,
        "top_p": 0.5,
        "top_k": 3,
        "seed": 7,
        "min_p": 0.1,
        "num_ctx": 99,
        "repeat_penalty": 1.1,
    }
    assert asked_with(**given, max_tokens=5, stop="x")["options"] == given | {"num_predict": 5, "stop": ["x"]}
    assert asked_with(stop=["x", "y"], presence_penalty=1, frequency_penalty=2)["options"] == {
        "stop": ["x", "y"],
        "presence_penalty": 1,
        "frequency_penalty": 2,
    }


def test_newer_name_of_the_token_limit_wins():
    assert asked_with(max_completion_tokens=7, max_tokens=5)["options"] == {"num_predict": 7}


def test_deployments_options_are_defaults():
    settings = {"options": {"num_ctx": 8192, "temperature": 0, "keep_alive": "-1", "think": False}}
    sent = body(request(parameters={"temperature": 1}), **settings)
    assert sent["options"] == {"num_ctx": 8192, "temperature": 1}
    assert (sent["keep_alive"], sent["think"]) == ("-1", False)


def test_extra_fields_win_and_dropped_fields_go():
    settings = {
        "extra_fields": {"options": {"num_gpu": 0}, "keep_alive": 0},
        "drop_fields": frozenset({"seed", "think"}),
    }
    sent = body(request(parameters={"seed": 1, "top_k": 2, "think": True}), **settings)
    assert sent["options"] == {"top_k": 2, "num_gpu": 0}
    assert sent["keep_alive"] == 0
    assert "think" not in sent


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("minimal", "low"), ("low", "low"), ("high", "high")])
def test_reasoning_effort_is_think(effort, think):
    assert (
        asked_with(reasoning_effort=effort)["think"] is think or asked_with(reasoning_effort=effort)["think"] == think
    )


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, "json"),
    ],
)
def test_response_format_is_format(wanted, sent):
    assert asked_with(response_format=wanted).get("format") == sent


def test_tools_and_log_probabilities_travel():
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert asked_with(tools=tools, tool_choice="auto")["tools"] == tools
    assert "tools" not in asked_with(tools=tools, tool_choice="none")
    assert asked_with(logprobs=True, top_logprobs=3)["top_logprobs"] == 3


@pytest.mark.parametrize(
    "name", ["user", "metadata", "store", "service_tier", "parallel_tool_calls", "stream_options", "verbosity"]
)
def test_what_the_reply_is_as_good_without_is_left_out(name):
    assert asked_with(**{name: {"a": 1}}) == body()


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"n": 2}, "n"),
        ({"parameters": {"logit_bias": {"1": 2}}}, "logit_bias"),
        ({"parameters": {"functions": [{}]}}, "functions"),
        ({"parameters": {"tool_choice": "required"}}, "tool_choice"),
        ({"parameters": {"tool_choice": {"type": "function", "function": {"name": "f"}}}}, "tool_choice"),
        ({"parameters": {"modalities": ["text", "audio"]}}, "modalities"),
        ({"parameters": {"audio": {"voice": "a"}}}, "audio"),
        ({"parameters": {"web_search_options": {"a": 1}}}, "web_search_options"),
    ],
)
def test_what_would_change_the_reply_is_refused_by_name(settings, param):
    with pytest.raises(UpstreamStatus) as caught:
        body(request(**settings))
    error = caught.value
    assert (error.status, error.param, error.code) == (400, param, "unsupported_parameter")
    assert error.message.startswith(param)


def test_refusals_that_the_operator_drops_are_no_refusals():
    assert body(request(parameters={"logit_bias": {"1": 2}}), drop_fields=frozenset({"logit_bias"})) == body()


def test_null_parameters_are_not_asked_for():
    assert asked_with(temperature=None, logit_bias=None, tool_choice=None, response_format=None) == body()


PIXEL = "data:image/png;base64,iVBORw0KGgo="


def test_picture_travels_as_base64():
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    (sent,) = body(request(message("user", content=parts)))["messages"]
    assert sent == {"role": "user", "content": "See", "images": ["iVBORw0KGgo="]}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://h/cat.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png,raw"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "file", "file": {}},
    ],
)
def test_content_that_ollama_cannot_take_is_refused_by_its_place(part):
    with pytest.raises(UpstreamStatus) as caught:
        body(request(message("user", content="a"), message("user", content=[{"type": "text", "text": "b"}, part])))
    assert caught.value.param == "messages[1].content[1]"


def test_roles():
    sent = body(request(message("developer", content="a"), message("function", content="b", name="f")))["messages"]
    assert sent == [{"role": "system", "content": "a"}, {"role": "tool", "content": "b", "tool_name": "f"}]


def test_tool_turn_goes_back_as_ollama_wants_it():
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    sent = body(
        request(
            message("assistant", content=None, tool_calls=[call], reasoning_content="hm"),
            message("tool", content="7", tool_call_id="c1"),
        )
    )["messages"]
    assert sent == [
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "7", "tool_name": "f", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("", {}),
        (None, {}),
        ("{}", {}),
        ({"a": 1}, {"a": 1}),
        ("{broken", {"arguments": "{broken"}),
        ("[1]", {"arguments": "[1]"}),
    ],
)
def test_arguments_of_an_earlier_turn_are_always_an_object(arguments, sent):
    call = {"id": "c1", "function": {"name": "f", "arguments": arguments}}
    (told,) = body(request(message("assistant", content="", tool_calls=[call])))["messages"]
    assert told["tool_calls"][0]["function"]["arguments"] == sent


BEGUN = {"role": "assistant", "content": "Let me think. So,"}


def test_words_that_the_reply_begins_with_are_a_last_message_left_open():
    before = body(request())
    told = decode_json(request_body(deployment(), request(), "Let me think. So,"))
    assert told == {**before, "messages": [*before["messages"], BEGUN]}


@pytest.mark.parametrize(
    ("settings", "parameters", "continues"),
    [
        ({}, {}, True),
        ({"options": {"prefill": "none"}}, {}, False),
        ({"options": {"think": True}}, {}, False),
        ({"options": {"think": False}}, {}, True),
        ({"extra_fields": {"think": "high"}}, {}, False),
        ({}, {"reasoning_effort": "low"}, False),
        ({"options": {"think": True}}, {"reasoning_effort": "none"}, True),
    ],
)
def test_a_model_that_is_asked_to_think_does_not_go_on(settings, parameters, continues):
    assert OllamaProvider().continues(deployment(**settings), request(parameters=parameters)) is continues
