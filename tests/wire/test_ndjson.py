from __future__ import annotations

import pytest

from loro_core.wire.lines import WireFormatError
from loro_core.wire.ndjson import NdjsonDecoder, encode_line


def test_one_value_a_line() -> None:
    assert NdjsonDecoder().decode(b'{"a":1}\n[2]\r\n"3"\nnull\n') == [{"a": 1}, [2], "3", None]


def test_a_value_is_held_until_its_line_ends() -> None:
    decoder = NdjsonDecoder()
    assert decoder.decode(b'{"a":') == []
    assert decoder.decode(b"1}") == []
    assert decoder.decode(b'\n{"b"') == [{"a": 1}]
    assert decoder.decode(b":2}\n") == [{"b": 2}]


def test_blank_lines_are_skipped() -> None:
    assert NdjsonDecoder().decode(b"\n \t\n1\n\r\n\n2\n") == [1, 2]


def test_u2028_inside_json_does_not_end_the_line() -> None:
    value = {"content": "a\u2028b\u0085c"}
    assert NdjsonDecoder().decode(encode_line(value)) == [value]


def test_a_character_cut_between_two_reads_stays_whole() -> None:
    decoder = NdjsonDecoder()
    line = encode_line({"content": "好的"})
    assert [value for byte in line for value in decoder.decode(bytes([byte]))] == [{"content": "好的"}]


def test_finish_gives_the_last_line_without_its_end() -> None:
    decoder = NdjsonDecoder()
    assert decoder.decode(b'1\n{"done":true}') == [1]
    assert decoder.finish() == [{"done": True}]
    assert decoder.finish() == []


def test_finish_says_when_the_stream_was_cut() -> None:
    decoder = NdjsonDecoder()
    decoder.decode(b'1\n{"done":tr')
    with pytest.raises(WireFormatError, match="line 2: unfinished"):
        decoder.finish()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{]\n", r"line 3: .*\(byte 1\)"),
        (b'{"a":NaN}\n', r"line 3: .*\(byte 5\)"),
        (b'"\xff"\n', r"line 3: not UTF-8 \(byte 1\)"),
        (b"1 2\n", r"line 3: trailing characters"),
        (b"1e999\n", "line 3: Number out of range"),
        (b"[" * 200 + b"]" * 200 + b"\n", "line 3: nested deeper than 128 levels"),
    ],
)
def test_a_line_that_is_not_json_is_named(line: bytes, message: str) -> None:
    with pytest.raises(WireFormatError, match=message):
        NdjsonDecoder().decode(b"1\n\n" + line)


def test_a_line_over_the_cap_is_refused() -> None:
    assert NdjsonDecoder(5).decode(b"12345\n") == [12345]
    with pytest.raises(WireFormatError, match="at most 5"):
        NdjsonDecoder(5).decode(b"123456")
