"""One HTTP/1.1 connection: requests read within limits, one handler at a time, and an eye on the client meanwhile.

    idle      nothing of a request yet             -> head: a byte came | closed: keep-alive over, draining, end of file
    head      within header_timeout_s              -> body | handed over | refused 4xx 5xx
    body      within body_timeout_s and a rate     -> answering | handed over | refused 408 413 400
    answering the handler runs, a watch beside it  -> idle | closed: asked for, cut short, client gone
    refused   an error body, then a lingering close
    handed over to another process, with what came so far: it is that one's connection now

End of file from the client counts as "gone", also where it has only shut down its sending side: TCP cannot tell the
two apart, and going on would generate tokens for nobody. Requests sent ahead (pipelined) are kept and served in order.
"""

from __future__ import annotations

import logging
import os
import sys

import trio

from loro_core.errors import ClientError, InternalError, LoroError, TimedOut
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Service
from loro_core.wire.http1 import CONTINUE, NO_HEADERS, HttpRequest, sane_request_id
from loro_core.wire.http1_decoder import RequestDecoder

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

LOGGER = logging.getLogger("loro.runtime.http")

# A read decodes at most this much before others get their turn: chunks of one byte cost h11 some 6 us each.
READ_BYTES = 16384
# What a client may send ahead while a reply is under way; then it is no longer read, and TCP holds it back.
PIPELINED_BYTES = 65536
# After a refusal the client may still be sending; closing now would reset the connection and destroy the error before
# it is read (RFC 9112, 9.6). nginx: lingering_time 30s, lingering_timeout 5s.
LINGER_S = 10.0
LINGER_SILENT_S = 2.0


async def serve_connection(
    stream: trio.abc.HalfCloseableStream,
    service: Service,
    *,
    client: str = "",
    turn_away: LoroError | None = None,
    handed_over: bytes | None = None,
) -> None:
    """Serve the requests of one connection until it is over, and close it.

    stream: its receive_some must lose nothing when it is cancelled, as a socket's does and TLS's does not.
    client: the peer's address, for HttpRequest.client.
    turn_away: answer with this instead, whatever the client asks.
    handed_over: what another process has received on this connection. One request of it is served, then it is closed:
        the client's next one may be small, and belongs to that process again.
    Raises nothing but Cancelled; the stream is closed then too, and no task is left.
    """
    service.counts.connections += 1
    connection = _Connection(stream, service, client, handed_over)
    try:
        if turn_away is None:
            await connection.run()
        else:
            await connection.refuse(turn_away)
    except BaseExceptionGroup as group:
        # Cancelled from outside while a handler's cleanup failed: the group has both, and only one is the caller's.
        failures, callers = group.split(Exception)
        if failures is not None:
            LOGGER.exception("http.connection_failed client=%s", client, exc_info=failures)
        if callers is not None:
            raise callers from None
    except Exception:
        LOGGER.exception("http.connection_failed client=%s", client)
    finally:
        service.counts.connections -= 1
        await trio.aclose_forcefully(stream)


