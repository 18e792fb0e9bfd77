"""One gateway of several workers: what a worker asks about all of them, and what it answers about itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import cast

import trio

from loro_core.app.config.changes import Changes
from loro_core.app.config.settings import Settings
from loro_core.app.metrics import Metrics
from loro_core.app.processes.hub import Hub
from loro_core.app.processes.messages import Ask, NewSettings, Refused, Standing, Tally, Word, decode, encode
from loro_core.errors import ConfigError, InternalError
from loro_core.runtime.http_service import Counts
from loro_core.runtime.link import Link, LinkClosed, Receive

ANSWER_WITHIN_S = 2.0
"""So long the supervisor may take, which waits for its workers for a quarter of it."""


STANDING_WITHIN_S = 0.5
"""The supervisor knows it without asking, and a liveness probe does not wait long."""

RELOAD_WITHIN_S = 30.0
"""Files may stand on a network."""

ASIDE_WITHIN_S = 0.2
"""Less than the supervisor waits for this worker."""


class Colleagues:
    """The worker's end of the link.

    number: which worker this is. on_drain: called when all are to end. receive: takes a connection that is handed over.
    """

    def __init__(
        self,
        number: int,
        sock: trio.socket.SocketType,
        *,
        on_drain: Callable[[], None],
        receive: Receive | None = None,
    ) -> None:
        self.number = number
        self._on_drain = on_drain
        self._on_settings: Callable[[Settings], None] | None = None
        self._news: Settings | None = None
        self._own: tuple[Metrics, Counts] | None = None
        self._aside: Hub | None = None
        self._link = Link(sock, answer=self._answer, hear=self._hear, receive=receive)

    def count_with(self, metrics: Metrics, counts: Counts, aside: Hub | None) -> None:
        """Say whose numbers these are: the worker's own, and those of its process for large requests."""
        self._own = metrics, counts
        self._aside = aside

    def serve_with(self, take: Callable[[Settings], None]) -> None:
        """Say who takes over other settings; those that came before are handed over at once."""
        self._on_settings = take
        if self._news is not None:
            take(self._news)

    async def run(self) -> None:
        """Talk until the supervisor is gone."""
        await self._link.run()

    def say_ready(self) -> None:
        with suppress(LinkClosed):  # then the supervisor is gone, and this worker will be, too
            self._link.tell(encode(Word.READY))

    async def say_last_numbers(self) -> None:
        """Leave the numbers to the supervisor, for this worker is about to end."""
        if self._own is not None:
            with trio.move_on_after(ANSWER_WITHIN_S), suppress(LinkClosed):
                await self._link.tell_for_sure(encode(self._tally()))

    async def standing(self) -> Standing | None:
        """Return how all workers are, None if that cannot be had now."""
        answer = await self._ask(Ask.STANDING, STANDING_WITHIN_S)
        return None if answer is None else decode(answer)

    async def metrics(self, *, text: bool) -> bytes | None:
        """Return the numbers of all workers as the body of /metrics, None if they cannot be had now."""
        return await self._ask(Ask.METRICS_TEXT if text else Ask.METRICS_JSON)

    async def reset(self) -> Standing | None:
        """Have every worker forget its numbers; return how many said that they did, as `reporting`."""
        answer = await self._ask(Ask.RESET)
        return None if answer is None else decode(answer)

    async def reload(self) -> Changes:
        """Have the settings of all workers read again; return what is different. Raises ConfigError."""
        answer = await self._ask(Ask.RELOAD, RELOAD_WITHIN_S)
        if answer is None:
            raise InternalError("The supervisor of the workers did not reload its settings in time.")
        said = decode(answer)
        if isinstance(said, Refused):
            raise ConfigError(said.problems)
        return cast(Changes, said)

    async def _ask(self, question: Ask, within_s: float = ANSWER_WITHIN_S) -> bytes | None:
        with trio.move_on_after(within_s):
            try:
                return await self._link.ask(encode(question))
            except LinkClosed:
                return None
        return None

    def _hear(self, message: bytes) -> None:
        said = decode(message)
        if said is Word.DRAIN:
            self._on_drain()
        elif isinstance(said, NewSettings):
            if self._on_settings is None:
                self._news = said.settings
            else:
                self._on_settings(said.settings)

    async def _answer(self, question: bytes) -> bytes:
        word = decode(question)
        if self._aside is not None:
            await self._aside.collect(ASIDE_WITHIN_S)
        tally = self._tally()
        if word is Word.RESET and self._own is not None:
            self._own[0].reset()
            if self._aside is not None:
                await self._aside.reset(ASIDE_WITHIN_S)
        return encode(tally)

    def _tally(self) -> Tally:
        own = () if self._own is None else (self._own[0],)
        connections = 0 if self._own is None else self._own[1].connections
        if self._aside is None:
            return Tally(parts=own, connections=connections)
        aside = self._aside.known()
        return Tally(parts=(*own, *aside.parts), connections=connections + aside.connections)
