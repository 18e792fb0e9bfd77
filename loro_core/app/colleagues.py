"""One gateway of several workers: what a worker asks about all of them, and what it answers about itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import trio

from loro_core.app.messages import Ask, Standing, Tally, Word, decode, encode
from loro_core.app.metrics import Metrics
from loro_core.runtime.http_service import Counts
from loro_core.runtime.link import Link, LinkClosed

ANSWER_WITHIN_S = 2.0
"""So long the supervisor may take, which waits for its workers for a quarter of it."""


class Colleagues:
    """The worker's end of the link. number: which worker this is. on_drain: called when all are to end."""

    def __init__(self, number: int, stream: trio.abc.Stream, *, on_drain: Callable[[], None]) -> None:
        self.number = number
        self._on_drain = on_drain
        self._tally: Callable[[], Tally] | None = None
        self._reset: Callable[[], None] | None = None
        self._link = Link(stream, answer=self._answer, hear=self._hear)

    def count_with(self, metrics: Metrics, counts: Counts) -> None:
        """Say whose numbers these are: the worker's own."""
        self._tally = lambda: Tally(metrics=metrics, connections=counts.connections)
        self._reset = metrics.reset

    async def run(self) -> None:
        """Talk until the supervisor is gone."""
        await self._link.run()

    def say_ready(self) -> None:
        with suppress(LinkClosed):  # then the supervisor is gone, and this worker will be, too
            self._link.tell(encode(Word.READY))

    async def say_last_numbers(self) -> None:
        """Leave the numbers to the supervisor, for this worker is about to end."""
        if self._tally is not None:
            with trio.move_on_after(ANSWER_WITHIN_S), suppress(LinkClosed):
                await self._link.tell_for_sure(encode(self._tally()))

    async def standing(self) -> Standing | None:
        """Return how all workers are, None if that cannot be had now."""
        answer = await self._ask(Ask.STANDING)
        return None if answer is None else decode(answer)

    async def metrics(self, *, text: bool) -> bytes | None:
        """Return the numbers of all workers as the body of /metrics, None if they cannot be had now."""
        return await self._ask(Ask.METRICS_TEXT if text else Ask.METRICS_JSON)

    async def reset(self) -> Standing | None:
        """Have every worker forget its numbers; return how many said that they did, as `reporting`."""
        answer = await self._ask(Ask.RESET)
        return None if answer is None else decode(answer)

    async def _ask(self, question: Ask) -> bytes | None:
        with trio.move_on_after(ANSWER_WITHIN_S):
            try:
                return await self._link.ask(encode(question))
            except LinkClosed:
                return None
        return None

    def _hear(self, message: bytes) -> None:
        if decode(message) is Word.DRAIN:
            self._on_drain()

    async def _answer(self, question: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        answer = None if self._tally is None else encode(self._tally())
        if decode(question) is Word.RESET and self._reset is not None:
            self._reset()
        return answer or encode(None)
