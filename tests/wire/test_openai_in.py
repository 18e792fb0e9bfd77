from __future__ import annotations

import json
from typing import Any

import pytest

from loro_core.chat import ChatRequest
from loro_core.errors import BadRequest
from loro_core.wire.openai_in import RequestRules, decode_chat_request

HELLO = [{"role": "user", "content": "Hello"}]
PLAIN = RequestRules(default_temperature=None)
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def decode(rules: RequestRules = PLAIN, /, **fields: Any) -> ChatRequest:
    return decode_chat_request(json.dumps({"model": "m", "messages": HELLO} | fields).encode(), rules)


def refusal(rules: RequestRules = PLAIN, /, **fields: Any) -> tuple[str, str | None]:
    """Return (message, param) of the error that a request with `fields` gets."""
    with pytest.raises(BadRequest) as info:
        decode(rules, **fields)
    assert (info.value.status, info.value.type, info.value.code) == (400, "invalid_request_error", "validation_failed")
    return info.value.message, info.value.param


def refusal_of_message(**fields: Any) -> tuple[str, str | None]:
    return refusal(messages=[*HELLO, fields])


def test_the_least_request() -> None:
    request = decode()
    assert (request.model, request.stream, request.include_usage, request.n) == ("m", False, False, 1)
    assert not request.disable_quick_response
    assert request.parameters == {}
    assert request.platform == {}
    [message] = request.messages
    assert (message.role, message.text, message.fields) == ("user", "Hello", HELLO[0])


# --- the body ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not valid JSON: empty"),
        (b" \n", "The body is not valid JSON: empty"),
        (b'{"model": "m", ]', "(byte 15)"),
        (b'{"model": "m"', "The body is not valid JSON: unfinished: 13 bytes are no whole document"),
        (b'{"model": "m"} x', "trailing characters"),
        (b'{"model": "\xff"}', "The body is not valid JSON: not UTF-8 (byte 11)"),
        (b'{"model": NaN}', "(byte 10)"),
        (b'{"temperature": Infinity}', "(byte 16)"),
        (b'{"temperature": 1e400}', "Number out of range"),
        (b'{"model": "m", "messages": ' + b"[" * 100_000, "nested deeper than 128 levels"),
        (b"[]", "The body must be a JSON object, not an array"),
        (b'"hello"', "The body must be a JSON object, not a string"),
        (b"null", "The body must be a JSON object, not null"),
        (b"12", "The body must be a JSON object, not an integer"),
    ],
)
def test_a_body_that_is_no_json_object(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as info:
        decode_chat_request(body, PLAIN)
    assert message in info.value.message
    assert info.value.param is None


def test_of_a_field_that_stands_twice_the_last_counts() -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":"x"}],"model":"b"}'
    assert decode_chat_request(body, PLAIN).model == "b"


# --- model and messages ------------------------------------------------------------------------------------------


def test_model() -> None:
    for empty in (None, "", "  "):
        assert refusal(model=empty) == ("Model name cannot be empty", "model")
    assert refusal(model=5) == ("model must be a string, not an integer", "model")
    assert decode(model=" m ").model == " m "


def test_messages_must_be_there() -> None:
    error = ("Messages array cannot be empty", "messages")
    assert refusal(messages=None) == refusal(messages=[]) == error
    assert refusal(messages="Hello") == ("messages must be an array, not a string", "messages")
    assert refusal(messages=[*HELLO, "x"]) == ("messages[1] must be an object, not a string", "messages[1]")


def test_roles() -> None:
    for role in ("system", "developer", "user", "assistant"):
        assert decode(messages=[{"role": role, "content": "x"}]).messages[0].role == role
    assert refusal_of_message(role="robot", content="x") == ("Message 1 has invalid role: robot", "messages[1].role")
    for empty in (None, "", " "):
        assert refusal_of_message(role=empty, content="x") == ("Message 1 role cannot be empty", "messages[1].role")
    assert refusal_of_message(role=1, content="x") == (
        "messages[1].role must be a string, not an integer",
        "messages[1].role",
    )


def test_content_must_be_there_unless_something_was_done_instead() -> None:
    empty = ("Message 1 content cannot be empty", "messages[1].content")
    for role in ("system", "developer", "user", "assistant"):
        assert refusal_of_message(role=role) == empty
        assert refusal_of_message(role=role, content=None) == empty
        assert refusal_of_message(role=role, content=[]) == empty
    assert refusal_of_message(role="assistant", content=None, tool_calls=[]) == empty
    assert refusal_of_message(role="user", content=None, tool_calls=[CALL]) == empty
    assert refusal_of_message(role="tool", tool_call_id="call_1") == empty
    for deed in ({"tool_calls": [CALL]}, {"refusal": "No."}, {"audio": {"id": "a"}}, {"function_call": {"name": "f"}}):
        for content in ({}, {"content": None}):
            message = {"role": "assistant", **content, **deed}
            assert decode(messages=[*HELLO, message]).messages[1].fields == message
    assert decode(messages=[*HELLO, {"role": "function", "name": "f", "content": None}]).messages[1].text == ""


def test_silence_is_not_an_error() -> None:
    """Voice platforms send "" for a user who says nothing, and a trailing empty assistant message."""
    silent = [*HELLO, {"role": "assistant", "content": "Hi!"}, {"role": "user", "content": ""}]
    assert decode(messages=silent).last_user_text == ""
    assert decode(messages=[*HELLO, {"role": "assistant", "content": ""}]).messages[1].text == ""
    assert decode(messages=[*HELLO, {"role": "tool", "tool_call_id": "c", "content": ""}]).messages[1].text == ""


def test_a_conversation_in_which_nobody_says_anything_is_an_error() -> None:
    error = ("Message 0 content cannot be empty", "messages[0].content")
    assert refusal(messages=[{"role": "user", "content": ""}]) == error
    assert refusal(messages=[{"role": "system", "content": " "}, {"role": "user", "content": "\n"}]) == error
    assert refusal(messages=[{"role": "user", "content": [{"type": "text", "text": ""}]}]) == error
    decode(messages=[{"role": "user", "content": [PICTURE]}])


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "What is"}, PICTURE, {"type": "text", "text": "this?"}]
    [message] = decode(messages=[{"role": "user", "content": parts}]).messages
    assert message.text == "What is\nthis?"
    assert message.fields["content"] == parts

    def refused(content: Any) -> tuple[str, str | None]:
        return refusal_of_message(role="user", content=content)

    assert refused(5) == (
        "messages[1].content must be a string or an array of parts, not an integer",
        "messages[1].content",
    )
    assert refused(["x"]) == ("messages[1].content[0] must be an object, not a string", "messages[1].content[0]")
    assert refused([PICTURE, {}])[1] == "messages[1].content[1].type"
    assert refused([{"type": "text"}])[1] == "messages[1].content[0].text"
    assert refused([{"type": "text", "text": 5}])[1] == "messages[1].content[0].text"


