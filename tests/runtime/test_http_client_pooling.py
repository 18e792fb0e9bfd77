"""What the transport does with its connections between calls: TLS sessions, those made beforehand, cancelled calls."""

from __future__ import annotations

import functools
import gc
import random
import ssl
from contextlib import suppress

import pytest
import trio
import trio.testing
import trustme

from loro_core.errors import ConfigError, UpstreamClosed
from loro_core.runtime import http_client
from loro_core.runtime.http_client import HttpClient, open_http
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.servers import OK, answer_ok, ask, deployment, serving, sockets

pytestmark = pytest.mark.usefixtures("no_proxy_of_the_environment")


@pytest.fixture
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_connection_over_tls_is_used_again(trusting, certified):
    async with serving(answer_ok, certified) as server, HttpClient(trusting) as client:
        for _ in range(3):
            assert await ask(client, server.url) == b"ok"
    assert server.connections == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_new_connection_takes_up_the_tls_session_of_an_earlier_one(trusting, certified, version):
    async def serve(stream, request):
        await stream.send_all(OK)
        return False

    certified.minimum_version = certified.maximum_version = version
    async with serving(serve, certified) as server, HttpClient(trusting) as client:
        for _ in range(4):
            assert await ask(client, server.url) == b"ok"
    assert server.resumed[:2] == [False, True]
    assert len(server.resumed) == 4


async def test_certificate_for_another_name_is_refused(trusting, certified):
    async with serving(answer_ok, certified) as server, HttpClient(trusting) as client:
        with pytest.raises(Exception, match="certificate is not accepted"):
            await ask(client, server.url.replace("localhost", "127.0.0.1"))
    assert not server.requests


def test_authorities_that_are_not_there_are_the_operators_to_mend(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE: .*none\.pem.*no such file"):
        HttpClient()
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="holds no certificate"):
        HttpClient()
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"SSL_CERT_DIR: .*nowhere' is not a directory"):
        HttpClient()


async def test_server_that_ended_an_idle_connection_is_not_asked_on_it():
    """A look at the idle connection finds its end; the request is not sent twice."""

    async def serve(stream, request):
        await stream.send_all(OK)
        return False

    async with serving(serve) as server, HttpClient() as client:
        for _ in range(3):
            assert await ask(client, server.url) == b"ok"
            await server.all_closed()
    assert (server.connections, len(server.requests)) == (3, 3)


async def test_no_second_request_once_a_byte_of_the_answer_came():
    async def serve(stream, request):
        if len(server.requests) == 1:
            await stream.send_all(OK)
            return True
        await stream.send_all(b"H")
        return False

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url) == b"ok"
        with pytest.raises(UpstreamClosed):
            await ask(client, server.url)
    assert len(server.requests) == 2


async def test_keep_alive_that_the_server_announces_is_kept_to(autojump_clock):
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 2\r\n\r\nok")
        return True

    async with serving(serve) as server, HttpClient() as client:
        for seconds in (4, 4, 6, 1):
            assert await ask(client, server.url) == b"ok"
            await trio.sleep(seconds)
        assert await ask(client, server.url) == b"ok"
    assert server.connections == 2


async def test_answer_before_the_whole_request_was_taken_is_the_answer():
    async def refuse(stream):
        data = b""
        while b"\r\n\r\n" not in data:
            data += await stream.receive_some(100)
        await stream.send_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
        await stream.send_eof()
        with suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, refuse, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with (
            HttpClient() as client,
            client.bind(deployment()).send("POST", url, body=bytes(5_000_000)) as response,
        ):
            assert response.status == 413
            assert await response.read(100) == b"big"
        nursery.cancel_scope.cancel()


async def test_one_connection_an_origin_is_made_beforehand(trusting, certified):
    async with serving(answer_ok, certified) as server, serving(answer_ok) as other:
        fleet = [deployment(base_url=server.url + "/v1"), deployment(base_url=server.url + "/v2")]
        fleet += [deployment(base_url=other.url, prewarm=False), deployment(base_url="")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(http_client, "HttpClient", functools.partial(HttpClient, trusting))
            async with open_http(fleet) as client:
                await server.one_opened.wait()
                await trio.testing.wait_all_tasks_blocked()
                assert (server.connections, other.connections) == (1, 0)
                assert await ask(client, server.url + "/v1") == b"ok"
                assert server.connections == 1
        with trio.fail_after(1):
            await server.all_closed()


async def test_what_cannot_be_reached_beforehand_is_left_for_the_call(monkeypatch):
    async def never(*args, **kwargs):
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    async with open_http([deployment(base_url="http://models.invalid")]):
        await trio.testing.wait_all_tasks_blocked()
    monkeypatch.undo()
    async with open_http([deployment(base_url="http://127.0.0.1:9")]):
        await trio.testing.wait_all_tasks_blocked()


async def test_what_the_block_raises_comes_out_as_itself():
    with pytest.raises(LookupError):
        async with open_http([]):
            raise LookupError


async def test_idle_connections_are_closed_though_nobody_calls(autojump_clock):
    async with serving(answer_ok) as server, open_http([]) as client:
        assert await ask(client, server.url) == b"ok"
        assert server.open == 1
        await trio.sleep(80)
        assert server.open == 0


async def events(stream, request):
    await stream.send_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(3):
        await stream.send_all(b"5\r\nhello\r\n")
        await trio.lowlevel.checkpoint()
    await stream.send_all(b"0\r\n\r\n")
    return True


@pytest.mark.parametrize("tls", [False, True])
async def test_cancelled_at_each_step_leaves_no_socket(trusting, certified, tls):
    """Through the name, the connection, the handshake, the sending, the head, the body and the grace behind it."""
    async with serving(events, certified if tls else None) as server:
        before = sockets()

        async def call() -> None:
            async with HttpClient(trusting) as client:
                for _ in range(2):  # the second on the connection of the first
                    async with client.bind(deployment()).send("POST", server.url, body=b"{}") as response:
                        async for _ in response.chunks():
                            break
            gc.collect()

        steps = await cancel_at_every_checkpoint(lambda: call, lambda: None)
        assert steps > 10
        with trio.fail_after(2):
            await server.all_closed()
        gc.collect()
        assert sockets() == before


@pytest.mark.parametrize("calls", [600, pytest.param(10_000, marks=pytest.mark.slow)])
def test_pool_is_not_poisoned_by_cancelled_calls(calls):
    """95 of 100 calls are cancelled somewhere; the next works and no socket is left (encode/httpcore #961, #1093)."""
    trio.run(cancel_most_of, calls)


async def cancel_most_of(calls: int) -> None:
    rng = random.Random(calls)
    width = 20
    done = 0

    async def call(client: HttpClient, url: str) -> None:
        nonlocal done
        within_s = rng.choice([0.0, rng.random() * 0.001, rng.random() * 0.01]) if rng.random() < 0.95 else 60
        with trio.move_on_after(within_s):
            async with client.bind(deployment()).send("POST", url, body=b"{}") as response:
                async for _ in response.chunks():
                    pass
            done += 1

    async def caller(client: HttpClient, url: str) -> None:
        for _ in range(calls // width):
            await call(client, url)

    async with serving(events) as server:
        before = sockets()
        async with HttpClient() as client:
            async with trio.open_nursery() as nursery:
                for _ in range(width):
                    nursery.start_soon(caller, client, server.url)
            assert await ask(client, server.url) == b"hello" * 3
            assert len(client._pool) <= width
        with trio.fail_after(2):
            await server.all_closed()
        assert sockets() == before
    assert calls * 0.03 < done
