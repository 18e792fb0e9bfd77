"""The link between two processes, both ends in one run."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
import trio.testing

from loro_core.runtime.link import QUEUED_FRAMES, Link, LinkClosed


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def never(question: bytes) -> bytes:
    await trio.sleep(float("inf"))
    return question


async def backwards(question: bytes) -> bytes:
    await trio.sleep(len(question))
    return question[::-1]


async def test_sockets_go_with_what_is_said_of_them(autojump_clock):
    """Many at once, with messages larger than the socket's buffer, and other frames between them."""
    ours, theirs = trio.socket.socketpair()
    got: list[tuple[bytes, bytes]] = []

    def receive(handed: socket.socket, message: bytes) -> None:
        with handed:
            got.append((handed.recv(100), message))

    async with trio.open_nursery() as nursery:
        here = Link(ours, answer=backwards, hear=lambda message: None)
        there = Link(theirs, answer=backwards, hear=lambda message: None, receive=receive)
        nursery.start_soon(here.run)
        nursery.start_soon(there.run)
        for n in range(40):
            near, far = trio.socket.socketpair()
            with near, far:
                await far.send(b"%d" % n)
                here.hand(near, b"%d" % n + bytes(n * 10_000))
        assert await here.ask(b"ab") == b"ba"
        nursery.cancel_scope.cancel()
    assert got == [(b"%d" % n, b"%d" % n + bytes(n * 10_000)) for n in range(40)]


async def test_a_link_that_ends_leaves_no_descriptor_open(autojump_clock):
    before = open_descriptors()
    for life in range(3):
        ours, theirs = trio.socket.socketpair()
        link = Link(ours, answer=backwards, hear=lambda message: None)
        near, far = trio.socket.socketpair()
        with near, far:
            link.hand(near, bytes(1_000_000 * life))
        with trio.move_on_after(1):
            await link.run()
        theirs.close()
    assert open_descriptors() == before


@asynccontextmanager
async def linked(answer=backwards) -> AsyncIterator[tuple[Link, list[bytes], trio.CancelScope]]:
    """Give one end, what the other end hears, and the other end's life."""
    ours, theirs = trio.socket.socketpair()
    heard: list[bytes] = []
    here = Link(ours, answer=backwards, hear=lambda message: None)
    there = Link(theirs, answer=answer, hear=heard.append)
    life = trio.CancelScope()

    async def other_end() -> None:
        with life:
            await there.run()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.run)
        nursery.start_soon(other_end)
        yield here, heard, life
        nursery.cancel_scope.cancel()


async def test_questions_are_answered_whatever_their_order(autojump_clock):
    async with linked() as (link, _, _life):
        answers = {}

        async def ask(question: bytes) -> None:
            answers[question] = await link.ask(question)

        async with trio.open_nursery() as nursery:
            for question in (b"aab", b"b", b"cd"):
                nursery.start_soon(ask, question)
    assert list(answers.items()) == [(b"b", b"b"), (b"cd", b"dc"), (b"aab", b"baa")]


async def test_what_is_told_is_heard_in_order(autojump_clock):
    async with linked() as (link, heard, _life):
        link.tell(b"one")
        await link.tell_for_sure(b"two")
        await trio.testing.wait_all_tasks_blocked()
        assert heard == [b"one", b"two"]


async def test_every_question_fails_when_the_other_end_goes(autojump_clock):
    async with linked(never) as (link, _, life):

        async def ask() -> None:
            with pytest.raises(LinkClosed):
                await link.ask(b"?")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            life.cancel()
        with pytest.raises(LinkClosed):
            link.tell(b"late")
        with pytest.raises(LinkClosed):
            await link.ask(b"late")


async def test_a_question_given_up_leaves_the_link_whole(autojump_clock):
    async with linked() as (link, _, _life):
        with trio.move_on_after(0.5) as scope:
            await link.ask(b"aaaaa")
        assert scope.cancelled_caught
        assert await link.ask(b"ab") == b"ba"
        await trio.sleep(10)  # the late answer comes and goes
        assert await link.ask(b"cd") == b"dc"


async def test_an_end_that_does_not_read_is_told_no_more_than_it_may_keep_waiting(autojump_clock):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with suppress(BlockingIOError):
        while True:  # no room in between
            ours.send(bytes(4096))
    link = Link(trio.socket.from_stdlib_socket(ours), answer=never, hear=lambda message: None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await trio.testing.wait_all_tasks_blocked()
        told = 0
        with suppress(LinkClosed):
            while told <= 2 * QUEUED_FRAMES:
                link.tell(b"?")
                told += 1
        assert QUEUED_FRAMES <= told <= QUEUED_FRAMES + 1
        nursery.cancel_scope.cancel()
    theirs.close()
