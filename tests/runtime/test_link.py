"""The link between two processes, both ends in one run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing

from loro_core.runtime.link import QUEUED_FRAMES, Link, LinkClosed


async def never(question: bytes) -> bytes:
    await trio.sleep(float("inf"))
    return question


async def backwards(question: bytes) -> bytes:
    await trio.sleep(len(question))
    return question[::-1]


@asynccontextmanager
async def linked(answer=backwards) -> AsyncIterator[tuple[Link, list[bytes], trio.CancelScope]]:
    """Give one end, what the other end hears, and the other end's life."""
    ours, theirs = trio.testing.memory_stream_pair()
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
    ours, theirs = trio.testing.lockstep_stream_pair()  # without room in between
    link = Link(ours, answer=never, hear=lambda message: None)
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
    await theirs.aclose()
