"""One reply on its way out: what the merge decided, into parts of bytes, and these to whoever reads them.

A reply is encoded once, however many requests read it; each of them has an outlet and a ledger of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import trio

from loro_core.chat import Delta, Json
from loro_core.decide.hearing import Hearing
from loro_core.decide.merge import Abort, Action, Emit, Finish
from loro_core.errors import ClientError, LoroError
from loro_core.fleet import Leg
from loro_core.runtime.broadcast import Reader
from loro_core.runtime.http_reply import Reply
from loro_core.wire.completion import completion_body, with_ledger
from loro_core.wire.http1 import HeaderList
from loro_core.wire.leg_trace import encode_leg
from loro_core.wire.openai_out import ChunkEncoder, ReplyHead, error_event
from loro_core.wire.sse import KEEP_ALIVE

STREAM_HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    # Nobody in between may hold or rewrite the stream; nginx buffers a proxied reply unless the second says no.
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
)
JSON_HEADERS = (("content-type", "application/json"),)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What came of a reply so far, for one request; its one writer is the outlet.

    received, acknowledged, announced, answered: when the request was read, the acknowledgement, the line before a tool
        call, the answer's first token was on the wire, on trio's clock; None until then.
    hearing: what the user hears of it, by the client's own rule of release.
    error: why the reply will not be completed. finished: whether its end is on the wire.
    """

    received: float
    hearing: Hearing
    acknowledged: float | None = None
    announced: float | None = None
    answered: float | None = None
    finish_reason: str | None = None
    error: LoroError | None = None
    finished: bool = False

    def since_received(self, moment: float | None) -> float | None:
        """Return the seconds from the request to `moment`."""
        return None if moment is None else moment - self.received

    @property
    def first_response_s(self) -> float | None:
        """Seconds from the request to the first words on the wire, whoever spoke them."""
        moments = (self.acknowledged, self.announced, self.answered)
        firsts = [moment for moment in moments if moment is not None]
        return min(firsts) - self.received if firsts else None

    def note_all(self, actions: Sequence[Action], now: float) -> None:
        """Take in that `actions` were carried out `now`, in one write."""
        said: list[str] = []
        for action in actions:
            if isinstance(action, Emit) and self.answered is not None and action.leg is Leg.ANSWER:
                # Nearly every token: it is heard with its neighbours.
                if action.delta.content and action.delta.index == 0:
                    said.append(action.delta.content)
                continue
            if said:
                self.hearing.feed("".join(said), now)
                said.clear()
            self.note(action, now)
        if said:
            self.hearing.feed("".join(said), now)

    def note(self, action: Action, now: float) -> None:
        """Take in that `action` was carried out `now`."""
        if isinstance(action, Emit):
            delta = action.delta
            if delta.content and delta.index == 0:
                self.hearing.feed(delta.content, now)
            if action.announces:
                self.announced = now
            elif action.leg is Leg.ACK:
                if self.acknowledged is None:
                    self.acknowledged = now
            elif self.answered is None and delta.answers:
                self.answered = now
        elif isinstance(action, Finish):
            self.hearing.end(now)
            self.finish_reason = action.endings[0][0].finish_reason
            self.finished = True
        elif isinstance(action, Abort):
            self.error = action.error


Closing = Callable[["Mapping[str, Json] | None"], bytes]

Tell = Callable[[], "Mapping[str, Json]"]
"""Gives the ledger of one reader's reply, as it is to stand in the reply's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a reply: its bytes, and the actions that they carry out. The reply's last part has its end.

    closing: makes the bytes that follow `data`, with the ledger of who reads them in it, None for no ledger.
    """

    data: bytes
    actions: tuple[Action, ...]
    closing: Closing | None = None

    @property
    def last(self) -> bool:
        return bool(self.actions) and isinstance(self.actions[-1], (Finish, Abort))

    @property
    def refuses(self) -> bool:
        """Whether there is nothing in it but an error."""
        return len(self.actions) == 1 and isinstance(self.actions[0], Abort)


class Encoding(Protocol):
    """What the merge decided, into parts."""

    @property
    def headers(self) -> HeaderList:
        """What the head of such a reply says of its body."""

    def part(self, actions: Sequence[Action]) -> Part | None:
        """Return what is to be sent for `actions`, None if they only add to what will be."""


class StreamEncoding:
    """Chunks as they come.

    trace_legs: whether a comment tells each leg before its first chunk.
    """

    headers: HeaderList = STREAM_HEADERS

    def __init__(self, head: ReplyHead, *, trace_legs: bool = False) -> None:
        self._encoder = ChunkEncoder(head)
        self._trace_legs = trace_legs
        self._leg: Leg | None = None

    def part(self, actions: Sequence[Action]) -> Part:
        data = b"".join([self._encode(action) for action in actions])
        last = actions[-1] if actions else None
        closing = partial(self._encoder.end, last.usage) if isinstance(last, Finish) else None
        return Part(data=data, actions=tuple(actions), closing=closing)

    def _encode(self, action: Action) -> bytes:
        if isinstance(action, Emit):
            chunk = self._encoder.delta(action.delta, role=action.role)
            if not self._trace_legs or action.leg is self._leg:
                return chunk
            self._leg = action.leg
            return encode_leg(action.leg) + chunk
        if isinstance(action, Finish):
            return b"".join([self._encoder.delta(delta, role=role) for delta, role in action.endings])
        return error_event(action.error) if isinstance(action, Abort) else b""


