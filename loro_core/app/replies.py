"""One reply on its way out: what the merge decided, into parts of bytes, and these to whoever reads them.

A reply is encoded once, however many requests read it; each of them has an outlet and a ledger of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import trio
from msgspec import Struct

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


class Gist(Struct, kw_only=True):
    """What one write says, summed up once for all who keep account of it.

    said: the text of the first choice, whoever speaks; answer_characters: how much of it is the answer's.
    acknowledges, announces, answers: whether an acknowledgement, a line before a tool call, a part of the answer itself
        is in it. refuses: whether there is nothing in it but an error.
    end: the reply's, if this is the last write.
    """

    said: str = ""
    answer_characters: int = 0
    acknowledges: bool = False
    announces: bool = False
    answers: bool = False
    end: Finish | Abort | None = None
    refuses: bool = False


def gist_of(actions: Sequence[Action]) -> Gist:
    """Return what carrying out `actions` in one write says."""
    gist = Gist()
    pieces: list[str] = []
    for action in actions:
        if isinstance(action, Emit):
            delta = action.delta
            content = delta.content if not delta.index else None
            if content:
                pieces.append(content)
            if action.leg is Leg.ANSWER:
                if content:
                    gist.answers = True
                    gist.answer_characters += len(content)
                elif not gist.answers:
                    gist.answers = delta.answers
            elif action.announces:
                gist.announces = True
            else:
                gist.acknowledges = True
        elif isinstance(action, (Finish, Abort)):
            gist.end = action
    gist.said = pieces[0] if len(pieces) == 1 else "".join(pieces)
    gist.refuses = len(actions) == 1 and isinstance(gist.end, Abort)
    return gist


class Ledger(Struct, kw_only=True):
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
        if self.acknowledged is None and self.announced is None:
            return self.since_received(self.answered)
        moments = (self.acknowledged, self.announced, self.answered)
        return min(moment for moment in moments if moment is not None) - self.received

    def note(self, gist: Gist, now: float) -> None:
        """Take in that what `gist` sums up was carried out `now`, in one write."""
        self.note_said(gist, now)
        if gist.end is not None:
            self.note_end(gist.end, now)

    def note_said(self, gist: Gist, now: float) -> None:
        """Take in the same but for the reply's end."""
        if gist.said:
            self.hearing.feed(gist.said, now)
        if gist.announces:
            self.announced = now
        if gist.acknowledges and self.acknowledged is None:
            self.acknowledged = now
        if gist.answers and self.answered is None:
            self.answered = now

    def note_end(self, end: Finish | Abort, now: float) -> None:
        """Take in that the reply's end was carried out `now`."""
        if isinstance(end, Abort):
            self.error = end.error
        else:
            self.hearing.end(now)
            self.finish_reason = end.endings[0][0].finish_reason
            self.finished = True


Closing = Callable[["Mapping[str, Json] | None"], bytes]

Tell = Callable[[], "Mapping[str, Json]"]
"""Gives the ledger of one reader's reply, as it is to stand in the reply's end."""


class Part(Struct, frozen=True, kw_only=True):
    """A piece of a reply: its bytes, and what they say. The reply's last part has its end.

    closing: makes the bytes that follow `data`, with the ledger of who reads them in it, None for no ledger.
    """

    data: bytes
    gist: Gist
    closing: Closing | None = None

    @property
    def last(self) -> bool:
        return self.gist.end is not None


class Encoding(Protocol):
    """What the merge decided, into parts."""

    @property
    def headers(self) -> HeaderList:
        """What the head of such a reply says of its body."""

    def part(self, actions: Sequence[Action], gist: Gist) -> Part | None:
        """Return what is to be sent for `actions`, None if they only add to what will be. gist: theirs."""


