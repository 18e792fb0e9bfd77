"""What holds of log lines whatever a program writes, and however it is cut on its way."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.log_lines import LogLines

output = st.lists(
    st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n", b" ", b"\xff", "é".encode(), b"\x1b[1m", b"x" * 30])
    | st.binary()
).map(b"".join)
MOST = 20


@given(output, st.lists(st.integers(0, 40)))
def test_any_split_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    whole = LogLines(MOST)
    expected = whole.decode(data) + whole.finish()
    parts, found, at = LogLines(MOST), list[str](), 0
    for cut in cuts:
        found += parts.decode(data[at : at + cut])
        at += cut
    assert found + parts.decode(data[at:]) + parts.finish() == expected


@given(output)
def test_lines_are_short_and_hold_nothing_that_a_terminal_obeys(data: bytes) -> None:
    decoder = LogLines(MOST)
    for line in decoder.decode(data) + decoder.finish():
        assert len(re.sub(r" \[\d+ more bytes\]$", "", line)) <= MOST
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", line)
        assert line.strip()


@given(st.lists(st.text(alphabet="ab é", min_size=1, max_size=9).filter(str.strip)))
def test_plain_lines_come_as_they_were_written(texts: list[str]) -> None:
    decoder = LogLines(100)
    assert decoder.decode("".join(f"{text}\n" for text in texts).encode()) == [text.rstrip() for text in texts]


def test_a_line_is_painted_over_by_what_comes_after_a_read_that_ended_with_its_return() -> None:
    decoder = LogLines(MOST)
    assert decoder.decode(b"first\rsecond\r") + decoder.decode(b"third") + decoder.finish() == ["third"]