class WholeEncoding:
    """The deltas gathered into one body, which is the only part; an error instead is one without bytes."""

    headers: HeaderList = JSON_HEADERS

    def __init__(self, head: ReplyHead) -> None:
        self._head = head
        self._deltas: list[Delta] = []

    def part(self, actions: Sequence[Action]) -> Part | None:
        for action in actions:
            if isinstance(action, Emit):
                self._deltas.append(action.delta)
            elif isinstance(action, Finish):
                self._deltas += [delta for delta, _ in action.endings]
                body = completion_body(self._head, self._deltas, action.usage)
                return Part(data=body, actions=(action,))
            elif isinstance(action, Abort):
                return Part(data=b"", actions=(action,))
        return None


class StreamOutlet:
    """Sends the parts of a stream to one client, and keeps its ledger.

    The head goes out with the first of them, so until then an error can be a status.
    tell: for the ledger in the reply's end; None if the client did not ask for it.
    comment_after_s: from the head on, a stream that was silent for so long gets a comment; 0 for never.
    comment: which one, asked each time.
    """

    def __init__(
        self,
        reply: Reply,
        headers: HeaderList,
        ledger: Ledger,
        tell: Tell | None = None,
        *,
        comment_after_s: float = 0.0,
        comment: Callable[[], bytes] = lambda: KEEP_ALIVE,
    ) -> None:
        self._comment = comment
        self._reply = reply
        self._headers = headers
        self._ledger = ledger
        self._tell = tell
        self._comment_after_s = comment_after_s

    async def write(self, part: Part) -> None:
        """Send `part`. An error before anything was sent is only put into the ledger, for the caller to answer with."""
        await self.write_all([part])

    async def write_all(self, parts: Sequence[Part]) -> None:
        """Send `parts` in one write."""
        if not self._reply.started:
            if parts[0].refuses:
                self._note(parts)
                return
            await self._reply.start(200, self._headers)
            if self._comment_after_s and not parts[-1].last:
                self._reply.fill_silence(self._comment_after_s, self._comment)
        data = parts[0].data if len(parts) == 1 else b"".join([part.data for part in parts])
        if parts[-1].last:
            await self._finish(data, parts)
        else:
            await self._reply.write(data)
            self._note(parts)

    async def _finish(self, data: bytes, parts: Sequence[Part]) -> None:
        closing = parts[-1].closing
        if closing is None or self._tell is None:
            await self._reply.finish(data if closing is None else data + closing(None))
            self._note(parts)
            return
        # The ledger is made out before it is sent: what goes out with it counts as sent.
        *before, end = [action for part in parts for action in part.actions]
        now = trio.current_time()
        for action in before:
            self._ledger.note(action, now)
        self._ledger.hearing.end(now)
        await self._reply.finish(data + closing(self._tell()))
        self._ledger.note(end, trio.current_time())

    async def break_off(self, error: LoroError) -> None:
        """End the reply with `error`; one that has not begun is left to the caller."""
        self._ledger.error = error
        if self._reply.started:
            await self._reply.finish(error_event(error))

    def _note(self, parts: Sequence[Part]) -> None:
        now = trio.current_time()
        for part in parts:
            self._ledger.note_all(part.actions, now)


class WholeOutlet:
    """Sends a reply that is one body; errors are put into the ledger, for the caller to answer with."""

    def __init__(self, reply: Reply, headers: HeaderList, ledger: Ledger, tell: Tell | None = None) -> None:
        self._reply = reply
        self._headers = headers
        self._ledger = ledger
        self._tell = tell

    async def write(self, part: Part) -> None:
        if not part.refuses:
            body = part.data
            if self._tell is not None:
                self._ledger.answered = trio.current_time()
                body = with_ledger(body, self._tell())
            await self._reply.send(200, self._headers, body)
            self._ledger.answered = trio.current_time()
        for action in part.actions:
            self._ledger.note(action, trio.current_time())

    async def write_all(self, parts: Sequence[Part]) -> None:
        for part in parts:
            await self.write(part)

    async def break_off(self, error: LoroError) -> None:
        self._ledger.error = error
        await trio.lowlevel.checkpoint()


Outlet = StreamOutlet | WholeOutlet


async def follow(reader: Reader[Part], outlet: Outlet) -> None:
    """Send everything that `reader` gets through `outlet`, to the end of the reply.

    A reader that is turned away while others read on (the turn was revised, it fell behind) ends with that error.
    """
    try:
        while parts := await reader.receive():
            await outlet.write_all(parts)
    except ClientError as error:
        await outlet.break_off(error)
