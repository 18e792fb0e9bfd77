from __future__ import annotations

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.models import LogLine
from loro_core.runtime.log_ring import LogRing


def line(text: str, instance: str = "a-1") -> LogLine:
    return LogLine(at=0.0, instance=instance, stream="stdout", text=text)


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_the_oldest_lines_go_first():
    ring = LogRing(max_bytes=100, max_lines=2)
    for text in "abc":
        ring.add(line(text))
    assert texts(ring.lines()) == ["b", "c"]


def test_a_line_larger_than_the_ring_is_kept_alone():
    ring = LogRing(max_bytes=3, max_lines=9)
    ring.add(line("a"))
    ring.add(line("a long one"))
    assert texts(ring.lines()) == ["a long one"]


@given(st.lists(st.text(max_size=6)), st.integers(1, 12), st.integers(1, 5))
def test_the_ring_is_bounded_and_holds_the_latest(said: list[str], max_bytes: int, max_lines: int) -> None:
    ring = LogRing(max_bytes=max_bytes, max_lines=max_lines)
    for text in said:
        ring.add(line(text))
    kept = texts(ring.lines())
    assert len(kept) <= max_lines
    assert len(kept) <= 1 or sum(len(text.encode()) for text in kept) <= max_bytes
    assert kept == said[len(said) - len(kept) :]
    assert bool(kept) is bool(said)


def test_the_tail_of_one_instance():
    ring = LogRing()
    for text, instance in [("a", "m-1"), ("b", "m-2"), ("c", "m-1"), ("d", "m-1")]:
        ring.add(line(text, instance))
    assert texts(ring.tail(2, "m-1")) == ["c", "d"]
    assert texts(ring.tail(9, "m-2")) == ["b"]
    assert texts(ring.tail(3)) == ["b", "c", "d"]


async def test_a_follower_gets_what_is_written_from_its_call_on(autojump_clock):
    ring = LogRing()
    ring.add(line("before"))
    follower, everything = ring.follow(), ring.follow(kept=True)
    ring.add(line("after"))
    assert (await follower.__anext__()).text == "after"
    assert [(await everything.__anext__()).text for _ in range(2)] == ["before", "after"]
    with trio.move_on_after(60) as waiting:
        await follower.__anext__()
    assert waiting.cancelled_caught


async def test_a_slow_follower_is_told_what_it_missed():
    ring = LogRing(max_lines=2)
    follower = ring.follow()
    for text in "abcde":
        ring.add(line(text))
    assert (await follower.__anext__()).text == "d"
    assert follower.missed == 3
    assert (await follower.__anext__()).text == "e"
    assert follower.missed == 3


async def test_followers_wait_together_and_end_with_the_ring(autojump_clock):
    ring, heard = LogRing(), dict[int, list[str]]()

    async def follow(number: int) -> None:
        heard[number] = [found.text async for found in ring.follow()]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, 1)
        nursery.start_soon(follow, 2)
        await trio.testing.wait_all_tasks_blocked()
        ring.add(line("a"))
        ring.add(line("b"))
        ring.end()
    assert heard == {1: ["a", "b"], 2: ["a", "b"]}
