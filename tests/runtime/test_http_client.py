"""The transport against real sockets: servers inside the run, byte by byte under the test's control."""

from __future__ import annotations

import functools
import gc
import random
import socket
import ssl
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from loro_core.errors import (
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from loro_core.runtime.http_client import HttpClient
from tests.runtime.servers import OK, Server, answer_ok, ask, deployment, serving, sockets, stream_for_ever

pytestmark = pytest.mark.usefixtures("no_proxy_of_the_environment")


async def test_request_arrives_as_given_and_response_comes_back():
    async def serve(stream, request):
        await stream.send_all(
            b"HTTP/1.1 418 Teapot\r\nX-One: a\r\nX-Two: b\r\nX-Two: c\r\ncontent-length: 5\r\n\r\nhello"
        )
        return True

    async with serving(serve) as server, HttpClient() as client:
        http = client.bind(deployment())
        async with http.send("POST", server.url + "/a?b=c", headers={"x-mine": "yes"}, body=b"body") as response:
            assert response.status == 418
            assert (response.headers["x-one"], response.headers["x-two"]) == ("a", "c")
            assert b"".join([piece async for piece in response.chunks()]) == b"hello"
    (request,) = server.requests
    assert request.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\nbody")
    assert b"x-mine: yes\r\n" in request
    assert b"accept-encoding: identity\r\n" in request.lower()
    assert b"user-agent: loro/" in request.lower()


async def test_connection_is_reused_after_a_whole_body():
    async with serving(answer_ok) as server, HttpClient() as client:
        for _ in range(5):
            assert await ask(client, server.url) == b"ok"
    assert server.connections == 1


async def test_connection_is_reused_though_the_reader_stopped_at_the_last_event():
    """The end of a chunked body is a packet of its own; nobody waits for it after [DONE]."""

    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n[DONE]\r\n")
        await trio.sleep(0.002)
        await stream.send_all(b"0\r\n\r\n")
        return True

    async with serving(serve) as server, HttpClient() as client:
        for _ in range(3):
            async with client.bind(deployment()).send("GET", server.url) as response:
                async for piece in response.chunks():
                    assert piece == b"[DONE]"
                    break
    assert server.connections == 1


@pytest.mark.parametrize("how", ["peace", "exception", "cancelled between chunks", "cancelled in a chunk"])
async def test_early_exit_closes_the_connection_at_once(how):
    seen_end = trio.Event()

    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert await stream.receive_some() == b""
        seen_end.set()
        return False

    async with serving(serve) as server, HttpClient() as client:
        with trio.CancelScope() as scope:
            try:
                async with client.bind(deployment()).send("GET", server.url) as response:
                    async for piece in response.chunks():
                        assert piece == b"hello"
                        if how == "peace":
                            break
                        if how == "exception":
                            raise LookupError
                        scope.cancel()
                        if how == "cancelled between chunks":
                            await trio.lowlevel.checkpoint()
            except LookupError:
                pass
        assert scope.cancelled_caught == how.startswith("cancelled")
        with trio.fail_after(0.05):
            await seen_end.wait()
        gc.collect()


async def test_early_exit_from_a_stream_that_never_pauses():
    async with serving(stream_for_ever) as server, HttpClient() as client:
        async with client.bind(deployment()).send("GET", server.url) as response:
            async for _ in response.chunks():
                break
        with trio.fail_after(0.05):
            await server.all_closed()


async def test_exit_without_reading_leaves_nothing():
    async with serving(stream_for_ever) as server, HttpClient() as client:
        async with client.bind(deployment()).send("GET", server.url) as response:
            assert response.status == 200
        gc.collect()
        with trio.fail_after(0.05):
            await server.all_closed()


async def test_cancelled_calls_leave_no_socket_and_the_next_ones_work():
    """A limited pool keeps the slots of cancelled calls (encode/httpcore #961, #1093)."""
    rng = random.Random(7)

    async def serve(stream, request):
        await trio.sleep(0.001)
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
            for _ in range(10):
                async with trio.open_nursery() as nursery:
                    for _ in range(30):
                        nursery.start_soon(cancelled_somewhere, client, server.url)
            for _ in range(5):
                assert await ask(client, server.url) == b"hello" * 4
        with trio.fail_after(1):
            await server.all_closed()
        assert sockets() == before


async def test_call_cancelled_at_each_of_its_awaits_leaves_no_socket():
    async with serving(stream_for_ever) as server, HttpClient() as client:
        before = sockets()
        for checkpoints in range(40):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(cancel_after, checkpoints, scope)
                    async with client.bind(deployment()).send("GET", server.url) as response:
                        async for _ in response.chunks():
                            pass
        gc.collect()
        with trio.fail_after(1):
            await server.all_closed()
        assert sockets() == before


async def cancel_after(checkpoints: int, scope: trio.CancelScope) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_server_that_closes_idle_connections_silently_costs_one_more_connection():
    """llama.cpp's server closes after a few requests though it promised more: `Server disconnected` for the caller."""

    async def serve(stream, request):
        if len(server.requests) == 2:
            return False  # the end comes after the second request arrived: only the reader of the answer can notice
        await stream.send_all(OK)
        return True

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url) == b"ok"
        assert await ask(client, server.url) == b"ok"
    assert server.connections == 2
    assert len(server.requests) == 3


