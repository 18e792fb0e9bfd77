"""What the connections of an HTTP server share: the handler, the limits, the way down and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import trio

from loro_core.errors import LoroError
from loro_core.runtime.http_reply import Reply
from loro_core.wire.http1 import HeaderList, Headers, HttpRequest
from loro_core.wire.http1_decoder import RequestHead

# A connection that had no request yet when draining begins may have one on its way.
FRESH_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take of us.

    max_target_bytes: request line (nginx large_client_header_buffers: 8k a line).
    max_header_bytes: whole head (the same directive: 4 buffers of 8k). max_headers: fields (Apache LimitRequestFields).
    max_body_bytes: request body (a few images in base64; OpenAI takes 20 MB an image).
    header_timeout_s: from a request's first byte to the blank line (Apache RequestReadTimeout header=20-40, cut down
        because a voice client sends its head in one piece).
    body_timeout_s, min_body_bytes_per_s: a body may take this long, and a second more for so many bytes that came
        (Apache RequestReadTimeout body=20,MinRate=500): slow uploads live, silent ones do not.
    keep_alive_s: between requests (nginx keepalive_timeout 75s).
    write_timeout_s: how long a reader may take nothing (nginx send_timeout 60s).
    drain_s: how long requests in flight may go on after draining has begun (Kubernetes gives 30 s in all).
    """

    max_target_bytes: int = 8192
    max_header_bytes: int = 32768
    max_headers: int = 100
    max_body_bytes: int = 20 * 1024 * 1024
    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    min_body_bytes_per_s: float = 500.0
    keep_alive_s: float = 75.0
    write_timeout_s: float = 60.0
    drain_s: float = 30.0


class Drain:
    """Whether the server is on its way down. One for all its connections."""

    def __init__(self) -> None:
        self._begun = trio.Event()
        self._told: set[Callable[[], None]] = set()

    @property
    def begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        """Take no more connections, close the idle ones, let the requests in flight be the last of theirs."""
        self._begun.set()
        for tell in list(self._told):
            tell()

    async def wait(self) -> None:
        """Return once draining has begun."""
        await self._begun.wait()

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` if draining begins while the block runs."""
        self._told.add(tell)
        try:
            yield
        finally:
            self._told.discard(tell)


@dataclass(slots=True)
class Counts:
    """What the server is busy with, readable at any time.

    connections, in_flight: open connections; handlers running.
    accepted, turned_away: connections since the start; those beyond the cap.
    refused: requests refused before any handler saw them, by status.
    lost: replies that did not finish, by how they ended.
    """

    connections: int = 0
    in_flight: int = 0
    accepted: int = 0
    turned_away: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)


Handler = Callable[[HttpRequest, Reply], Awaitable[None]]
"""Answers a request: `send`, or `start`, `write`s and `finish`. What it raises becomes an error reply, or, once the
reply has started, an aborted one."""


def no_headers(_: Headers) -> HeaderList:
    """Add nothing to a reply."""
    return ()


class Aside(Protocol):
    """Another process, which takes requests that would keep this one from its live streams."""

    def wants(self, head: RequestHead, body_bytes: int) -> bool:
        """Return whether it should be given this request, of whose body so much is here."""

    async def take(self, sock: trio.socket.SocketType, received: bytes) -> bool:
        """Hand over a connection and what came on it; return False if that cannot be, and nothing has happened.

        Once it is taken the caller only closes its own copy of the socket. When cancelled, nothing has happened.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What every connection of a server shares.

    error_body: the JSON body that tells a client of an error.
    common_headers: what every reply says beside its own, errors included (CORS); asked with the request's header
        fields, which are empty where they could not be read.
    aside: who takes requests that are too much for this process; None serves them all here.
    """

    handler: Handler
    error_body: Callable[[LoroError], bytes]
    limits: Limits = field(default_factory=Limits)
    common_headers: Callable[[Headers], HeaderList] = no_headers
    drain: Drain = field(default_factory=Drain)
    counts: Counts = field(default_factory=Counts)
    aside: Aside | None = None
