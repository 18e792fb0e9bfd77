"""One reply on its way out: what the merge decided, into a stream of chunks or into one body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from loro_core.chat import Delta, ReplyUsage
from loro_core.decide.merge import Abort, Action, Emit, Finish
from loro_core.decide.release.profile import Releaser
from loro_core.errors import UpstreamError
from loro_core.fleet import Leg
from loro_core.runtime.http_reply import Reply
from loro_core.wire.completion import completion_body
from loro_core.wire.http1 import HeaderList
from loro_core.wire.leg_trace import encode_leg
from loro_core.wire.openai_out import ChunkEncoder, ReplyHead, error_event

STREAM_HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    # Nobody in between may hold or rewrite the stream; nginx buffers a proxied reply unless the second says no.
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
)
JSON_HEADERS = (("content-type", "application/json"),)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What came of a reply so far; its one writer is the reply.

    received, acknowledged, answered: when the request was read, the acknowledgement was on the wire, the answer's first
    token was on the wire, on trio's clock; None until then.
    speakable: when the client had enough to begin to speak, by its own rule. speech: that rule, at work.
    error: why the reply will not be completed. finished: whether its end is on the wire.
    """

    received: float
    speech: Releaser
    speakable: float | None = None
    acknowledged: float | None = None
    answered: float | None = None
    usage: ReplyUsage | None = None
    finish_reason: str | None = None
    error: UpstreamError | None = None
    finished: bool = False

    def since_received(self, moment: float | None) -> float | None:
        """Return the seconds from the request to `moment`."""
        return None if moment is None else moment - self.received

    @property
    def first_response_s(self) -> float | None:
        """Seconds from the request to the first words on the wire, whoever spoke them."""
        firsts = [moment for moment in (self.acknowledged, self.answered) if moment is not None]
        return min(firsts) - self.received if firsts else None

    def note(self, action: Action) -> None:
        """Take in that `action` was carried out just now."""
        if isinstance(action, Emit):
            self._hear(action.delta)
            if action.leg is Leg.ACK:
                self.acknowledged = trio.current_time()
            elif self.answered is None and action.delta.answers:
                self.answered = trio.current_time()
        elif isinstance(action, Finish):
            if self.speakable is None and self.speech.finish():
                self.speakable = trio.current_time()
            self.usage = action.usage
            self.finish_reason = action.endings[0][0].finish_reason
            self.finished = True
        elif isinstance(action, Abort):
            self.error = action.error

    def _hear(self, delta: Delta) -> None:
        """Note when the client has enough of the first choice to speak."""
        if self.speakable is None and delta.content and delta.index == 0 and self.speech.feed(delta.content):
            self.speakable = trio.current_time()


class StreamedReply:
    """Writes chunks as they come. The head goes out with the first of them, so until then an error can be a status.

    trace_legs: whether a comment tells each leg before its first chunk.
    """

    def __init__(
        self, reply: Reply, head: ReplyHead, headers: HeaderList, ledger: Ledger, *, trace_legs: bool = False
    ) -> None:
        self._reply = reply
        self._encoder = ChunkEncoder(head)
        self._headers = headers
        self._ledger = ledger
        self._trace_legs = trace_legs
        self._leg: Leg | None = None

    async def write(self, actions: Sequence[Action]) -> None:
        """Send what all of `actions` say, in one write.

        An Abort before anything was sent sends nothing: it is in the ledger, for the caller to answer with.
        """
        last = actions[-1]
        if not self._reply.started:
            if len(actions) == 1 and isinstance(last, Abort):
                self._ledger.note(last)
                return
            await self._reply.start(200, [*STREAM_HEADERS, *self._headers])
        data = b"".join([self._encode(action) for action in actions])
        if isinstance(last, (Finish, Abort)):
            await self._reply.finish(data)
        else:
            await self._reply.write(data)
        for action in actions:
            self._ledger.note(action)

    def _encode(self, action: Action) -> bytes:
        if isinstance(action, Emit):
            chunk = self._encoder.delta(action.delta, role=action.role)
            if not self._trace_legs or action.leg is self._leg:
                return chunk
            self._leg = action.leg
            return encode_leg(action.leg) + chunk
        if isinstance(action, Finish):
            endings = [self._encoder.delta(delta, role=role) for delta, role in action.endings]
            return b"".join([*endings, self._encoder.end(action.usage)])
        return error_event(action.error) if isinstance(action, Abort) else b""


class WholeReply:
    """Gathers the deltas and sends them as one body."""

    def __init__(self, reply: Reply, head: ReplyHead, headers: HeaderList, ledger: Ledger) -> None:
        self._reply = reply
        self._head = head
        self._headers = headers
        self._ledger = ledger
        self._deltas: list[Delta] = []

    async def write(self, actions: Sequence[Action]) -> None:
        """Take in `actions` and, at the end, send the completion; an Abort is left to the caller, in the ledger."""
        for action in actions:
            if isinstance(action, Emit):
                self._deltas.append(action.delta)
            elif isinstance(action, Finish):
                self._deltas += [delta for delta, _ in action.endings]
                body = completion_body(self._head, self._deltas, action.usage)
                await self._reply.send(200, [*JSON_HEADERS, *self._headers], body)
                self._ledger.answered = trio.current_time()
            if not isinstance(action, Emit):
                self._ledger.note(action)
