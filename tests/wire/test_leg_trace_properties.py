from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from loro_core.fleet import Leg
from loro_core.wire.leg_trace import LegTraceDecoder, encode_leg
from loro_core.wire.sse import SSEDecoder, encode_event

PIECE = st.one_of(
    st.sampled_from([encode_leg(leg) for leg in Leg]),
    st.sampled_from([b"\r", b"\n", b"\r\n", b"data", b": ", b": loro leg=answer\r", b"\xef\xbb\xbf"]),
    st.text(max_size=20).map(lambda text: encode_event(text.encode())),
    st.binary(max_size=20),
)
STREAM = st.lists(PIECE, max_size=12).map(b"".join)


def all_of(decoder, pieces):
    events = []
    for piece in pieces:
        events += decoder.decode(piece)
    return events + decoder.finish()


@given(STREAM, st.lists(st.integers(0, 200), max_size=8))
def test_any_split_gives_the_same_legs_and_events(stream, cuts):
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert all_of(LegTraceDecoder(), pieces) == all_of(LegTraceDecoder(), [stream])


@given(STREAM)
def test_its_events_are_those_of_the_plain_decoder(stream):
    assert [event for _, event in all_of(LegTraceDecoder(), [stream])] == all_of(SSEDecoder(), [stream])
