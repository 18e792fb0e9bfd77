from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.lines import LineDecoder, WireFormatError

# Line ends are frequent, so that cuts fall between CR and LF.
streams = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"bc", b"\xe2\x80\xa8", b"\x85", b"\x00"])).map(
    b"".join
)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    points = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(points)]


def all_lines(pieces: list[bytes], cap: int = 1000) -> list[bytes] | None:
    """Return every line, None where the decoder refused."""
    decoder = LineDecoder(cap)
    try:
        return [line for piece in pieces for line in decoder.decode(piece)] + decoder.finish()
    except WireFormatError:
        return None


@given(streams, st.lists(st.integers(0, 1000)))
def test_any_split_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    whole = all_lines([data])
    assert all_lines(cut(data, cuts)) == whole
    assert all_lines([bytes([b]) for b in data]) == whole


@given(streams)
def test_lines_are_what_lies_between_the_ends(data: bytes) -> None:
    *lines, rest = re.split(rb"\r\n|\r|\n", data)
    assert all_lines([data]) == lines + ([rest] if rest else [])


@given(streams, st.lists(st.integers(0, 1000)), st.integers(0, 6))
def test_any_split_is_refused_alike(data: bytes, cuts: list[int], cap: int) -> None:
    refused = any(len(line) > cap for line in re.split(rb"\r\n|\r|\n", data))
    assert (all_lines([data], cap) is None) == refused
    assert (all_lines(cut(data, cuts), cap) is None) == refused


@given(st.lists(st.binary().filter(lambda line: not {10, 13} & {*line}), min_size=1))
def test_decode_undoes_join(lines: list[bytes]) -> None:
    assert LineDecoder(1000).decode(b"".join(line + b"\n" for line in lines)) == lines
