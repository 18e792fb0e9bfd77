from __future__ import annotations

import json

import pytest

from loro_core.wire.lines import WireFormatError
from loro_core.wire.sse import DONE, KEEP_ALIVE, ServerSentEvent, SSEDecoder, encode_comment, encode_event


def decode(stream: bytes) -> list[ServerSentEvent]:
    """Return the events of `stream`, fed whole, and check that fed byte by byte it has the same."""
    whole = SSEDecoder()
    events = whole.decode(stream)
    piecewise = SSEDecoder()
    assert [event for byte in stream for event in piecewise.decode(bytes([byte]))] == events
    assert piecewise.finish() == whole.finish()
    return events


def data(stream: bytes) -> list[str]:
    return [event.data for event in decode(stream)]


def test_an_event_is_its_data_lines_up_to_a_blank_line() -> None:
    assert decode(b'data: {"a":1}\n\ndata: [DONE]\n\n') == [ServerSentEvent(b'{"a":1}'), ServerSentEvent(b"[DONE]")]


def test_no_event_before_its_blank_line() -> None:
    decoder = SSEDecoder()
    assert decoder.decode(b"data: a\n") == []
    assert decoder.decode(b"\ndata: b") == [ServerSentEvent(b"a")]
    assert decoder.decode(b"\n\n") == [ServerSentEvent(b"b")]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_of_the_standard(end: bytes) -> None:
    assert data(end.join([b"data: a", b"", b"data: b", b"", b""])) == ["a", "b"]


def test_the_space_after_the_colon_is_optional_and_only_one_is_dropped() -> None:
    assert data(b"data:a\n\ndata:  b\n\n") == ["a", " b"]


def test_data_lines_are_joined_by_lf() -> None:
    assert data(b"data: a\ndata\ndata:\ndata: b\n\n") == ["a\n\n\nb"]


def test_an_event_with_empty_data_is_an_event_and_one_without_data_is_none() -> None:
    assert data(b"data\n\ndata:\n\nevent: x\n\n\n\n") == ["", ""]


def test_a_keep_alive_comment_loses_nothing() -> None:
    """Some readers lose the whole answer when a comment comes first (OpenRouter and proxies send them)."""
    assert data(b": OPENROUTER PROCESSING\n\ndata: a\n: in between\ndata: b\n\n:\n\n") == ["a\nb"]


def test_u2028_inside_json_does_not_end_the_line() -> None:
    document = json.dumps({"content": "a\u2028b\u0085c\u2029d"}, ensure_ascii=False)
    assert data(f"data: {document}\n\n".encode()) == [document]


def test_a_character_cut_between_two_reads_stays_whole() -> None:
    assert data("data: 好的 👍\n\n".encode()) == ["好的 👍"]


def test_invalid_utf8_becomes_replacement_characters_and_data_bytes_stay_utf8() -> None:
    [event] = decode(b"data: a\xff\xe5\xa5\n\n")
    assert event.data == "a\ufffd\ufffd"
    assert event.data_bytes == "a\ufffd\ufffd".encode()


def test_a_byte_order_mark_is_dropped_at_the_start_only() -> None:
    bom = b"\xef\xbb\xbf"
    assert data(bom + b"data: a\n\n" + bom + b"data: b\n\ndata: " + bom + b"c\n\n") == ["a", "\ufeffc"]


def test_a_nul_is_data() -> None:
    assert data(b"data: a\x00b\n\n") == ["a\x00b"]


def test_the_type_holds_for_one_event() -> None:
    events = decode(b"event: ping\ndata: a\n\ndata: b\n\nevent: x\n\ndata: c\n\nevent: x\nevent\ndata: d\n\n")
    assert [event.type for event in events] == ["ping", "message", "message", "message"]


def test_id_retry_and_unknown_fields_are_skipped() -> None:
    assert decode(b"id: 7\nretry: 10\nx: y\nDATA: z\n data: z\ndata2: z\nnothing\n\ndata: a\n\n") == [
        ServerSentEvent(b"a")
    ]


def test_finish_gives_the_event_that_lacks_its_blank_line() -> None:
    for ending in (b"", b"\n", b"\r", b"\r\n"):
        decoder = SSEDecoder()
        assert decoder.decode(b"data: a\n\ndata: [DONE]" + ending) == [ServerSentEvent(b"a")]
        assert decoder.finish() == [ServerSentEvent(b"[DONE]")]
        assert decoder.finish() == []


def test_finish_gives_nothing_after_a_whole_event() -> None:
    decoder = SSEDecoder()
    decoder.decode(b"data: a\n\n: comment\nevent: x")
    assert decoder.finish() == []


def test_an_event_over_the_cap_is_refused_in_one_line_or_many() -> None:
    assert SSEDecoder(12).decode(b"data: 123456\n\n") == [ServerSentEvent(b"123456")]
    assert SSEDecoder(12).decode(b"data: 123456\ndata: 12345\n\n") == [ServerSentEvent(b"123456\n12345")]
    with pytest.raises(WireFormatError):
        SSEDecoder(12).decode(b"data: 1234567")
    with pytest.raises(WireFormatError, match="an event of 13 bytes, at most 12"):
        SSEDecoder(12).decode(b"data: 123456\ndata: 123456\n")


def test_endless_empty_data_lines_meet_the_cap() -> None:
    decoder = SSEDecoder(1000)
    for _ in range(1001):
        decoder.decode(b"data\n")
    with pytest.raises(WireFormatError):
        decoder.decode(b"data\n")


def test_endless_comments_and_events_are_no_matter() -> None:
    decoder = SSEDecoder(50)
    assert sum(len(decoder.decode(b": ping\n\ndata: 0123456789\n\n")) for _ in range(2000)) == 2000


def test_encoders() -> None:
    assert encode_event(b'{"a":1}') == b'data: {"a":1}\n\n'
    assert encode_event(b"") == b"data: \n\n"
    assert encode_event(b"a\nb") == b"data: a\ndata: b\n\n"
    assert encode_comment("héllo") == ": héllo\n\n".encode()
    assert DONE == b"data: [DONE]\n\n"
    assert KEEP_ALIVE == b": keep-alive\n\n"
