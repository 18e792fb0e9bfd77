"""A link between two of loro's processes: questions with answers, things told, and sockets handed over.

What is sent waits in a queue, so that a question may be given up (its asker was cancelled, the other end is stuck)
without cutting a frame in two. A link whose other end is gone fails every question at once.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections import deque
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


Receive = Callable[[socket.socket, bytes], None]

_MOST_SOCKETS_A_READ = 16
_SPACE = socket.CMSG_SPACE(_MOST_SOCKETS_A_READ * 4) if hasattr(socket, "CMSG_SPACE") else 0


class LinkClosed(Exception):
    """The other end is gone, or so far behind that it is told nothing more."""


class Link:
    """One end of a pair of Unix sockets.

    answer: answers what the other end asks. hear: takes in what it tells. receive: takes a socket that it hands over,
    and what it says of it; without it, none are taken. None of the three may raise.
    """

    def __init__(
        self, sock: trio.socket.SocketType, *, answer: Answer, hear: Hear, receive: Receive | None = None
    ) -> None:
        self._socket = sock
        self._stream = trio.SocketStream(sock)
        self._answer = answer
        self._hear = hear
        self._receive = receive
        self._received: deque[int] = deque()
        self._outbox, self._queued = trio.open_memory_channel[_Item](QUEUED_FRAMES)
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
                    self._queued.receive_nowait().let_go()
            for fd in self._received:
                os.close(fd)
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
        item = self._send(Frame(kind=FrameKind.TELL, payload=message))
        await item.sent.wait()
        if self._closed:
            raise LinkClosed

    def hand(self, sock: trio.socket.SocketType, message: bytes) -> None:
        """Send a socket and what there is to say of it without waiting; the caller closes its own copy.

        Raises LinkClosed if it cannot get there. A link that is closed on the way closes the socket, too.
        """
        self._send(Frame(kind=FrameKind.HAND, payload=message), sock)

    def _send(self, frame: Frame, sock: trio.socket.SocketType | None = None) -> _Item:
        if self._closed:
            raise LinkClosed
        item = _Item(encode_frame(frame), None if sock is None else os.dup(sock.fileno()))
        try:
            self._outbox.send_nowait(item)
        except trio.WouldBlock:
            item.let_go()
            raise LinkClosed from None
        return item

    async def _write(self) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for item in self._queued:
                try:
                    await self._write_one(item)
                except BaseException:
                    self._closed = True
                    raise
                finally:
                    item.let_go()

    async def _write_one(self, item: _Item) -> None:
        data = item.data
        if item.fd is not None:
            rights = array("i", [item.fd])
            try:
                # The socket travels with the frame's first byte, whatever else the system takes.
                sent = await self._socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            except OSError as error:
                raise trio.BrokenResourceError from error
            data = data[sent:]
        await self._stream.send_all(data)

    async def _read(self, nursery: trio.Nursery) -> None:
        decoder = FrameDecoder()
        with suppress(trio.ClosedResourceError, OSError, WireFormatError):
            while True:
                data, ancillary, _, _ = await self._socket.recvmsg(READ_BYTES, _SPACE)
                for level, kind, rights in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        self._received.extend(array("i", rights[: len(rights) - len(rights) % 4]))
                if not data:
                    return
                for frame in decoder.decode(data):
                    self._take(frame, nursery)

    def _take(self, frame: Frame, nursery: trio.Nursery) -> None:
        if frame.kind is FrameKind.TELL:
            self._hear(frame.payload)
        elif frame.kind is FrameKind.HAND:
            handed = socket.socket(fileno=self._received.popleft())
            if self._receive is None:
                handed.close()
            else:
                self._receive(handed, frame.payload)
        elif frame.kind is FrameKind.ASK:
            nursery.start_soon(self._reply, frame)
        elif frame.number in self._waiting:  # else its asker has given up
            self._answers[frame.number] = frame.payload
            self._waiting[frame.number].set()

    async def _reply(self, question: Frame) -> None:
        answer = await self._answer(question.payload)
        with suppress(LinkClosed):
            self._send(Frame(kind=FrameKind.ANSWER, number=question.number, payload=answer))


class _Item:
    """What waits to be written. fd: a descriptor of ours that goes with it, closed once it has gone."""

    __slots__ = ("data", "fd", "sent")

    def __init__(self, data: bytes, fd: int | None) -> None:
        self.data = data
        self.fd = fd
        self.sent = trio.Event()

    def let_go(self) -> None:
        self.sent.set()
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


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
