"""What a client is told while its request waits for a local model: its place, in a header and in its stream."""

from __future__ import annotations

from collections.abc import Callable

from loro_core.runtime.seats import Waiting
from loro_core.wire.sse import KEEP_ALIVE, encode_comment


class Wait:
    """The wait of one reply's answer, if there is one.

    arrived_as: its place in the queue when it came, from 1; 0 without a wait.
    """

    def __init__(self) -> None:
        self.arrived_as = 0
        self._waiting: Waiting | None = None
        self._hearers: list[Callable[[int], None]] = []

    def told(self, waiting: Waiting) -> None:
        """Take in that the answer has to wait; of several waits of a reply the latest counts."""
        self._waiting = waiting
        if not self.arrived_as:
            self.arrived_as = waiting.position
            for hear in self._hearers:
                hear(self.arrived_as)

    def when_known(self, hear: Callable[[int], None]) -> None:
        """Have `hear` called with the place in the queue, now or once there is one."""
        if self.arrived_as:
            hear(self.arrived_as)
        else:
            self._hearers.append(hear)

    def comment(self) -> bytes:
        """Return what to say in a stream that is silent now: what it waits for, or just that it is alive."""
        waiting = self._waiting
        position = 0 if waiting is None else waiting.position
        if waiting is None or not position:
            return KEEP_ALIVE
        return encode_comment(f"loro {waiting.state} position={position}")
