"""Whatever the readers do, each gets a beginning of what was sent, in order, and memory is bounded."""

from __future__ import annotations

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.errors import TimedOut
from loro_core.runtime.broadcast import Broadcast

ITEMS = st.lists(st.integers(1, 30), max_size=60)
READER = st.tuples(st.floats(0, 3), st.floats(0, 0.2), st.integers(0, 60))
"""When a reader comes, how long it takes over what it gets, and after how many items it leaves."""


@given(ITEMS, st.lists(READER, min_size=1, max_size=4), st.integers(1, 40), st.integers(40, 200))
def test_every_reader_gets_a_beginning_and_who_stays_gets_all_or_is_told(sizes, readers, ahead_bytes, replay_bytes):
    sent: list[int] = []
    most_kept = 0
    outcomes: list[tuple[list[int], str]] = []

    async def read(broadcast: Broadcast[int], after_s: float, pace_s: float, patience: int) -> None:
        await trio.sleep(after_s)
        if not broadcast.joinable:
            return
        got: list[int] = []
        outcome = "left"
        with broadcast.reading() as reader:
            try:
                while len(got) <= patience:
                    items = await reader.receive()
                    if not items:
                        outcome = "all"
                        break
                    got += items
                    await trio.sleep(pace_s)
            except TimedOut:
                outcome = "cut off"
        outcomes.append((got, outcome))

    async def main() -> None:
        nonlocal most_kept
        broadcast: Broadcast[int] = Broadcast(ahead_bytes=ahead_bytes, replay_bytes=replay_bytes)
        async with trio.open_nursery() as nursery:
            for reader in readers:
                nursery.start_soon(read, broadcast, *reader)
            for number, size in enumerate(sizes):
                await trio.sleep(0.05)
                sent.append(number)
                await broadcast.send(number, size)
                most_kept = max(most_kept, broadcast.kept_bytes)
            broadcast.end()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.0))
    assert sent == list(range(len(sizes)))
    assert most_kept <= replay_bytes + ahead_bytes + 2 * max(sizes, default=0)
    for got, outcome in outcomes:
        assert got == sent[: len(got)]
        assert outcome != "all" or got == sent
    assert not outcomes or len(readers) > 1 or outcomes[0][1] != "cut off"
