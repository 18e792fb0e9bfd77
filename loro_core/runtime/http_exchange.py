"""One request to an upstream and its response, over a connection from the pool or a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

import trio

from loro_core.errors import UpstreamError
from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamResponse
from loro_core.runtime import http_failure
from loro_core.runtime.inflating import uncoded
from loro_core.runtime.streams import ByteStream
from loro_core.wire.http1_request import UnfitHeader
from loro_core.wire.http1_response import ResponseDecoder, ResponseHead
from loro_core.wire.lines import WireFormatError

if TYPE_CHECKING:
    from loro_core.runtime.http_client import HttpClient

REUSE_GRACE_S = 0.02
"""What is left of a body when its reader goes in peace has this long to arrive, so that the connection can serve again:
the end of a chunked body is often one packet behind the last event."""

REUSE_GRACE_BYTES = 65536
"""No more is read than this, either: who is left in peace in the middle of a long body has closed it, too."""


class Exchange:
    """One request and its response: the block that `send` gives, and what it holds."""

    def __init__(
        self,
        client: HttpClient,
        deployment: Deployment,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        self._client = client
        self._deployment = deployment
        self._method = method
        self._url = url
        self._sent_headers = headers
        self._sent_body = body
        self._grace_bytes = REUSE_GRACE_BYTES
        self._waiting = b""
        """What of the body came with the head."""

    async def __aenter__(self) -> UpstreamResponse:
        name = self._deployment.name
        try:
            target = self._target = self._client.target(self._url)
            request = self._client.request(self._method, target, self._sent_headers, self._sent_body)
        except UnfitHeader as error:
            raise http_failure.unfit_header(error.name, name) from None
        except ValueError:
            raise http_failure.unfit_url(_shown(self._url), name) from None
        stream = self._client.take(target)
        if stream is None or not await self._ask(stream, request, reused=True):
            await self._ask(await self._client.connect(target, self._deployment), request, reused=False)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        decoder, head = self._decoder, self._decoder.head
        if exc_type is None and not decoder.complete:
            try:
                await self._settle()
            except BaseException:
                self._stream.close()
                raise
        if head is not None and decoder.reusable and self._sent:
            self._client.give(self._target, self._stream, head.idle_s)
        else:
            self._stream.close()

    async def _ask(self, stream: ByteStream, request: bytes, *, reused: bool) -> bool:
        """Send `request` and read until the head is there.

        Returns False if a connection that had served before ended before it answered. Nothing was wrong with the
        request then; after a byte of an answer nobody could say so.
        """
        decoder = self._decoder = ResponseDecoder(self._method)
        self._stream = stream
        try:
            head = await self._talk(request)
        except WireFormatError as error:
            stream.close()
            raise http_failure.not_http(self._target.address, self._deployment.name) from error
        except BaseException:
            stream.close()
            raise
        if head is None:
            stream.close()
            if reused and not decoder.begun:
                return False
            raise self._closed_early()
        self.status = head.status
        self.headers: Mapping[str, str] = head.headers
        return True

    async def _talk(self, request: bytes) -> ResponseHead | None:
        """Send `request` and return the head of the answer, None if the connection ends before."""
        decoder = self._decoder
        self._sent = True
        try:
            await self._stream.send_all(request)
        except OSError:
            self._sent = False  # it may have answered before it closed: a request that is too large is refused so
        while decoder.head is None:
            data = await self._receive()
            if not data:
                return None
            self._waiting = decoder.feed(data)
        return decoder.head

    async def _receive(self) -> bytes:
        """Return what comes next; b"" at the end of the connection, however it ends."""
        try:
            return await self._stream.receive()
        except OSError:
            return b""

    def chunks(self) -> AsyncIterator[bytes]:
        return uncoded(self, self.headers.get("content-encoding", ""), self._unfit_body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = self._waiting
        if piece:
            # It came with the head, and that was waited for: the others have had their turn.
            self._waiting = b""
            await trio.lowlevel.checkpoint_if_cancelled()
            return piece
        decoder = self._decoder
        while not piece:
            if decoder.complete:
                raise StopAsyncIteration
            data = await self._receive()
            if data:
                try:
                    piece = decoder.feed(data)
                except WireFormatError as error:
                    raise http_failure.not_http(self._target.address, self._deployment.name) from error
            elif not decoder.finish():
                raise self._closed_early()
        return piece

    async def read(self, max_bytes: int) -> bytes:
        body = bytearray()
        async for piece in self.chunks():
            body += piece
            if len(body) > max_bytes:
                raise self._unfit_body(f"is longer than {max_bytes} bytes")
        return bytes(body)

    async def _settle(self) -> None:
        """Read on for a little, in case that the body is about to end."""
        try:
            # What is there already costs no scope: usually that is all.
            while (data := self._stream.receive_nowait()) is not None:
                if not self._goes_on(data):
                    return
            with trio.move_on_after(REUSE_GRACE_S):
                while self._goes_on(await self._stream.receive()):
                    pass
        except (OSError, WireFormatError):
            return

    def _goes_on(self, data: bytes) -> bool:
        """Take `data` of a body that nobody reads any more; return whether it is worth to read on."""
        if data:
            self._decoder.feed(data)
            self._grace_bytes -= len(data)
        return bool(data) and not self._decoder.complete and self._grace_bytes > 0

    def _closed_early(self) -> UpstreamError:
        return http_failure.closed_early(self._target.address, self._deployment.name)

    def _unfit_body(self, what: str) -> UpstreamError:
        return http_failure.unfit_body(self._target.address, what, self._deployment.name)


def _shown(url: str) -> str:
    """Return what of a URL that leads nowhere may be shown: user, password and query may be secrets."""
    host = url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
    return host if host.isascii() and host.isprintable() and host else "what base_url names"
