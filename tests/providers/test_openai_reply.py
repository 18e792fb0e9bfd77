"""What upstreams send, and what becomes of it; each oddity was seen in a real one."""

from __future__ import annotations

import json

import pytest

from loro_core import Delta, ToolCallDelta, UpstreamClosed, UpstreamProtocolError, UpstreamStatus, Usage
from loro_openai.reply import StreamReader, read_completion
from tests.providers.fake_http import deployment

DONE = b"data: [DONE]\n\n"


def event(value) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta=None, finish=None, index=0, **fields) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return event(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | fields
    )


def says(text, **fields) -> bytes:
    return chunk({"content": text}, **fields)


def read(*events: bytes, end: bool = True):
    """Return (deltas, failure, complete) of a whole stream."""
    reader = StreamReader(deployment())
    deltas = reader.decode(b"".join(events))
    if end and reader.failure is None and not reader.complete:
        deltas += reader.finish()
    return deltas, reader.failure, reader.complete


def good(*events: bytes) -> list[Delta]:
    deltas, failure, complete = read(*events)
    assert failure is None and complete
    return deltas


STOP = Delta(finish_reason="stop")


def test_usual_stream():
    deltas = good(
        chunk({"role": "assistant", "content": ""}),
        says("Hel"),
        says("lo"),
        chunk(finish="stop"),
        event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
        DONE,
    )
    usage = Usage(prompt_tokens=3, completion_tokens=2)
    assert deltas == [Delta(content="Hel"), Delta(content="lo"), STOP, Delta(usage=usage)]


def test_finish_is_given_out_at_once_though_the_upstream_keeps_the_connection():
    assert read(says("a"), chunk(finish="stop"), end=False)[0] == [Delta(content="a"), STOP]


def test_text_finish_and_usage_in_one_chunk():
    deltas = good(says("a", finish="length", usage={"prompt_tokens": 1, "completion_tokens": 1}), DONE)
    assert deltas == [
        Delta(content="a"),
        Delta(finish_reason="length", usage=Usage(prompt_tokens=1, completion_tokens=1)),
    ]


def test_stop_in_every_chunk_ends_only_with_the_last():
    deltas = good(says("a", finish="stop"), says("b", finish="stop"), DONE)
    assert deltas == [Delta(content="a"), Delta(content="b"), STOP]


def test_empty_finish_reason_is_none():
    """ollama #4357"""
    assert good(says("a", finish=""), chunk(finish="stop"), DONE) == [Delta(content="a"), STOP]


def test_finish_with_empty_content():
    """vLLM and DeepSeek end so; a reader that looks for content first loses the finish."""
    assert good(says("a"), says("", finish="stop"), DONE) == [Delta(content="a"), STOP]


@pytest.mark.parametrize("second", [chunk(finish="stop"), says("", finish="length"), chunk({"role": "assistant"})])
def test_only_the_first_finish_counts(second):
    assert good(says("a"), chunk(finish="stop"), second, DONE) == [Delta(content="a"), STOP]


def test_notes_after_the_finish_are_dropped():
    """Azure's asynchronous filter sends its verdicts behind the end."""
    late = event({"choices": [{"index": 0, "delta": {}, "content_filter_results": {"hate": {"filtered": False}}}]})
    assert good(says("a"), chunk(finish="stop"), late, DONE) == [Delta(content="a"), STOP]


def test_text_after_the_finish_is_a_defect():
    deltas, failure, _ = read(chunk(finish="stop"), says("more"))
    assert deltas == [STOP]
    assert isinstance(failure, UpstreamProtocolError)


@pytest.mark.parametrize(
    "odd",
    [
        event({"choices": []}),
        event({"choices": None}),
        event({"object": "ping"}),
        event({"choices": [{"index": 0, "delta": None, "finish_reason": None}]}),
        event({"choices": [{"index": 0}]}),
        b": OPENROUTER PROCESSING\n\n",
        b"data:\n\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        chunk({"content": None, "role": "assistant", "tool_calls": None, "refusal": None, "reasoning_content": ""}),
        says("", error=None, usage=None),
    ],
)
def test_chunks_that_say_nothing(odd):
    assert good(odd, says("a"), odd, chunk(finish="stop"), odd, DONE) == [Delta(content="a"), STOP]


