"""`python -m loro_core bench`: how soon a server speaks, how soon it answers, and what the one costs the other.

It measures any OpenAI-compatible server from outside, on the stream: the clock is read whenever bytes arrive, not when
a whole body has been read. docs/bench.md says what the numbers mean.

    options -> server.look -> rounds.measure -> summary -> report, or document
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import trio

from loro_core.app.bench.document import document
from loro_core.app.bench.options import Options, add_arguments, options_of
from loro_core.app.bench.progress import Progress
from loro_core.app.bench.report import heading, report
from loro_core.app.bench.rounds import Sample, measure
from loro_core.app.bench.server import About, Server, in_words
from loro_core.app.bench.summary import summarise
from loro_core.errors import UpstreamError
from loro_core.runtime.http_client import HttpClient

__all__ = ["add_arguments", "run", "run_bench"]

# 130: as a shell gives for SIGINT.
MEASURED, NOTHING_MEASURED, INTERRUPTED = 0, 1, 130


def run(args: argparse.Namespace) -> int:
    """Measure as `args` ask, report on stdout and return the exit status.

    0: something was measured; 1: nothing was, or there is no server; 130: interrupted, after a report of what there is.
    """
    options = options_of(args, os.environ)
    return trio.run(functools.partial(run_bench, options, sys.stdout, sys.stderr))


@dataclass(slots=True)
class _Findings:
    """What has been found so far: an interrupt leaves it as it is."""

    about: About | None = None
    unreachable: UpstreamError | None = None
    samples: list[Sample] = field(default_factory=list)
    metrics: Mapping[str, Any] = field(default_factory=dict)


async def run_bench(options: Options, out: TextIO, err: TextIO) -> int:
    """Measure, write the report to `out` and progress and troubles to `err`; return the exit status as `run` does."""
    found = _Findings()
    progress = Progress(err, options.planned)

    async def work(server: Server) -> None:
        try:
            found.about = await server.look()
        except UpstreamError as error:
            found.unreachable = error
            return
        if not options.as_json:
            out.write(heading(found.about, options))
            out.flush()
        if options.reset and not await server.reset():
            err.write("bench: the server did not take POST /metrics/reset; its own numbers hold older replies, too\n")
        await measure(server, found.about.model, options, found.samples, progress.tell)
        found.metrics = await server.metrics()

    async with HttpClient() as client:
        server = Server(client, options)
        interrupted = await _until_interrupted(lambda: work(server))
    progress.clear()
    if found.unreachable is not None:
        err.write(f"bench: {in_words(found.unreachable.message)}\n")
        err.write("Start loro with `python -m loro_core`, or name another server by --url.\n")
        return NOTHING_MEASURED
    if found.about is not None and found.samples:
        summary = summarise(found.samples)
        if options.as_json:
            out.write(document(found.samples, summary, found.about, options, found.metrics, interrupted=interrupted))
        else:
            out.write("\n" + report(summary, found.about, options, found.metrics, interrupted=interrupted))
    if interrupted:
        return INTERRUPTED
    return MEASURED if any(sample.timing is not None for sample in found.samples) else NOTHING_MEASURED


async def _until_interrupted(work: Callable[[], Awaitable[None]]) -> bool:
    """Return once `work` has, or SIGINT has cancelled it; whether it was SIGINT.

    Of what `work` may raise OSError comes out as it is: the reader of its output may be gone.
    """
    interrupted = False
    failure: OSError | None = None
    async with trio.open_nursery() as nursery:

        async def watch(task_status: trio.TaskStatus[None]) -> None:
            nonlocal interrupted
            with trio.open_signal_receiver(signal.SIGINT) as signals:
                task_status.started()
                async for _ in signals:
                    interrupted = True
                    nursery.cancel_scope.cancel()

        await nursery.start(watch)
        try:
            await work()
        except OSError as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return interrupted
