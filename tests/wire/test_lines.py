from __future__ import annotations

import time

import pytest

from loro_core.wire.lines import LineDecoder, WireFormatError


def decoder(max_line_bytes: int = 100) -> LineDecoder:
    return LineDecoder(max_line_bytes)


def test_lines_end_with_lf_cr_or_both() -> None:
    assert decoder().decode(b"a\nb\rc\r\nd\n\re\n") == [b"a", b"b", b"c", b"d", b"", b"e"]


def test_a_line_is_held_until_it_ends() -> None:
    lines = decoder()
    assert lines.decode(b"ab") == []
    assert lines.decode(b"") == []
    assert lines.decode(b"c\nd") == [b"abc"]
    assert lines.decode(b"\n") == [b"d"]


def test_crlf_cut_in_the_middle_is_one_line_end() -> None:
    lines = decoder()
    assert lines.decode(b"a\r") == [b"a"]
    assert lines.decode(b"") == []
    assert lines.decode(b"\n") == []
    assert lines.decode(b"\nb\n") == [b"", b"b"]


def test_cr_does_not_wait_for_an_lf_that_may_never_come() -> None:
    assert decoder().decode(b"a\r") == [b"a"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_unicode_separators_are_text(separator: str) -> None:
    line = f"a{separator}b".encode()
    assert decoder().decode(line + b"\n") == [line]


def test_finish_gives_the_line_without_an_end_once() -> None:
    lines = decoder()
    assert lines.decode(b"a\nb") == [b"a"]
    assert lines.finish() == [b"b"]
    assert lines.finish() == []


def test_finish_after_a_line_end_gives_nothing() -> None:
    lines = decoder()
    lines.decode(b"a\n")
    assert lines.finish() == []


@pytest.mark.parametrize("data", [b"12345\n", b"1\n12345\n1\n", b"12345"])
def test_a_line_of_the_cap_is_taken(data: bytes) -> None:
    lines = decoder(5)
    assert b"12345" in lines.decode(data) + lines.finish()


@pytest.mark.parametrize("data", [b"123456\n", b"1\n123456\n1\n", b"123456", b"1\n123456"])
def test_a_line_over_the_cap_is_refused_complete_or_not(data: bytes) -> None:
    with pytest.raises(WireFormatError, match="6 bytes or more, at most 5"):
        decoder(5).decode(data)


def test_many_lines_in_one_read_may_together_exceed_the_cap() -> None:
    assert decoder(5).decode(b"12345\n" * 100) == [b"12345"] * 100


def test_the_cap_counts_what_was_held() -> None:
    lines = decoder(5)
    lines.decode(b"123")
    assert lines.decode(b"45\n") == [b"12345"]
    lines.decode(b"123")
    with pytest.raises(WireFormatError):
        lines.decode(b"456\n")


def test_a_long_line_byte_by_byte_does_not_cost_its_square() -> None:
    # Copied anew for each byte, a line of 400 kB would move 80 GB: minutes. Linear it takes a tenth of a second.
    lines = decoder(1 << 20)
    started = time.process_time()
    for _ in range(400_000):
        lines.decode(b"x")
    assert lines.decode(b"\n") == [b"x" * 400_000]
    assert time.process_time() - started < 5


def test_the_error_does_not_show_the_bytes() -> None:
    with pytest.raises(WireFormatError) as info:
        decoder(5).decode(b"secret-key\n")
    assert "secret" not in str(info.value)
    assert "secret" not in repr(decoder())
