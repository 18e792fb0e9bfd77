from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from loro_core.chat import NOTHING, Delta, Json, ReplyUsage, ToolCallDelta, Usage
from loro_core.errors import BadRequest, InternalError, LoroError, NotFound, UpstreamStatus
from loro_core.wire.openai_out import (
    ChunkEncoder,
    ReplyHead,
    error_body,
    error_event,
    usage_object,
)
from loro_core.wire.sse import SSEDecoder

HEAD = ReplyHead(id="chatcmpl-1", created=1700000000, model='small "m"')
WITH_USAGE = ReplyHead(id="chatcmpl-1", created=1700000000, model='small "m"', include_usage=True)
ANSWER = Usage(prompt_tokens=10, completion_tokens=5, details={"prompt_tokens_details": {"cached_tokens": 4}})
ACKNOWLEDGEMENT = Usage(prompt_tokens=3, completion_tokens=2, details={"x": 1})


def chunk(delta: Delta, *, role: bool = False, head: ReplyHead = HEAD) -> dict[str, Any]:
    """Return the chunk that `delta` becomes, which the official SDK must be able to read."""
    event = ChunkEncoder(head).delta(delta, role=role)
    assert event.endswith(b"\n\n")
    [decoded] = SSEDecoder().decode(event)
    document: dict[str, Any] = json.loads(decoded.data)
    ChatCompletionChunk.model_validate(document, strict=True)
    assert "error" not in document
    return document


def choice(delta: Delta, *, role: bool = False) -> dict[str, Any]:
    [only] = chunk(delta, role=role)["choices"]
    return dict(only)


def end(head: ReplyHead, usage: ReplyUsage) -> list[str]:
    return [event.data for event in SSEDecoder().decode(ChunkEncoder(head).end(usage))]


def test_a_content_chunk_to_the_byte() -> None:
    assert (
        ChunkEncoder(HEAD).delta(Delta(content="Héllo\n"), role=False)
        == (
            'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"small \\"m\\"",'
            '"choices":[{"index":0,"delta":{"content":"Héllo\\n"},"finish_reason":null}]}\n\n'
        ).encode()
    )


def test_the_first_chunk_of_a_choice_names_the_role() -> None:
    """Home Assistant drops every delta until one brings the role (home-llm #353)."""
    assert choice(Delta(content="Hi"), role=True)["delta"] == {"role": "assistant", "content": "Hi"}
    assert choice(Delta(), role=True)["delta"] == {"role": "assistant", "content": ""}
    assert choice(Delta(content="Hi"))["delta"] == {"content": "Hi"}
    call = ToolCallDelta(index=0, id="c", name="f")
    assert choice(Delta(tool_calls=(call,)), role=True)["delta"]["content"] is None


def test_the_finish_chunk_has_an_empty_delta() -> None:
    assert choice(Delta(index=2, finish_reason="stop")) == {"index": 2, "delta": {}, "finish_reason": "stop"}
    said_nothing = {"role": "assistant", "content": ""}
    assert choice(Delta(finish_reason="stop"), role=True) == {
        "index": 0,
        "delta": said_nothing,
        "finish_reason": "stop",
    }


def test_an_empty_finish_reason_is_null() -> None:
    assert choice(Delta(content="x", finish_reason=""))["finish_reason"] is None


def test_content_and_finish_reason_in_one_chunk_stay_together() -> None:
    assert choice(Delta(content="x", finish_reason="length"))["finish_reason"] == "length"


def test_other_fields_are_passed_on_in_their_places() -> None:
    logprobs: Json = {"content": [], "refusal": None}
    delta = Delta(
        content="x",
        fields={"reasoning_content": "hm", "role": "system", "content": "no", "tool_calls": []},
        choice_fields={"logprobs": logprobs, "index": 7, "finish_reason": "no", "error": None},
        chunk_fields={"system_fingerprint": "fp", "id": "no", "choices": [], "usage": {}, "error": None},
    )
    document = chunk(delta)
    assert document["choices"] == [
        {
            "index": 0,
            "delta": {"content": "x", "reasoning_content": "hm"},
            "logprobs": logprobs,
            "finish_reason": None,
        }
    ]
    assert list(document) == ["id", "object", "created", "model", "choices", "system_fingerprint"]
    assert document["id"] == "chatcmpl-1"


def test_a_key_error_never_stands_in_a_chunk() -> None:
    """Vercel's SDK takes the key's presence, even with null, for a failure."""
    for field in ("chunk_fields", "choice_fields"):
        delta = Delta(content="x", **{field: {"error": None}})  # type: ignore[arg-type]  # one field after the other
        assert b"error" not in ChunkEncoder(HEAD).delta(delta, role=False)


def test_tool_calls_stream_as_openai_streams_them() -> None:
    first = ToolCallDelta(index=1, id="call_1", name="weather", fields={"extra_content": {"a": 1}})
    later = ToolCallDelta(index=1, arguments='{"ci')
    assert choice(Delta(tool_calls=(first, later)))["delta"]["tool_calls"] == [
        {
            "index": 1,
            "id": "call_1",
            "type": "function",
            "function": {"name": "weather", "arguments": ""},
            "extra_content": {"a": 1},
        },
        {"index": 1, "function": {"arguments": '{"ci'}},
    ]


