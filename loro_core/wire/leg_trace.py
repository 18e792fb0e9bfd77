"""Which leg speaks, told inside a streamed reply to a client that asked for it.

A client that measures has to know where the acknowledgement ends and the answer begins. If its request says
`x-loro-trace: legs`, a comment stands before the first chunk of each leg: `: loro leg=acknowledgement`,
`: loro leg=answer`. Readers of server-sent events skip comments, so the chunks stay what they are for every SDK.
"""

from __future__ import annotations

from loro_core.fleet import Leg
from loro_core.wire.lines import LineDecoder
from loro_core.wire.sse import MAX_EVENT_BYTES, ServerSentEvent, SSEDecoder, encode_comment

TRACE_HEADER = "x-loro-trace"
TRACE_LEGS = "legs"
"""The value of the header that asks for the comments."""


def encode_leg(leg: Leg) -> bytes:
    """Return the comment that says: what follows comes from `leg`."""
    return encode_comment(f"loro leg={leg.value}")


_LEGS = {encode_leg(leg).rstrip(): leg for leg in Leg}


class LegTraceDecoder:
    """An `SSEDecoder` that also tells the leg of each event: None before the first comment, or where none ever comes.

    Any split of the input gives the same legs and events.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._lines = LineDecoder(max_event_bytes)
        self._events = SSEDecoder(max_event_bytes)
        self._leg: Leg | None = None

    def decode(self, data: bytes) -> list[tuple[Leg | None, ServerSentEvent]]:
        """Return the events that `data` completes, in order, each with its leg. Raises as `SSEDecoder.decode` does."""
        return self._interpret(self._lines.decode(data))

    def finish(self) -> list[tuple[Leg | None, ServerSentEvent]]:
        """Return the event that the stream ended in, without its blank line: one, or none. See `SSEDecoder.finish`."""
        events = self._interpret(self._lines.finish())
        return [*events, *((self._leg, event) for event in self._events.finish())]

    def _interpret(self, lines: list[bytes]) -> list[tuple[Leg | None, ServerSentEvent]]:
        events = []
        for line in lines:
            self._leg = _LEGS.get(line, self._leg)
            events += [(self._leg, event) for event in self._events.decode(line + b"\n")]
        return events
