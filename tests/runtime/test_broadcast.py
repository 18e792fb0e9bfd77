"""One writer, several readers."""

from __future__ import annotations

from typing import TypeVar

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from loro_core.errors import InternalError, TimedOut
from loro_core.runtime.broadcast import Broadcast, Reader

T = TypeVar("T")


async def everything(reader: Reader[T]) -> list[T]:
    got: list[T] = []
    while items := await reader.receive():
        got += items
    return got


async def test_a_reader_gets_everything_in_order(autojump_clock):
    broadcast: Broadcast[str] = Broadcast()
    with broadcast.reading() as reader:
        for item in "abc":
            await broadcast.send(item, 1)
        broadcast.end()
        assert await everything(reader) == list("abc")
        assert await reader.receive() == []


async def test_a_later_reader_starts_at_the_beginning_and_follows_live(autojump_clock):
    broadcast: Broadcast[str] = Broadcast()
    got: dict[str, list[str]] = {}

    async def read(name: str, after_s: float) -> None:
        await trio.sleep(after_s)
        with broadcast.reading() as reader:
            got[name] = await everything(reader)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, "first", 0.0)
        nursery.start_soon(read, "second", 0.25)
        for item in "abcdef":
            await trio.sleep(0.1)
            await broadcast.send(item, 1)
        broadcast.end()
    assert got == {"first": list("abcdef"), "second": list("abcdef")}


async def test_the_writer_waits_for_the_only_reader(autojump_clock):
    broadcast: Broadcast[int] = Broadcast(ahead_bytes=10, replay_bytes=100)
    sent = 0

    async def write() -> None:
        nonlocal sent
        for _ in range(50):
            await broadcast.send(sent, 4)
            sent += 1
        broadcast.end()

    async with trio.open_nursery() as nursery:
        with broadcast.reading() as reader:
            nursery.start_soon(write)
            await wait_all_tasks_blocked()
            assert sent == 2  # the third is sent and waits: it is 12 bytes that are not done with
            assert await reader.receive() == [0, 1, 2]
            await wait_all_tasks_blocked()
            assert sent == 2  # the reader is still busy with them
            assert await everything(reader) == list(range(3, 50))


async def test_a_stuck_reader_does_not_hold_up_the_others_and_is_cut_off(autojump_clock):
    broadcast: Broadcast[int] = Broadcast(ahead_bytes=10, replay_bytes=100)
    got: list[int] = []
    with broadcast.reading() as stuck:

        async def read() -> None:
            with broadcast.reading() as reader:
                got.extend(await everything(reader))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await wait_all_tasks_blocked()
            for item in range(100):
                await broadcast.send(item, 4)
                await wait_all_tasks_blocked()
                assert broadcast.kept_bytes <= 100 + 10 + 4
            broadcast.end()
        assert got == list(range(100))
        with pytest.raises(TimedOut) as caught:
            await stuck.receive()
        assert caught.value.code == "fell_behind"


async def test_once_too_much_was_sent_nobody_can_join(autojump_clock):
    broadcast: Broadcast[int] = Broadcast(ahead_bytes=10, replay_bytes=20)
    with broadcast.reading() as reader:
        joinable = []
        for item in range(10):
            await broadcast.send(item, 4)
            await reader.receive()
            joinable.append(broadcast.joinable)
        assert joinable == [True] * 5 + [False] * 5 and broadcast.kept_bytes <= 20
        with pytest.raises(RuntimeError), broadcast.reading():
            pass


async def test_what_has_ended_cannot_be_joined(autojump_clock):
    broadcast: Broadcast[int] = Broadcast()
    broadcast.end()
    broadcast.end(InternalError("too late to count"))
    assert not broadcast.joinable
    with broadcast.reading() as reader:
        assert await reader.receive() == []


async def test_a_failure_comes_after_all_that_was_sent(autojump_clock):
    broadcast: Broadcast[str] = Broadcast()
    with broadcast.reading() as reader:
        await broadcast.send("a", 1)
        broadcast.end(InternalError("broken"))
        assert await reader.receive() == ["a"]
        with pytest.raises(InternalError, match="broken"):
            await reader.receive()


async def test_a_reader_that_leaves_lets_the_writer_go_on(autojump_clock):
    broadcast: Broadcast[str] = Broadcast(ahead_bytes=1, replay_bytes=10)
    async with trio.open_nursery() as nursery:
        with broadcast.reading():
            nursery.start_soon(broadcast.send, "ab", 2)
            await wait_all_tasks_blocked()
            assert nursery.child_tasks
        await wait_all_tasks_blocked()
        assert not nursery.child_tasks
