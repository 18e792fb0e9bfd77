from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from loro_core.chat import Delta, JoinedText, ReplyUsage, ToolCallDelta, Usage
from loro_core.wire.completion import completion_body
from loro_core.wire.openai_out import ChunkEncoder, ReplyHead
from loro_core.wire.sse import SSEDecoder

texts = st.text(max_size=8)
documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
# "error" and our own names are among the keys: an upstream may put anything there.
keys = st.sampled_from(["error", "id", "object", "usage", "choices", "index", "delta", "message", "content", "x", "y"])
others = st.dictionaries(keys, documents, max_size=3)
counts = st.integers(0, 10**9)
usages = st.builds(Usage, prompt_tokens=counts, completion_tokens=counts)
reply_usages = st.builds(ReplyUsage, answer=st.none() | usages, acknowledgement=st.none() | usages)
finish_reasons = st.none() | st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
pieces = st.builds(
    ToolCallDelta,
    index=st.integers(0, 2),
    id=st.none() | texts,
    name=st.none() | texts,
    arguments=texts,
)
deltas = st.builds(
    Delta,
    index=st.integers(0, 2),
    content=st.none() | texts,
    tool_calls=st.lists(pieces, max_size=2).map(tuple),
    finish_reason=finish_reasons,
    fields=others,
    choice_fields=others,
    chunk_fields=others,
)
heads = st.builds(ReplyHead, id=texts, created=counts, model=texts, include_usage=st.booleans())


def stream(head: ReplyHead, parts: list[Delta], usage: ReplyUsage) -> list[str]:
    """Return the data of every event of a reply that says `parts`."""
    encoder = ChunkEncoder(head)
    opened: set[int] = set()
    events = b""
    for delta in parts:
        events += encoder.delta(delta, role=delta.index not in opened)
        opened.add(delta.index)
    return [event.data for event in SSEDecoder().decode(events + encoder.end(usage))]


@given(heads, st.lists(deltas, max_size=5), reply_usages)
def test_every_chunk_is_valid_and_says_the_same_of_the_reply(
    head: ReplyHead, parts: list[Delta], usage: ReplyUsage
) -> None:
    *chunks, done = stream(head, parts, usage)
    assert done == "[DONE]"
    counted = head.include_usage and usage != ReplyUsage()
    assert len(chunks) == len(parts) + counted
    for i, text in enumerate(chunks):
        chunk = json.loads(text)
        ChatCompletionChunk.model_validate(chunk, strict=True)
        assert (chunk["id"], chunk["created"], chunk["model"]) == (head.id, head.created, head.model)
        assert "error" not in chunk
        assert ("usage" in chunk) == head.include_usage
        assert bool(chunk.get("usage")) == (not chunk["choices"]) == (i == len(parts))
        for choice in chunk["choices"]:
            assert "error" not in choice
            assert choice["finish_reason"] != ""


@given(heads, st.lists(deltas, max_size=8), reply_usages)
def test_a_completion_is_valid_and_says_what_the_stream_said(
    head: ReplyHead, parts: list[Delta], usage: ReplyUsage
) -> None:
    completion = json.loads(completion_body(head, parts, usage))
    ChatCompletion.model_validate(completion, strict=True)
    said: dict[int, str] = {}
    arguments: dict[tuple[int, int], str] = {}
    for text in stream(head, parts, usage)[:-1]:
        for choice in json.loads(text)["choices"]:
            index = choice["index"]
            said[index] = said.get(index, "") + (choice["delta"].get("content") or "")
            for call in choice["delta"].get("tool_calls", []):
                key = (index, call["index"])
                arguments[key] = arguments.get(key, "") + call["function"]["arguments"]
    assert {c["index"]: c["message"]["content"] or "" for c in completion["choices"]} == said
    assembled = [
        call["function"]["arguments"] for c in completion["choices"] for call in c["message"].get("tool_calls", [])
    ]
    assert assembled == [arguments[key] for key in sorted(arguments)]
    assert "error" not in completion


@given(st.lists(deltas, max_size=6), reply_usages)
def test_a_completion_does_not_depend_on_how_its_text_was_cut(parts: list[Delta], usage: ReplyUsage) -> None:
    head = ReplyHead(id="x", created=1, model="m")
    cut = []
    for delta in parts:
        rest = Delta(
            index=delta.index,
            tool_calls=delta.tool_calls,
            finish_reason=delta.finish_reason,
            fields=delta.fields,
            choice_fields=delta.choice_fields,
            chunk_fields=delta.chunk_fields,
        )
        cut += [Delta(index=delta.index, content=letter) for letter in delta.content or ""] + [rest]
    assert completion_body(head, cut, usage) == completion_body(head, parts, usage)


plain = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), min_size=1, max_size=5)


@given(heads, st.lists(plain, min_size=1, max_size=5), st.integers(0, 2), others, st.booleans())
def test_a_joined_text_is_written_as_its_pieces_are(
    head: ReplyHead, cut: list[str], index: int, chunk_fields: dict[str, Any], opens: bool
) -> None:
    encoder = ChunkEncoder(head)
    joined = JoinedText.of([piece.encode() for piece in cut])
    assert joined == "".join(cut)
    written = encoder.delta(Delta(index=index, content=joined, chunk_fields=chunk_fields), role=opens)
    deltas = [Delta(index=index, content=text, chunk_fields=chunk_fields) for text in cut]
    assert written == b"".join(encoder.delta(delta, role=opens and not at) for at, delta in enumerate(deltas))


@given(st.lists(plain, min_size=1, max_size=5))
def test_what_is_made_of_a_joined_text_is_plain(cut: list[str]) -> None:
    joined = JoinedText.of([piece.encode() for piece in cut])
    assert {type(joined[:1]), type(joined + "x"), type(str(joined)), type("".join([joined]))} == {str}


def test_a_character_that_is_cut_in_two_is_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        JoinedText.of(["é".encode()[:1], "é".encode()[1:]])
