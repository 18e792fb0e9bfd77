"""What is remembered of how services write, and that nothing is read differently for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import loro_openai.reply
from loro_core import Delta
from loro_openai import habits as module
from loro_openai.habits import Habits
from loro_openai.reply import StreamReader
from loro_openai.stencil import Stencil
from tests.providers.fake_http import deployment
from tests.providers.reading import cut, read_to_the_end, taken_apart

OF_OPENAI = (
    '{"id":"@id","object":"chat.completion.chunk","created":@at,"model":"m","system_fingerprint":"fp_1","choices":'
    '[{"index":0,"delta":@delta,"logprobs":null,"finish_reason":@finish}]}'
)
OF_LLAMA_CPP = (
    '{"choices":[{"finish_reason":@finish,"index":0,"delta":@delta}],"created":@at,"id":"@id","model":"m",'
    '"system_fingerprint":"b1","object":"chat.completion.chunk"}'
)
OF_BLANKS = (
    '{"id": "@id", "object": "chat.completion.chunk", "created": @at, "choices": '
    '[{"index": 0, "delta": @delta, "finish_reason": @finish}]}'
)


class Forgetful(Habits):
    """They know nothing, ever."""

    def recall(self, event):
        return None


def events(shape: str, name: str, at: int, *texts: str) -> list[bytes]:
    """Return the events of a reply, written as the service of `shape` does."""

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        filled = shape.replace("@id", name).replace("@at", str(at))
        filled = filled.replace("@delta", json.dumps(delta)).replace("@finish", json.dumps(finish))
        return f"data: {filled}\n\n".encode()

    role = event({"role": "assistant", "content": ""})
    return [role, *(event({"content": text}) for text in texts), event({}, "stop"), b"data: [DONE]\n\n"]


def read(pieces: list[bytes], habits: Habits) -> tuple[list[Delta], str | None, bool]:
    reader = StreamReader(deployment(), habits)
    found = read_to_the_end(reader, pieces)
    failure = None if reader.failure is None else reader.failure.message
    return taken_apart(found), failure, reader.complete


@pytest.mark.parametrize("shape", [OF_OPENAI, OF_LLAMA_CPP, OF_BLANKS])
@pytest.mark.parametrize("in_pieces", [True, False])
def test_of_a_reply_like_one_before_no_event_is_parsed(shape, in_pieces, monkeypatch):
    habits = Habits()
    read(events(shape, "chatcmpl-1", 1_790_000_000, "One", " two"), habits)
    later = events(shape, "chatcmpl-27", 1_790_000_345, "Three", " four", " five")
    expected = read(later, Forgetful())
    monkeypatch.setattr(loro_openai.reply, "decode_json", lambda text: pytest.fail(f"{text} is parsed"))
    assert read(later if in_pieces else [b"".join(later)], habits) == expected
    assert "".join(delta.content or "" for delta in expected[0]) == "Three four five"
    assert expected[0][-1].finish_reason == "stop"
    assert all(delta.chunk_fields for delta in expected[0][:-1]) == ("system_fingerprint" in shape)


def test_replies_that_are_read_side_by_side_do_not_unteach_each_other(monkeypatch):
    habits = Habits()
    streams = [events(OF_OPENAI, str(number), number, "One", " two") for number in range(1, 4)]
    readers = [StreamReader(deployment(), habits) for _ in streams]
    for together in zip(*streams, strict=True):
        for reader, event in zip(readers, together, strict=True):
            reader.decode(event)
    later = events(OF_OPENAI, "27", 27, "Three")
    expected = read(later, Forgetful())
    monkeypatch.setattr(loro_openai.reply, "decode_json", lambda text: pytest.fail(f"{text} is parsed"))
    assert read(later, habits) == expected


def test_of_what_was_said_nothing_is_kept():
    habits = Habits()
    read(events(OF_OPENAI, "1", 1, "secretly", " hidden"), habits)
    stencils = [known.text for known in habits._known.values() if known.text is not None]
    assert stencils
    assert not [s for s in stencils if "secret" in repr([getattr(s, name) for name in Stencil.__slots__])]


def test_an_end_without_a_text_has_what_the_chunk_before_it_said():
    habits = Habits()
    read(events(OF_OPENAI, "1", 1, "One"), habits)
    empty = events(OF_OPENAI, "2", 2)
    empty[1] = events(OF_BLANKS, "2", 2)[1]  # which says no fingerprint itself
    read(events(OF_BLANKS, "1", 1, "One"), habits)
    found = read(empty, habits)
    assert found == read(empty, Forgetful())
    assert found[0][0].chunk_fields == {"system_fingerprint": "fp_1"}


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(
            '{"x":{"id":"a","created":2},"id":"b","created":2,"choices":[{"delta":{}}]}', id="another's first"
        ),
        pytest.param('{"id":"a\\n","created":1,"choices":[{"delta":{}}]}', id="an id that is escaped"),
        pytest.param('{"id":"a","choices":[{"delta":{}}],"created":1}', id="apart"),
        pytest.param('{"id":"a","created":1,"choices":[{"delta":{"content":"x"}}]}', id="a text"),
        pytest.param('{"id":"a","created":1,"choices":[{"delta":{}},{"delta":{}}]}', id="two choices"),
        pytest.param('{"id":"a","created":1,"choices":[]}', id="no choice"),
        pytest.param('{"id":"a","created":1,"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}', id="both"),
        pytest.param('{"id":"a","created":1,"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}', id="a count"),
        pytest.param(
            '{"id":"a","created":1,"choices":[{"delta":{},"stop_reason":7,"finish_reason":"stop"}]}', id="why"
        ),
    ],
)
def test_what_says_more_or_is_not_sure_is_not_remembered(event, monkeypatch):
    habits = Habits()
    read([f"data: {event}\n\n".encode()], habits)
    monkeypatch.setattr(Habits, "learn", lambda *_: pytest.fail("it is learned"))
    assert habits.recall(event.encode()) is None


def test_a_mark_inside_a_text_is_none():
    """A quote inside a string is escaped, so what looks like an id and a moment there cannot be taken for them."""
    habits = Habits()
    text = '"id":"x","created":1'
    for name in ("1", "2"):
        stream = events(OF_BLANKS, name, 5, text, text)
        assert read(stream, habits) == read(stream, Forgetful())


def test_what_the_first_chunk_says_goes_with_the_first_text_alone():
    habits = Habits()
    plain = OF_OPENAI.replace('"system_fingerprint":"fp_1",', "")
    for name in ("1", "2"):
        role, _, _, end, done = events(OF_OPENAI, name, 1, "One", " two")
        _, *texts, plain_end, _ = events(plain, name, 1, "One", " two")
        for stream in ([role, *texts, plain_end, done], [role, *texts, end, done], [role, plain_end, done]):
            assert read(stream, habits) == read(stream, Forgetful())


def test_a_text_after_a_known_end_is_still_a_defect():
    habits = Habits()
    read(events(OF_OPENAI, "1", 1, "One"), habits)
    role, text, end, _ = events(OF_OPENAI, "2", 1, "One")
    _, failure, _ = read([role, text, end, text], habits)
    assert "after the finish_reason" in (failure or "")


@pytest.mark.parametrize(
    "before", [b"event: error\n", b"data: 1\n", b"data: [DONE]\n", b"\xef\xbb\xbf", b": x\n", b"x"]
)
@pytest.mark.parametrize("place", range(4))
def test_an_event_that_is_known_is_read_with_the_lines_before_it(before, place):
    habits = Habits()
    stream = events(OF_OPENAI, "1", 1, "One")
    read(stream, habits)
    stream.insert(place, before)
    expected = read(stream, Forgetful())
    assert read(stream, habits) == expected
    assert read([b"".join(stream)], habits) == expected


def test_so_many_are_remembered_and_no_more(monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    habits = Habits()
    for number in range(20):
        read(events(OF_BLANKS.replace('"choices"', f'"n": {number}, "choices"'), "1", 1, "One"), habits)
    assert len(habits._known) <= 3


# --- the law: whatever was read before, a stream says the same --------------------------------------------------------

# Small enough that much of what is drawn is like something before; the odd ones come last, and seldom.
names = st.sampled_from(["a", "b", "a", "b", "a", "b", "chatcmpl-三", 'a\\"b', "a\\u0001", ""])
moments = st.sampled_from(["1", "2", "1", "2", "1", "2", "0", "null", "1.5", "12345678901234567890"])
says = st.sampled_from(
    [
        ("{}", "null"),
        ('{"content":""}', "null"),
        ('{"content":"x"}', "null"),
        ('{"content":" yz"}', "null"),
        ("{}", '"stop"'),
        ('{"content":""}', '"stop"'),
        ('{"content":"x"}', '"stop"'),
        ('{"role":"assistant","content":null}', '""'),
        ('{"reasoning_content":"r"}', '"length"'),
        ('{"tool_calls":[{"function":{"name":"f"}}]}', "null"),
    ]
)
more = st.sampled_from(
    [
        "",
        "",
        ',"system_fingerprint":"f"',
        ',"system_fingerprint":"f"',
        ',"usage":{"prompt_tokens":1}',
        ',"x":{"id":"1","created":1}',
        ',"error":{"message":"no"}',
    ]
)
FIRST = '{"id":"@id","created":@at,"choices":[{"index":@index,"delta":@delta,"finish_reason":@finish}]@more}'
shapes = st.sampled_from(
    [
        FIRST,
        FIRST,
        '{"choices":[{"index":@index,"delta":@delta,"finish_reason":@finish}],"created":@at,"id":"@id"@more}',
        '{"x":{"created":7,"id":"@id"},"id":"a","created":1,"choices":[{"index":@index,"delta":@delta}]@more}',
        '{"id":"@id","created":@at,"choices":[{"delta":@delta,"usage":{"prompt_tokens":2}}]}',
        '{"id":"@id","created":@at,"choices":[{"index":@index,"delta":@delta},{"index":1,"delta":@delta}]}',
    ]
)
odd = st.sampled_from([b"data: [DONE]\n\n", b": hi\n\n", b"event: x\n", b"data: 1\n", b"\xef\xbb\xbf", b"data: {\n\n"])


def filled(shape: str, **parts: str) -> bytes:
    for name, value in parts.items():
        shape = shape.replace(f"@{name}", value)
    return f"data: {shape}\n\n".encode()


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Bytes of a few replies of one service, which has a few things to say and one way to write them, or two."""
    written = draw(st.lists(shapes, min_size=1, max_size=2))
    added = draw(st.lists(more, min_size=1, max_size=2))
    index = draw(st.sampled_from(["0", "0", "1"]))
    replies = []
    for _ in range(draw(st.integers(2, 4))):
        name, at = draw(names), draw(moments)
        events = []
        for delta, finish in draw(st.lists(says, max_size=5)):
            other = draw(st.sampled_from([index] * 5 + ["0", "1"]))
            parts = {"index": other, "delta": delta, "finish": finish, "more": draw(st.sampled_from(added))}
            events.append(filled(draw(st.sampled_from(written)), id=name, at=at, **parts))
        if draw(st.integers(0, 3)) == 0:
            events.insert(draw(st.integers(0, len(events))), draw(odd))
        replies.append(b"".join(events))
    return replies


@given(streams(), st.lists(st.integers(0, 5000), max_size=4))
def test_whatever_was_read_before_a_stream_says_the_same(replies, places):
    habits = Habits()
    for data in replies:
        assert read(cut(data, places), habits) == read([data], Forgetful())
