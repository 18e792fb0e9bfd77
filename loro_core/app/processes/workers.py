"""Several processes that serve one port: the supervisor, which itself serves nobody.

It reads the settings, loads the plugins once to see that they are all there, opens the listening sockets, and starts
workers that inherit these and are told the settings over their links: no key stands in an argument or in a variable
that the operator did not set.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from loro_core.app import log
from loro_core.app.config.settings import Settings
from loro_core.app.phrases import words_problems
from loro_core.app.processes.hub import Hub
from loro_core.app.processes.messages import Greeting, NewSettings, Word, encode
from loro_core.app.reload import Reload
from loro_core.errors import ConfigError
from loro_core.runtime.signals import ending_signals
from loro_core.runtime.workers import Workers

LOGGER = logging.getLogger("loro.serve")

# `-m` would put the working directory before everything else a worker imports; this takes over the supervisor's own
# path, in which `--plugin` modules were found. The name behind it is for whoever reads a list of processes.
_START = (
    "import sys; sys.path[:] = sys.argv[3:]; from loro_core.app.processes.worker import main; main(int(sys.argv[2]))"
)


def check_for_workers(settings: Settings) -> None:
    """Raise ConfigError for what would only stop the workers, one after the other."""
    problems = list(words_problems(settings.words, Path.cwd()))
    if sys.platform == "win32":
        problems.append("server.workers is more than 1: sockets cannot be shared with other processes on Windows")
    if problems:
        raise ConfigError(problems)


async def supervise(
    settings: Settings,
    count: int,
    listeners: Sequence[trio.SocketListener],
    on_ready: Callable[[], None],
    *,
    read: Callable[[], Settings],
    check: Callable[[Settings], None],
) -> str | None:
    """Run `count` workers at `listeners`, taken over, until a signal ends them; return why they could not go on, if so.

    on_ready: called once, when all of them serve. After the return no worker is left.
    read: reads the settings anew. check: raises ConfigError for what the plugins do not have.
    """
    hub = Hub(settings.metrics.window)

    def take(settings: Settings) -> None:
        check(settings)
        check_for_workers(settings)
        log.set_up(settings.log.level, settings.log.format, secrets=settings.secrets)
        workers.tell(encode(NewSettings(settings=settings)))

    reload = hub.reload = Reload(settings, read, take)
    fds = tuple(listener.socket.fileno() for listener in listeners)
    workers = hub.workers = Workers(
        hub,
        count=count,
        command=worker_command,
        greeting=lambda number: encode(
            Greeting(number=number, name=str(number), settings=reload.settings, listeners=fds)
        ),
        farewell=encode(Word.DRAIN),
        drain_s=settings.server.drain_s,
        pass_fds=fds,
        on_ready=on_ready,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(_end_on_signal, workers, listeners, settings.server.drain_s)
        await nursery.start(reload.on_signal)
        await workers.run()
        nursery.cancel_scope.cancel()
    return workers.gave_up


def worker_command(number: int, link_fd: int) -> Sequence[str]:
    """Return how worker `number` is started."""
    return [sys.executable, "-c", _START, f"loro-worker-{number}", str(link_fd), *sys.path]


async def _end_on_signal(
    workers: Workers,
    listeners: Sequence[trio.SocketListener],
    drain_s: float,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Drain at the first SIGTERM or SIGINT; end now at a second SIGINT."""
    draining = False
    with ending_signals(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if not draining:
                draining = True
                LOGGER.info("loro.draining signal=%s within_s=%g", number.name, drain_s)
                for listener in listeners:
                    listener.socket.close()
                workers.drain()
            elif number == signal.SIGINT:
                LOGGER.info("loro.stopping signal=%s now", number.name)
                workers.stop()
