"""Bytes to and from an upstream: over TCP, over TLS, over TLS inside TLS.

trio's own streams serve any number of tasks at once. Here one task sends, and then reads: no lock, no look-out for a
second user, one system call a packet. What that buys is measured in docs/decisions/0004. Three things more:

1. `close` does not wait, so whoever is cancelled has closed the connection before anything else runs.
2. `receive_nowait` tells a connection that has ended, or says what nobody asked for, from an idle one, for one system
   call; over TLS it takes in the tickets that a server sends late.
3. A TLS session is taken up again: `session` of an earlier connection saves the certificates and a signature.

All of it fails with OSError; ssl.SSLError is one.
"""

from __future__ import annotations

import socket
import ssl
from typing import Protocol

import trio

RECEIVE_BYTES = 65536
"""What one system call reads at most, as in trio."""


class ByteStream(Protocol):
    """A connection whose one user sends and reads in turn."""

    async def send_all(self, data: bytes) -> None:
        """Send all of `data`. It may not wait, and is then no point of scheduling; a cancelled caller sends nothing.

        After Cancelled some of it may have been sent: the connection must be closed.
        """

    async def receive(self) -> bytes:
        """Return the next bytes; b"" at the end. After Cancelled nothing is lost."""

    def receive_nowait(self) -> bytes | None:
        """Return the next bytes if they are there, b"" at the end, None if there is nothing."""

    def close(self) -> None:
        """End the connection at once."""


class TcpStream:
    """A TCP connection. sock: connected."""

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        sent = self._send(data)
        if sent < len(data):
            with memoryview(data) as rest:
                while sent < len(data):
                    await trio.lowlevel.wait_writable(self._socket)
                    sent += self._send(rest[sent:])

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def receive(self) -> bytes:
        # The wait comes first: an event of a stream is nearly never there before somebody waits for it, and the wait
        # is the checkpoint.
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                pass

    def receive_nowait(self) -> bytes | None:
        try:
            return self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()


async def open_tcp(host: str, port: int) -> TcpStream:
    """Connect, to the first of the host's addresses that answers (RFC 6555). Raises OSError."""
    stream = await trio.open_tcp_stream(host, port)  # with TCP_NODELAY
    return TcpStream(socket.socket(fileno=stream.socket.detach()))


class TlsStream:
    """A TLS connection over another one; `handshake` comes first.

    server_name: whom the certificate must name, a host name or an address.
    session: of an earlier connection to the same server, under the same context.
    """

    __slots__ = ("_below", "_incoming", "_object", "_outgoing")

    def __init__(
        self, below: ByteStream, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None = None
    ) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection may begin with; since TLS 1.3 it comes with the server's first data."""
        return self._object.session

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was taken up."""
        return bool(self._object.session_reused)

    async def handshake(self) -> None:
        """Agree on keys, and check the server's certificate and its name. After Cancelled the stream must be closed."""
        while True:
            try:
                # Not left to the first read: only here Python checks the name (bpo-30141).
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._fill(await self._below.receive())
            else:
                await self._flush()
                return

    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        self._object.write(data)
        await self._flush()

    async def receive(self) -> bytes:
        waited = False
        while True:
            data = self._read()
            if data is not None:
                if not waited:
                    await trio.lowlevel.checkpoint()
                return data
            await self._flush()
            self._fill(await self._below.receive())
            waited = True

    def receive_nowait(self) -> bytes | None:
        while True:
            data = self._read()
            if data is not None:
                return data
            more = self._below.receive_nowait()
            if more is None:
                return None
            self._fill(more)

    def close(self) -> None:
        self._below.close()

    def _read(self) -> bytes | None:
        """Return what has come in, of all records together; b"" at the end, None if there is nothing."""
        pieces: list[bytes] = []
        size = 0
        while size < RECEIVE_BYTES:
            try:
                piece = self._object.read(RECEIVE_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                if not _is_end(error):
                    raise
                piece = b""
            if not piece:
                return b"".join(pieces)  # the end is met again by the next read
            pieces.append(piece)
            size += len(piece)
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)) if pieces else None

    def _fill(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._below.send_all(self._outgoing.read())


def _is_end(error: ssl.SSLError) -> bool:
    """Whether the peer has closed, with the goodbye that TLS asks for or, like many servers, without it."""
    # Python before 3.12 over OpenSSL 3 has no class for the second.
    return isinstance(error, (ssl.SSLZeroReturnError, ssl.SSLEOFError)) or (
        error.reason == "UNEXPECTED_EOF_WHILE_READING"
    )
