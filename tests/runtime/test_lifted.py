"""A deadline that does not run while something else is waited for."""

from __future__ import annotations

import math

import pytest
import trio

from loro_core.runtime.lifted import without_deadline


async def test_what_need_not_wait_leaves_the_deadline_alone(autojump_clock):
    async def at_once() -> None:
        pass

    with trio.CancelScope(deadline=trio.current_time() + 5.0) as scope:
        await without_deadline(scope, at_once())
    assert scope.deadline == trio.current_time() + 5.0


async def test_what_waits_longer_than_the_deadline_is_not_cut_short(autojump_clock):
    async def waits() -> None:
        await trio.sleep(60.0)

    with trio.CancelScope(deadline=trio.current_time() + 5.0) as scope:
        await without_deadline(scope, waits())
    assert scope.deadline == math.inf and not scope.cancel_called


async def test_what_it_raises_comes_out(autojump_clock):
    async def fails(after_s: float) -> None:
        if after_s:
            await trio.sleep(after_s)
        raise ValueError(after_s)

    for after_s in (0.0, 1.0):
        with trio.CancelScope() as scope, pytest.raises(ValueError, match=str(after_s)):
            await without_deadline(scope, fails(after_s))


async def test_it_is_cancelled_like_any_other_wait_and_may_clean_up(autojump_clock):
    cleaned = []

    async def waits() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1.0)
            cleaned.append(trio.current_time())

    start = trio.current_time()
    with trio.move_on_after(2.0) as outer, trio.CancelScope() as scope:
        await without_deadline(scope, waits())
    assert outer.cancelled_caught and cleaned == [start + 3.0]


async def test_a_cancellation_that_is_caught_inside_is_not_seen_outside(autojump_clock):
    async def gives_up() -> None:
        with trio.move_on_after(1.0):
            await trio.sleep_forever()
        await trio.sleep(1.0)

    with trio.CancelScope() as scope:
        await without_deadline(scope, gives_up())
    assert not scope.cancelled_caught