class StreamEncoding:
    """Chunks as they come.

    trace_legs: whether a comment tells each leg before its first chunk.
    """

    headers: HeaderList = STREAM_HEADERS

    def __init__(self, head: ReplyHead, *, trace_legs: bool = False) -> None:
        self._encoder = ChunkEncoder(head)
        self._trace_legs = trace_legs
        self._leg: Leg | None = None

    def part(self, actions: Sequence[Action], gist: Gist) -> Part:
        data = b"".join([self._encode(action) for action in actions])
        end = gist.end
        return Part(
            data=data, gist=gist, closing=partial(self._encoder.end, end.usage) if isinstance(end, Finish) else None
        )

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

    def part(self, actions: Sequence[Action], gist: Gist) -> Part | None:
        self._deltas += [action.delta for action in actions if isinstance(action, Emit)]
        end = gist.end
        if end is None:
            return None
        # Nothing of it is said before its end is there.
        only_end = Gist(end=end, refuses=isinstance(end, Abort))
        if isinstance(end, Abort):
            return Part(data=b"", gist=only_end)
        self._deltas += [delta for delta, _ in end.endings]
        return Part(data=completion_body(self._head, self._deltas, end.usage), gist=only_end)


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
        if not self._reply.started and not await self._begin(part, part):
            return
        gist = part.gist
        if gist.end is not None:
            await self._finish(part.data, [gist], part.closing)
        else:
            await self._reply.write(part.data)
            self._ledger.note_said(gist, trio.current_time())

    async def write_all(self, parts: Sequence[Part]) -> None:
        """Send `parts` in one write."""
        if not self._reply.started and not await self._begin(parts[0], parts[-1]):
            return
        data = b"".join([part.data for part in parts])
        gists = [part.gist for part in parts]
        if parts[-1].last:
            await self._finish(data, gists, parts[-1].closing)
        else:
            await self._reply.write(data)
            self._note(gists)

    async def _begin(self, first: Part, last: Part) -> bool:
        """Begin the reply that is to be written from `first` to `last` now; return False if there is nothing to write.

        What there is of it may be an error alone.
        """
        if first.gist.refuses:
            self._ledger.note(first.gist, trio.current_time())
            return False
        await self._reply.start(200, self._headers)
        if self._comment_after_s and not last.last:
            self._reply.fill_silence(self._comment_after_s, self._comment)
        return True

    async def _finish(self, data: bytes, gists: Sequence[Gist], closing: Closing | None) -> None:
        if closing is None or self._tell is None:
            await self._reply.finish(data if closing is None else data + closing(None))
            self._note(gists)
            return
        # The ledger is made out before it is sent: what goes out with it counts as sent.
        now = trio.current_time()
        for gist in gists:
            self._ledger.note_said(gist, now)
        self._ledger.hearing.end(now)
        await self._reply.finish(data + closing(self._tell()))
        end = gists[-1].end
        if end is not None:
            self._ledger.note_end(end, trio.current_time())

    async def break_off(self, error: LoroError) -> None:
        """End the reply with `error`; one that has not begun is left to the caller."""
        self._ledger.error = error
        if self._reply.started:
            await self._reply.finish(error_event(error))

    def _note(self, gists: Sequence[Gist]) -> None:
        now = trio.current_time()
        for gist in gists:
            self._ledger.note(gist, now)


class WholeOutlet:
    """Sends a reply that is one body; errors are put into the ledger, for the caller to answer with."""

    def __init__(self, reply: Reply, headers: HeaderList, ledger: Ledger, tell: Tell | None = None) -> None:
        self._reply = reply
        self._headers = headers
        self._ledger = ledger
        self._tell = tell

    async def write(self, part: Part) -> None:
        if not part.gist.refuses:
            body = part.data
            if self._tell is not None:
                self._ledger.answered = trio.current_time()
                body = with_ledger(body, self._tell())
            await self._reply.send(200, self._headers, body)
            self._ledger.answered = trio.current_time()
        self._ledger.note(part.gist, trio.current_time())

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
