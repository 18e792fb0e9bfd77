from __future__ import annotations

import pytest

from loro_core.wire.log_lines import LogLines


def lines(data: bytes, *, most: int = 100) -> list[str]:
    decoder = LogLines(most)
    return decoder.decode(data) + decoder.finish()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"one\ntwo\r\nthree", ["one", "two", "three"]),
        (b" 10%\r 55%\r100%\n", ["100%"]),
        (b"\r 10%\r 20%\rloaded\r\n", ["loaded"]),
        (b" 10%|#\r 20%|##\r", [" 20%|##"]),
        (b"\n \n\t\n", []),
        (b"caf\xc3\xa9 \xff\n", ["café \ufffd"]),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07text\x08\x00\n", ["red text"]),
        (b"a\tb\n", ["a\tb"]),
        (b"u\xe2\x80\xa8v\n", ["u\u2028v"]),
    ],
)
def test_output_becomes_readable_lines(data, told):
    assert lines(data) == told


def test_an_over_long_line_is_cut_and_says_so():
    assert lines(b"abcdefgh\nok\n", most=3) == ["abc [5 more bytes]", "ok"]


def test_the_rest_of_an_over_long_line_is_not_kept():
    decoder = LogLines(10)
    for _ in range(1000):
        assert decoder.decode(b"x" * 1000) == []
    assert decoder.decode(b"\n") == ["x" * 10 + " [999990 more bytes]"]


def test_a_progress_bar_over_a_long_line_forgets_the_cut():
    assert lines(b"x" * 50 + b"\rok\n", most=10) == ["ok"]
