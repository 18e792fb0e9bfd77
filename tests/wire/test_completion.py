from __future__ import annotations

import json
from typing import Any

from openai.types.chat import ChatCompletion

from loro_core.chat import Delta, ReplyUsage, ToolCallDelta, Usage
from loro_core.wire.completion import completion_body, grown, with_ledger
from loro_core.wire.openai_out import ReplyHead

HEAD = ReplyHead(id="chatcmpl-1", created=1700000000, model="small")
COUNTED = ReplyUsage(answer=Usage(prompt_tokens=10, completion_tokens=5))


def completion(*deltas: Delta, usage: ReplyUsage = COUNTED) -> dict[str, Any]:
    """Return the completion of `deltas`, which the official SDK must be able to read."""
    document: dict[str, Any] = json.loads(completion_body(HEAD, deltas, usage))
    ChatCompletion.model_validate(document, strict=True)
    return document


def choice(*deltas: Delta) -> dict[str, Any]:
    [only] = completion(*deltas)["choices"]
    return dict(only)


def message(*deltas: Delta) -> dict[str, Any]:
    return dict(choice(*deltas)["message"])


def test_a_whole_reply() -> None:
    assert completion(Delta(content="Hel"), Delta(content="lo"), Delta(finish_reason="length")) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "small",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def test_choices_stand_in_order_each_with_its_own() -> None:
    deltas = [
        Delta(index=1, content="b"),
        Delta(index=0, content="a", finish_reason="stop"),
        Delta(index=1, content="c", finish_reason="length"),
    ]
    choices = completion(*deltas)["choices"]
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in choices] == [
        (0, "a", "stop"),
        (1, "bc", "length"),
    ]


def test_content_is_null_only_where_something_came_instead() -> None:
    assert message(Delta(finish_reason="stop"))["content"] == ""
    assert message(Delta(content=""))["content"] == ""
    assert message(Delta(tool_calls=(ToolCallDelta(index=0, id="c", name="f"),)))["content"] is None
    assert message(Delta(fields={"refusal": "No."}))["content"] is None
    assert message(Delta(content="x", fields={"refusal": None}))["content"] == "x"


def test_a_choice_that_was_never_ended_has_stop() -> None:
    assert choice(Delta(content="x"))["finish_reason"] == "stop"


def test_a_finish_reason_outlives_what_comes_after_it() -> None:
    assert (
        choice(Delta(content="x", finish_reason="length"), Delta(choice_fields={"x": 1}))["finish_reason"] == "length"
    )


def test_tool_calls_are_put_together_by_their_index() -> None:
    deltas = [
        Delta(content="Let me look. "),
        Delta(tool_calls=(ToolCallDelta(index=0, id="call_a", name="f", fields={"type": "function"}),)),
        Delta(tool_calls=(ToolCallDelta(index=1, id="call_b", name="g", arguments='{"x"'),)),
        Delta(tool_calls=(ToolCallDelta(index=0, arguments='{"y":', fields={"type": "function"}),)),
        Delta(tool_calls=(ToolCallDelta(index=1, arguments=":1}"), ToolCallDelta(index=0, arguments="2}"))),
        Delta(finish_reason="tool_calls"),
    ]
    assert message(*deltas)["content"] == "Let me look. "
    assert message(*deltas)["tool_calls"] == [
        {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"y":2}'}},
        {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": '{"x":1}'}},
    ]


def test_the_type_of_a_tool_call_is_not_doubled() -> None:
    """Joined like arguments, a type repeated in every piece becomes "functionfunction"."""
    pieces = [ToolCallDelta(index=0, id="c", name="f", fields={"type": "function"}) for _ in range(3)]
    [call] = message(Delta(tool_calls=tuple(pieces)))["tool_calls"]
    assert call == {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}


def test_a_custom_tool_call_and_vendors_fields_are_kept() -> None:
    pieces = (
        ToolCallDelta(index=0, id="c", fields={"type": "custom", "custom": {"name": "f", "input": "a"}, "x": [1]}),
        ToolCallDelta(index=0, fields={"custom": {"input": "b"}, "x": [2]}),
    )
    [call] = message(Delta(tool_calls=pieces))["tool_calls"]
    assert call == {"id": "c", "type": "custom", "custom": {"name": "f", "input": "ab"}, "x": [1, 2]}


def test_other_fields_of_the_message_grow() -> None:
    deltas = [
        Delta(fields={"reasoning_content": "Let me ", "role": "assistant", "refusal": None, "images": [{"a": 1}]}),
        Delta(fields={"reasoning_content": "think.", "audio": {"id": "audio_1", "transcript": "He"}, "n": 1}),
        Delta(fields={"audio": {"id": "audio_1", "transcript": "y", "data": "AA==", "expires_at": 5}, "n": 2}),
        Delta(fields={"images": [{"a": 2}]}, finish_reason="stop"),
    ]
    assert message(*deltas) == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "reasoning_content": "Let me think.",
        "images": [{"a": 1}, {"a": 2}],
        "audio": {"id": "audio_1", "transcript": "Hey", "data": "AA==", "expires_at": 5},
        "n": 2,
    }


