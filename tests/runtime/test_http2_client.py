"""The transport over httpx: a server that speaks HTTP/2 only, and one in HTTP/1.1 for what the two share."""

from __future__ import annotations

import functools
import gc
import random
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import pytest
import trio
import trustme

from loro_core.errors import (
    ConfigError,
    UpstreamClosed,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from loro_core.runtime.http_client import HttpClient
from tests.runtime.servers import OK, answer_ok, serving, sockets, stream_for_ever
from tests.runtime.servers import ask as ask_as_told
from tests.runtime.servers import deployment as plain

pytestmark = pytest.mark.usefixtures("no_proxy_of_the_environment")

deployment = functools.partial(plain, http2=True)
ask = functools.partial(ask_as_told, http2=True)


class Http2Server:
    """Answers over HTTP/2 and nothing else. seen: method, path and body of each request."""

    def __init__(self, context: ssl.SSLContext) -> None:
        context.set_alpn_protocols(["h2"])
        self._context = context
        self.url = ""
        self.seen: list[tuple[str, str, bytes]] = []
        self.connections = 0
        self.ended = trio.Event()

    async def handle(self, tcp: trio.SocketStream) -> None:
        self.connections += 1
        stream = trio.SSLStream(tcp, self._context, server_side=True, https_compatible=True)
        talk = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        talk.initiate_connection()
        requests: dict[int, tuple[str, str, bytes]] = {}
        try:
            await stream.send_all(talk.data_to_send())
            while data := await stream.receive_some():
                for event in talk.receive_data(bytes(data)):
                    if isinstance(event, h2.events.RequestReceived):
                        head = {bytes(n).decode(): bytes(v).decode() for n, v in event.headers}
                        requests[event.stream_id] = (head[":method"], head[":path"], b"")
                    elif isinstance(event, h2.events.DataReceived):
                        method, path, body = requests[event.stream_id]
                        requests[event.stream_id] = (method, path, body + event.data)
                    elif isinstance(event, h2.events.StreamEnded):
                        self.seen.append(requests[event.stream_id])
                        self._answer(talk, event.stream_id, requests[event.stream_id][1])
                if out := talk.data_to_send():
                    await stream.send_all(out)
        except trio.BrokenResourceError:
            pass
        finally:
            self.ended.set()

    def _answer(self, talk: h2.connection.H2Connection, stream_id: int, path: str) -> None:
        talk.send_headers(stream_id, [(":status", "200"), ("x-one", "1")])
        talk.send_data(stream_id, b"hello")
        if path == "/reset":
            talk.reset_stream(stream_id)
        elif path != "/endless":
            talk.send_data(stream_id, b" world", end_stream=True)


@asynccontextmanager
async def serving_http2(authority: trustme.CA) -> AsyncIterator[Http2Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Http2Server(context)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, server.handle, 0, host="127.0.0.1"))
        server.url = f"https://localhost:{listeners[0].socket.getsockname()[1]}"
        yield server
        nursery.cancel_scope.cancel()


async def test_service_that_speaks_http2_only(authority, trusting):
    async with serving_http2(authority) as server, HttpClient(trusting) as client:
        for _ in range(3):
            http = client.bind(deployment())
            async with http.send("POST", server.url + "/v1?a=b", headers={"x-mine": "1"}, body=b"{}") as response:
                assert response.status == 200
                assert response.headers["x-one"] == "1"
                assert await response.read(100) == b"hello world"
    assert server.seen == [("POST", "/v1?a=b", b"{}")] * 3
    assert server.connections == 1


async def test_early_exit_closes_the_connection_of_that_call_alone(authority, trusting):
    """httpx tells an HTTP/2 server nothing of it: the model would go on."""
    async with serving_http2(authority) as server, HttpClient(trusting) as client:
        http = client.bind(deployment())
        async with http.send("GET", server.url + "/endless") as other:
            pieces = other.chunks()
            assert await pieces.__anext__() == b"hello"
            server.ended = trio.Event()
            with trio.move_on_after(5) as scope:
                async with http.send("GET", server.url + "/endless") as response:
                    async for _ in response.chunks():
                        scope.cancel()
            with trio.fail_after(0.5):
                await server.ended.wait()
            assert server.connections == 2
            with trio.move_on_after(0.02) as still_open:
                await pieces.__anext__()
            assert still_open.cancelled_caught
        assert await ask(client, server.url) == b"hello world"
    gc.collect()