def test_a_tool_message_names_its_call() -> None:
    error = ("Message 1 tool_call_id cannot be empty", "messages[1].tool_call_id")
    assert refusal_of_message(role="tool", content="x") == error
    assert refusal_of_message(role="tool", content="x", tool_call_id="") == error
    assert refusal_of_message(role="tool", content="x", tool_call_id=5)[1] == "messages[1].tool_call_id"
    assert refusal_of_message(role="function", content="x")[1] == "messages[1].name"
    decode(messages=[*HELLO, {"role": "tool", "content": "x", "tool_call_id": "c"}])


@pytest.mark.parametrize(
    ("calls", "param"),
    [
        ({}, ""),
        (["x"], "[0]"),
        ([CALL, {}], "[1].id"),
        ([{"id": "c"}], "[0].function"),
        ([{"id": "c", "function": {}}], "[0].function.name"),
        ([{"id": "c", "function": {"name": "f"}}], "[0].function.arguments"),
        ([{"id": "c", "function": {"name": "f", "arguments": {}}}], "[0].function.arguments"),
    ],
)
def test_tool_calls_in_the_history(calls: Any, param: str) -> None:
    assert refusal_of_message(role="assistant", tool_calls=calls, content="x")[1] == "messages[1].tool_calls" + param


def test_a_custom_tool_call_passes() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}
    decode(messages=[*HELLO, {"role": "assistant", "tool_calls": [call]}])


def test_a_name_is_a_string() -> None:
    decode(messages=[{"role": "user", "content": "x", "name": None}])
    assert refusal_of_message(role="user", content="x", name=5)[1] == "messages[1].name"


