"""One HTTP/1.1 connection: requests read within limits, one handler at a time, and an eye on the client meanwhile.

Two tasks, as long as it stands: one reads what comes (`http_inbox`), the other goes through these states.

    idle      nothing of a request yet             -> head: a byte came | closed: keep-alive over, draining, end of file
    head      within header_timeout_s              -> body | handed over | refused 4xx 5xx
    body      within body_timeout_s and a rate     -> answering | handed over | refused 408 413 400
    answering the handler runs, the client watched -> idle | closed: asked for, cut short, client gone
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
from loro_core.runtime.http_inbox import Inbox
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import FRESH_GRACE_S, Service
from loro_core.wire.http1 import CONTINUE, NO_HEADERS, HttpRequest, sane_request_id
from loro_core.wire.http1_decoder import RequestDecoder

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

LOGGER = logging.getLogger("loro.runtime.http")

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
        await connection.run(turn_away)
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
        self._inbox = Inbox(stream, handed_over or b"")
        self._only_one = handed_over is not None
        # All bytes of the request that is being read, while it may still be handed over.
        self._received: bytearray | None = None
        self._fresh = True
        self._idle = False
        self._stalled = False
        self._scope: trio.CancelScope | None = None
        self._decoder = self._new_decoder()

    async def run(self, turn_away: LoroError | None) -> None:
        with self._service.drain.telling(self._hurry):
            async with trio.open_nursery() as nursery:
                # Of everything on this connection: once the client is gone, nothing follows.
                self._scope = nursery.cancel_scope
                nursery.start_soon(self._inbox.run)
                if turn_away is not None:
                    await self.refuse(turn_away)
                else:
                    while await self._serve_one():
                        self._fresh = False
                        self._decoder = self._new_decoder()
                nursery.cancel_scope.cancel()
        if self._stalled:
            self._reset_on_close()

    def _hurry(self) -> None:
        """Wait no longer for a request that has not begun: draining has."""
        if self._idle:
            self._inbox.hurry(self._idle_until(0.0))

    def _idle_until(self, longest_s: float) -> float:
        """Return until when a request may begin. longest_s: while we do not drain."""
        if self._service.drain.begun:
            # A connection that had no request yet could have one on its way.
            longest_s = FRESH_GRACE_S if self._fresh else 0.0
        return trio.current_time() + longest_s

    async def _serve_one(self) -> bool:
        """Return whether another request may follow."""
        try:
            request = await self._read()
        except ClientError as error:
            await self.refuse(error)
            return False
        if request is None:
            return False
        rest = self._decoder.rest
        if rest:
            self._inbox.kept[:0] = rest
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
        self._received = bytearray() if self._service.aside is not None else None
        until = self._idle_until(self._limits.keep_alive_s)
        self._idle = True
        while not decoder.begun:
            if not await self._receive_more(until):
                return None
        self._idle = False
        if decoder.head is None:
            until = trio.current_time() + self._limits.header_timeout_s
            while decoder.head is None:
                come = await self._receive_more(until)
                if come is None:
                    raise TimedOut(f"The request's head did not arrive within {self._limits.header_timeout_s:g} s.")
                if not come:
                    return None
        if await self._hand_over():
            return None
        if decoder.head.expects_continue and decoder.body is None and not decoder.body_bytes:
            await self._send_continue()
        return await self._read_body()

    async def _read_body(self) -> HttpRequest | None:
        decoder = self._decoder
        if decoder.body is None:
            began = trio.current_time()
            while decoder.body is None:
                earned_s = decoder.body_bytes / self._limits.min_body_bytes_per_s
                come = await self._receive_more(began + self._limits.body_timeout_s + earned_s)
                if come is None:
                    least = f"{self._limits.min_body_bytes_per_s:g}"
                    raise TimedOut(f"The request's body did not arrive at {least} bytes/s.")
                if not come or await self._hand_over():
                    return None
        self._received = None
        head, body = decoder.head, decoder.body
        assert head is not None  # noqa: S101  # a request is read in this order
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

    async def _receive_more(self, until: float) -> bool | None:
        """Return whether something came, None if it did not in time. Raises the ClientError to refuse it with."""
        data = await self._inbox.receive(until)
        if not data:
            return None if data is None else False
        if self._received is not None:
            self._received += data
        self._decoder.feed(data)
        return True

    async def _hand_over(self) -> bool:
        """Return whether another process has this connection now, because the request is too much for this one."""
        aside, received, head = self._service.aside, self._received, self._decoder.head
        if aside is None or received is None or head is None or not isinstance(self._stream, trio.SocketStream):
            return False
        body = self._decoder.body
        if not aside.wants(head, self._decoder.body_bytes if body is None else len(body)):
            return False
        self._received = None  # it is asked once
        if not self._inbox.hold():
            return False
        taken = await aside.take(self._stream.socket, bytes(received + self._inbox.kept))
        if not taken:
            self._inbox.release()
        return taken

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
            reply.scope, reply.set_alarm = self._scope, self._inbox.set_alarm
            self._inbox.attend(reply)
            await self._handle(request, reply)
        finally:
            self._inbox.attend(None)
            counts.in_flight -= 1
            if reply.end != "finished":
                counts.lost[reply.end or "cancelled"] += 1
                self._stalled = reply.end == "stalled"
        if reply.keeps_connection:
            return True
        if not reply.client_gone:
            await self._linger()
        return False

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
            while await self._inbox.receive(trio.current_time() + LINGER_SILENT_S):
                pass

    def _reset_on_close(self) -> None:
        """Have the kernel drop what a stalled reader has not taken, instead of keeping it for minutes."""
        if isinstance(self._stream, trio.SocketStream):
            linger_for_0_s = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            self._stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger_for_0_s)