def test_content_in_parts():
    """Mistral's reasoning models."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}, "b"]
    (delta, _) = good(chunk({"content": parts}), chunk(finish="stop"), DONE)
    assert delta == Delta(content="ab", fields={"reasoning_content": "hm"})


def test_unknown_fields_travel():
    deltas = good(
        event({"choices": [], "prompt_filter_results": [1]}),
        event(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {"reasoning": "hm", "function_call": {"name": "f"}},
                        "logprobs": {"content": []},
                    }
                ],
                "system_fingerprint": "fp",
                "service_tier": None,
            }
        ),
        chunk(finish="stop"),
        DONE,
    )
    assert deltas == [
        Delta(
            fields={"reasoning": "hm", "function_call": {"name": "f"}},
            choice_fields={"logprobs": {"content": []}},
            chunk_fields={"prompt_filter_results": [1], "system_fingerprint": "fp"},
        ),
        STOP,
    ]


def test_choices_do_not_mix():
    deltas = good(says("a", index=1), says("b"), chunk(finish="stop", index=1), says("c"), chunk(finish="length"), DONE)
    assert [(d.index, d.content, d.finish_reason) for d in deltas] == [
        (1, "a", None),
        (0, "b", None),
        (1, None, "stop"),
        (0, "c", None),
        (0, None, "length"),
    ]


def test_tool_call_in_pieces():
    deltas = good(
        chunk(
            {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]}
        ),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        chunk({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ":1}"}}]}),
        chunk(finish="tool_calls"),
        DONE,
    )
    assert [d.tool_calls for d in deltas] == [
        (ToolCallDelta(index=0, id="c1", name="f", fields={"type": "function"}),),
        (ToolCallDelta(index=0, arguments='{"a"'),),
        (ToolCallDelta(index=0, arguments=":1}"),),
        (),
    ]


@pytest.mark.parametrize("indexes", [(0, 1), (1, 2), (0, 0), (None, None), (5, 0)])
def test_two_tool_calls_are_numbered_from_zero(indexes):
    """From 1: pipecat #4987; all 0 or none: Gemini's compatible address."""
    calls = [
        {
            "index": index,
            "id": f"c{i}",
            "function": {"name": "f", "arguments": {"a": i}},
            "extra_content": {"google": {}},
        }
        for i, index in enumerate(indexes)
    ]
    (first, second, _) = good(*(chunk({"tool_calls": [c]}) for c in calls), chunk(finish="tool_calls"), DONE)
    (one,), (two,) = first.tool_calls, second.tool_calls
    assert (one.index, one.id, one.arguments) == (0, "c0", '{"a":0}')
    assert (two.index, two.id, two.arguments) == (1, "c1", '{"a":1}')
    assert one.fields == {"extra_content": {"google": {}}}


def test_usage_of_every_chunk_is_told_once():
    """xAI counts as it goes."""

    def used(n):
        return {"prompt_tokens": 1, "completion_tokens": n, "completion_tokens_details": {"reasoning_tokens": n}}

    deltas = good(says("a", usage=used(1)), says("b", usage=used(2)), chunk(finish="stop", usage=used(3)), DONE)
    details = {"completion_tokens_details": {"reasoning_tokens": 3}}
    assert [d.usage for d in deltas] == [None, None, Usage(prompt_tokens=1, completion_tokens=3, details=details)]


def test_usage_before_the_finish_is_not_lost():
    deltas = good(says("a", usage={"prompt_tokens": 1, "completion_tokens": 1}), chunk(finish="stop"), DONE)
    assert deltas[-1].usage == Usage(prompt_tokens=1, completion_tokens=1)


def test_usage_inside_the_choice():
    """Moonshot"""
    odd = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 4}}]})
    assert good(odd, DONE)[-1].usage == Usage(prompt_tokens=4, completion_tokens=0)


@pytest.mark.parametrize(
    ("delta", "finish"), [({"content": "a"}, "stop"), ({"tool_calls": [{"index": 0, "id": "c"}]}, "tool_calls")]
)
def test_done_without_any_finish_reason(delta, finish):
    assert good(chunk(delta), DONE)[-1] == Delta(finish_reason=finish)


def test_done_without_any_choice_is_no_reply():
    assert isinstance(read(DONE)[1], UpstreamProtocolError)


@pytest.mark.parametrize("finish", [chunk(finish="stop"), says("b", finish="stop")])
def test_end_without_done_is_complete_once_it_has_finished(finish):
    deltas = good(says("a"), finish)
    assert deltas[-1] == STOP


@pytest.mark.parametrize(
    "events",
    [
        (),
        (says("a"),),
        (says("a"), says("b", index=1), chunk(finish="stop")),
        (says("a"), b'data: {"choices": [{"ind'),
        (says("a"), b"data: {"),
        (b": comment\n\n",),
        (b"\n\n",),
    ],
)
def test_truncated_stream_never_looks_finished(events):
    deltas, failure, complete = read(*events)
    assert isinstance(failure, UpstreamClosed)
    assert not complete
    assert not [d for d in deltas if d.finish_reason and d.index == 0 and len(events) < 3]