def test_messages_go_upstream_as_they_came_but_for_the_platforms_own() -> None:
    message = {"role": "assistant", "content": "x", "prefix": True, "reasoning_content": "y", "z": None}
    prosody = {"models": {"prosody": {"scores": {"Joy": 0.5}}}, "time": {"begin": 0, "end": 900}}
    assert decode(messages=[message]).messages[0].fields == message
    assert decode(messages=[message | prosody]).messages[0].fields == message
    kept = RequestRules(message_platform_fields=frozenset())
    assert decode(kept, messages=[message | prosody]).messages[0].fields == message | prosody


# --- how it travels ----------------------------------------------------------------------------------------------


def test_stream() -> None:
    streams = RequestRules(stream_default=True)
    assert decode(stream=True).stream
    assert decode(streams).stream
    assert decode(streams, stream=None).stream
    assert not decode(streams, stream=False).stream
    assert refusal(stream=1) == ("stream must be a boolean, not an integer", "stream")
    assert refusal(stream="true")[1] == "stream"
    assert "stream" not in decode(stream=True).parameters


def test_stream_options() -> None:
    request = decode(stream=True, stream_options={"include_usage": True, "include_obfuscation": False, "x": None})
    assert request.include_usage
    assert request.parameters == {"stream_options": {"include_obfuscation": False}}
    for options in (None, {}, {"include_usage": False}, {"include_usage": None}):
        request = decode(stream=True, stream_options=options)
        assert not request.include_usage
        assert request.parameters == {}
    assert refusal(stream=True, stream_options=[])[1] == "stream_options"
    assert refusal(stream=True, stream_options={"include_usage": 1})[1] == "stream_options.include_usage"
    error = ("stream_options is only allowed when stream is true", "stream_options")
    assert refusal(stream=False, stream_options={"include_usage": True}) == error


def test_disable_quick_response() -> None:
    request = decode(disable_quick_response=True)
    assert request.disable_quick_response
    assert request.parameters == {}
    assert not decode(disable_quick_response=None).disable_quick_response
    assert refusal(disable_quick_response="yes")[1] == "disable_quick_response"


# --- parameters --------------------------------------------------------------------------------------------------


def test_token_limits() -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        for tokens in (1, 8192):
            assert decode(**{name: tokens}).parameters == {name: tokens}
        for tokens in (0, -1, 8193, 10**30):
            assert refusal(**{name: tokens}) == (f"{name} must be between 1 and 8192", name)
        assert refusal(**{name: True}) == (f"{name} must be an integer, not a boolean", name)
        assert refusal(**{name: 5.0}) == (f"{name} must be an integer, not a floating-point number", name)
        assert refusal(RequestRules(max_tokens_limit=10), **{name: 11}) == (f"{name} must be between 1 and 10", name)
    decode(RequestRules(max_tokens_limit=10**6, default_temperature=None), max_tokens=10**6)


def test_temperature() -> None:
    for value in (0, 0.0, 2, 2.0, 0.35):
        assert repr(decode(temperature=value).parameters["temperature"]) == repr(value)
    for value in (-0.001, 2.001, 3):
        assert refusal(temperature=value) == ("Temperature must be between 0.0 and 2.0", "temperature")
    assert refusal(temperature="0.5") == ("temperature must be a number, not a string", "temperature")
    assert refusal(temperature=True)[1] == "temperature"


def test_the_default_temperature() -> None:
    rules = RequestRules(default_temperature=0.7)
    assert decode(rules).parameters == {"temperature": 0.7}
    assert decode(rules, temperature=None).parameters == {"temperature": 0.7}
    assert decode(rules, temperature=0).parameters == {"temperature": 0}
    assert decode(RequestRules(default_temperature=None)).parameters == {}


def each(name: str, *values: Any) -> list[tuple[str, Any]]:
    return [(name, value) for value in values]


