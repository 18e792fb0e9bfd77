"""A client that reads a stream of events as they come, and may leave in the middle."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import h11
import trio
import trio.testing

from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_service import Service
from loro_core.wire.sse import SSEDecoder
from tests.app.admin.fakes import KEY


class Follower:
    """Reads one response. status: once it has begun. over: whether it ended as it should."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)
        self._decoder = SSEDecoder()
        self._events: list[Any] = []
        self.status = 0
        self.over = False
        self.text = ""

    async def ask(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        fields = {"host": "loro.test", "authorization": f"Bearer {KEY}", "content-length": "0", **headers}
        sent = self._http.send(h11.Request(method=method, target=target, headers=list(fields.items()))) or b""
        await self._stream.send_all(sent + (self._http.send(h11.EndOfMessage()) or b""))
        while not self.status and not self.over:
            await self._step()

    async def event(self) -> Any:
        """Return the next event, None at the end."""
        while not self._events and not self.over:
            await self._step()
        return self._events.pop(0) if self._events else None

    async def rest(self) -> list[Any]:
        """Return all events until the end."""
        found = []
        while (one := await self.event()) is not None:
            found.append(one)
        return found

    async def _step(self) -> None:
        event = self._http.next_event()
        if event is h11.NEED_DATA:
            self._http.receive_data(bytes(await self._stream.receive_some()))
        elif isinstance(event, h11.Response):
            self.status = event.status_code
        elif isinstance(event, h11.Data):
            self.text += event.data.decode()
            self._events += [json.loads(one.data) for one in self._decoder.decode(bytes(event.data))]
        elif isinstance(event, h11.EndOfMessage):
            self.over = True


@asynccontextmanager
async def following(
    service: Service, target: str, method: str = "GET", *, held_back: bool = False, **headers: str
) -> AsyncIterator[Follower]:
    """Make a request, and leave when the block ends; what served it has ended then, too.

    held_back: nothing is taken from the server but what is read, as if no kernel kept any of it.
    """
    pair = trio.testing.lockstep_stream_pair if held_back else trio.testing.memory_stream_pair
    ours, theirs = pair()
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await serve_connection(theirs, service)

        nursery.start_soon(serve)
        follower = Follower(ours)
        await follower.ask(method, target, headers)
        yield follower
        await ours.aclose()
