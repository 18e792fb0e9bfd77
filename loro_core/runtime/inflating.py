"""Bodies that come coded though nobody asked for it: gzip and deflate are undone, anything else is refused."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable

import trio

from loro_core.errors import UpstreamError

INFLATED_PIECE_BYTES = 1 << 20
"""The most that one piece of a compressed body may become at a time; 64 KiB of zeros would become 64 MiB."""


def uncoded(pieces: AsyncIterator[bytes], coding: str, misfit: Callable[[str], UpstreamError]) -> AsyncIterator[bytes]:
    """Return `pieces` without their coding; they themselves if they have none.

    coding: what content-encoding says, "" for nothing. misfit: makes the error, given a predicate of the body.
    Raises it for a coding that cannot be undone; iterating raises it for a body that is not what it says.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return pieces
    if coding not in ("gzip", "deflate"):
        raise misfit(f"is coded as {coding[:40]!r}, which was not asked for")
    return _Inflated(pieces, misfit)


class _Inflated:
    """Not a generator: whoever stops reading would leave it to the collector."""

    def __init__(self, pieces: AsyncIterator[bytes], misfit: Callable[[str], UpstreamError]) -> None:
        self._pieces = pieces
        self._misfit = misfit
        self._inflater = zlib.decompressobj(wbits=47)  # gzip's header or zlib's, told by its bytes
        self._deflated = b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = b""
        while not piece:
            if self._deflated:
                await trio.lowlevel.checkpoint()
            else:
                self._deflated = await self._pieces.__anext__()
            try:
                piece = self._inflater.decompress(self._deflated, INFLATED_PIECE_BYTES)
            except zlib.error as error:
                raise self._misfit("does not fit its content-encoding") from error
            self._deflated = self._inflater.unconsumed_tail
        return piece