GOOD: list[tuple[str, Any]] = [
    *each("top_p", 0, 0.5, 1),
    *each("presence_penalty", -2, 0.5, 2),
    *each("frequency_penalty", -2, 0.5, 2),
    *each("n", 1, 128),
    *each("seed", -1, 0, 2**63),
    *each("logprobs", True, False),
    *each("top_logprobs", 0, 20),
    *each("logit_bias", {}, {"50256": -100, "7": 0.5}),
    *each("stop", "x", [], ["a", "b", "c", "d", "e"]),
    *each("tool_choice", "none", "auto", "required"),
    ("tool_choice", {"type": "function", "function": {"name": "f"}}),
    ("tool_choice", {"type": "allowed_tools", "allowed_tools": {}}),
    ("tools", []),
    ("tools", [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {}}]),
    *each("parallel_tool_calls", True, False),
    ("response_format", {"type": "json_object"}),
    ("modalities", ["text", "audio"]),
    ("audio", {"voice": "x"}),
    ("prediction", {"type": "content", "content": "x"}),
    ("metadata", {"a": "b"}),
    ("user", ""),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_good_parameter_is_passed_on_as_it_was_sent(name: str, value: Any) -> None:
    assert json.dumps(decode(**{name: value}).parameters) == json.dumps({name: value})


def wrong(name: str, *values: Any) -> list[tuple[str, Any, str]]:
    return [(name, value, name) for value in values]


BAD: list[tuple[str, Any, str]] = [
    *wrong("top_p", -0.1, 1.1, "1", True),
    *wrong("presence_penalty", -2.1, 2.1, False),
    *wrong("frequency_penalty", -2.1, 2.1, []),
    *wrong("n", 0, 129, 1.0, True),
    *wrong("seed", 0.5, "1", True),
    *wrong("logprobs", 1, "true"),
    *wrong("top_logprobs", -1, 21, 5.0),
    *wrong("logit_bias", [], {"7": "x"}, {"7": True}, {"7": None}),
    *wrong("stop", 5, {}, False),
    ("stop", ["x", 5], "stop[1]"),
    *wrong("tool_choice", "any", 5, []),
    ("tool_choice", {}, "tool_choice.type"),
    ("tool_choice", {"type": "function"}, "tool_choice.function"),
    ("tool_choice", {"type": "function", "function": {}}, "tool_choice.function.name"),
    ("tools", {}, "tools"),
    ("tools", ["f"], "tools[0]"),
    ("tools", [{"function": {"name": "f"}}], "tools[0].type"),
    ("tools", [{"type": "function"}], "tools[0].function"),
    ("tools", [{"type": "function", "function": {"name": None}}], "tools[0].function.name"),
    ("parallel_tool_calls", 1, "parallel_tool_calls"),
    ("response_format", "json", "response_format"),
    ("response_format", {}, "response_format.type"),
    ("modalities", "text", "modalities"),
    ("modalities", [5], "modalities[0]"),
    ("audio", True, "audio"),
    ("prediction", "x", "prediction"),
    ("metadata", [], "metadata"),
    ("user", 5, "user"),
]


@pytest.mark.parametrize(("name", "value", "param"), BAD)
def test_a_bad_parameter_is_named(name: str, value: Any, param: str) -> None:
    message, named = refusal(**{name: value})
    assert named == param
    assert message.startswith(param)


def test_n_is_read_and_passed_on() -> None:
    request = decode(n=3)
    assert request.n == 3
    assert request.parameters == {"n": 3}


def test_null_is_the_same_as_absent() -> None:
    names = [*dict(GOOD), "max_tokens", "max_completion_tokens", "temperature", "reasoning_effort", "call", "x"]
    assert decode(**dict.fromkeys(names)) == decode()


def test_what_nobody_specified_passes_untouched() -> None:
    fields = {"reasoning_effort": 5, "service_tier": [], "top_k": "x", "enable_thinking": False, "x": {"y": [None]}}
    assert decode(**fields).parameters == fields


def test_the_platforms_own_fields_are_kept_from_upstreams() -> None:
    vapi = {"call": {"id": "c"}, "phoneNumber": None, "phone_number": {}, "customer": {"number": "+1"}, "assistant": {}}
    others = {"user_id": "u", "elevenlabs_extra_body": {"a": 1}, "custom_session_id": "s"}
    request = decode(**vapi, **others, metadata={"a": 1}, user="u")
    assert request.platform == {name: value for name, value in (vapi | others).items() if value is not None}
    assert request.parameters == {"metadata": {"a": 1}, "user": "u"}
    rules = RequestRules(default_temperature=None, platform_fields=frozenset({"mine"}))
    request = decode(rules, mine=1, call=2)
    assert (request.platform, request.parameters) == ({"mine": 1}, {"call": 2})


def test_thousands_of_messages_are_taken() -> None:
    assert len(decode(messages=HELLO * 20_000).messages) == 20_000