async def test_stream_that_is_reset_is_closed_early(authority, trusting):
    async with serving_http2(authority) as server, HttpClient(trusting) as client:
        with pytest.raises(UpstreamClosed):
            await ask(client, server.url + "/reset")
        assert await ask(client, server.url) == b"hello world"


async def test_both_protocols_share_a_client_and_whom_it_trusts(authority, trusting):
    certified = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(certified)
    certified.set_alpn_protocols(["http/1.1"])
    async with (
        serving_http2(authority) as new,
        serving(answer_ok, certified) as old,
        HttpClient(trusting) as client,
    ):
        for _ in range(2):
            assert await ask(client, new.url) == b"hello world"
            assert await ask_as_told(client, old.url) == b"ok"
            assert await ask(client, old.url) == b"ok"


@pytest.mark.parametrize("package", ["h2", "httpx"])
async def test_packages_that_are_missing_are_named(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "loro_core.runtime.http2_client")
    async with HttpClient() as client:
        with pytest.raises(ConfigError, match=r"http2 = true .*pip install 'loro-core\[http2\]'"):
            client.bind(deployment())


async def test_server_that_closes_idle_connections_silently_costs_one_more_connection():
    async def serve(stream, request):
        if len(server.requests) == 2:
            return False
        await stream.send_all(OK)
        return True

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url) == b"ok"
        assert await ask(client, server.url) == b"ok"
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_early_exit_from_a_stream_that_never_pauses():
    async with serving(stream_for_ever) as server, HttpClient() as client:
        async with client.bind(deployment()).send("GET", server.url) as response:
            async for _ in response.chunks():
                break
        with trio.fail_after(0.5):
            await server.all_closed()


async def test_cancelled_calls_leave_no_socket_and_the_next_ones_work():
    rng = random.Random(7)

    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(4):
            await stream.send_all(b"5\r\nhello\r\n")
            await trio.sleep(0.001)
        await stream.send_all(b"0\r\n\r\n")
        return True

    async def cancelled_somewhere(client, url):
        with trio.move_on_after(rng.choice([0, rng.random() * 0.002, rng.random() * 0.02])):
            async with client.bind(deployment()).send("POST", url, body=b"{}") as response:
                async for _ in response.chunks():
                    pass

    async with serving(serve) as server:
        before = sockets()
        async with HttpClient() as client:
            for _ in range(3):
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(cancelled_somewhere, client, server.url)
            assert await ask(client, server.url) == b"hello" * 4
        with trio.fail_after(2):
            await server.all_closed()
        assert sockets() == before
    gc.collect()


async def test_what_goes_wrong_has_the_same_names():
    async def no_http(stream, request):
        await stream.send_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        return False

    async def cut(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        return False

    async with serving(no_http) as odd, serving(cut) as short, HttpClient() as client:
        with pytest.raises(UpstreamProtocolError, match=r"HTTP/2 or HTTP/1\.1"):
            await ask(client, odd.url)
        with pytest.raises(UpstreamClosed):
            await ask(client, short.url)
        with pytest.raises(UpstreamUnreachable, match="base_url"):
            await ask(client, "ftp://a")
        with pytest.raises(UpstreamUnreachable, match="api_key"):
            async with client.bind(deployment()).send("GET", odd.url, headers={"authorization": "a\nb"}):
                pass
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with HttpClient() as client:
            with pytest.raises(UpstreamUnreachable, match="is the server running"):
                await ask(client, f"http://127.0.0.1:{unused.getsockname()[1]}")


async def test_address_that_does_not_answer_the_connect(autojump_clock, monkeypatch):
    async def never(*args, **kwargs):
        await trio.sleep_forever()

    async with HttpClient() as client:
        client.bind(deployment())
        monkeypatch.setattr(trio, "open_tcp_stream", never)
        with pytest.raises(UpstreamTimeout, match=r"no connection to 10\.0\.0\.1:80 within 3 s"):
            await ask(client, "http://10.0.0.1", connect_timeout_s=3)


async def test_proxy_of_the_environment(monkeypatch):
    async with serving(answer_ok) as proxy, serving(answer_ok) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://user:pass@"))
        async with HttpClient() as client:
            assert await ask(client, "http://models.invalid/v1/models") == b"ok"
            assert await ask(client, server.url) == b"ok"
    assert proxy.requests[0].startswith(b"POST http://models.invalid/v1/models HTTP/1.1")
    assert b"Basic dXNlcjpwYXNz\r\n" in proxy.requests[0]
    assert len(server.requests) == 1


def test_it_is_not_imported_where_no_deployment_needs_it():
    code = "import loro_core.app.serve, sys; print([m for m in ('httpx', 'httpcore', 'h2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
