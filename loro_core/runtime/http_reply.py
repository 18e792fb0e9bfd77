"""The reply to one request: from a handler's calls to bytes on the stream, one send a call.

    reply          call            writes                         then
    NEW            send            head and body                  OVER, end=finished
    NEW            start           nothing: the head is held      STREAMING
    STREAMING      write           (head and) one chunk           STREAMING
    STREAMING      finish          (head,) last data, last chunk  OVER, end=finished
    NEW STREAMING  abort           end of file, no last chunk     OVER, end=aborted
    any            (client leaves, or takes nothing for too long)  OVER, end=disconnected | stalled
    STREAMING      (nothing sent for so long as `fill_silence` says, of what has begun)  one chunk: the filler

The head waits for the first write so that both travel in one segment, and so that an error before the first byte can
still be answered with its own status. When the client leaves, the handler's scope is cancelled: the handler sees
trio.Cancelled at its next checkpoint, never an error of the socket. Calls made after that, from cleanup that is
shielded, do nothing.

The filler of silence is sent by the task that reads from the client, between two calls and never within one: it begins
only while no send is under way, and a call that comes meanwhile waits until the filler is through.
"""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable
from email.utils import formatdate
from enum import Enum
from typing import Literal

import trio

from loro_core.wire.http1 import (
    LAST_CHUNK,
    Framing,
    HeaderList,
    bodiless,
    encode_chunk,
    encode_reply_head,
    framing_of,
)

End = Literal["finished", "aborted", "disconnected", "stalled"]

# A body is sent in pieces, so that a slow reader of a large one is seen to make progress. 64 KiB: four times what
# trio lets wait unsent in the kernel (TCP_NOTSENT_LOWAT); with 60 s of patience that asks for about 1 KiB/s.
PIECE_BYTES = 65536


class _State(Enum):
    NEW = "new"
    STREAMING = "streaming"
    OVER = "over"


