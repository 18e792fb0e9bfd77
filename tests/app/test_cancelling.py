"""A reply cancelled at any checkpoint on its way through the whole gateway leaves nothing behind."""

from __future__ import annotations

import pytest
import trio

from tests.app.serving import Client, serving
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fakes import STOP, PlayingProvider, says


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("words_s", "answer_s"), [(0.1, 0.3), (0.3, 0.1)])
async def test_cancelled_at_every_checkpoint_nothing_is_left(stream, words_s, answer_s, autojump_clock):
    small = PlayingProvider([words_s, says("Good question, let me see. So,"), STOP])
    large = PlayingProvider([answer_s, says("Because"), 0.1, says(" of the air."), STOP])

    async with serving(small, large, LORO_REPLY_POLICY="race") as client:

        def make():
            async def run() -> None:
                heard = await client.ask(stream=stream)
                assert heard.status == 200 and heard.body.rstrip().endswith((b"[DONE]", b"}"))

            return run

        def nothing_is_left() -> None:
            assert small.open_calls == 0 and large.open_calls == 0
            assert client.service.counts.connections == 0 and client.service.counts.in_flight == 0

        steps = await cancel_at_every_checkpoint(make, nothing_is_left)
        assert steps > 10
        await in_flight_is_zero(client)


async def in_flight_is_zero(client: Client) -> None:
    with trio.fail_after(5):
        numbers = (await client.get("/metrics")).json
    assert {u["in_flight"] for u in numbers["upstreams"].values()} == {0}
