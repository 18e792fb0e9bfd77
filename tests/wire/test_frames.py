from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.frames import HEAD_BYTES, MAX_FRAME_BYTES, Frame, FrameDecoder, FrameKind, encode_frame
from loro_core.wire.lines import WireFormatError

FRAMES = st.lists(
    st.builds(Frame, kind=st.sampled_from(FrameKind), number=st.integers(0, 2**32 - 1), payload=st.binary(max_size=40))
)


@given(FRAMES, st.data())
def test_any_split_gives_the_frames_that_were_encoded(frames, data):
    wire = b"".join(map(encode_frame, frames))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder = FrameDecoder()
    decoded = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)
        for frame in decoder.decode(wire[start:end])
    ]
    assert decoded == frames


@given(st.binary(max_size=60))
def test_no_input_raises_anything_else(data):
    with suppress(WireFormatError):
        FrameDecoder().decode(data)


@pytest.mark.parametrize(
    "head",
    [b"\0\0\0\4\1\0\0\0\0", (MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"\1\0\0\0\0", b"\0\0\0\5\x09\0\0\0\0"],
    ids=["shorter than a head", "too long", "no kind"],
)
def test_what_is_no_head_is_refused(head):
    assert len(head) == HEAD_BYTES
    with pytest.raises(WireFormatError):
        FrameDecoder().decode(head)


def test_a_frame_too_large_is_not_encoded():
    with pytest.raises(WireFormatError):
        encode_frame(Frame(kind=FrameKind.TELL, payload=bytes(MAX_FRAME_BYTES)))
