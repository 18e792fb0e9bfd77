"""Messages between loro's own processes as frames: a length, a kind, a number, and bytes that are the caller's affair.

    4 bytes  length of what follows them, big-endian
    1 byte   kind: ASK, ANSWER, TELL, or HAND, which is a TELL that a socket goes with
    4 bytes  number of the question, 0 for what is only told
    the rest is the payload

Both ends are the same version of loro on the same machine, so there is nothing to negotiate.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from msgspec import Struct

from loro_core.wire.lines import WireFormatError

# A worker's numbers with the widest window (100,000 replies, 12 latencies of 8 bytes) are 10 MB.
MAX_FRAME_BYTES = 64 * 1024 * 1024

_HEAD = struct.Struct("!IBI")
HEAD_BYTES = _HEAD.size
_BEHIND_LENGTH = HEAD_BYTES - 4


class FrameKind(IntEnum):
    ASK = 1
    ANSWER = 2
    TELL = 3
    HAND = 4


class Frame(Struct, frozen=True, kw_only=True):
    """number: of the question, the same in its answer."""

    kind: FrameKind
    number: int = 0
    payload: bytes = b""


def encode_frame(frame: Frame) -> bytes:
    """Return `frame` as bytes; raise WireFormatError if it is larger than a frame may be."""
    length = _BEHIND_LENGTH + len(frame.payload)
    if length > MAX_FRAME_BYTES:
        raise WireFormatError(f"a frame of {length} bytes, needs <= {MAX_FRAME_BYTES}")
    return _HEAD.pack(length, frame.kind, frame.number) + frame.payload


def payload_bytes(head: bytes) -> int:
    """Return how many bytes of payload follow a frame's first HEAD_BYTES; raise WireFormatError if it is no head."""
    length, kind, _ = _HEAD.unpack(head)
    if not _BEHIND_LENGTH <= length <= MAX_FRAME_BYTES:
        raise WireFormatError(f"a frame of {length} bytes, needs {_BEHIND_LENGTH} to {MAX_FRAME_BYTES}")
    if kind not in tuple(FrameKind):
        raise WireFormatError(f"a frame of kind {kind}, which there is not")
    return int(length - _BEHIND_LENGTH)


class FrameDecoder:
    """Frames out of bytes; any split gives the same frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def decode(self, data: bytes) -> list[Frame]:
        """Return the frames completed by `data`, in order.

        Raises WireFormatError for what cannot be the beginning of a frame; the stream is of no use then.
        """
        self._rest += data
        frames = []
        while len(self._rest) >= HEAD_BYTES:
            end = HEAD_BYTES + payload_bytes(bytes(self._rest[:HEAD_BYTES]))
            if len(self._rest) < end:
                break
            _, kind, number = _HEAD.unpack_from(self._rest)
            frames.append(Frame(kind=FrameKind(kind), number=number, payload=bytes(self._rest[HEAD_BYTES:end])))
            del self._rest[:end]
        return frames