class Reply:
    """Handed to the handler beside the request. Its methods may be called by one task at a time.

    scope: what is cancelled when the client is gone: the handler, and what goes on beside it; None for neither.
    set_alarm: tells whoever watches the client by when to call `fill`; None if nobody does.
    status: as given to `send` or `start`, None before.
    bytes_sent: what the socket has taken, heads and framing included.
    first_write_at, last_write_at: when the socket had taken the first and the latest of it, on trio's clock; None
        before.
    end: how it ended, None while it has not.
    """

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        *,
        method: str,
        http_version: str,
        request_id: str,
        keep_alive: Callable[[], bool],
        common_headers: Callable[[], HeaderList],
        write_timeout_s: float,
    ) -> None:
        """keep_alive, common_headers: asked once, when the head is made.

        write_timeout_s: how long the client may take nothing while we have something for it.
        """
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self._method = method
        self._http_version = http_version
        self._request_id = request_id
        self._may_keep_alive = keep_alive
        self._common_headers = common_headers
        self._write_timeout_s = write_timeout_s
        self._state = _State.NEW
        self._framing: Framing = "none"
        self._head: bytes | None = None
        self._bodiless = False
        self._midway = False
        self._finishing = False
        self._keep_alive = False
        self._filled: trio.Event | None = None  # set once the filler that is being sent is through
        self._filler: Callable[[], bytes] | None = None
        self._fill_after_s = math.inf
        self.scope: trio.CancelScope | None = None
        self.set_alarm: Callable[[float], None] | None = None
        self.status: int | None = None
        self.bytes_sent = 0
        self.first_write_at: float | None = None
        self.last_write_at: float | None = None
        self.end: End | None = None

    @property
    def started(self) -> bool:
        """Whether anything was handed to the socket: from then on an error cannot become a status."""
        return self.bytes_sent > 0 or self._midway

    @property
    def client_gone(self) -> bool:
        """Whether the reply ended because the client left or stopped reading."""
        return self.end in ("disconnected", "stalled")

    @property
    def keeps_connection(self) -> bool:
        """Whether the reply was completed in a way that lets another request follow."""
        return self.end == "finished" and self._keep_alive and not self._midway

    async def send(self, status: int, headers: HeaderList, body: bytes = b"") -> None:
        """Send a whole reply. The body is left out where HTTP has none (HEAD, 304).

        Raises ValueError, with nothing sent, if a header field cannot be sent or 204 is given a body.
        After Cancelled some of it may have been sent, and the connection will be closed.
        """
        if status == 204 and body:
            raise ValueError("a reply with status 204 has no body")
        if self.client_gone:
            await trio.lowlevel.checkpoint()
            return
        self._begin(status, headers, length=len(body))
        self._finishing = True
        await self._send(self._take_head() + (b"" if self._bodiless else body))
        self._over("finished")

    async def start(self, status: int, headers: HeaderList) -> None:
        """Begin a streamed reply. Nothing is sent before the first `write` or `finish`.

        Raises ValueError if a header field cannot be sent.
        """
        if not self.client_gone:
            self._begin(status, headers, length=None)
        await trio.lowlevel.checkpoint_if_cancelled()

    def fill_silence(self, after_s: float, filler: bytes | Callable[[], bytes]) -> None:
        """Send `filler` whenever nothing was sent for `after_s`, from the first `write` until the reply's end.

        filler: what the client's reader skips, and as whole as every `write` of this reply; or what gives it each time.
        """
        if self.set_alarm is None:
            raise RuntimeError("reply.fill_silence: nobody watches the client of this reply")
        self._filler = filler if callable(filler) else lambda: filler
        self._fill_after_s = after_s
        self.set_alarm(trio.current_time() + after_s)

    async def fill(self) -> float:
        """Send the filler if it is time for it; return when to call again, infinity for never."""
        if self._state is _State.OVER or self._finishing or self._filler is None:
            return math.inf
        now = trio.current_time()
        quiet_since = now if self._midway or self.last_write_at is None else self.last_write_at
        if quiet_since + self._fill_after_s > now or self._state is not _State.STREAMING:
            return quiet_since + self._fill_after_s
        self._filled = trio.Event()
        try:
            await self._send(self._framed(self._filler()))
        finally:
            self._filled.set()
            self._filled = None
        return trio.current_time() + self._fill_after_s

    async def write(self, data: bytes) -> None:
        """Send the next part of the stream and wait until the socket has taken it: that wait is the backpressure.

        data: nothing is sent if empty.
        After Cancelled some of it may have been sent, and nothing more can be.
        """
        if self._filled is not None:
            await self._filled.wait()
        if not self.client_gone:
            self._expect(_State.STREAMING, "write")
        if data and not self.client_gone:
            await self._send(self._take_head() + self._framed(data))
        else:
            await trio.lowlevel.checkpoint()

    async def finish(self, last: bytes = b"") -> None:
        """Send the end of the stream, with `last` before it in the same send.

        A client that leaves after it has everything but the last chunk has what it came for: that is "finished" too.
        openai-python closes as soon as it has read `[DONE]`.
        """
        if self._filled is not None:
            await self._filled.wait()
        if self.end == "disconnected" and not last and self.started and not self._midway:
            self.end = "finished"
            return
        if self.client_gone:
            await trio.lowlevel.checkpoint()
            return
        self._expect(_State.STREAMING, "finish")
        self._finishing = True
        data = self._take_head() + (self._framed(last) if last else b"")
        if self._framing == "chunked" and not self._bodiless:
            data += LAST_CHUNK
        await self._send(data, nothing_new=not last)
        self._over("finished")

    async def abort(self) -> None:
        """End the connection without the last chunk, so that the client can see that the reply is cut short.

        What was written before still arrives. An HTTP/1.0 client cannot see it but by the content.
        """
        if self._state is _State.OVER:
            await trio.lowlevel.checkpoint()
            return
        self._over("aborted")
        try:
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.end = "disconnected"

    def discard_head(self) -> None:
        """Forget a reply that was begun and of which nothing was sent, so that another can take its place."""
        if not self.started and self._state is _State.STREAMING:
            self._state, self._head, self.status = _State.NEW, None, None

    def hang_up(self, end: End = "disconnected") -> None:
        """Record that the client is gone and cancel the handler, unless all that matters was sent."""
        if self.end is None and not self._finishing:
            self._over(end)
            self._cancel()

    def _begin(self, status: int, headers: HeaderList, *, length: int | None) -> None:
        self._expect(_State.NEW, "send" if length is not None else "start")
        framing = framing_of(status, http_version=self._http_version, length=length)
        self._keep_alive = framing != "close" and self._may_keep_alive()
        connection = None
        if not self._keep_alive:
            connection = "close"
        elif self._http_version < "1.1":
            connection = "keep-alive"  # without it an HTTP/1.0 client waits for the close
        self._head = encode_reply_head(
            status,
            headers,
            self._common_headers(),
            date=_date(int(time.time())),
            request_id=self._request_id,
            framing=framing,
            connection=connection,
        )
        self._bodiless = bodiless(self._method, status)
        self._framing, self.status, self._state = framing, status, _State.STREAMING

    def _take_head(self) -> bytes:
        head, self._head = self._head or b"", None
        return head

    def _framed(self, data: bytes) -> bytes:
        if self._bodiless:
            return b""
        return encode_chunk(data) if self._framing == "chunked" else data

    async def _send(self, data: bytes, *, nothing_new: bool = False) -> None:
        """nothing_new: the client's leaving does not matter any more."""
        self._midway = True
        await trio.lowlevel.checkpoint_if_cancelled()
        sent = self._send_at_once(data)
        if sent:
            self._count(sent)
        for at in range(sent, len(data), PIECE_BYTES):
            piece = data[at : at + PIECE_BYTES]
            with trio.move_on_after(self._write_timeout_s) as patience:
                try:
                    await self._stream.send_all(piece)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._lost("finished" if nothing_new and self.bytes_sent else "disconnected")
                    return
            if patience.cancelled_caught:
                await self._lost("stalled")
                return
            self._count(len(piece))
        if not data:
            await trio.lowlevel.checkpoint()
        self._midway = False

    def _send_at_once(self, data: bytes) -> int:
        """Return how many bytes the socket took without waiting: nearly always all.

        There is no task switch in it and no deadline is set up: both cost more than the system call. What went wrong is
        left for the next send to meet.
        """
        if self._socket is None or len(data) > PIECE_BYTES:
            return 0
        try:
            return os.write(self._socket.fileno(), data)
        except OSError:
            return 0

    def _count(self, sent: int) -> None:
        self.bytes_sent += sent
        self.last_write_at = trio.current_time()
        if self.first_write_at is None:
            self.first_write_at = self.last_write_at

    async def _lost(self, end: End) -> None:
        if self.end is None:
            self._over(end)
        if self.client_gone:
            self._cancel()
        await trio.lowlevel.checkpoint()

    def _cancel(self) -> None:
        if self.scope is not None:
            self.scope.cancel()

    def _over(self, end: End) -> None:
        self._state = _State.OVER
        if self.end is None:
            self.end = end

    def _expect(self, state: _State, call: str) -> None:
        if self._midway and self._state is not _State.OVER:
            raise RuntimeError(f"reply.{call}: an earlier send was cut short, nothing more can be sent")
        if self._state is not state:
            raise RuntimeError(f"reply.{call}: the reply is {self._state.value}, needs to be {state.value}")


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
