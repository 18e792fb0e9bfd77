"""Replies in the making: who may read them, who ends them, and that nothing is left of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from loro_core.errors import InternalError, Superseded
from loro_core.runtime.calls import Calls, open_calls
from tests.runtime.cancelling import cancel_at_every_checkpoint

Texts = Calls[str, str]


class Counting:
    """Work that says a, b, c, a tenth of a second apart, and knows how often it runs and ran."""

    def __init__(self, text: str = "abc", *, failure: Exception | None = None, unwind_s: float = 0.0) -> None:
        self.text, self.failure, self.unwind_s = text, failure, unwind_s
        self.started = self.running = 0

    async def __call__(self, send: Callable[[str, int], Awaitable[None]]) -> None:
        self.started += 1
        self.running += 1
        try:
            for letter in self.text:
                await trio.sleep(0.1)
                await send(letter, 1)
            if self.failure is not None:
                raise self.failure
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(self.unwind_s)
            self.running -= 1


@asynccontextmanager
async def calling() -> AsyncIterator[Texts]:
    async with open_calls(Calls[str, str]) as calls:
        yield calls
        assert len(calls) == 0, "what nobody reads any more must be over"


async def read(reader, *, until: int = 100) -> str:
    got = ""
    while len(got) < until and (items := await reader.receive()):
        got += "".join(items)
    return got


async def begin(calls: Texts, work: Counting, *, key: str = "k", digest: str = "d", until: int = 100) -> str:
    async with calls.begin(key, digest, "first", work) as reader:
        return await read(reader, until=until)


async def test_an_identical_request_reads_the_same_reply_from_one_call(autojump_clock):
    work, got = Counting(), []

    async def first(calls: Texts) -> None:
        got.append(await begin(calls, work))

    async with calling() as calls, trio.open_nursery() as nursery:
        nursery.start_soon(first, calls)
        await trio.sleep(0.15)
        shared = calls.find("k", "d")
        assert shared is not None and shared.about == "first"
        assert calls.find("k", "other") is None and calls.find("other", "d") is None
        async with shared.join() as reader:
            got.append(await read(reader))
    assert got == ["abc", "abc"] and work.started == 1


async def test_the_work_goes_on_when_the_first_reader_leaves_and_ends_with_the_last(autojump_clock):
    work = Counting("abcdefgh", unwind_s=0.5)
    async with calling() as calls, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: begin(calls, work, until=2))
        await trio.sleep(0.15)
        shared = calls.find("k", "d")
        assert shared is not None
        async with shared.join() as reader:
            assert await read(reader, until=4) == "abcd"
            assert work.running == 1
        assert work.running == 0, "the last reader leaves when the work is over"


async def test_what_is_over_or_being_ended_cannot_be_joined(autojump_clock):
    async with calling() as calls:
        await begin(calls, Counting("a"))
        assert calls.find("k", "d") is None
        work = Counting(unwind_s=1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: begin(calls, work, until=1))
            await trio.sleep(0.5)
            assert work.running == 1 and calls.find("k", "d") is None


async def test_a_revised_turn_ends_the_work_at_once_and_tells_its_readers(autojump_clock):
    work, told = Counting("abcdefgh"), []

    async def first(calls: Texts) -> None:
        with pytest.raises(Superseded) as caught:
            await begin(calls, work)
        told.append(caught.value.status)

    async with calling() as calls:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first, calls)
            await trio.sleep(0.15)
            calls.supersede("k")
            await wait_all_tasks_blocked()
            assert work.running == 0 and told == [409]
        calls.supersede("k")
        assert await begin(calls, Counting("xyz")) == "xyz"


async def test_two_different_requests_of_one_turn_do_not_meet(autojump_clock):
    """A frontend that asks for a title beside the answer sends both with one history."""
    got: dict[str, str] = {}

    async def ask(calls: Texts, digest: str) -> None:
        got[digest] = await begin(calls, Counting(digest), digest=digest)

    async with calling() as calls, trio.open_nursery() as nursery:
        for digest in ("one", "two"):
            nursery.start_soon(ask, calls, digest)
    assert got == {"one": "one", "two": "two"}


async def test_what_breaks_the_work_is_told_to_every_reader_and_to_nobody_else(autojump_clock):
    broken = ZeroDivisionError("x")
    work, told = Counting("ab", failure=broken), []

    async def expect(cm) -> None:
        with pytest.raises(InternalError) as caught:
            async with cm as reader:
                await read(reader)
        told.append(caught.value.__cause__)

    async with calling() as calls:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect, calls.begin("k", "d", "first", work))
            await trio.sleep(0.05)
            shared = calls.find("k", "d")
            assert shared is not None
            nursery.start_soon(expect, shared.join())
        assert told == [broken, broken]
        assert await begin(calls, Counting()) == "abc"


async def test_nothing_outlives_the_gateway(autojump_clock):
    work = Counting("abc" * 100)

    async def gateway() -> None:
        async with open_calls(Calls[str, str]) as calls, calls.begin("k", "d", "", work) as reader:
            await reader.receive()
            raise KeyError("as itself, not in a group")

    with pytest.raises(KeyError, match="as itself"):
        await gateway()
    assert work.started == 1 and work.running == 0


async def test_cancelled_at_every_checkpoint_nothing_is_left(autojump_clock):
    works: list[Counting] = []

    def make():
        async def run() -> None:
            work = Counting()
            works.append(work)
            async with open_calls(Calls[str, str]) as calls, trio.open_nursery() as nursery:
                nursery.start_soon(lambda: begin(calls, work))
                await trio.sleep(0.15)
                shared = calls.find("k", "d")
                assert shared is not None
                async with shared.join() as reader:
                    assert await read(reader) == "abc"

        return run

    def nothing_is_left() -> None:
        assert all(work.running == 0 for work in works)

    assert await cancel_at_every_checkpoint(make, nothing_is_left) > 10
