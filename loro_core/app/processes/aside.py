"""The process that takes large requests, so that no live stream waits while one is decoded.

A JSON document is decoded in one go, and so is what follows from it: nothing else runs in a process meanwhile, however
many threads it has. So a request with a large body is handed to another process with its connection as soon as its
head tells, before the body is read: here nothing remains of it. The other process is a worker without a listening
socket. It is started by the first such request and stays; if it cannot be had, the request is served here.
"""

from __future__ import annotations

import logging
import socket

import trio

from loro_core.app.config.settings import NEVER, Settings
from loro_core.app.processes.hub import Hub
from loro_core.app.processes.messages import Greeting, NewSettings, Word, encode
from loro_core.app.processes.workers import worker_command
from loro_core.runtime.http_service import Drain
from loro_core.runtime.link import LinkClosed
from loro_core.runtime.workers import Worker, Workers
from loro_core.wire.http1_decoder import RequestHead

LOGGER = logging.getLogger("loro.aside")

TAKE_WITHIN_S = 20.0
"""How long the first large request waits for the process to be there; then it is served here."""


class Aside:
    """name: of the process in the log. hub: knows its numbers."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._limit = _limit(settings)
        self._wanted = trio.Event()
        self._drained = False
        self._settings = settings
        self.hub = Hub(settings.metrics.window)
        self._workers = self.hub.workers = Workers(
            self.hub,
            count=1,
            command=worker_command,
            greeting=lambda number: encode(Greeting(number=number, name=name, settings=self._settings, listeners=None)),
            farewell=encode(Word.DRAIN),
            drain_s=settings.server.drain_s,
            name=lambda _: name,
        )

    def reconfigure(self, settings: Settings) -> None:
        """Serve as these say from now on."""
        self._settings = settings
        self._limit = _limit(settings)
        self._workers.tell(encode(NewSettings(settings=settings)))

    async def run(self, drain: Drain) -> None:
        """Keep the process running from when it is first wanted until `drain` has begun and it has ended."""
        async with trio.open_nursery() as nursery:

            async def end() -> None:
                await drain.wait()
                self._drained = True
                self._workers.drain()
                if not self._wanted.is_set():
                    nursery.cancel_scope.cancel()

            nursery.start_soon(end)
            await self._wanted.wait()
            await self._workers.run()
            if not self._drained:
                self._drained = True
                LOGGER.error("aside.given_up large_requests=here")

    def wants(self, head: RequestHead, body_bytes: int) -> bool:
        """Return whether this is a chat request with a body that is, or is going to be, larger than the limit."""
        if self._limit is None or self._drained or not head.path.rstrip("/").endswith("/chat/completions"):
            return False
        declared = head.headers.get("content-length")
        return max(body_bytes, int(declared or 0)) > self._limit

    async def take(self, sock: trio.socket.SocketType, received: bytes) -> bool:
        self._wanted.set()
        with trio.move_on_after(TAKE_WITHIN_S):
            while not self._drained:
                worker = await self._ready_worker()
                try:
                    worker.link.hand(sock, received)
                except LinkClosed:
                    await trio.sleep(0.01)  # it has just died, or has too much before it
                    continue
                return True
        return False

    async def _ready_worker(self) -> Worker:
        while not self._workers.ready:
            await self.hub.changed()
        return self._workers.ready[0]


def _limit(settings: Settings) -> int | None:
    """Return from how many bytes on a body is large, None where no request goes to another process.

    Local models have one owner, which knows who waits for them: where there are any, or may be, all is served there.
    """
    limit = settings.server.aside_bytes
    if limit == NEVER or not hasattr(socket, "SCM_RIGHTS") or settings.models or settings.admin.key is not None:
        return None
    return limit
