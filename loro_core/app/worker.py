"""One of several processes that serve together: told by its supervisor what to serve, and when to end.

It ends when it is told to drain or gets SIGTERM, within drain_s; and at once when the supervisor is gone. SIGINT is
the supervisor's affair: a terminal sends it to every process of the group.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Sequence

import trio

from loro_core.app import log
from loro_core.app.build import open_gateway
from loro_core.app.colleagues import Colleagues
from loro_core.app.messages import Greeting, decode
from loro_core.app.serve import service_of
from loro_core.app.settings import Settings
from loro_core.plugin.registry import Registry, load_plugins
from loro_core.runtime.http_server import serve
from loro_core.runtime.http_service import Counts, Drain, Service
from loro_core.runtime.link import receive_first

LOGGER = logging.getLogger("loro.serve")

ORPHAN_GRACE_S = 2.0
"""How long an orphan may take to end in order: a worker that is stuck would otherwise never see that it is one."""


def main(link_fd: int) -> None:
    """Serve what the supervisor at the other end of `link_fd` says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = socket.socket(fileno=link_fd)
    link.setblocking(True)
    try:
        greeting: Greeting = decode(receive_first(link))
    except EOFError:
        return
    settings = greeting.settings
    log.set_up(settings.log.level, settings.log.format, secrets=settings.secrets, worker=greeting.number)
    _end_with_the_supervisor(link)
    # What does not load was said by the supervisor, once for all.
    registry = load_plugins(settings.plugins.modules, settings.plugins.disabled)
    trio.run(_run, settings, registry, greeting, link)


async def _run(settings: Settings, registry: Registry, greeting: Greeting, link: socket.socket) -> None:
    listeners = [_listener(fd) for fd in greeting.listeners]
    counts, drain = Counts(), Drain()
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(link))
    colleagues = Colleagues(greeting.number, stream, on_drain=drain.begin)
    async with trio.open_nursery() as everything:

        async def stay_linked() -> None:
            await colleagues.run()
            everything.cancel_scope.cancel()

        everything.start_soon(stay_linked)
        await everything.start(_drain_on_sigterm, drain)
        async with open_gateway(settings, registry, counts, colleagues) as gateway:
            service = service_of(settings.server, gateway, counts, drain)
            async with trio.open_nursery() as nursery:
                await nursery.start(_serve, listeners, service, settings)
                colleagues.say_ready()
        await colleagues.say_last_numbers()
        everything.cancel_scope.cancel()


async def _serve(
    listeners: Sequence[trio.SocketListener],
    service: Service,
    settings: Settings,
    *,
    task_status: trio.TaskStatus[list[tuple[str, int]]],
) -> None:
    await serve(listeners, service, max_connections=settings.server.max_connections, task_status=task_status)


def _listener(fd: int) -> trio.SocketListener:
    return trio.SocketListener(trio.socket.from_stdlib_socket(socket.socket(fileno=fd)))


async def _drain_on_sigterm(drain: Drain, *, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            LOGGER.info("worker.draining signal=SIGTERM")
            drain.begin()


def _end_with_the_supervisor(link: socket.socket) -> None:
    """Have a thread see to it that this process ends soon after its supervisor, even where the event loop is stuck."""
    life_line = select.poll()
    life_line.register(link.dup().detach(), 0)  # of no event but the other end's close, which is always told

    def watch() -> None:
        life_line.poll()
        time.sleep(ORPHAN_GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="loro-life-line", daemon=True).start()
