"""`make bench-transport`: what one upstream call costs in CPU, by transport, with the upstream in a process of its own.

Two shapes of reply: 18 events in one write (a cached or very fast model), and 66 events of one write each, 2 ms apart
(a model that decodes). Counted is the user and system time of this process, which holds on a busy machine where wall
time does not; the transports take turns, and the median of the rounds is shown. The bytes are read and thrown away:
what is measured is the transport alone. `bare` is no transport: the same bytes by trio's wait for a socket and nothing
else.
"""

from __future__ import annotations

import argparse
import functools
import platform
import resource
import socket
import ssl
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass

import trio

from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp

EVENT = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
GAP_S = 0.002
REQUEST = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"' + b"x" * 600 + b'"}]}'
HEADERS = {"accept": "text/event-stream", "content-type": "application/json", "authorization": "Bearer sk-of-nobody"}
WARM_UP = 20


@dataclass(frozen=True)
class Shape:
    """path: what the upstream is asked for. calls: how many a round, side_by_side at once. events: of a reply."""

    path: str
    calls: int
    side_by_side: int
    events: int


SHAPES = (Shape("/burst", 400, 4, 18), Shape("/paced", 40, 4, 66))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def upstream() -> None:
    """Serve both shapes for ever; say the port."""
    burst = HEAD + chunk(EVENT) * 17 + chunk(DONE) + LAST_CHUNK

    async def handle(stream: trio.SocketStream) -> None:
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    piece = await stream.receive_some()
                    if not piece:
                        return
                    data += piece
                head, _, data = data.partition(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                while len(data) < length:
                    data += await stream.receive_some()
                data = data[length:]
                if b" /burst " in head[:40]:
                    await stream.send_all(burst)
                else:
                    await stream.send_all(HEAD)
                    for i in range(66):
                        await trio.sleep(GAP_S)
                        await stream.send_all(chunk(EVENT if i < 65 else DONE))
                    await stream.send_all(LAST_CHUNK)
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        print(listeners[0].socket.getsockname()[1], flush=True)


@contextmanager
def upstream_process() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.transport", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@asynccontextmanager
async def own(deployment: Deployment) -> AsyncIterator[UpstreamHttp]:
    from loro_core.runtime.http_client import HttpClient

    async with HttpClient() as client:
        yield client.bind(deployment)


@asynccontextmanager
async def httpx(deployment: Deployment) -> AsyncIterator[UpstreamHttp]:
    from loro_core.runtime.http2_client import Http2Client

    client = Http2Client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), http2=False)
    try:
        yield client.bind(deployment)
    finally:
        await client.aclose()


TRANSPORTS: dict[str, Callable[[Deployment], AbstractAsyncContextManager[UpstreamHttp]]] = {"httpx": httpx, "own": own}


BARE = "bare"


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def bare_round(url: str, shape: Shape, calls: int) -> float:
    """Return what nothing but trio and the system calls of these calls cost: the floor."""
    request = b"POST %b HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (shape.path.encode(), len(REQUEST), REQUEST)

    async def some(count: int) -> None:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as sock:
            sock.setblocking(False)
            for _ in range(count):
                assert sock.send(request) == len(request)
                data = b""
                while not data.endswith(LAST_CHUNK):
                    await trio.lowlevel.wait_readable(sock)
                    data = sock.recv(65536)
                    assert data

    start = cpu_s()
    async with trio.open_nursery() as nursery:
        for _ in range(shape.side_by_side):
            nursery.start_soon(some, calls // shape.side_by_side)
    return (cpu_s() - start) / calls


async def one_round(http: UpstreamHttp, url: str, shape: Shape, calls: int) -> float:
    """Return the CPU seconds of one call, of `calls`."""

    async def some(count: int) -> None:
        for _ in range(count):
            async with http.send("POST", url + shape.path, headers=HEADERS, body=REQUEST) as response:
                assert response.status == 200
                last = b""
                async for data in response.chunks():
                    last = data
                assert last.endswith(DONE)

    start = cpu_s()
    async with trio.open_nursery() as nursery:
        for _ in range(shape.side_by_side):
            nursery.start_soon(some, calls // shape.side_by_side)
    return (cpu_s() - start) / calls


async def measure(url: str, names: list[str], rounds: int, scale: float) -> dict[tuple[str, str], list[float]]:
    """Return the CPU seconds a call by (transport, shape), of each round."""
    deployment = Deployment(name="bench", provider="openai", model="m")
    found: dict[tuple[str, str], list[float]] = {(n, s.path): [] for s in SHAPES for n in names}
    for shape in SHAPES:
        calls = max(shape.side_by_side, int(shape.calls * scale))
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                if name == BARE:
                    found[name, shape.path].append(await bare_round(url, shape, calls))
                    continue
                async with TRANSPORTS[name](deployment) as http:
                    await one_round(http, url, shape, min(WARM_UP, calls))
                    found[name, shape.path].append(await one_round(http, url, shape, calls))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.transport", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="be the upstream")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="calls a round, as a factor")
    parser.add_argument("--only", choices=sorted(TRANSPORTS), help="measure one transport")
    options = parser.parse_args()
    if options.serve:
        trio.run(upstream)
        return
    names = [options.only] if options.only else [*TRANSPORTS, BARE]
    with upstream_process() as url:
        found = trio.run(measure, url, names, options.rounds, options.scale)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, medians of {options.rounds}")
    for shape in SHAPES:
        for name in names:
            values = [value * 1e6 for value in found[name, shape.path]]
            middle = statistics.median(values)
            print(
                f"{shape.path[1:]:6} {name:6} {middle:7.0f} us a call, {middle / shape.events:6.1f} us an event"
                f"   ({min(values):.0f}-{max(values):.0f})"
            )


if __name__ == "__main__":
    main()