class _Connection:
    def __init__(
        self, stream: trio.abc.HalfCloseableStream, service: Service, client: str, handed_over: bytes | None
    ) -> None:
        self._stream = stream
        self._service = service
        self._limits = service.limits
        self._client = client
        self._pending = bytearray(handed_over or b"")
        self._only_one = handed_over is not None
        # All bytes of the request that is being read, while it may still be handed over.
        self._received: bytearray | None = None
        self._fresh = True
        self._decoder = self._new_decoder()

    async def run(self) -> None:
        while await self._serve_one():
            self._fresh = False
            self._decoder = self._new_decoder()

    async def _serve_one(self) -> bool:
        """Return whether another request may follow."""
        try:
            request = await self._read()
        except ClientError as error:
            await self.refuse(error)
            return False
        if request is None:
            return False
        self._pending = bytearray(self._decoder.rest)
        return await self._answer(request)

    def _new_decoder(self) -> RequestDecoder:
        return RequestDecoder(
            max_target_bytes=self._limits.max_target_bytes,
            max_header_bytes=self._limits.max_header_bytes,
            max_headers=self._limits.max_headers,
            max_body_bytes=self._limits.max_body_bytes,
        )

    async def _read(self) -> HttpRequest | None:
        """Return the next request; None if there is none, because of the client or because we drain."""
        decoder = self._decoder
        first, self._pending = bytes(self._pending), bytearray()
        self._received = bytearray() if self._service.aside is not None else None
        self._feed(first)
        with self._service.drain.idle(longest_s=self._limits.keep_alive_s, fresh=self._fresh) as idle:
            while not decoder.begun:
                if not await self._receive_more():
                    return None
        if idle.cancelled_caught:
            return None
        if decoder.head is None:
            with trio.move_on_after(self._limits.header_timeout_s):
                while decoder.head is None:
                    if not await self._receive_more():
                        return None
        if decoder.head is None:
            raise TimedOut(f"The request's head did not arrive within {self._limits.header_timeout_s:g} s.")
        if await self._hand_over():
            return None
        if decoder.head.expects_continue and decoder.body is None and not decoder.body_bytes:
            await self._send_continue()
        return await self._read_body()

    async def _read_body(self) -> HttpRequest | None:
        decoder = self._decoder
        if decoder.body is None:
            began = trio.current_time()
            with trio.CancelScope() as patience:
                while decoder.body is None:
                    earned_s = decoder.body_bytes / self._limits.min_body_bytes_per_s
                    patience.deadline = began + self._limits.body_timeout_s + earned_s
                    if not await self._receive_more() or await self._hand_over():
                        return None
        self._received = None
        head, body = decoder.head, decoder.body
        if head is None or body is None:
            raise TimedOut(f"The request's body did not arrive at {self._limits.min_body_bytes_per_s:g} bytes/s.")
        return HttpRequest(
            method=head.method,
            target=head.target,
            path=head.path,
            query=head.query,
            headers=head.headers,
            body=body,
            id=self._request_id(),
            client=self._client,
            received_at=trio.current_time(),
        )

    async def _send_continue(self) -> None:
        with trio.move_on_after(self._limits.write_timeout_s):
            try:
                await self._stream.send_all(CONTINUE)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return  # the next read finds the end of file

    async def _receive_more(self) -> bool:
        data = await self._receive()
        self._feed(data)
        return bool(data)

    def _feed(self, data: bytes) -> None:
        if self._received is not None:
            self._received += data
        self._decoder.feed(data)

    async def _hand_over(self) -> bool:
        """Return whether another process has this connection now, because the request is too much for this one."""
        aside, received, head = self._service.aside, self._received, self._decoder.head
        if aside is None or received is None or head is None or not isinstance(self._stream, trio.SocketStream):
            return False
        body = self._decoder.body
        if not aside.wants(head, self._decoder.body_bytes if body is None else len(body)):
            return False
        self._received = None  # it is asked once
        return await aside.take(self._stream.socket, bytes(received))

    async def _receive(self) -> bytes:
        """Return what came, b"" once the client is gone."""
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    def _request_id(self) -> str:
        given = self._decoder.head.headers.get("x-request-id") if self._decoder.head is not None else None
        return sane_request_id(given) or "req_" + os.urandom(12).hex()

    def _new_reply(self, request_id: str, *, last: bool) -> Reply:
        head = self._decoder.head
        headers = head.headers if head else NO_HEADERS
        return Reply(
            self._stream,
            method=head.method if head else "",
            http_version=head.http_version if head else "1.1",
            request_id=request_id,
            keep_alive=lambda: not last and head is not None and head.keep_alive and not self._service.drain.begun,
            common_headers=lambda: self._service.common_headers(headers),
            write_timeout_s=self._limits.write_timeout_s,
        )

    async def _answer(self, request: HttpRequest) -> bool:
        reply = self._new_reply(request.id, last=self._only_one)
        counts = self._service.counts
        counts.in_flight += 1
        try:
            async with trio.open_nursery() as nursery:
                reply.scope = nursery.cancel_scope
                reply.new_watch()
                nursery.start_soon(self._watch, reply)
                await self._handle(request, reply)
                nursery.cancel_scope.cancel()
        finally:
            counts.in_flight -= 1
            if reply.end != "finished":
                counts.lost[reply.end or "cancelled"] += 1
        if reply.keeps_connection:
            return True
        if reply.end == "stalled":
            self._reset_on_close()
        elif not reply.client_gone:
            await self._linger()
        return False

    async def _watch(self, reply: Reply) -> None:
        """Keep what the client sends ahead; hang up as soon as it is gone; fill silences of the reply meanwhile."""
        watch = reply.watch
        while True:
            data: bytes | None = None
            with watch or reply.new_watch():
                if len(self._pending) >= PIPELINED_BYTES:
                    await trio.sleep_forever()
                data = await self._receive()
            watch = None
            if data is None:
                await reply.fill()
            elif data:
                self._pending += data
            else:
                reply.hang_up()
                return

    async def _handle(self, request: HttpRequest, reply: Reply) -> None:
        """Run the handler and see to it that the reply has an end. Raises nothing but Cancelled."""
        try:
            await self._service.handler(request, reply)
        except LoroError as error:
            if isinstance(error, InternalError):
                LOGGER.exception("http.handler_failed request_id=%s", request.id)
            await self._fail(reply, error)
        except Exception:
            LOGGER.exception("http.handler_failed request_id=%s", request.id)
            await self._fail(reply, InternalError("The server failed to answer; its log has the request id."))
        except BaseExceptionGroup as group:
            # Cancelled because its client left, the handler failed in its cleanup: the failure is nobody else's.
            failures, cancelled = group.split(Exception)
            if failures is not None:
                LOGGER.exception("http.handler_failed request_id=%s", request.id, exc_info=failures)
            if cancelled is not None:
                raise cancelled from None
        else:
            if reply.end is None:
                LOGGER.error("http.reply_unfinished request_id=%s status=%s", request.id, reply.status)
                await self._fail(reply, InternalError("The server did not finish its answer."))

    async def _fail(self, reply: Reply, error: LoroError) -> None:
        if reply.end is not None:
            return
        if reply.started:
            await reply.abort()
            return
        reply.discard_head()
        body = self._service.error_body(error)
        await reply.send(error.status, [("content-type", "application/json"), *error.headers.items()], body)

    async def refuse(self, error: LoroError) -> None:
        """Answer with `error`, whatever is being asked, and be done with the connection."""
        self._service.counts.refused[error.status] += 1
        request_id = self._request_id()
        LOGGER.debug("http.refused request_id=%s client=%s status=%d", request_id, self._client, error.status)
        await self._fail(self._new_reply(request_id, last=True), error)
        await self._linger()

    async def _linger(self) -> None:
        """Say that we are done, then read and drop what the client still sends, for a while."""
        with trio.move_on_after(LINGER_S):
            try:
                await self._stream.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            silent = False
            while not silent:
                silent = True
                with trio.move_on_after(LINGER_SILENT_S):
                    silent = not await self._receive()

    def _reset_on_close(self) -> None:
        """Have the kernel drop what a stalled reader has not taken, instead of keeping it for minutes."""
        if isinstance(self._stream, trio.SocketStream):
            linger_for_0_s = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            self._stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger_for_0_s)
