from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import ChatRequest
from loro_core.errors import BadRequest
from loro_core.wire.openai_in import MESSAGE_PLATFORM_FIELDS, PLATFORM_FIELDS, RequestRules, decode_chat_request

RULES = RequestRules(default_temperature=None)

# A request that uses everything; what the tests do is to break it somewhere.
FULL: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {}}],
            "name": "a",
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "42"},
        {"role": "function", "name": "f", "content": None},
        {"role": "user", "content": "And now?", "models": {}, "time": {}},
    ],
    "stream": True,
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "max_tokens": 10,
    "max_completion_tokens": 10,
    "temperature": 0.5,
    "top_p": 1,
    "n": 2,
    "presence_penalty": 0,
    "frequency_penalty": 0.5,
    "seed": 3,
    "logprobs": True,
    "top_logprobs": 5,
    "logit_bias": {"5": 1},
    "stop": ["x"],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "audio": {"voice": "x"},
    "prediction": {"type": "content"},
    "metadata": {"a": "b"},
    "user": "u",
    "disable_quick_response": False,
    "call": {"id": "c"},
    "x": [1.5, None],
}

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
words = st.sampled_from(["user", "assistant", "tool", "text", "function", "auto", "", " "])
documents = st.recursive(
    st.none() | st.booleans() | numbers | words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, inner in items for deeper in paths(inner, (*path, key)))]


PATHS = [path for path in paths(FULL) if path]


def broken(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(FULL)
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def outcome(document: Any) -> ChatRequest | BadRequest:
    return outcome_of_bytes(json.dumps(document).encode())


def outcome_of_bytes(body: bytes) -> ChatRequest | BadRequest:
    try:
        return decode_chat_request(body, RULES)
    except BadRequest as exc:
        return exc


def upstream_body(request: ChatRequest) -> dict[str, Any]:
    """Return what a provider sends, as the module's contract has it, with the model's name left alone."""
    body: dict[str, Any] = {"model": request.model, "messages": [m.fields for m in request.messages]}
    body |= {"stream": request.stream, **request.parameters}
    if request.include_usage:
        options = dict(body.get("stream_options", {}))
        body["stream_options"] = options | {"include_usage": True}
    return body


def wanted_upstream(document: dict[str, Any]) -> dict[str, Any]:
    body = {name: value for name, value in document.items() if value is not None and name not in PLATFORM_FIELDS}
    body.setdefault("stream", False)
    body.pop("disable_quick_response", None)
    body["messages"] = [
        {name: value for name, value in message.items() if name not in MESSAGE_PLATFORM_FIELDS}
        for message in document["messages"]
    ]
    options = {name: value for name, value in (body.pop("stream_options", {})).items() if value is not None}
    if options.get("include_usage") is False:
        del options["include_usage"]
    return body | ({"stream_options": options} if options else {})


def check_named_or_whole(document: dict[str, Any], param: str) -> None:
    """Check that a `document` broken at `param` is refused by that name or passed on as it is."""
    result = outcome(document)
    if isinstance(result, BadRequest):
        assert result.status == 400
        assert result.param is not None
        assert result.param.startswith(param)
    else:
        assert upstream_body(result) == wanted_upstream(document)


def root(path: tuple[Any, ...]) -> str:
    # "stream" names stream_options too, which a request must not have that does not stream.
    return f"messages[{path[1]}]" if path[0] == "messages" and len(path) > 1 else str(path[0])


def test_the_full_request_is_good() -> None:
    result = outcome(FULL)
    assert isinstance(result, ChatRequest)
    assert upstream_body(result) == wanted_upstream(FULL)


@given(st.sampled_from(PATHS), documents)
def test_one_wrong_value_is_named_or_the_request_is_passed_on_whole(path: tuple[Any, ...], value: Any) -> None:
    check_named_or_whole(broken(path, value), root(path))


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_missing_field_is_named_or_not_needed(path: tuple[Any, ...]) -> None:
    document = broken(path, None)
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    # Of a list the next element moves up, and is not at fault.
    check_named_or_whole(document, str(path[0]))


@given(documents | st.dictionaries(st.sampled_from([*FULL]), documents))
def test_any_document_is_a_request_or_a_bad_request(document: Any) -> None:
    result = outcome(document)
    if isinstance(result, BadRequest):
        assert (result.param is None) == (not isinstance(document, dict))


@given(st.binary() | st.integers(0, 2000).map(lambda end: json.dumps(FULL).encode()[:end]))
def test_any_bytes_are_a_request_or_a_bad_request(body: bytes) -> None:
    result = outcome_of_bytes(body)
    # What is an object after all ("{}") lacks a model.
    assert isinstance(result, ChatRequest) or result.param in (None, "model")
