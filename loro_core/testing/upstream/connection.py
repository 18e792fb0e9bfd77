"""One connection of the scripted upstream: requests in through h11, answers out by hand.

h11 would rightly refuse to write most of what a script may ask for, so heads and chunks are put together here. While an
answer is under way a second task reads: the client's leaving is seen at once, in the middle of any wait.
"""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import h11
import trio

from loro_core.testing.upstream.faces import BOM

# 16 MiB: a long conversation with pictures in it; a test that sends more has lost its way.
MAX_BODY_BYTES = 16 * 2**20
READ_BYTES = 64 * 1024

After = Literal["keep", "close", "reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as read. keeps: whether the client may use the connection again. chunks: whether it knows chunks."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    keeps: bool
    chunks: bool


class Malformed(Exception):
    """What came is no request."""


class Gone(Exception):
    """The client is not there any more."""


class Connection:
    """Reads requests and writes answers on one stream. `number`: which connection of the server this is, from 1."""

    def __init__(self, stream: trio.SocketStream, number: int) -> None:
        self.number = number
        self._stream = stream
        self._rest = b""

    async def read(self) -> Request | None:
        """Return the next request, None when the client has closed.

        Raises Malformed; the connection is then good for one error answer.
        """
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=READ_BYTES)
        if self._rest:
            parser.receive_data(self._rest)
            self._rest = b""
        head: h11.Request | None = None
        body = bytearray()
        invited = False
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as exc:
                raise Malformed(str(exc)) from exc
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue and not invited:
                    invited = True
                    await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                data = await self._receive()
                if not data and head is None and not parser.trailing_data[0]:
                    return None
                parser.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    raise Malformed(f"the body is longer than {MAX_BODY_BYTES} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                self._rest = parser.trailing_data[0]
                return _request(head, bytes(body))
            else:
                return None

    async def watch(self) -> None:
        """Return when the client has closed or reset the connection; keep what it sends until then for `read`."""
        while True:
            data = await self._receive()
            if not data:
                return
            self._rest += data
            if len(self._rest) > MAX_BODY_BYTES:
                await trio.sleep_forever()

    async def write(self, data: bytes) -> None:
        """Send `data`. Raises Gone."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise Gone from exc

    async def close(self, *, reset: bool = False) -> None:
        """Close by FIN, or by RST."""
        if reset:
            # Lingering for no time makes close() send RST and drop what is unsent.
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self._stream)

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""


def _request(head: h11.Request, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    modern = head.http_version != b"1.0"
    return Request(
        method=head.method.decode("ascii"),
        path=head.target.decode("latin-1").partition("?")[0],
        headers=headers,
        body=body,
        keeps=modern and headers.get("connection", "").lower() != "close",
        chunks=modern,
    )


def head_bytes(status: int, headers: Mapping[str, str]) -> bytes:
    """Return a response head."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in _KNOWN else 'Scripted'}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


_KNOWN = frozenset(int(status) for status in HTTPStatus)


def response_bytes(status: int, content_type: str, body: bytes, *, retry_after_s: float | None = None) -> bytes:
    """Return a whole response. A Retry-After is in whole seconds, rounded up; retry-after-ms says it exactly."""
    headers = {"content-type": content_type, "content-length": str(len(body))}
    if retry_after_s is not None:
        headers |= {"retry-after": str(math.ceil(retry_after_s)), "retry-after-ms": str(round(retry_after_s * 1000))}
    return head_bytes(status, headers) + body


class Body:
    """The body of a streamed answer. chunked: in HTTP chunks, else until the connection's end.

    write_bytes: how much goes into one chunk and one write; None is whatever is given at once.
    """

    def __init__(self, connection: Connection, *, chunked: bool, write_bytes: int | None, bom: bool) -> None:
        self._connection = connection
        self._chunked = chunked
        self._write_bytes = write_bytes
        self._opening = BOM if bom else b""

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send `data`. last: and with it, in the same write, the body's end."""
        if data:
            data, self._opening = self._opening + data, b""
        size = self._write_bytes or len(data)
        pieces = [data[at : at + size] for at in range(0, len(data), size)] if data else []
        framed = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces] if self._chunked else pieces
        if last and self._chunked:
            framed = [*framed[:-1], b"".join(framed[-1:]) + b"0\r\n\r\n"]
        for piece in framed:
            await self._connection.write(piece)