async def test_reset_of_an_idle_connection_costs_one_more_connection():
    async def serve(stream, request):
        if len(server.requests) == 2:
            reset(stream)
            return False
        await stream.send_all(OK)
        return True

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url) == b"ok"
        assert await ask(client, server.url) == b"ok"
    assert len(server.requests) == 3


def reset(stream: trio.SocketStream) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


@pytest.mark.parametrize("kind", ["end", "reset"])
async def test_fresh_connection_that_ends_before_the_head_is_not_tried_again(kind):
    async def serve(stream, request):
        if kind == "reset":
            reset(stream)
        return False

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamClosed) as caught:
            await ask(client, server.url)
    assert len(server.requests) == 1
    assert caught.value.deployment == "small"
    assert caught.value.phase == "prefill"


async def test_second_connection_that_ends_before_the_head_is_the_last():
    async def serve(stream, request):
        if len(server.requests) == 1:
            await stream.send_all(OK)
            return True
        return False

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url) == b"ok"
        with pytest.raises(UpstreamClosed):
            await ask(client, server.url)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n50\r\nhello",
    ],
)
@pytest.mark.parametrize("abort", [False, True])
async def test_body_that_ends_before_its_announced_end(answer, abort):
    async def serve(stream, request):
        await stream.send_all(answer)
        if abort:
            await trio.sleep(0.01)
            reset(stream)
        return False

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamClosed) as caught:
            await ask(client, server.url)
    assert caught.value.deployment == "small"
    assert len(server.requests) == 1


async def test_body_without_announced_end_ends_with_the_connection():
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\nhello")
        return False

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url) == b"hello"


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"]
)
async def test_what_is_not_http(answer):
    async def serve(stream, request):
        await stream.send_all(answer)
        return False

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamProtocolError) as caught:
            await ask(client, server.url)
    assert "127.0.0.1" in caught.value.message


async def test_body_over_the_cap():
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + bytes(2000))
        return True

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamProtocolError, match="1000 bytes"):
            await ask(client, server.url)


@pytest.mark.parametrize("wbits", [31, 15])
async def test_coded_body_is_decoded_though_none_was_asked_for(wbits):
    coder = zlib.compressobj(wbits=wbits)
    coded = coder.compress(b"hello") + coder.flush()
    name = b"gzip" if wbits == 31 else b"deflate"

    async def serve(stream, request):
        await stream.send_all(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: %s\r\ncontent-length: %d\r\n\r\n" % (name, len(coded))
        )
        for i in range(len(coded)):
            await stream.send_all(coded[i : i + 1])
        return True

    async with (
        serving(serve) as server,
        HttpClient() as client,
        client.bind(deployment()).send("GET", server.url) as response,
    ):
        pieces = [piece async for piece in response.chunks()]
    assert b"".join(pieces) == b"hello"
    assert all(pieces)


@pytest.mark.parametrize("coding", [b"br", b"snappy"])
async def test_coding_that_nobody_asked_for_and_we_cannot_undo(coding):
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: " + coding + b"\r\ncontent-length: 2\r\n\r\nok")
        return True

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamProtocolError, match=coding.decode()):
            await ask(client, server.url)


async def test_small_body_that_inflates_without_end_is_cut_at_the_cap():
    coder = zlib.compressobj(wbits=31)
    coded = coder.compress(bytes(1 << 26)) + coder.flush()

    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(coded))
        await stream.send_all(coded)
        return True

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamProtocolError, match="1000 bytes"):
            await ask(client, server.url)
        async with client.bind(deployment()).send("GET", server.url) as response:
            sizes = [len(piece) async for piece in response.chunks()]
    assert sum(sizes) == 1 << 26
    assert max(sizes) <= 1 << 20


async def test_broken_coding():
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok")
        return True

    async with serving(serve) as server, HttpClient() as client:
        with pytest.raises(UpstreamProtocolError, match="content-encoding"):
            await ask(client, server.url)


async def test_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with HttpClient() as client:
            with pytest.raises(UpstreamUnreachable) as caught:
                await ask(client, f"http://127.0.0.1:{port}/v1")
    assert f"127.0.0.1:{port}" in caught.value.message
    assert "is the server running" in caught.value.message
    assert (caught.value.deployment, caught.value.phase) == ("small", "connect")


