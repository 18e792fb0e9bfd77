"""The supervisor's side of /metrics: the numbers of all workers, collected, added up and written out.

Workers come and go, sums must not fall: a scraper takes a counter that fell for one that began anew, and counts all of
it once more. So what a worker last told is kept: in the place of one that does not answer in time (`reporting` says how
many did), and for good of one that is gone. Lost is only what a killed worker counted after the last time it was asked.
"""

from __future__ import annotations

import logging

import trio

from loro_core.app.exposition import families, worker_families
from loro_core.app.messages import Ask, Standing, Tally, Word, decode, encode
from loro_core.app.metrics import Metrics
from loro_core.app.sums import added_up, without_gauges
from loro_core.runtime.link import LinkClosed
from loro_core.runtime.workers import Worker, Workers
from loro_core.wire.exposition import encode_exposition
from loro_core.wire.json_text import encode_json

LOGGER = logging.getLogger("loro.workers")

COLLECT_WITHIN_S = 0.5
"""So long a worker may take to tell its numbers; one that is stuck must not keep a scraper waiting."""


class Hub:
    """window: how many latencies of a worker that is gone are kept. `workers` is set before the first one starts."""

    workers: Workers

    def __init__(self, window: int) -> None:
        self._window = window
        self._known: dict[Worker, Tally] = {}
        self._gone = Metrics(0)

    def hear(self, worker: Worker, message: bytes) -> None:
        said = decode(message)
        if said is Word.READY:
            LOGGER.info("worker.ready worker=%d pid=%d", worker.number, worker.pid)
            worker.ready.set()
        elif isinstance(said, Tally):
            self._known[worker] = said

    def ended(self, worker: Worker) -> None:
        last = self._known.pop(worker, None)
        if last is not None:
            self._gone = without_gauges(added_up([self._gone, last.metrics]), self._window)

    async def answer(self, worker: Worker, question: bytes) -> bytes:
        del worker  # all may ask the same
        asked = decode(question)
        if asked is Ask.STANDING:
            await trio.lowlevel.checkpoint()
            return encode(self.standing())
        if asked is Ask.RESET:
            reporting = await self._collect(Word.RESET)
            self._known.clear()
            self._gone = Metrics(0)
            return encode(self.standing(reporting))
        standing = self.standing(await self._collect(Word.NUMBERS))
        metrics = added_up([self._gone, *(tally.metrics for tally in self._known.values())])
        if asked is Ask.METRICS_JSON:
            return encode_json({**metrics.as_json(), "workers": standing.as_json()})
        connections = sum(tally.connections for tally in self._known.values())
        return encode_exposition([*families(metrics, connections=connections), *worker_families(standing)])

    def standing(self, reporting: int | None = None) -> Standing:
        workers = self.workers
        return Standing(count=workers.count, ready=len(workers.ready), restarts=workers.restarts, reporting=reporting)

    async def _collect(self, word: Word) -> int:
        """Ask every worker; return how many answered in time."""
        question = encode(word)
        answered = 0

        async def collect(worker: Worker) -> None:
            nonlocal answered
            try:
                tally = decode(await worker.link.ask(question))
            except LinkClosed:
                return
            if isinstance(tally, Tally):
                answered += 1
                if worker in self.workers.running:  # else it has left its last numbers already
                    self._known[worker] = tally

        with trio.move_on_after(COLLECT_WITHIN_S):
            async with trio.open_nursery() as nursery:
                for worker in self.workers.ready:
                    nursery.start_soon(collect, worker)
        return answered