def test_log_probabilities_follow_one_another() -> None:
    def tokens(*texts: str) -> dict[str, Any]:
        return {"content": [{"token": t, "logprob": -1.0, "bytes": None, "top_logprobs": []} for t in texts]}

    deltas = [
        Delta(content="a", choice_fields={"logprobs": tokens("a") | {"refusal": None}}),
        Delta(content="b", choice_fields={"logprobs": None}),
        Delta(content="cd", choice_fields={"logprobs": tokens("c", "d") | {"refusal": None}}),
    ]
    logprobs = choice(*deltas)["logprobs"]
    assert [token["token"] for token in logprobs["content"]] == ["a", "c", "d"]
    assert logprobs["refusal"] is None


def test_of_other_choice_and_chunk_fields_the_last_that_is_not_null_stays() -> None:
    deltas = [
        Delta(choice_fields={"stop_reason": None, "native": "a"}, chunk_fields={"system_fingerprint": "fp_1"}),
        Delta(choice_fields={"stop_reason": "\n", "native": "b"}, chunk_fields={"system_fingerprint": "fp_2"}),
        Delta(choice_fields={"stop_reason": None, "index": 9}, chunk_fields={"system_fingerprint": None, "id": "no"}),
    ]
    document = completion(*deltas)
    assert document["system_fingerprint"] == "fp_2"
    assert document["id"] == "chatcmpl-1"
    assert document["choices"][0]["stop_reason"] == "\n"
    assert document["choices"][0]["native"] == "b"
    assert document["choices"][0]["index"] == 0


def test_what_only_a_chunk_has_is_left_out() -> None:
    document = completion(Delta(content="x", chunk_fields={"obfuscation": "aB3", "error": None, "object": "no"}))
    assert "obfuscation" not in document
    assert "error" not in document
    assert document["object"] == "chat.completion"


def test_usage_is_left_out_when_nobody_counted() -> None:
    assert "usage" not in completion(
        Delta(content="x", usage=Usage(prompt_tokens=1, completion_tokens=1)), usage=ReplyUsage()
    )


def test_a_ledger_is_one_more_field_of_the_body() -> None:
    body = completion_body(HEAD, [Delta(content='Hi, "you"}')], COUNTED)
    told = json.loads(with_ledger(body, {"total_ms": 2.5, "seam_edits": {}}))
    assert told.pop("loro") == {"total_ms": 2.5, "seam_edits": {}} and told == json.loads(body)


def test_grown() -> None:
    assert grown(None, "a") == "a"
    assert grown("a", None) == "a"
    assert grown("a", "b") == "ab"
    assert grown([1], [2]) == [1, 2]
    assert grown({"a": "x", "type": "t"}, {"a": "y", "type": "t", "b": 1}) == {"a": "xy", "type": "t", "b": 1}
    assert grown(1, 2) == 2
    assert grown("a", ["b"]) == ["b"]
