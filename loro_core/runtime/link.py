"""A link between two of loro's processes: questions with answers, and things told, over one socket pair.

What is sent waits in a queue, so that a question may be given up (its asker was cancelled, the other end is stuck)
without cutting a frame in two. A link whose other end is gone fails every question at once.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from loro_core.wire.frames import HEAD_BYTES, Frame, FrameDecoder, FrameKind, encode_frame, payload_bytes
from loro_core.wire.lines import WireFormatError

READ_BYTES = 65536
# An end that does not read is sent no more than this: what it is asked then has been given up by its asker long ago.
QUEUED_FRAMES = 64

Answer = Callable[[bytes], Awaitable[bytes]]
Hear = Callable[[bytes], None]


class LinkClosed(Exception):
    """The other end is gone, or so far behind that it is told nothing more."""


class Link:
    """One end. answer: answers what the other end asks. hear: takes in what it tells; neither may raise."""

    def __init__(self, stream: trio.abc.Stream, *, answer: Answer, hear: Hear) -> None:
        self._stream = stream
        self._answer = answer
        self._hear = hear
        self._outbox, self._queued = trio.open_memory_channel[tuple[bytes, trio.Event]](QUEUED_FRAMES)
        self._answers: dict[int, bytes | None] = {}
        self._waiting: dict[int, trio.Event] = {}
        self._asked = 0
        self._closed = False

    async def run(self) -> None:
        """Carry frames until the other end is gone, then close this one; after Cancelled it is closed, too."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                await self._read(nursery)
                nursery.cancel_scope.cancel()
        finally:
            self._closed = True
            for event in self._waiting.values():
                event.set()
            with suppress(trio.WouldBlock):
                while True:
                    self._queued.receive_nowait()[1].set()
            await trio.aclose_forcefully(self._stream)

    def tell(self, message: bytes) -> None:
        """Send `message` without waiting; raise LinkClosed if it cannot get there."""
        self._send(Frame(kind=FrameKind.TELL, payload=message))

    async def ask(self, question: bytes) -> bytes:
        """Return the other end's answer; raise LinkClosed if there will be none. Deadlines are the caller's."""
        self._asked += 1
        number = self._asked
        event = self._waiting[number] = trio.Event()
        try:
            self._send(Frame(kind=FrameKind.ASK, number=number, payload=question))
            await event.wait()
            answer = self._answers.pop(number, None)
        finally:
            del self._waiting[number]
            self._answers.pop(number, None)
        if answer is None:
            raise LinkClosed
        return answer

    async def tell_for_sure(self, message: bytes) -> None:
        """Send `message`; return once the system has it. Raises LinkClosed if the other end is gone."""
        sent = self._send(Frame(kind=FrameKind.TELL, payload=message))
        await sent.wait()
        if self._closed:
            raise LinkClosed

    def _send(self, frame: Frame) -> trio.Event:
        """Queue `frame`; return what is set once it has been written, or never will be."""
        if self._closed:
            raise LinkClosed
        sent = trio.Event()
        try:
            self._outbox.send_nowait((encode_frame(frame), sent))
        except trio.WouldBlock:
            raise LinkClosed from None
        return sent

    async def _write(self) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data, sent in self._queued:
                try:
                    await self._stream.send_all(data)
                except BaseException:
                    self._closed = True
                    raise
                finally:
                    sent.set()

    async def _read(self, nursery: trio.Nursery) -> None:
        decoder = FrameDecoder()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, WireFormatError):
            while data := await self._stream.receive_some(READ_BYTES):
                for frame in decoder.decode(bytes(data)):
                    self._take(frame, nursery)

    def _take(self, frame: Frame, nursery: trio.Nursery) -> None:
        if frame.kind is FrameKind.TELL:
            self._hear(frame.payload)
        elif frame.kind is FrameKind.ASK:
            nursery.start_soon(self._reply, frame)
        elif frame.number in self._waiting:  # else its asker has given up
            self._answers[frame.number] = frame.payload
            self._waiting[frame.number].set()

    async def _reply(self, question: Frame) -> None:
        answer = await self._answer(question.payload)
        with suppress(LinkClosed):
            self._send(Frame(kind=FrameKind.ANSWER, number=question.number, payload=answer))


def receive_first(sock: socket.socket) -> bytes:
    """Return the payload of the first frame, waiting for it without an event loop; raise EOFError if none comes."""
    return _exactly(sock, payload_bytes(_exactly(sock, HEAD_BYTES)))


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
