"""When which thing has to be looked at again.

An alarm is a hint, not a decision: whoever is woken looks whether there is anything to do, and may set the next one. So
one that has lost its reason costs a look and nothing else.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Alarms(Generic[K]):
    """At most one alarm for each key. All O(log n), amortised."""

    def __init__(self) -> None:
        self._at: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._at)

    @property
    def next_at(self) -> float:
        """When the next one is due; infinity for none."""
        while self._heap:
            at, _, key = self._heap[0]
            if self._at.get(key) == at:
                return at
            heapq.heappop(self._heap)
        return math.inf

    def set(self, key: K, at: float) -> None:
        """Wake `key` at `at`, or when it is woken already, if that is earlier. Infinity sets none."""
        if at >= self._at.get(key, math.inf):
            return
        self._at[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))

    def clear(self, key: K) -> None:
        """Do not wake `key`."""
        self._at.pop(key, None)

    def due(self, now: float) -> list[K]:
        """Take out whose time has come, the earliest first."""
        keys = []
        while self.next_at <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._at[key]
            keys.append(key)
        return keys
