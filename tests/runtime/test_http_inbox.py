"""What comes in on one connection, whoever waits for it and for how long; over memory streams and sockets."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.runtime.http_inbox import PIPELINED_BYTES, READ_BYTES, Inbox


class Silent:
    """As much of a reply as an inbox needs. due: when its silence is to be filled."""

    def __init__(self, due: float = math.inf) -> None:
        self.hung_up_at: float | None = None
        self.asked_at: list[float] = []
        self.due = due

    def hang_up(self) -> None:
        self.hung_up_at = trio.current_time()

    async def fill(self) -> float:
        await trio.lowlevel.checkpoint()
        now = trio.current_time()
        self.asked_at.append(now)
        if self.due <= now:
            self.due = now + 5.0
        return self.due


@asynccontextmanager
async def reading(kept: bytes = b"") -> AsyncIterator[tuple[trio.testing.MemorySendStream, Inbox]]:
    sender, receiver = trio.testing.memory_stream_one_way_pair()
    inbox = Inbox(receiver, kept)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.run)
        yield sender, inbox
        nursery.cancel_scope.cancel()


async def test_what_comes_is_given_to_whoever_waits_and_then_the_end(autojump_clock):
    async with reading(b"first") as (sender, inbox):
        assert await inbox.receive(10) == b"first"
        await sender.send_all(b"second")
        assert await inbox.receive(10) == b"second"
        await sender.aclose()
        assert await inbox.receive(10) == b""
        assert await inbox.receive(10) == b""


async def test_nothing_in_time_is_none_and_loses_nothing(autojump_clock):
    async with reading() as (sender, inbox):
        for until in (7.0, 9.0, 8.0):  # the last one is over already
            assert await inbox.receive(until) is None
            assert trio.current_time() == max(until, 9.0 if until == 8.0 else 0.0)
        await sender.send_all(b"late")
        assert await inbox.receive(100.0) == b"late"


async def test_a_shorter_wait_after_a_longer_one_is_kept_to(autojump_clock):
    """The alarm of the first is set when the second begins, and the other way round."""
    async with reading() as (sender, inbox):
        await sender.send_all(b"a")
        await inbox.receive(75.0)
        assert await inbox.receive(3.0) is None
        assert trio.current_time() == 3.0
        await sender.send_all(b"b")
        await inbox.receive(4.0)
        assert await inbox.receive(75.0) is None
        assert trio.current_time() == 75.0


async def test_a_wait_can_be_cut_short_and_not_drawn_out(autojump_clock):
    async with reading() as (_, inbox), trio.open_nursery() as nursery:

        async def hurry() -> None:
            await trio.sleep(1)
            inbox.hurry(30.0)
            inbox.hurry(2.0)
            inbox.hurry(50.0)

        nursery.start_soon(hurry)
        assert await inbox.receive(20.0) is None
        assert trio.current_time() == 2.0


async def test_a_cancelled_wait_loses_nothing(autojump_clock):
    async with reading() as (sender, inbox):
        with trio.move_on_after(1):
            await inbox.receive(10.0)
        await sender.send_all(b"kept")
        await trio.testing.wait_all_tasks_blocked()
        assert await inbox.receive(10.0) == b"kept"


async def test_one_who_is_cancelled_as_it_comes_loses_nothing(autojump_clock):
    async with reading() as (sender, inbox):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sender.send_all, b"kept")
                scope.cancel()
                await inbox.receive(10.0)
        await trio.testing.wait_all_tasks_blocked()
        await sender.send_all(b"!")
        await trio.testing.wait_all_tasks_blocked()
        assert (await inbox.receive(10.0) or b"").endswith(b"!")


async def test_no_more_is_kept_than_may_be(autojump_clock):
    sender, receiver = trio.testing.lockstep_stream_one_way_pair()
    inbox = Inbox(receiver)
    sent = taken = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.run)
        with trio.move_on_after(10):
            while True:
                await sender.send_all(b"a" * 1000)
                sent += 1000
        assert PIPELINED_BYTES <= len(inbox.kept) < PIPELINED_BYTES + READ_BYTES
        while inbox.kept:
            piece = await inbox.receive(math.inf) or b""
            assert 0 < len(piece) <= READ_BYTES
            taken += len(piece)
            await trio.testing.wait_all_tasks_blocked()
        assert taken >= sent
        nursery.cancel_scope.cancel()


async def test_a_reply_hangs_up_at_the_end_also_if_that_was_seen_before_it_began(autojump_clock):
    async with reading() as (sender, inbox):
        during, after = Silent(), Silent()
        inbox.attend(during)
        await trio.sleep(3)
        await sender.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert during.hung_up_at == 3.0
        inbox.attend(None)
        inbox.attend(after)
        assert after.hung_up_at == 3.0


async def test_a_reply_is_asked_to_fill_its_silence_when_it_said_and_not_when_it_is_over(autojump_clock):
    async with reading() as (sender, inbox):
        await sender.send_all(b"a")
        await inbox.receive(75.0)  # an alarm of the time before: it rings for nobody
        reply = Silent(due=5.0)
        inbox.attend(reply)
        inbox.set_alarm(5.0)
        await trio.sleep(12)
        inbox.attend(None)
        assert reply.asked_at == [5.0, 10.0]
        await trio.sleep(100)
        assert reply.asked_at == [5.0, 10.0]


async def test_a_socket_that_is_held_is_left_unread_and_then_read_again():
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as client, trio.SocketStream(far) as server, trio.open_nursery() as nursery:
        inbox = Inbox(server)
        nursery.start_soon(inbox.run)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert inbox.hold()
        await client.send_all(b"for another process")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert inbox.kept == b""
        inbox.release()
        assert await inbox.receive(math.inf) == b"for another process"
        nursery.cancel_scope.cancel()


async def test_what_is_no_socket_cannot_be_held(autojump_clock):
    async with reading() as (sender, inbox):
        assert not inbox.hold()
        await sender.send_all(b"a")
        assert await inbox.receive(10.0) == b"a"


@pytest.mark.parametrize("reset", [False, True])
async def test_a_client_of_a_socket_that_leaves_is_the_end(reset):
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(far) as server, trio.open_nursery() as nursery:
        inbox = Inbox(server)
        nursery.start_soon(inbox.run)
        if reset:  # what the client has not read makes its close a reset
            await server.send_all(b"unread")
        near.close()
        assert await inbox.receive(math.inf) == b""
        nursery.cancel_scope.cancel()


moves = st.lists(st.sampled_from([b"a", b"bc", b"d" * 20000]) | st.sampled_from([0.1, 1.0, 3.0]), max_size=25)


@given(sends=moves, waits=st.lists(st.sampled_from([0.0, 0.5, 2.0, 10.0]), min_size=1, max_size=10))
def test_every_byte_comes_once_and_no_wait_is_longer_than_asked(sends, waits):
    async def main() -> None:
        got = b""
        async with reading() as (sender, inbox):

            async def send() -> None:
                for move in sends:
                    if isinstance(move, bytes):
                        await sender.send_all(move)
                    else:
                        await trio.sleep(move)
                await sender.aclose()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                for wait_s in (wait for _ in range(1000) for wait in [*waits, 1.0]):
                    began = trio.current_time()
                    piece = await inbox.receive(began + wait_s)
                    assert trio.current_time() <= began + wait_s
                    if piece is None:
                        assert trio.current_time() == pytest.approx(began + wait_s)
                    elif piece:
                        got += piece
                    else:
                        break
        assert got == b"".join(move for move in sends if isinstance(move, bytes))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_pieces_of_any_size_stay_within_a_read():
    edges = [0, 1, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES]

    async def main() -> None:
        for start, end in pairwise(edges):
            async with reading(b"x" * (end - start)) as (_, inbox):
                left = end - start
                while left:
                    piece = await inbox.receive(1.0) or b""
                    assert len(piece) == min(left, READ_BYTES)
                    left -= len(piece)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
