from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.lines import WireFormatError
from loro_core.wire.ndjson import NdjsonDecoder, encode_line

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(documents), st.lists(st.integers(0, 1000)), st.booleans())
def test_decode_undoes_encode_under_any_split(values: list[object], cuts: list[int], ended: bool) -> None:
    stream = b"".join(map(encode_line, values))
    if not ended:
        stream = stream[:-1]
    points = sorted({0, len(stream), *(c % (len(stream) + 1) for c in cuts)})
    decoder = NdjsonDecoder()
    decoded = [v for a, b in itertools.pairwise(points) for v in decoder.decode(stream[a:b])]
    assert decoded + decoder.finish() == values


@given(
    st.lists(
        st.sampled_from([b'{"a":', b"1", b"}", b"[", b"]", b'"', b"\n", b"\r", b" ", b"\xff"]) | st.binary(max_size=2)
    )
)
def test_any_bytes_give_values_or_the_documented_error(pieces: list[bytes]) -> None:
    decoder = NdjsonDecoder(1000)
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.finish()
    except WireFormatError:
        pass
