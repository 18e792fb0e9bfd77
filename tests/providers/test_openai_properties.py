"""Laws of the reader: how bytes were cut changes nothing, and no bytes raise."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loro_core import Delta, UpstreamError
from loro_openai.reply import StreamReader
from tests.providers.fake_http import deployment
from tests.providers.reading import cut, read_to_the_end

texts = st.text(max_size=6)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": texts | st.none(),
        "role": st.just("assistant"),
        "reasoning_content": texts,
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {"function": st.fixed_dictionaries({}, optional={"name": texts, "arguments": texts})},
                optional={"index": st.integers(0, 2), "id": texts},
            ),
            max_size=2,
        ),
    },
)
finishes = st.sampled_from([None, None, None, "", "stop", "length"])
choices = st.builds(
    lambda index, delta, finish: {"index": index, "delta": delta, "finish_reason": finish},
    st.integers(0, 1),
    deltas,
    finishes,
)
usages = st.none() | st.fixed_dictionaries({"prompt_tokens": st.integers(0, 9), "completion_tokens": st.integers(0, 9)})
chunks = st.builds(lambda found, usage: {"choices": found, "usage": usage}, st.lists(choices, max_size=2), usages)
newlines = st.sampled_from([b"\n", b"\r\n", b"\r"])


def framed(value: Any, newline: bytes) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + newline * 2


odd_events = st.sampled_from(
    [b": hi\n\n", b'data: {"error": {"message": "no"}}\n\n', b"data: {\n\n", b"data: [DONE]\n\n"]
)
events = st.builds(framed, chunks, newlines) | odd_events
transcripts = st.lists(events, max_size=8).map(b"".join)


def read(pieces: list[bytes]) -> tuple[list[Delta], str | None, bool]:
    reader = StreamReader(deployment())
    found = read_to_the_end(reader, pieces)
    said = None if reader.failure is None else f"{type(reader.failure).__name__}: {reader.failure.message}"
    return found, said, reader.complete


@given(transcripts, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_of_any_transcript_gives_the_same_deltas(data, places):
    whole = read([data])
    assert read(cut(data, places)) == whole
    assert read([data[i : i + 1] for i in range(len(data))]) == whole


@given(transcripts)
def test_what_the_contract_says_holds_for_any_transcript(data):
    found, failure, complete = read([data])
    assert complete != bool(failure)
    finished: set[int] = set()
    for delta in found:
        # One finish a choice; nothing of a choice after it.
        assert delta.index not in finished or (delta.usage is not None and not delta.adds and not delta.finish_reason)
        if delta.finish_reason:
            finished.add(delta.index)
    assert sum(delta.usage is not None for delta in found) <= 1
    if complete:
        assert {delta.index for delta in found if delta.adds} <= finished
        assert finished


@given(st.lists(texts, min_size=1, max_size=8), newlines)
def test_content_is_exactly_what_the_upstream_wrote(pieces, newline):
    events = [framed({"choices": [{"index": 0, "delta": {"content": piece}}]}, newline) for piece in pieces]
    found, failure, _ = read([b"".join(events) + b"data: [DONE]\n\n"])
    assert failure is None
    assert "".join(delta.content or "" for delta in found) == "".join(pieces)


@given(st.lists(st.binary(max_size=40) | events, max_size=6))
def test_no_bytes_raise_anything(pieces):
    reader = StreamReader(deployment())
    for piece in pieces:
        if reader.failure is None and not reader.complete:
            reader.decode(piece)
    if reader.failure is None and not reader.complete:
        reader.finish()
    assert reader.failure is None or isinstance(reader.failure, UpstreamError)
    assert reader.complete or reader.failure