async def test_no_such_host(monkeypatch):
    async def no_host(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", no_host)
    async with HttpClient() as client:
        with pytest.raises(UpstreamUnreachable, match=r"models\.invalid:443: there is no such host name"):
            await ask(client, "https://models.invalid/v1")


async def test_address_that_does_not_answer_the_connect(autojump_clock, monkeypatch):
    async def never(*args, **kwargs):
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    async with HttpClient() as client:
        start = trio.current_time()
        with pytest.raises(UpstreamTimeout, match=r"no connection to 10\.0\.0\.1:80 within 3 s") as caught:
            await ask(client, "http://10.0.0.1", connect_timeout_s=3)
        assert trio.current_time() - start == pytest.approx(3)
    assert caught.value.phase == "connect"


async def test_handshake_counts_as_connecting():
    """A server that accepts and says nothing holds a TLS client for ever, unless the handshake is inside the limit."""
    async with trio.open_nursery() as nursery:

        async def silent(stream):
            with trio.CancelScope():
                while await stream.receive_some():
                    pass
                ended.set()

        ended = trio.Event()
        listeners = await nursery.start(functools.partial(trio.serve_tcp, silent, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        async with HttpClient() as client:
            with pytest.raises(UpstreamTimeout):
                await ask(client, f"https://127.0.0.1:{port}", connect_timeout_s=0.05)
            with trio.fail_after(1):
                await ended.wait()
        nursery.cancel_scope.cancel()


async def test_waiting_for_the_head_is_not_connecting():
    async def serve(stream, request):
        await trio.sleep(0.1)
        await stream.send_all(OK)
        return True

    async with serving(serve) as server, HttpClient() as client:
        assert await ask(client, server.url, connect_timeout_s=0.05) == b"ok"
        assert await ask(client, server.url, connect_timeout_s=0.05) == b"ok"


async def test_plain_http_where_tls_is_expected():
    async def serve(stream, request):
        return False

    async def plain(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, plain, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        async with HttpClient() as client:
            with pytest.raises(UpstreamUnreachable, match="TLS failed"):
                await ask(client, f"https://127.0.0.1:{port}")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http://[::1", "http://127.0.0.1:x/"])
async def test_url_that_is_none(url):
    async with HttpClient() as client:
        with pytest.raises(UpstreamError, match="base_url") as caught:
            await ask(client, url)
    assert caught.value.phase == "connect"


@pytest.mark.parametrize("value", ["Bearer sk-1\nx: y", "Bearer schlüssel", "Bearer sk\x00"])
async def test_key_that_http_cannot_carry_is_not_repeated(value):
    async with serving(answer_ok) as server, HttpClient() as client:
        with pytest.raises(UpstreamUnreachable, match="api_key") as caught:
            async with client.bind(deployment()).send("GET", server.url, headers={"authorization": value}):
                pass
    assert value[8:] not in caught.value.message
    assert not server.requests


async def test_cookies_of_one_call_are_not_sent_with_the_next():
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nset-cookie: who=alice\r\ncontent-length: 2\r\n\r\nok")
        return True

    async with serving(serve) as server, HttpClient() as client:
        await ask(client, server.url)
        await ask(client, server.url)
    assert b"alice" not in b"".join(server.requests)


async def test_redirect_is_a_response_and_not_followed():
    async def serve(stream, request):
        await stream.send_all(b"HTTP/1.1 307 Away\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n")
        return True

    async with (
        serving(serve) as server,
        HttpClient() as client,
        client.bind(deployment()).send("POST", server.url, body=b"{}") as response,
    ):
        assert response.status == 307
    assert len(server.requests) == 1


async def test_certificate_of_nobody(tmp_path: Path):
    certificate = tmp_path / "c.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(certificate), "-out", str(tmp_path / "p.pem")]
    await trio.run_process([*make.split(), *names], capture_stderr=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "p.pem", certificate)
    server = Server(answer_ok)
    async with trio.open_nursery() as nursery:

        async def handle(stream):
            with suppress(trio.BrokenResourceError):
                await server.handle(trio.SSLStream(stream, context, server_side=True, https_compatible=True))

        listeners = await nursery.start(functools.partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        url = f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with HttpClient() as client:
            with pytest.raises(UpstreamUnreachable, match="certificate is not accepted"):
                await ask(client, url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(tmp_path / "p.pem"))
            async with HttpClient() as client:
                assert await ask(client, url) == b"ok"
        nursery.cancel_scope.cancel()


def test_importing_the_client_brings_no_event_loop_of_another_kind():
    code = "import loro_core.runtime.http_client, sys; print('asyncio' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