def test_last_event_without_its_blank_line():
    assert good(says("a"), chunk(finish="stop"), b"data: [DONE]") == [Delta(content="a"), STOP]


def test_nothing_counts_after_done():
    assert good(says("a"), DONE, says("b"), b"data: {") == [Delta(content="a"), STOP]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (event({"error": {"message": "overloaded", "type": "server_error", "code": 503}}), "overloaded"),
        (event({"error": "overloaded"}), "overloaded"),
        (event({"object": "error", "message": "overloaded", "code": 400}), "overloaded"),
        (b'event: error\ndata: {"message": "overloaded"}\n\n', "overloaded"),
        (b'event: error\ndata: {"type": "error", "error": {"message": "overloaded"}}\n\n', "overloaded"),
        (b"event: error\ndata: overloaded\n\n", "overloaded"),
        (b"event: error\ndata: {}\n\n", "unknown"),
        (
            event(
                {"error": {"message": "overloaded"}, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}
            ),
            "overloaded",
        ),
    ],
)
def test_error_inside_the_stream(error, message):
    deltas, failure, _ = read(says("a"), error, DONE)
    assert deltas == [Delta(content="a")]
    assert isinstance(failure, UpstreamStatus)
    assert (failure.message, failure.upstream_status, failure.deployment) == (message, None, "small")


@pytest.mark.parametrize(
    "odd",
    [
        b"data: {broken\n\n",
        b"data: 7\n\n",
        b"data: \xff\n\n",
        event({"choices": {"a": 1}}),
        event({"choices": [1]}),
        event({"choices": [{"delta": 1}]}),
        chunk({"content": 7}),
        chunk({"content": [7]}),
        chunk({"tool_calls": {"a": 1}}),
        chunk({"tool_calls": [1]}),
        chunk({"tool_calls": [{"function": 1}]}),
        chunk({"tool_calls": [{"id": 1}]}),
        chunk(finish=1),
    ],
)
def test_malformed_chunk_is_not_swallowed(odd):
    deltas, failure, _ = read(says("a"), odd, chunk(finish="stop"), DONE)
    assert deltas == [Delta(content="a")]
    assert isinstance(failure, UpstreamProtocolError)


def test_u2028_inside_json_does_not_end_the_line():
    text = "one\u2028two\u0085three"
    raw = b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}, ensure_ascii=False).encode()
    assert good(raw + b"\n\n", DONE)[0].content == text


COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "system_fingerprint": "fp",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "a", "refusal": None}, "finish_reason": "stop"},
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            "finish_reason": None,
        },
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
WHOLE = [
    Delta(content="a", finish_reason="stop", chunk_fields={"system_fingerprint": "fp"}),
    Delta(
        index=1,
        tool_calls=(ToolCallDelta(index=0, id="c1", name="f", arguments="{}", fields={"type": "function"}),),
        finish_reason="tool_calls",
        usage=Usage(prompt_tokens=1, completion_tokens=2),
        chunk_fields={"system_fingerprint": "fp"},
    ),
]


def test_whole_completion():
    assert read_completion(deployment(), json.dumps(COMPLETION).encode()) == WHOLE


@pytest.mark.parametrize("before", [b"", b"\n\n\n", b"\xef\xbb\xbf"])
def test_completion_where_a_stream_was_asked_for(before):
    assert good(before + json.dumps(COMPLETION).encode()) == WHOLE


def test_completion_that_is_cut_is_not_complete():
    assert isinstance(read(json.dumps(COMPLETION).encode()[:-5])[1], (UpstreamProtocolError, UpstreamClosed))


@pytest.mark.parametrize(
    ("body", "expected", "match"),
    [
        (b"<!doctype html><title>Sign in</title>", UpstreamProtocolError, "web page.*base_url"),
        (b'{"object": "list"}', UpstreamProtocolError, "base_url"),
        (b"", UpstreamProtocolError, "no completion"),
        (b'{"error": {"message": "no credit", "code": 402}}', UpstreamStatus, "no credit"),
        (b'{"choices": [{"message": {"content": 1}}]}', UpstreamProtocolError, "content"),
    ],
)
def test_reply_that_is_no_completion(body, expected, match):
    with pytest.raises(expected, match=match):
        read_completion(deployment(), body)


def test_page_where_a_stream_was_asked_for():
    assert "web page" in str(read(b"\n<html>" + b"x" * 1000)[1])


def test_event_over_the_cap():
    reader = StreamReader(deployment())
    deltas = reader.decode(says("a"))
    for _ in range(20):
        deltas += reader.decode(b"data: " + bytes(1 << 20) if reader.failure is None else b"")
        if reader.failure is not None:
            break
    assert deltas == [Delta(content="a")]
    assert isinstance(reader.failure, UpstreamProtocolError)
