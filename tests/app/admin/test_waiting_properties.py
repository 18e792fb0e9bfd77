"""Laws of what one reader has still to get."""

from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.admin.streams import Waiting, event
from loro_core.wire.json_text import decode_json
from loro_core.wire.sse import SSEDecoder

moves = st.lists(st.one_of(st.integers(1, 400).map(lambda n: ("put", n)), st.just(("take", 0))), max_size=30)


@given(moves, st.integers(1, 150))
def test_every_event_is_seen_or_counted_as_missed_and_the_order_stays(steps, most):
    async def run() -> None:
        waiting, put, seen, missed = Waiting(most), 0, [], 0
        decoder = SSEDecoder()

        async def take() -> int:
            lost = 0
            for one in decoder.decode(await waiting.take()):
                body = decode_json(one.data_bytes)
                if body.get("kind") == "missed":
                    lost += body["count"]
                    assert body["count"] > 0
                else:
                    seen.append(body["n"])
            return lost

        for step, count in steps:
            if step == "put":
                for _ in range(count):
                    waiting.put(event({"n": put}))
                    put += 1
            elif put > len(seen) + missed:
                missed += await take()
        waiting.end()
        while put > len(seen) + missed:
            missed += await take()
        assert await waiting.take() == b""
        assert seen == sorted(set(seen))
        assert len(seen) + missed == put

    trio.run(run)
