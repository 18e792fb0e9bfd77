"""Tries and deadlines of one leg."""

from __future__ import annotations

import random

import pytest
import trio

from loro_core.chat import Delta
from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamStatus, UpstreamTimeout, UpstreamUnreachable
from loro_core.fleet import Leg
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.observe import LegEnded, LegRetried, LegSpoke, LegStarted, LegWaited
from tests.runtime.fakes import STOP, Notes, PlayingProvider, call, says

REFUSED = UpstreamUnreachable("refused", deployment="large")


class Trial:
    """One run of a leg and what came of it."""

    def __init__(self, *scripts, **limits) -> None:
        self.provider = PlayingProvider(*scripts)
        self.call = call(**limits)
        self.notes = Notes()
        self.got: list[Delta] = []
        self.error: UpstreamError | None = None
        self.took_s = 0.0
        self.reading_s = 0.0

    async def run(self) -> Trial:
        async def deliver(deltas):
            self.got += deltas
            await trio.sleep(self.reading_s)

        start = trio.current_time()
        try:
            await run_leg(Leg.ANSWER, self.provider, self.call, deliver, observer=self.notes, rng=random.Random(1))
        except UpstreamError as error:
            self.error = error
        self.took_s = trio.current_time() - start
        return self

    @property
    def text(self) -> str:
        return "".join(d.content or "" for d in self.got)


async def test_a_leg_that_goes_well(autojump_clock):
    leg = await Trial([0.5, says("Pa"), 0.1, says("ris"), STOP]).run()
    assert leg.text == "Paris" and leg.error is None
    started, waited, spoke, ended = leg.notes.happened
    assert isinstance(started, LegStarted)
    assert isinstance(waited, LegWaited) and waited.answered and waited.after_s == pytest.approx(0.5)
    assert waited.prompt_chars == len("Why?")
    assert isinstance(spoke, LegSpoke) and spoke.after_s == pytest.approx(0.5)
    assert isinstance(ended, LegEnded) and ended.outcome == "finished" and ended.duration_s == pytest.approx(0.6)


async def test_a_refused_connection_is_tried_again(autojump_clock):
    leg = await Trial([REFUSED], [REFUSED], [says("Paris"), STOP]).run()
    assert leg.text == "Paris" and len(leg.provider.calls) == 3
    assert len(leg.notes.of(LegRetried)) == 2


async def test_retries_are_counted_from_the_deployment(autojump_clock):
    leg = await Trial([REFUSED], max_retries=2).run()
    assert leg.error is REFUSED and len(leg.provider.calls) == 3


async def test_nothing_is_tried_again_after_the_first_delta(autojump_clock):
    closed = UpstreamClosed("gone")
    leg = await Trial([says("Pa"), closed]).run()
    assert leg.error is closed and closed.phase == "decode" and len(leg.provider.calls) == 1


async def test_an_empty_role_chunk_is_no_first_token(autojump_clock):
    leg = await Trial([Delta(content=""), 40.0, says("late")], first_token_timeout_s=30.0).run()
    assert isinstance(leg.error, UpstreamTimeout) and leg.took_s == pytest.approx(30.0)
    assert "no first token within 30 s" in leg.error.message
    assert leg.notes.of(LegSpoke) == []


async def test_retries_share_one_first_token_deadline(autojump_clock):
    late = UpstreamStatus("busy", upstream_status=503)
    leg = await Trial([6.0, late], max_retries=10, first_token_timeout_s=10.0).run()
    assert isinstance(leg.error, UpstreamTimeout)
    assert leg.took_s == pytest.approx(10.0) and len(leg.provider.calls) == 2


async def test_retry_after_is_waited_for(autojump_clock):
    busy = UpstreamStatus("busy", upstream_status=429, retry_after_s=2.0)
    leg = await Trial([busy], [says("Paris"), STOP]).run()
    assert leg.text == "Paris" and leg.took_s == pytest.approx(2.0)


async def test_silence_in_the_middle_ends_the_leg(autojump_clock):
    leg = await Trial([says("Pa"), 100.0], idle_timeout_s=7.0).run()
    assert isinstance(leg.error, UpstreamTimeout) and leg.error.phase == "decode"
    assert leg.took_s == pytest.approx(7.0) and leg.provider.open_calls == 0


async def test_a_long_stream_has_no_total_cap(autojump_clock):
    moves = [m for _ in range(100) for m in (5.0, says("x"))]
    leg = await Trial([*moves, STOP], idle_timeout_s=6.0, first_token_timeout_s=6.0).run()
    assert leg.text == "x" * 100 and leg.took_s == pytest.approx(500.0)


async def test_a_slow_client_is_not_the_upstreams_silence(autojump_clock):
    leg = Trial([says("a"), says("b"), STOP], idle_timeout_s=1.0)
    leg.reading_s = 50.0
    await leg.run()
    assert leg.text == "ab" and leg.error is None


async def test_an_upstream_that_never_closes_after_its_end_is_finished_soon(autojump_clock):
    leg = await Trial([says("Paris"), STOP, 1000.0]).run()
    assert leg.error is None and leg.took_s == pytest.approx(1.0)


async def test_a_reply_that_does_not_stream_has_its_own_deadline(autojump_clock):
    leg = await Trial([50.0, says("Paris"), STOP], stream=False, first_token_timeout_s=1.0, reply_timeout_s=60.0).run()
    assert leg.text == "Paris"
    leg = await Trial([50.0, says("Paris"), STOP], stream=False, reply_timeout_s=20.0).run()
    assert isinstance(leg.error, UpstreamTimeout) and leg.took_s == pytest.approx(20.0)


async def test_a_cancelled_leg_is_noted_as_cancelled(autojump_clock):
    leg = Trial([100.0])
    with trio.move_on_after(1.0):
        await leg.run()
    (ended,) = leg.notes.of(LegEnded)
    assert ended.outcome == "cancelled"
    assert leg.provider.open_calls == 0


async def test_the_wait_for_an_answer_does_not_end_with_reasoning(autojump_clock):
    thinking = Delta(fields={"reasoning_content": "Hm."})
    leg = await Trial([0.1, thinking, 0.9, says("Paris"), STOP]).run()
    assert [spoke.after_s for spoke in leg.notes.of(LegSpoke)] == [pytest.approx(0.1)]
    assert [waited.after_s for waited in leg.notes.of(LegWaited)] == [pytest.approx(1.0)]


async def test_a_leg_that_ends_before_its_answer_shows_how_long_that_took_at_least(autojump_clock):
    leg = await Trial([9.0, says("Paris"), STOP], first_token_timeout_s=2.0).run()
    (waited,) = leg.notes.of(LegWaited)
    assert not waited.answered and waited.after_s == pytest.approx(2.0)
    leg = await Trial([0.2, says("Pa"), REFUSED]).run()
    assert [waited.answered for waited in leg.notes.of(LegWaited)] == [True]


async def test_a_whole_reply_is_no_measure_of_first_tokens(autojump_clock):
    leg = await Trial([0.5, says("Paris"), STOP], stream=False).run()
    assert leg.error is None and leg.notes.of(LegWaited) == []