def test_a_tool_calls_own_type_is_kept() -> None:
    piece = ToolCallDelta(index=0, id="c", fields={"type": "custom", "custom": {"name": "f", "input": "x"}})
    event = ChunkEncoder(HEAD).delta(Delta(tool_calls=(piece,)), role=False)
    [call] = json.loads(SSEDecoder().decode(event)[0].data)["choices"][0]["delta"]["tool_calls"]
    assert call == {"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}


def test_usage_is_null_on_every_chunk_when_it_was_asked_for_and_absent_when_not() -> None:
    with_fields = Delta(content="x", chunk_fields={"usage": {"prompt_tokens": 1}, "service_tier": "default"})
    for delta in (Delta(content="x"), Delta(finish_reason="stop"), with_fields):
        assert chunk(delta, head=WITH_USAGE)["usage"] is None
        assert "usage" not in chunk(delta)


def test_the_usage_chunk_has_no_choices_and_comes_before_done() -> None:
    usage, done = end(WITH_USAGE, ReplyUsage(answer=ANSWER))
    document = json.loads(usage)
    assert ChatCompletionChunk.model_validate(document, strict=True).usage is not None
    assert document["choices"] == []
    assert document["usage"]["total_tokens"] == 15
    assert (document["id"], document["model"]) == (HEAD.id, HEAD.model)
    assert done == "[DONE]"


def test_no_usage_chunk_unasked_or_uncounted() -> None:
    assert end(HEAD, ReplyUsage(answer=ANSWER)) == ["[DONE]"]
    assert end(WITH_USAGE, ReplyUsage()) == ["[DONE]"]


def test_a_ledger_stands_in_the_chunk_of_the_usage_and_makes_one_where_nobody_counted() -> None:
    for usage in (ReplyUsage(), ReplyUsage(answer=Usage(prompt_tokens=1, completion_tokens=2))):
        plain, told = ChunkEncoder(WITH_USAGE).end(usage), ChunkEncoder(WITH_USAGE).end(usage, {"total_ms": 2.5})
        last, done = (event.data for event in SSEDecoder().decode(told))
        document = json.loads(last)
        assert document.pop("loro") == {"total_ms": 2.5} and document["choices"] == [] and done == "[DONE]"
        ChatCompletionChunk.model_validate(document)
        if usage.answer is None:
            assert document["usage"] is None
        else:
            assert document == json.loads(SSEDecoder().decode(plain)[0].data)


def test_an_upstreams_field_cannot_take_the_place_of_the_ledger() -> None:
    assert "loro" not in chunk(Delta(content="x", chunk_fields={"loro": {"total_ms": 0}}))


def test_the_usage_of_an_answer_alone_is_the_upstreams() -> None:
    assert usage_object(ReplyUsage(answer=ANSWER)) == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
    }


def test_the_usage_of_both_legs_is_added_up_and_told_apart() -> None:
    assert usage_object(ReplyUsage(answer=ANSWER, acknowledgement=ACKNOWLEDGEMENT)) == {
        "prompt_tokens": 13,
        "completion_tokens": 7,
        "total_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 4},
        "loro": {
            "acknowledgement": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            "answer": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        },
    }


def test_an_uncounted_answer_does_not_look_free() -> None:
    usage = usage_object(ReplyUsage(acknowledgement=ACKNOWLEDGEMENT))
    assert usage is not None
    assert usage["total_tokens"] == 5
    assert usage["loro"]["answer"] is None


def test_details_cannot_take_the_place_of_the_counts() -> None:
    details: dict[str, Json] = {"total_tokens": 99, "prompt_tokens": 98, "loro": 97, "cost": 0.1}
    answer = Usage(prompt_tokens=1, completion_tokens=1, details=details)
    for acknowledgement in (None, ACKNOWLEDGEMENT):
        usage = usage_object(ReplyUsage(answer=answer, acknowledgement=acknowledgement))
        assert usage is not None
        assert usage["total_tokens"] == (2 if acknowledgement is None else 7)
        assert usage["cost"] == 0.1
        assert usage.get("loro") != 97


def test_half_a_surrogate_pair_from_an_upstream_does_not_end_the_reply() -> None:
    assert choice(Delta(content="a\ud83d"))["delta"]["content"] == "a\ufffd"


def test_u2028_in_a_reply_is_valid_framing() -> None:
    assert choice(Delta(content="a\u2028b\r\nc"))["delta"]["content"] == "a\u2028b\r\nc"


@pytest.mark.parametrize(
    ("error", "envelope"),
    [
        (
            BadRequest("Wrong", param="messages[0].role"),
            {
                "message": "Wrong",
                "type": "invalid_request_error",
                "param": "messages[0].role",
                "code": "validation_failed",
            },
        ),
        (
            InternalError("Oops"),
            {"message": "Oops", "type": "internal_error", "param": None, "code": "internal_error"},
        ),
        (
            NotFound("No such model", code="model_not_found"),
            {"message": "No such model", "type": "invalid_request_error", "param": None, "code": "model_not_found"},
        ),
        (
            UpstreamStatus("Slow down", upstream_status=429, error_type="rate_limit_error", code="rate_limit_exceeded"),
            {"message": "Slow down", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"},
        ),
    ],
)
def test_an_error_is_an_object_with_all_four_keys(error: LoroError, envelope: dict[str, object]) -> None:
    assert json.loads(error_body(error)) == {"error": envelope}
    assert [event.data.encode() for event in SSEDecoder().decode(error_event(error))] == [error_body(error)]


def test_the_empty_mapping_of_the_vocabulary_is_encoded() -> None:
    assert chunk(Delta(content="x", fields={"audio": NOTHING}))["choices"][0]["delta"]["audio"] == {}
