"""A stream's bytes through a provider's reader, as the provider does it, and cut anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

from loro_core import Delta, JoinedText, UpstreamError


class Reader(Protocol):
    complete: bool
    failure: UpstreamError | None

    def decode(self, data: bytes, /) -> Sequence[Delta]: ...

    def finish(self) -> Sequence[Delta]: ...


def read_to_the_end(reader: Reader, pieces: Iterable[bytes]) -> list[Delta]:
    """Return all that `reader` makes of `pieces`."""
    found: list[Delta] = []
    for piece in pieces:
        found += reader.decode(piece)
        if reader.failure is not None or reader.complete:
            return found
    return [*found, *reader.finish()]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return `data` in pieces that end at `places`, which may be any numbers."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def taken_apart(deltas: Iterable[Delta]) -> list[Delta]:
    """Return the deltas of an event each."""
    apart: list[Delta] = []
    for delta in deltas:
        pieces = delta.content.pieces if isinstance(delta.content, JoinedText) else None
        apart += [delta] if pieces is None else [replace(delta, content=piece.decode()) for piece in pieces]
    return apart
