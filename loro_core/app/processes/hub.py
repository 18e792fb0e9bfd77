"""The supervisor's side of /metrics: the numbers of all workers, collected, added up and written out.

Workers come and go, sums must not fall: a scraper takes a counter that fell for one that began anew, and counts all of
it once more. So what a worker last told is kept: in the place of one that does not answer in time (`reporting` says how
many did), and for good of one that is gone. Lost is only what a killed worker counted after the last time it was asked.
"""

from __future__ import annotations

import logging

import trio

from loro_core.app.exposition import families, worker_families
from loro_core.app.metrics import Metrics
from loro_core.app.processes.messages import Ask, Refused, Standing, Tally, Word, decode, encode
from loro_core.app.processes.sums import added_up, without_gauges
from loro_core.app.reload import Reload
from loro_core.errors import ConfigError
from loro_core.runtime.link import LinkClosed
from loro_core.runtime.workers import Worker, Workers
from loro_core.wire.exposition import encode_exposition
from loro_core.wire.json_text import encode_json

LOGGER = logging.getLogger("loro.workers")

COLLECT_WITHIN_S = 0.5
"""So long a worker may take to tell its numbers; one that is stuck must not keep a scraper waiting."""


class Hub:
    """window: how many latencies of a worker that is gone are kept. `workers` is set before the first one starts.

    reload: reads the settings again for all of them; None where a worker cannot ask for that.
    """

    workers: Workers
    reload: Reload | None = None

    def __init__(self, window: int) -> None:
        self._window = window
        self._known: dict[Worker, Tally] = {}
        self._gone = Metrics(0)
        self._change = trio.Event()

    async def changed(self) -> None:
        """Wait until a worker is ready, or is gone."""
        await self._change.wait()

    def _tell_change(self) -> None:
        self._change.set()
        self._change = trio.Event()

    @property
    def has_numbers(self) -> bool:
        """Whether any worker has ever served."""
        return bool(self.workers.ready or self.workers.restarts)

    def hear(self, worker: Worker, message: bytes) -> None:
        said = decode(message)
        if said is Word.READY:
            LOGGER.info("worker.ready worker=%s pid=%d", worker.name, worker.pid)
            worker.ready.set()
            self._tell_change()
        elif isinstance(said, Tally):
            self._known[worker] = said

    def ended(self, worker: Worker) -> None:
        self._tell_change()
        last = self._known.pop(worker, None)
        if last is not None:
            self._gone = without_gauges(added_up([self._gone, *last.parts]), self._window)

    async def answer(self, worker: Worker, question: bytes) -> bytes:
        del worker  # all may ask the same
        asked = decode(question)
        if asked is Ask.STANDING:
            await trio.lowlevel.checkpoint()
            return encode(self.standing())
        if asked is Ask.RELOAD:
            return await self._reload()
        if asked is Ask.RESET:
            return encode(self.standing(await self.reset()))
        reporting, tally = await self.collect()
        standing = self.standing(reporting)
        metrics = added_up(tally.parts)
        if asked is Ask.METRICS_JSON:
            return encode_json({**metrics.as_json(), "workers": standing.as_json()})
        return encode_exposition([*families(metrics, connections=tally.connections), *worker_families(standing)])

    async def _reload(self) -> bytes:
        if self.reload is None:
            await trio.lowlevel.checkpoint()
            return encode(Refused(problems=("this process does not read the settings",)))
        try:
            return encode(await self.reload())
        except ConfigError as error:
            return encode(Refused(problems=tuple(error.problems)))

    async def collect(self, within_s: float = COLLECT_WITHIN_S) -> tuple[int, Tally]:
        """Return how many workers told their numbers in time, and what is known of all."""
        reporting = await self._ask_all(Word.NUMBERS, within_s)
        return reporting, self.known()

    async def reset(self, within_s: float = COLLECT_WITHIN_S) -> int:
        """Have all workers forget their numbers; return how many said in time that they have."""
        reporting = await self._ask_all(Word.RESET, within_s)
        self._known.clear()
        self._gone = Metrics(0)
        return reporting

    def known(self) -> Tally:
        """Return what all workers last told, and what remains of those that are gone."""
        known = self._known.values()
        return Tally(
            parts=(self._gone, *(part for tally in known for part in tally.parts)),
            connections=sum(tally.connections for tally in known),
        )

    def standing(self, reporting: int | None = None) -> Standing:
        workers = self.workers
        return Standing(count=workers.count, ready=len(workers.ready), restarts=workers.restarts, reporting=reporting)

    async def _ask_all(self, word: Word, within_s: float) -> int:
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

        with trio.move_on_after(within_s):
            async with trio.open_nursery() as nursery:
                for worker in self.workers.ready:
                    nursery.start_soon(collect, worker)
        return answered
