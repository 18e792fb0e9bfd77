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

import trio

from loro_core.app import log
from loro_core.app.build import open_gateway
from loro_core.app.config.settings import Settings
from loro_core.app.processes.aside import Aside
from loro_core.app.processes.colleagues import Colleagues
from loro_core.app.processes.messages import Greeting, decode
from loro_core.app.serve import serve_with, service_of, warm
from loro_core.plugin.registry import Registry, load_plugins
from loro_core.runtime.http_server import serve_handed_over
from loro_core.runtime.http_service import Counts, Drain
from loro_core.runtime.link import receive_first
from loro_core.runtime.signals import ending_signals

LOGGER = logging.getLogger("loro.serve")

HANDED_OVER = 1000
"""So many connections may wait to be begun with; they wait for moments."""

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
    log.set_up(settings.log.level, settings.log.format, secrets=settings.secrets, worker=greeting.name)
    _end_with_the_supervisor(link)
    # What does not load was said by the supervisor, once for all.
    registry = load_plugins(settings.plugins.modules, settings.plugins.disabled)
    trio.run(_run, settings, registry, greeting, link)


async def _run(settings: Settings, registry: Registry, greeting: Greeting, link: socket.socket) -> None:
    counts, drain = Counts(), Drain()
    give, handed_over = trio.open_memory_channel[tuple[trio.SocketStream, bytes]](HANDED_OVER)

    def receive(handed: socket.socket, received: bytes) -> None:
        try:
            give.send_nowait((trio.SocketStream(trio.socket.from_stdlib_socket(handed)), received))
        except trio.WouldBlock:
            handed.close()

    colleagues = Colleagues(
        greeting.number, trio.socket.from_stdlib_socket(link), on_drain=drain.begin, receive=receive
    )
    aside = None if greeting.listeners is None else Aside(settings, f"{greeting.name}-aside")
    hub = None if aside is None else aside.hub
    async with trio.open_nursery() as everything:

        async def stay_linked() -> None:
            await colleagues.run()
            everything.cancel_scope.cancel()

        everything.start_soon(stay_linked)
        await everything.start(_drain_on_sigterm, drain)
        async with open_gateway(
            settings, registry, counts, colleagues, hub, drain=drain, reload=colleagues.reload
        ) as gateway:

            def take(settings: Settings) -> None:
                gateway.reconfigure(settings)
                log.set_up(settings.log.level, settings.log.format, secrets=settings.secrets, worker=greeting.name)
                if aside is not None:
                    aside.reconfigure(settings)

            colleagues.serve_with(take)
            service = service_of(settings.server, gateway, counts, drain=drain, aside=aside)
            async with trio.open_nursery() as nursery:

                async def serving(task_status: trio.TaskStatus[object]) -> None:
                    if aside is None:
                        await serve_handed_over(handed_over, service, task_status=task_status)
                    else:
                        listeners = [_listener(fd) for fd in greeting.listeners or ()]
                        await serve_with(aside, listeners, service, settings.server, task_status=task_status)

                await nursery.start(serving)
                colleagues.say_ready()
                everything.start_soon(warm, settings)
                everything.start_soon(gateway.handler.keep_writing)
        await colleagues.say_last_numbers()
        everything.cancel_scope.cancel()


def _listener(fd: int) -> trio.SocketListener:
    return trio.SocketListener(trio.socket.from_stdlib_socket(socket.socket(fileno=fd)))


async def _drain_on_sigterm(drain: Drain, *, task_status: trio.TaskStatus[None]) -> None:
    with ending_signals(signal.SIGTERM) as signals:
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
