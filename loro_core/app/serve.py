"""`python -m loro_core serve`: start, say so, serve, drain, end."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Sequence

import trio

from loro_core._version import __version__
from loro_core.app import log
from loro_core.app.build import Gateway, check, open_gateway
from loro_core.app.collector import keep_what_stays
from loro_core.app.config.settings import AUTO_WORKERS, ServerSettings, Settings
from loro_core.app.inspect import DEMO
from loro_core.app.processes.aside import Aside
from loro_core.app.processes.workers import check_for_workers, supervise
from loro_core.app.reload import Reload
from loro_core.app.warming import warm_up
from loro_core.decide.languages import LANGUAGES
from loro_core.plugin.registry import Registry, load_plugins
from loro_core.runtime.cores import usable_cores
from loro_core.runtime.http_server import bound_addresses, open_listeners, serve
from loro_core.runtime.http_service import Counts, Drain, Limits, Service
from loro_core.runtime.signals import ending_signals
from loro_core.wire.openai_out import error_body

LOGGER = logging.getLogger("loro.serve")


def main(settings: Settings, read: Callable[[], Settings]) -> int:
    """Serve until a signal ends it; return the exit status: 0, or 1 if the address cannot be listened at.

    read: reads the settings anew.
    Raises ConfigError before anything is started, if plugins that the settings name are not there.
    """
    log.set_up(settings.log.level, settings.log.format, secrets=settings.secrets)
    registry = load_plugins(settings.plugins.modules, settings.plugins.disabled)
    for error in registry.broken:
        LOGGER.warning("plugin.skipped %s", error)
    for warning in settings.warnings:
        LOGGER.warning("config.missing %s", warning)
    check(settings, registry)
    workers = usable_cores() if settings.server.workers == AUTO_WORKERS else settings.server.workers
    if workers > 1:
        check_for_workers(settings)
        return trio.run(_supervise, settings, workers, registry, read)
    return trio.run(_run, settings, registry, read)


async def _supervise(settings: Settings, count: int, registry: Registry, read: Callable[[], Settings]) -> int:
    listeners = await listeners_of(settings.server)
    if listeners is None:
        return 1
    addresses = bound_addresses(listeners)
    gave_up = await supervise(
        settings,
        count,
        listeners,
        on_ready=lambda: announce(settings, addresses, count),
        read=read,
        check=lambda settings: check(settings, registry),
    )
    if gave_up is not None:
        sys.stderr.write(f"loro gave up: {gave_up}. The lines above tell what went wrong.\n")
        return 1
    LOGGER.info("loro.stopped")
    return 0


async def _run(settings: Settings, registry: Registry, read: Callable[[], Settings]) -> int:
    server = settings.server
    listeners = await listeners_of(server)
    if listeners is None:
        return 1
    counts, aside = Counts(), Aside(settings, "aside")
    drain = Drain()

    def take(settings: Settings) -> None:
        gateway.reconfigure(settings)
        log.set_up(settings.log.level, settings.log.format, secrets=settings.secrets)
        aside.reconfigure(settings)

    reload = Reload(settings, read, take)
    async with open_gateway(settings, registry, counts, aside=aside.hub, drain=drain, reload=reload) as gateway:
        service = service_of(server, gateway, counts, drain=drain, aside=aside)
        async with trio.open_nursery() as nursery:
            await nursery.start(_drain_on_signal, drain, nursery.cancel_scope, server.drain_s)
            await nursery.start(reload.on_signal)

            async def serving(task_status: trio.TaskStatus[list[tuple[str, int]]]) -> None:
                await serve_with(aside, listeners, service, server, task_status=task_status)
                nursery.cancel_scope.cancel()

            addresses = await nursery.start(serving)
            announce(settings, addresses)
            nursery.start_soon(warm, settings)
            nursery.start_soon(gateway.handler.keep_writing)
    LOGGER.info("loro.stopped")
    return 0


async def warm(settings: Settings) -> None:
    """Prepare for the first turns in any language; it ends when that is done, or is cancelled with all else.

    What the start has made stays until the end of the process, so it is taken out of the garbage collector's sight: a
    full collection walked some 40,000 objects, 7 to 20 ms in which no stream moved.
    """
    keep_what_stays()
    await warm_up(LANGUAGES.values(), with_words=settings.small is not None)


async def listeners_of(server: ServerSettings) -> list[trio.SocketListener] | None:
    """Return the listeners at the address of the settings; None, once it has been said why, if there can be none."""
    try:
        return await open_listeners(server.host, server.port)
    except OSError as error:
        reason = error.strerror or error
        sys.stderr.write(
            f"loro cannot listen at {server.host}:{server.port}: {reason}. "
            "Choose another port with --port (or PORT), another address with --host (or HOST).\n"
        )
        return None


async def serve_with(
    aside: Aside,
    listeners: Sequence[trio.SocketListener],
    service: Service,
    server: ServerSettings,
    *,
    task_status: trio.TaskStatus[list[tuple[str, int]]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve at `listeners`, with `aside` for large requests, until both have drained."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(aside.run, service.drain)
        await serve(listeners, service, max_connections=server.max_connections, task_status=task_status)


def service_of(
    server: ServerSettings,
    gateway: Gateway,
    counts: Counts,
    *,
    drain: Drain | None = None,
    aside: Aside | None = None,
) -> Service:
    """Return what the connections of one process share."""
    return Service(
        handler=gateway.handler,
        limits=limits(server),
        common_headers=gateway.common_headers,
        error_body=error_body,
        drain=Drain() if drain is None else drain,
        counts=counts,
        aside=aside,
    )


def limits(server: ServerSettings) -> Limits:
    """Return what clients may take, as the settings say."""
    return Limits(
        max_target_bytes=server.max_target_bytes,
        max_header_bytes=server.max_header_bytes,
        max_headers=server.max_headers,
        max_body_bytes=server.max_body_bytes,
        header_timeout_s=server.header_timeout_s,
        body_timeout_s=server.body_timeout_s,
        write_timeout_s=server.write_timeout_s,
        keep_alive_s=server.keep_alive_s,
        drain_s=server.drain_s,
    )


async def _drain_on_signal(
    drain: Drain, everything: trio.CancelScope, drain_s: float, *, task_status: trio.TaskStatus[None]
) -> None:
    """Drain at the first SIGTERM or SIGINT; end now at a second SIGINT."""
    with ending_signals(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if not drain.begun:
                LOGGER.info("loro.draining signal=%s within_s=%g", number.name, drain_s)
                drain.begin()
            elif number == signal.SIGINT:
                LOGGER.info("loro.stopping signal=%s now", number.name)
                everything.cancel()


def announce(settings: Settings, addresses: Sequence[tuple[str, int]], workers: int | None = None) -> None:
    """Write the lines of the start. workers: how many processes serve, if there is a supervisor."""
    policy = settings.reply.policy
    for host, port in addresses:
        shown = f"[{host}]" if ":" in host else host
        if workers is None:
            LOGGER.info("loro.listening url=http://%s:%d version=%s policy=%s", shown, port, __version__, policy)
        else:
            LOGGER.info(
                "loro.listening url=http://%s:%d version=%s policy=%s workers=%d",
                *(shown, port, __version__, policy, workers),
            )
    for deployment in settings.deployments:
        LOGGER.info(
            "loro.model name=%s model=%s provider=%s url=%s",
            deployment.name,
            deployment.model,
            deployment.provider,
            deployment.base_url or "-",
        )
    if settings.demo:
        LOGGER.warning("loro.demo %s", DEMO)
