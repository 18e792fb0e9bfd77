"""The HTTP server: listeners, the accept loop, the cap on connections, and the way down.

Two nurseries, one inside the other, as hypercorn has them: the inner one accepts, the outer one holds the connections.
Draining ends the inner one and sets a deadline on the outer.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from contextlib import suppress

import trio

from loro_core.errors import Overloaded
from loro_core.runtime.http_connection import serve_connection
from loro_core.runtime.http_service import Service

LOGGER = logging.getLogger("loro.runtime.http")

# As trio.serve_listeners does when accept(2) finds no descriptor or memory left: something may close meanwhile.
ACCEPT_PAUSE_S = 0.1
# A peer that vanishes without a word (a phone changing networks) is noticed while a reply is being thought about.
# Accepted sockets inherit it from the listener. Go's net.ListenConfig: 15 s, 15 s, 9 times.
KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 9))
# Between two log lines about it.
ACCEPT_COMPLAINT_S = 10.0
# Connections beyond the cap are told so with a 503, but only so many at a time; the others are closed.
TURNED_AWAY_AT_ONCE = 64


async def open_listeners(host: str | None, port: int, *, backlog: int | None = None) -> list[trio.SocketListener]:
    """Return a listener for every address that `host` has, all on one port.

    host: an address, or a name ("localhost" is often both ::1 and 127.0.0.1); None for all addresses of the machine,
        IPv4 and IPv6.
    port: 0 lets the system choose; the addresses then still share one.
    backlog: None for the most that the system allows.
    Raises OSError if no address can be bound, or one that exists is taken. An address that this machine does not
    have (::1 in a container without IPv6) is passed over as long as another can be bound.
    """
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM, flags=trio.socket.AI_PASSIVE)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    listeners: list[trio.SocketListener] = []
    missing: OSError | None = None
    try:
        for address in addresses:
            opened = await _listen(address, port, backlog)
            if isinstance(opened, OSError):
                missing = opened
            else:
                listeners.append(opened)
                port = opened.socket.getsockname()[1]
    except BaseException:
        for listener in listeners:
            listener.socket.close()
        raise
    if missing is not None and not listeners:
        raise missing
    return listeners


async def _listen(address: str, port: int, backlog: int | None) -> trio.SocketListener | OSError:
    """Return a listener on one address; as a value the error that says that the machine does not have it."""
    try:
        (listener,) = await trio.open_tcp_listeners(port, host=address, backlog=backlog)
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return error
        raise
    listener.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(trio.socket, name):  # macOS has other names, and its defaults
            listener.socket.setsockopt(trio.socket.IPPROTO_TCP, getattr(trio.socket, name), value)
    return listener


def bound_addresses(listeners: Sequence[trio.SocketListener]) -> list[tuple[str, int]]:
    """Return (address, port) of each listener."""
    names = [listener.socket.getsockname() for listener in listeners]
    return [(name[0], name[1]) for name in names if isinstance(name, tuple)]


async def serve(
    listeners: Sequence[trio.SocketListener],
    service: Service,
    *,
    max_connections: int = 10_000,
    task_status: trio.TaskStatus[list[tuple[str, int]]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `service.drain` has begun and every connection is closed; then the listeners are closed too.

    listeners: taken over. task_status: told the bound addresses once connections are accepted.
    max_connections: those beyond get a 503 and are closed.
    Requests in flight when draining begins have `service.limits.drain_s` to finish, then their handlers are cancelled.
    Raises nothing but Cancelled: what fails in a connection is logged and ends that connection.
    """
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            for listener in listeners:
                accepting.start_soon(_accept, listener, service, connections, max_connections)
            task_status.started(bound_addresses(listeners))
            await service.drain.wait()
            accepting.cancel_scope.cancel()
        connections.cancel_scope.deadline = trio.current_time() + service.limits.drain_s
    LOGGER.info("http.stopped")


async def serve_handed_over(
    connections: trio.MemoryReceiveChannel[tuple[trio.SocketStream, bytes]],
    service: Service,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve what another process hands over, as (connection, what came on it), as `serve` serves what it accepts."""
    async with trio.open_nursery() as serving:

        def begin(stream: trio.SocketStream, received: bytes) -> None:
            service.counts.accepted += 1
            serving.start_soon(_serve_handed_over, stream, received, service)

        async with trio.open_nursery() as taking:

            async def take() -> None:
                async for stream, received in connections:
                    begin(stream, received)

            taking.start_soon(take)
            task_status.started()
            await service.drain.wait()
            taking.cancel_scope.cancel()
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:  # what was handed over before the other process knew
                begin(*connections.receive_nowait())
        serving.cancel_scope.deadline = trio.current_time() + service.limits.drain_s
    LOGGER.info("http.stopped")


async def _serve_handed_over(stream: trio.SocketStream, received: bytes, service: Service) -> None:
    await serve_connection(stream, service, client=_peer(stream), handed_over=received)


async def _accept(
    listener: trio.SocketListener, service: Service, connections: trio.Nursery, max_connections: int
) -> None:
    quiet_until = trio.current_time()
    async with listener:
        while True:
            stream = await _accept_one(listener)
            if not isinstance(stream, OSError):
                service.counts.accepted += 1
                connections.start_soon(_serve_stream, stream, service, max_connections)
                continue
            if trio.current_time() >= quiet_until:
                quiet_until = trio.current_time() + ACCEPT_COMPLAINT_S
                LOGGER.error("http.accept_failed errno=%s pause_s=%.1f", _errno_name(stream), ACCEPT_PAUSE_S)
            await trio.sleep(ACCEPT_PAUSE_S)


async def _accept_one(listener: trio.SocketListener) -> trio.SocketStream | OSError:
    """Return the next connection, or why there is none; trio's accept() has passed over what concerns one peer only."""
    try:
        return await listener.accept()
    except OSError as error:
        return error


async def _serve_stream(stream: trio.SocketStream, service: Service, max_connections: int) -> None:
    beyond = service.counts.connections - max_connections
    if beyond < 0:
        await serve_connection(stream, service, client=_peer(stream))
        return
    service.counts.turned_away += 1
    if beyond < TURNED_AWAY_AT_ONCE:
        full = Overloaded(f"All {max_connections} connections are in use.", retry_after_s=1)
        await serve_connection(stream, service, client=_peer(stream), turn_away=full)
    else:
        await trio.aclose_forcefully(stream)


def _peer(stream: trio.SocketStream) -> str:
    try:
        name = stream.socket.getpeername()
    except OSError:
        return ""  # gone already
    return str(name[0]) if isinstance(name, tuple) else ""


def _errno_name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error.errno))
