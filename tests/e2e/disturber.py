"""What one client can do to the others, as a process of its own: `python -m tests.e2e.disturber KIND URL SECONDS`.

It says so on its standard output when it begins; SECONDS count from there.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import sys
import time
from urllib.parse import urlsplit

MiB = 1024 * 1024


def main(kind: str, url: str, seconds: float) -> None:
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
    KINDS[kind](address, seconds)


def begun(seconds: float) -> float:
    """Say that it begins; return when it ends."""
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    return time.monotonic() + seconds


def request(body: bytes) -> bytes:
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def conversation(size: int, **more: object) -> bytes:
    """Return a request of about `size` bytes, with messages as long as people and models speak, and with `more`."""
    turn = [
        {"role": "user", "content": "And what came after that? " * 8},
        {"role": "assistant", "content": "After that came more of the same. " * 6},
    ]
    messages = [*turn * (size // 500), {"role": "user", "content": "Why?"}]
    return json.dumps({"model": "loro", "messages": messages, "stream": False, **more}).encode()


def large_request(address: tuple[str, int], seconds: float) -> None:
    """Conversations of 10 MB and many messages, one after the other.

    They are read and judged, then refused: passed on, they would stall the scripted upstream with all its streams.
    """
    data = request(conversation(10 * MiB, temperature=9))
    with socket.create_connection(address) as client:
        client.sendall(data[:-1])
        until = begun(seconds)  # what follows is the work that it makes
        client.sendall(data[-1:])
        client.recv(1)
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(address) as another:
                another.sendall(data)
                another.recv(1)


def slow_reader(address: tuple[str, int], seconds: float) -> None:
    """Streams that are asked for and never read."""
    body = json.dumps({"model": "loro", "messages": [{"role": "user", "content": "Hi"}], "stream": True}).encode()
    until = begun(seconds)
    with contextlib.ExitStack() as clients:
        for _ in range(8):
            client = clients.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(address)
            client.sendall(request(body))
        time.sleep(until - time.monotonic())


def byte_a_second(address: tuple[str, int], seconds: float) -> None:
    """Requests of which a byte comes now and then."""
    data = request(bytes(1000))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address)) for _ in range(20)]
        until = begun(seconds)
        for at in range(len(data)):
            if time.monotonic() > until:
                return
            for client in clients:
                client.sendall(data[at : at + 1])
            time.sleep(1)


def idle_connections(address: tuple[str, int], seconds: float) -> None:
    """A thousand connections that have asked once and stay."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    until = begun(seconds)
    with contextlib.ExitStack() as stack:
        for _ in range(900):
            client = stack.enter_context(socket.create_connection(address))
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(1000)
        time.sleep(max(0.0, until - time.monotonic()))


KINDS = {
    "large-request": large_request,
    "slow-reader": slow_reader,
    "byte-a-second": byte_a_second,
    "idle-connections": idle_connections,
}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
