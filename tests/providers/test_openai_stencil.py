from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import loro_openai.reply
from loro_core import Delta, JoinedText, text_delta
from loro_openai.reply import LESSONS, StreamReader
from loro_openai.stencil import Stencil
from tests.providers.fake_http import deployment
from tests.providers.reading import cut, read_to_the_end, taken_apart


def event(content: Any, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return json.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice], **more}, ensure_ascii=False).encode()


def learned(text: str = "one", **more: Any) -> Stencil:
    stencil = Stencil.of(event(text, **more), Delta(content=text))
    assert stencil is not None
    return stencil


def test_the_next_event_is_read_by_the_one_before():
    assert learned().read(event(" two, 三")) == Delta(content=" two, 三")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(event("two", system_fingerprint="f"), id="says more behind its text"),
        pytest.param(event("two").replace(b"chatcmpl-1", b"chatcmpl-2"), id="is of another reply"),
        pytest.param(event('say "two"'), id="has an escape in its text"),
        pytest.param(event("two\n"), id="has an escaped line end"),
        pytest.param(event(""), id="adds nothing"),
        pytest.param(event(None), id="has no text"),
        pytest.param(event("two").replace(b'"two"', b'"a","b":"c"'), id="has another field between"),
        pytest.param(event("two").replace(b"two", b"t\x00o"), id="holds what no JSON string may"),
        pytest.param(event("one")[:-1], id="breaks off"),
    ],
)
def test_an_event_that_is_otherwise_is_left_to_the_parser(other):
    assert learned().read(other) is None


@pytest.mark.parametrize(
    ("shown", "delta"),
    [
        pytest.param(event('a "quote"'), Delta(content='a "quote"'), id="escaped"),
        pytest.param(event(""), Delta(content=""), id="empty"),
        pytest.param(event("stop"), Delta(content="stop", finish_reason="stop"), id="ends its choice"),
        pytest.param(event("x", note={"content": "y"}), Delta(content="x"), id="two texts of that name"),
        pytest.param(b'{"choices":[{"delta":{"content":["x"]}}]}', Delta(content="x"), id="in parts"),
    ],
)
def test_nothing_is_learned_from_an_event_that_does_more_or_is_not_sure(shown, delta):
    assert Stencil.of(shown, delta) is None


def test_a_text_delta_is_a_delta_of_a_text():
    assert text_delta(2, "x") == Delta(index=2, content="x")
    assert text_delta(0, "x").is_text


def test_what_stands_beside_the_text_is_read_along():
    delta = Delta(content="one", chunk_fields={"system_fingerprint": "f"})
    stencil = Stencil.of(event("one", system_fingerprint="f"), delta)
    assert stencil is not None
    assert stencil.read(event("two", system_fingerprint="f")) == Delta(
        content="two", chunk_fields={"system_fingerprint": "f"}
    )


def test_a_text_after_the_end_is_still_a_defect():
    """The stencil of what came before the finish reason must not read what comes after it."""
    finish = b'{"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}'
    reader = StreamReader(deployment())
    for data in (event("a"), event("b"), finish, event("c")):
        reader.decode(b"data: " + data + b"\n\n")
    assert reader.failure is not None
    assert "after the finish_reason" in reader.failure.message


def test_a_run_is_one_text_that_knows_its_pieces():
    data = framed(event(" two"), event(" 三"))
    [delta], end = learned().read_run(data, 0)
    assert delta == Delta(content=" two 三") and end == len(data)
    assert isinstance(delta.content, JoinedText) and delta.content.pieces == [b" two", " 三".encode()]


def framed(*events_: bytes) -> bytes:
    return b"".join(b"data: " + data + b"\n\n" for data in events_)


@pytest.mark.parametrize(
    ("behind", "run"),
    [
        pytest.param(b"", ["a", "三"], id="nothing"),
        pytest.param(framed(event('say "b"')) + framed(event("c")), ["a", "三"], id="one that does not fit"),
        pytest.param(framed(event("b"))[:-1], ["a", "三"], id="one without its end"),
        pytest.param(framed(event("b"))[:30], ["a", "三"], id="the beginning of one"),
        pytest.param(framed(event("")), ["a", "三"], id="one without a text"),
        pytest.param(framed(event("b\0c").replace(b"\\u0000", b"\0")), ["a", "三"], id="a byte that no text holds"),
        pytest.param(framed(event("c").replace(b'c"', b'\xff"')), ["a", "三", "\ufffd"], id="one that is not UTF-8"),
        pytest.param(b": a comment\n\n" + framed(event("b")), ["a", "三"], id="a comment"),
    ],
)
def test_a_run_ends_where_an_event_does_not_fit(behind, run):
    before, fitting = b"data: [x]\n\n", framed(event("a"), event("三"))
    deltas, end = learned().read_run(before + fitting + behind, len(before))
    assert [delta.content for delta in taken_apart(deltas)] == run
    assert end == len(before + fitting) + (len(behind) if len(run) > 2 else 0)


def test_no_run_begins_where_the_first_does_not_fit():
    assert learned().read_run(framed(event(""), event("a")), 0) == ([], 0)
    assert learned().read_run(b"data:" + framed(event("a")), 0) == ([], 0)


# --- the law: read at a glance or with all care, a stream says the same ---------------------------------------------

texts = st.sampled_from(["a", " b", "c\n", 'd "', "é", "三", "\ud800", "", "\u2028", "\x7f"])
extras = st.sampled_from([{}, {}, {"system_fingerprint": "f"}, {"usage": None}, {"usage": {"prompt_tokens": 1}}])
indexes = st.sampled_from([0, 0, 0, 1])
finishes = st.sampled_from([None, None, None, None, "stop"])
fields = st.sampled_from([{}, {}, {}, {"role": "assistant"}, {"reasoning_content": "r"}, {"refusal": None}])


def chunk(
    text: str, index: int, finish: str | None, field: dict[str, Any], extra: dict[str, Any], ascii_: bool
) -> bytes:
    choice = {"index": index, "delta": {"content": text, **field}, "finish_reason": finish}
    document = json.dumps({"id": "1", "choices": [choice], **extra}, ensure_ascii=ascii_)
    return b"data: " + document.encode("utf-8", "surrogatepass") + b"\n\n"


chunks = st.builds(chunk, texts, indexes, finishes, fields, extras, st.booleans())
odd = st.sampled_from([b": hi\n\n", b"event: error\n" + chunk("a", 0, None, {}, {}, False), b"data: [DONE]\n\n"])


def read(pieces: list[bytes], lessons: int) -> tuple[list[Delta], str | None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loro_openai.reply, "LESSONS", lessons)
        reader = StreamReader(deployment())
    found = read_to_the_end(reader, pieces)
    return taken_apart(found), reader.failure.message if reader.failure is not None else None


@given(st.lists(chunks | odd, max_size=12), st.lists(st.integers(0, 5000), max_size=4))
def test_read_at_a_glance_a_stream_says_the_same(parts, places):
    data = b"".join(parts)
    pieces = cut(data, places)
    assert read(pieces, LESSONS) == read(pieces, 0)
