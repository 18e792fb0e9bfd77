from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.lines import WireFormatError
from loro_core.wire.sse import SSEDecoder, encode_comment, encode_event

# Pieces of streams, whole and broken, so that what is put together meets every rule.
FIELDS = [
    b"data: ",
    b"data:",
    b"data",
    b"event: ping",
    b"event:",
    b"id: 1",
    b"retry: 3",
    b":",
    b": x",
    b" ",
    b"x",
    b"{}",
]
ENDS = [b"\n", b"\n", b"\n\n", b"\r", b"\r\n"]
CHARACTERS = [b"\x00", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xe5\xa5\xbd", b"\xe5", b"\xa5", b"\xff"]
streams = st.lists(st.sampled_from([*FIELDS, *ENDS, *CHARACTERS]) | st.binary(max_size=3)).map(b"".join)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    points = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(points)]


def events(pieces: list[bytes], cap: int = 10_000) -> list[tuple[str, str]]:
    decoder = SSEDecoder(cap)
    decoded = [event for piece in pieces for event in decoder.decode(piece)]
    return [(event.type, event.data) for event in [*decoded, *decoder.finish()]]


def as_the_standard_says(stream: bytes) -> list[tuple[str, str]]:
    """Interpret `stream` by the letter of WHATWG 9.2.6, as text and at once; the end counts as a blank line."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    result = []
    data, type_ = "", ""
    for line in [*re.split(r"\r\n|\r|\n", text), ""]:
        if line == "":
            if data:
                result.append((type_ or "message", data.removesuffix("\n")))
            data, type_ = "", ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data += value + "\n"
        elif field == "event":
            type_ = value
    return result


@given(streams)
def test_any_bytes_are_read_as_the_standard_says(stream: bytes) -> None:
    assert events([stream]) == as_the_standard_says(stream)


@given(streams, st.lists(st.integers(0, 1000)))
def test_any_split_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    whole = events([stream])
    assert events(cut(stream, cuts)) == whole
    assert events([bytes([byte]) for byte in stream]) == whole


@given(streams, st.lists(st.integers(0, 1000)), st.integers(0, 12))
def test_the_cap_is_the_only_error_and_any_split_meets_it(stream: bytes, cuts: list[int], cap: int) -> None:
    def outcome(pieces: list[bytes]) -> object:
        try:
            return events(pieces, cap)
        except WireFormatError:
            return "refused"

    assert outcome(cut(stream, cuts)) == outcome([stream]) == outcome([bytes([byte]) for byte in stream])


@given(st.lists(st.text().filter(lambda text: "\r" not in text)), streams)
def test_decode_undoes_encode_with_the_next_message_behind(texts: list[str], behind: bytes) -> None:
    decoder = SSEDecoder()
    stream = b"".join(encode_event(text.encode()) for text in texts)
    decoded = decoder.decode(stream + b"data: next\n" + behind)
    assert [event.data for event in decoded[: len(texts)]] == texts


@given(st.text())
def test_data_with_any_line_ends_stays_one_event(text: str) -> None:
    [event] = SSEDecoder().decode(encode_event(text.encode()))
    assert event.data == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text().filter(lambda text: not {"\r", "\n"} & {*text}))
def test_a_comment_is_never_an_event(text: str) -> None:
    assert events([encode_comment(text)]) == []
