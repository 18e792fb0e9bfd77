"""Proxies of the environment: in the clear, by CONNECT, over TLS, and those that will not."""

from __future__ import annotations

import ssl

import pytest
import trio
import trustme

from loro_core.errors import ConfigError, UpstreamTimeout, UpstreamUnreachable
from loro_core.runtime.http_client import HttpClient
from tests.runtime.servers import Server, answer_ok, ask, serving, sockets

pytestmark = pytest.mark.usefixtures("no_proxy_of_the_environment")


@pytest.fixture
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", "models.invalid").configure_cert(context)
    return context


class Tunnels:
    """A proxy's CONNECT, always to the same upstream, whatever it was asked for."""

    def __init__(self, upstream: Server) -> None:
        self._upstream = upstream

    async def __call__(self, stream: trio.abc.Stream, request: bytes) -> bool:
        await stream.send_all(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n")
        onward = await trio.open_tcp_stream("127.0.0.1", self._upstream.port)
        async with onward, trio.open_nursery() as nursery:

            async def pump(source, sink) -> None:
                try:
                    while data := await source.receive_some():
                        await sink.send_all(data)
                except trio.BrokenResourceError:
                    pass
                nursery.cancel_scope.cancel()

            nursery.start_soon(pump, onward, stream)
            await pump(stream, onward)
        return False


async def test_other_machines_only_are_asked_through_it_in_absolute_form(monkeypatch):
    async with serving(answer_ok) as proxy, serving(answer_ok) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with HttpClient() as client:
            assert await ask(client, "http://models.invalid/v1/models") == b"ok"
            assert await ask(client, "http://models.invalid:8080/v1/models?a=b") == b"ok"
            assert await ask(client, server.url) == b"ok"
    assert [r.split(b"\r\n")[:2] for r in proxy.requests] == [
        [b"POST http://models.invalid/v1/models HTTP/1.1", b"host: models.invalid"],
        [b"POST http://models.invalid:8080/v1/models?a=b HTTP/1.1", b"host: models.invalid:8080"],
    ]
    assert len(server.requests) == 1


async def test_no_proxy_is_asked_for_whom_it_names(monkeypatch):
    async with serving(answer_ok) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "models.invalid")
        async with HttpClient() as client:
            with pytest.raises(UpstreamUnreachable, match="no such host"):
                await ask(client, "http://models.invalid/")
    assert proxy.connections == 0


async def test_connection_through_it_is_used_again(monkeypatch):
    async with serving(answer_ok) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with HttpClient() as client:
            for _ in range(3):
                assert await ask(client, "http://models.invalid/v1") == b"ok"
    assert (proxy.connections, len(proxy.requests)) == (1, 3)


async def test_https_goes_through_a_tunnel_and_the_upstream_never_sees_the_proxys_password(
    monkeypatch, trusting, certified
):
    async with serving(answer_ok, certified) as upstream, serving(Tunnels(upstream)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:pass@"))
        async with HttpClient(trusting) as client:
            for _ in range(3):
                assert await ask(client, "https://models.invalid/v1") == b"ok"
    (connect,) = proxy.requests
    assert connect.startswith(b"CONNECT models.invalid:443 HTTP/1.1\r\nhost: models.invalid:443\r\n")
    assert b"proxy-authorization: Basic dXNlcjpwYXNz\r\n" in connect
    assert len(upstream.requests) == 3
    assert not [request for request in upstream.requests if b"proxy-" in request.lower()]
    assert upstream.requests[0].startswith(b"POST /v1 HTTP/1.1\r\nhost: models.invalid\r\n")


async def test_password_goes_to_the_proxy_with_every_request_in_the_clear(monkeypatch):
    async with serving(answer_ok) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://user:pass@"))
        async with HttpClient() as client:
            assert await ask(client, "http://models.invalid/v1") == b"ok"
    assert b"proxy-authorization: Basic dXNlcjpwYXNz\r\n" in proxy.requests[0]


async def test_proxy_over_tls(monkeypatch, trusting, certified):
    async with serving(answer_ok, certified) as upstream, serving(Tunnels(upstream), certified) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with HttpClient(trusting) as client:
            assert await ask(client, "https://models.invalid/v1") == b"ok"
    assert len(proxy.requests) == len(upstream.requests) == 1


async def test_certificate_behind_the_proxy_is_checked_for_the_upstreams_name(monkeypatch, trusting, certified):
    async with serving(answer_ok, certified) as upstream, serving(Tunnels(upstream)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with HttpClient(trusting) as client:
            with pytest.raises(UpstreamUnreachable, match=r"other\.invalid:443: its certificate is not accepted"):
                await ask(client, "https://other.invalid/v1")
            with trio.fail_after(1):
                await proxy.all_closed()


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", "answered 403"),
        (b"HTTP/1.1 407 Authentication\r\ncontent-length: 0\r\n\r\n", "wants a user and a password"),
        (b"", "closed the connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "failed"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "does not connect"),
    ],
)
async def test_proxy_that_does_not_connect_is_named(monkeypatch, answer, hint):
    async def serve(stream, request):
        await stream.send_all(answer)
        return False

    async with serving(serve) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:pass@"))
        async with HttpClient() as client:
            with pytest.raises(UpstreamUnreachable, match=r"models\.invalid:443; see HTTP_PROXY") as caught:
                await ask(client, "https://models.invalid/v1/models")
    assert hint in caught.value.message and f"127.0.0.1:{proxy.port}" in caught.value.message
    assert "pass" not in caught.value.message.replace("password", "")


async def test_proxy_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with HttpClient() as client:
        with pytest.raises(UpstreamUnreachable, match=r"127\.0\.0\.1:9 cannot be reached: nothing listens there"):
            await ask(client, "http://models.invalid/v1")


async def test_silent_proxy_is_inside_the_connect_timeout(monkeypatch):
    async def serve(stream, request):
        await trio.sleep_forever()

    async with serving(serve) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with HttpClient() as client:
            with pytest.raises(UpstreamTimeout, match=r"models\.invalid:443 within 0\.05 s"):
                await ask(client, "https://models.invalid/v1", connect_timeout_s=0.05)


@pytest.mark.parametrize("value", ["gopher://127.0.0.1:70", "socks5://127.0.0.1:1080", "socks5h://127.0.0.1:1080"])
def test_proxy_that_cannot_be_used_is_the_operators_to_mend(monkeypatch, value):
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(ConfigError, match="ALL_PROXY"):
        HttpClient()


async def test_cancelled_in_the_tunnel_leaves_no_socket(monkeypatch, trusting, certified):
    async with serving(answer_ok, certified) as upstream, serving(Tunnels(upstream)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        before = sockets()
        for checkpoints in range(0, 40, 2):
            async with HttpClient(trusting) as client:
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(cancel_after, checkpoints, scope)
                        await ask(client, "https://models.invalid/v1")
            with trio.fail_after(1):
                await proxy.all_closed()
                await upstream.all_closed()
            assert sockets() == before
    assert len(proxy.requests) > 10


async def cancel_after(checkpoints: int, scope: trio.CancelScope) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()
