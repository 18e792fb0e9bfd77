"""Which instance has lately seen the beginning of a prompt, and so need not read it again.

A model's server keeps what it computed for the prompts of its latest calls and goes on from the longest beginning that
it knows. Which that is, is known here only by hearsay: an instance has seen what it was given, until so much came since
that it will have been dropped.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence

CHUNK_BYTES = 256
CHUNKS_OF_A_SIZE = 64
"""After so many the chunks are twice as long: a prompt of a megabyte has some 400 hashes, not 4000."""

HASHES_PER_INSTANCE = 4096
"""A megabyte of prompts in the smallest chunks: about what the caches of a few slots with long contexts hold."""


def prefix_hashes(texts: Iterable[str]) -> tuple[int, ...]:
    """Return hashes of the growing beginnings of a prompt, the shortest first, one for each whole chunk.

    texts: the prompt's messages, in order. Two prompts have the same hashes as far as they are the same; where one
    message ends and the next begins counts. The same in every process.
    """
    data = "\0".join([*texts, ""]).encode("utf-8", "surrogatepass")
    hashes: list[int] = []
    at, size, seen = 0, CHUNK_BYTES, 0
    while at + size <= len(data):
        seen = zlib.crc32(data[at : at + size], seen)
        hashes.append(seen)
        at += size
        if len(hashes) % CHUNKS_OF_A_SIZE == 0:
            size *= 2
    return tuple(hashes)


class PrefixIndex:
    """What each instance has seen lately. most: how many hashes are kept of one; those longest out of use go first."""

    def __init__(self, most: int = HASHES_PER_INSTANCE) -> None:
        if most < 1:
            raise ValueError(f"most is {most}, needs >= 1")
        self._most = most
        self._seen: dict[str, OrderedDict[int, None]] = {}

    def matched(self, instance: str, prefix: Sequence[int]) -> int:
        """Return how many hashes of `prefix` the instance has seen, from the shortest on without a gap."""
        seen = self._seen.get(instance)
        if not seen:
            return 0
        for count, one in enumerate(prefix):
            if one not in seen:
                return count
        return len(prefix)

    def note(self, instance: str, prefix: Sequence[int]) -> None:
        """Take in that the instance was given a prompt with these hashes."""
        if not prefix:
            return
        seen = self._seen.setdefault(instance, OrderedDict())
        # The longest first: a beginning outlives what goes on from it, for without it the rest is worth nothing.
        for one in reversed(prefix[: self._most]):
            seen[one] = None
            seen.move_to_end(one)
        while len(seen) > self._most:
            seen.popitem(last=False)

    def forget(self, instance: str) -> None:
        """Take in that the instance has lost all it has seen: it was stopped, or started anew."""
        self._seen.pop(instance, None)
