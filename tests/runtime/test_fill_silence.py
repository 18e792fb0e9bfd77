"""A reply that is silent for a while says that it is alive, between two writes and never within one."""

from __future__ import annotations

import re

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.runtime.http_reply import PIECE_BYTES, Reply
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.sse import KEEP_ALIVE, encode_event
from tests.runtime.conftest import _connected

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SSE = [("content-type", "text/event-stream")]
EVERY_S = 5.0


def playing(*moves: float | bytes, every_s: float = EVERY_S, ends: list[str | None] | None = None):
    """Return a handler that waits so many seconds, or writes, move by move, and then finishes."""

    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        reply.fill_silence(every_s, KEEP_ALIVE)
        try:
            for move in moves:
                if isinstance(move, bytes):
                    await reply.write(move)
                else:
                    await trio.sleep(move)
            await reply.finish(encode_event(b"[DONE]"))
        finally:
            if ends is not None:
                ends.append(reply.end)

    return handler


async def heard_at(peer) -> list[tuple[float, bytes]]:
    """Return what arrives until the reply is over, without its head and framing, with its times."""
    start, found, held = trio.current_time(), [], b""
    while not held.endswith(b"0\r\n\r\n"):
        held += await peer.stream.receive_some(65536)
        *whole, held = re.split(rb"(?<=\n\n)\r\n", held)
        found += [(round(trio.current_time() - start, 3), part.rpartition(b"\r\n")[2]) for part in whole]
    return found


async def test_comments_come_whenever_nothing_was_written_for_so_long(autojump_clock, connected):
    first, second = encode_event(b"1"), encode_event(b"2")
    async with connected(playing(2.0, first, 12.0, second, 4.0, second, 4.9)) as peer:
        await peer.send(GET)
        heard = await heard_at(peer)
    assert heard == [
        (2.0, first),
        (7.0, KEEP_ALIVE),
        (12.0, KEEP_ALIVE),
        (14.0, second),
        (18.0, second),
        (22.9, encode_event(b"[DONE]")),
    ]


async def test_none_comes_before_the_first_byte(autojump_clock, connected):
    async with connected(playing(60.0, encode_event(b"1"))) as peer:
        answer = await peer.ask(GET)
    assert answer.body == encode_event(b"1") + encode_event(b"[DONE]")


async def test_an_error_after_a_long_silence_before_the_first_byte_keeps_its_status(autojump_clock, connected):
    async def handler(request: HttpRequest, reply: Reply) -> None:
        await reply.start(200, SSE)
        reply.fill_silence(EVERY_S, KEEP_ALIVE)
        await trio.sleep(60)
        raise ValueError("a bug")

    async with connected(handler) as peer:
        answer = await peer.ask(GET)
        assert answer.status == 500 and answer.whole
        assert (await peer.ask(GET)).status == 500


async def test_the_connection_serves_on_after_a_reply_with_comments(autojump_clock, connected):
    async with connected(playing(encode_event(b"1"), 11.0)) as peer:
        for _ in range(2):
            answer = await peer.ask(GET)
            assert answer.whole and answer.body.count(KEEP_ALIVE) == 2


async def test_a_client_that_takes_no_comment_is_a_stalled_client(autojump_clock, connected):
    ends: list[str | None] = []
    handler = playing(encode_event(b"1"), 3600.0, ends=ends)
    async with connected(handler, lockstep=True, write_timeout_s=20.0) as peer:
        await peer.send(GET)
        assert b"data: 1\n\n" in await peer.stream.receive_some(65536)
        await trio.sleep(EVERY_S + 19)
        assert ends == []
        await trio.sleep(2)
        assert ends == ["stalled"]


async def test_a_write_waits_for_the_comment_that_is_being_taken(autojump_clock, connected):
    """The comment is due at 5 s and read at 9 s; what the handler has at 6 s follows it."""
    async with connected(playing(encode_event(b"1"), 6.0, encode_event(b"2")), lockstep=True) as peer:
        await peer.send(GET)
        assert b"data: 1\n\n" in await peer.stream.receive_some(65536)
        await trio.sleep(9.0)
        rest = await peer.all_bytes_until(b"0\r\n\r\n")
    assert rest.index(KEEP_ALIVE) < rest.index(b"data: 2\n\n") < rest.index(b"[DONE]")
    assert rest.count(KEEP_ALIVE) == 1


@pytest.mark.parametrize("after_s", [1.0, 5.0, 6.0])
async def test_nothing_is_left_when_the_client_leaves(after_s, autojump_clock, connected):
    ends: list[str | None] = []
    async with connected(playing(encode_event(b"1"), 3600.0, ends=ends)) as peer:
        await peer.send(GET)
        await trio.sleep(after_s)
    assert ends == ["disconnected"]


async def test_a_reply_without_tasks_beside_its_handler_says_so(autojump_clock):
    _, theirs = trio.testing.memory_stream_pair()
    reply = Reply(
        theirs,
        method="GET",
        http_version="1.1",
        request_id="a",
        keep_alive=lambda: True,
        common_headers=lambda: [],
        write_timeout_s=1,
    )
    with pytest.raises(RuntimeError, match="fill_silence"):
        reply.fill_silence(1.0, KEEP_ALIVE)


moves = st.lists(
    st.sampled_from([0.0, 0.4, 1.0, 1.1, 2.5])
    | st.binary(min_size=1, max_size=8).map(lambda b: encode_event(b.hex().encode())),
    max_size=12,
)
big = encode_event(b"x" * (2 * PIECE_BYTES))


@given(moves=moves, reads=st.lists(st.tuples(st.integers(1, 64), st.sampled_from([0.0, 0.3, 1.7])), max_size=20))
def test_a_comment_never_splits_an_event_however_slowly_it_is_read(moves, reads):
    """Take the comments out, each a whole one between two events, and what the handler wrote is left."""
    moves = [encode_event(b"first"), *moves, big]

    async def main() -> bytes:
        async with _connected(playing(*moves, every_s=1.0), lockstep=True) as peer:
            await peer.send(GET)
            found = b""
            for size, wait_s in reads:
                await trio.sleep(wait_s)
                found += await peer.stream.receive_some(size)
            return found + await peer.all_bytes_until(b"0\r\n\r\n")

    sent = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    chunks, rest = [], sent.partition(b"\r\n\r\n")[2]
    while not rest.startswith(b"0\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    written = [move for move in moves if isinstance(move, bytes)]
    assert [chunk for chunk in chunks if chunk != KEEP_ALIVE] == [*written, encode_event(b"[DONE]")]
