"""The playing of one call: waits for each step's time, writes its bytes, and notices a client that leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import trio

from loro_core.chat import Json
from loro_core.testing.performance import Break, Done, End, Fail, Hang, Head, Refuse, Say, perform, whole
from loro_core.testing.upstream.connection import After, Body, Connection, Gone, Request, head_bytes, response_bytes
from loro_core.testing.upstream.faces import Called, OllamaReply, OpenAIReply, Reply, ollama_error, openai_error
from loro_core.testing.upstream.records import Ledger

Face = Literal["openai", "ollama"]
JSON = "application/json"


class Player:
    """Plays one call's script on its connection."""

    def __init__(self, connection: Connection, request: Request, face: Face, called: Called, ledger: Ledger) -> None:
        self._connection = connection
        self._face = face
        self._called = called
        self._ledger = ledger
        self._start_s = trio.current_time()
        self._chunked = request.chunks and called.script.body == "chunked"
        self._keeps: After = "keep" if request.keeps and self._chunked else "close"
        self._all_written = False
        self._reply: Reply = OpenAIReply(called) if face == "openai" else OllamaReply(called)
        self._body = Body(
            connection, chunked=self._chunked, write_bytes=called.script.write_bytes, bom=called.script.bom
        )

    async def play_watched(self) -> After:
        """Play until the script or the client ends it; say what becomes of the connection."""
        after: After = "close"

        async def watch() -> None:
            await self._connection.watch()
            self._left()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            try:
                after = await (self._stream() if self._called.ask.stream else self._whole())
            except Gone:
                self._left()
            nursery.cancel_scope.cancel()
        return after

    def _left(self) -> None:
        # A client that stops reading at [DONE] closes before the last bytes are out; it has had the whole reply.
        self._ledger.end(self._called.number, "finished" if self._all_written else "gone")

    async def _stream(self) -> After:
        for step in perform(self._called.script, self._called.ask):
            await trio.sleep_until(self._start_s + step.at_s)
            if isinstance(step, Head):
                await self._head()
            elif isinstance(step, Hang):
                await trio.sleep_forever()
            elif isinstance(step, (Refuse, Break)):
                return await self._stop(step)
            elif isinstance(step, End):
                return await self._last(b"", "finished" if step.complete else "fault")
            elif isinstance(step, Done):
                return await self._last(self._reply.event(step), "finished")
            elif isinstance(step, Fail):
                return await self._last(self._reply.event(step), "fault")
            else:
                if isinstance(step, Say) and step.token:
                    self._ledger.token(self._called.number)
                await self._body.write(self._reply.event(step))
        raise AssertionError("a performance without an end")

    async def _head(self) -> None:
        headers = {"content-type": self._reply.content_type, "cache-control": "no-cache"}
        headers |= {"transfer-encoding": "chunked"} if self._chunked else {"connection": "close"}
        await self._connection.write(head_bytes(200, headers))

    async def _last(self, data: bytes, how: Literal["finished", "fault"]) -> After:
        self._all_written = how == "finished"
        await self._body.write(data, last=True)
        self._ledger.end(self._called.number, how)
        return self._keeps

    async def _stop(self, step: Refuse | Break) -> After:
        """Refuse, or break off."""
        if isinstance(step, Refuse):
            error = error_bytes(self._face, step.error)
            await self._connection.write(response_bytes(step.status, JSON, error, retry_after_s=step.retry_after_s))
            self._ledger.end(self._called.number, "fault")
            return self._keeps
        self._ledger.end(self._called.number, "fault")
        return "close" if step.how == "cut" else "reset"

    async def _whole(self) -> After:
        """Answer without streaming; a fault on the way shows as far as it can: half a body, an error status."""
        folded = whole(self._called.script, self._called.ask)
        ending = folded.ending
        if self._called.script.hang == "after_head":
            await self._head()
        await trio.sleep_until(self._start_s + ending.at_s)
        if isinstance(ending, Hang):
            await trio.sleep_forever()
        if isinstance(ending, Refuse):
            return await self._stop(ending)
        if isinstance(ending, Fail):
            return await self._stop(Refuse(at_s=ending.at_s, status=500, retry_after_s=None, error=ending.error))
        for _ in range(folded.tokens):
            self._ledger.token(self._called.number)
        body = self._reply.whole(folded)
        if isinstance(ending, Break):
            if folded.tokens or ending.how == "cut":
                await self._connection.write(response_bytes(200, JSON, body)[: -(len(body) // 2)])
            return await self._stop(ending)
        complete = isinstance(ending, Done)
        self._all_written = complete
        sent = body if complete else body[: len(body) // 2]
        await self._connection.write(response_bytes(200, JSON, sent))
        self._ledger.end(self._called.number, "finished" if complete else "fault")
        return self._keeps


def error_bytes(face: Face, error: Mapping[str, Json]) -> bytes:
    """Return an error answer's body, as `face` spells it."""
    return openai_error(error) if face == "openai" else ollama_error(error)
