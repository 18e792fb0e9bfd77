"""Tries and deadlines of one leg."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import trio

from loro_core.chat import Delta, Usage
from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamStatus, UpstreamTimeout, UpstreamUnreachable
from loro_core.fleet import Leg
from loro_core.plugin.api import Call
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.observe import LegAskedOtherwise, LegEnded, LegRetried, LegSpoke, LegStarted, LegWaited
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

    def instead(self, error: UpstreamError | None) -> Call | None:
        return None

    async def run(self):
        async def deliver(deltas):
            self.got += deltas
            await trio.sleep(self.reading_s)

        start = trio.current_time()
        try:
            await run_leg(
                Leg.ANSWER,
                self.provider,
                self.call,
                deliver,
                observer=self.notes,
                rng=random.Random(1),
                instead=self.instead,
            )
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
    leg = await Trial([0.2, says("Pa"), UpstreamClosed("gone")]).run()
    assert [waited.answered for waited in leg.notes.of(LegWaited)] == [True]


async def test_a_whole_reply_is_no_measure_of_first_tokens(autojump_clock):
    leg = await Trial([0.5, says("Paris"), STOP], stream=False).run()
    assert leg.error is None and leg.notes.of(LegWaited) == []


# --- asked otherwise -----------------------------------------------------------------------------------------------

NO_PREFILL = UpstreamStatus("no prefill here", upstream_status=400)


class Begun(Trial):
    """A leg whose reply was begun with words; `otherwise` times it may be asked without them."""

    def __init__(self, *scripts, otherwise=1, **limits) -> None:
        super().__init__(*scripts, **limits)
        self.call = replace(self.call, prefill="Let me see. So,")
        self.left = otherwise
        self.asked_after: list[UpstreamError | None] = []

    def instead(self, error):
        self.asked_after.append(error)
        self.left -= 1
        return replace(self.call, prefill="") if self.left >= 0 else None

    @property
    def prefills(self) -> list[str]:
        return [c.prefill for c in self.provider.calls]


async def test_a_refused_prefill_is_asked_otherwise_at_once_and_is_no_retry(autojump_clock):
    leg = await Begun([0.2, NO_PREFILL], [0.3, says("Air."), STOP], max_retries=0).run()
    assert leg.text == "Air." and leg.took_s == pytest.approx(0.5)
    assert leg.prefills == ["Let me see. So,", ""] and leg.asked_after == [NO_PREFILL]
    assert leg.notes.of(LegRetried) == [] and len(leg.notes.of(LegStarted)) == len(leg.notes.of(LegEnded)) == 1
    (otherwise,) = leg.notes.of(LegAskedOtherwise)
    assert isinstance(otherwise, LegAskedOtherwise) and otherwise.error is NO_PREFILL


async def test_what_is_asked_otherwise_is_retried_as_usual(autojump_clock):
    leg = await Begun([NO_PREFILL], [REFUSED], [REFUSED], [says("Air."), STOP], max_retries=2).run()
    assert leg.text == "Air." and leg.prefills[1:] == ["", "", ""]


async def test_one_first_token_deadline_for_all_ways_of_asking(autojump_clock):
    leg = await Begun([6.0, NO_PREFILL], [6.0, says("Air."), STOP], first_token_timeout_s=10.0).run()
    assert isinstance(leg.error, UpstreamTimeout) and leg.took_s == pytest.approx(10.0)


async def test_an_error_with_nothing_to_ask_instead_stands(autojump_clock):
    leg = await Begun([NO_PREFILL], otherwise=0).run()
    assert leg.error is NO_PREFILL and len(leg.provider.calls) == 1


async def test_a_prefilled_reply_without_a_word_is_asked_otherwise_and_its_end_is_not_heard(autojump_clock):
    spent = Delta(usage=Usage(prompt_tokens=3, completion_tokens=0))
    leg = await Begun([Delta(content=""), STOP, spent], [says("Air."), STOP]).run()
    assert leg.got == [says("Air."), STOP] and leg.asked_after == [None]
    assert len(leg.notes.of(LegSpoke)) == 1


async def test_a_prefilled_reply_of_nothing_at_all_is_asked_otherwise(autojump_clock):
    leg = await Begun([], [says("Air."), STOP]).run()
    assert leg.text == "Air." and leg.asked_after == [None]


async def test_what_came_before_the_first_word_is_given_with_it(autojump_clock):
    leg = await Begun([Delta(content=""), says(" air."), STOP]).run()
    assert leg.got == [Delta(content=""), says(" air."), STOP]


async def test_the_end_of_a_try_that_failed_is_not_the_end_of_the_next(autojump_clock):
    moves = [STOP, UpstreamClosed("gone")], [100.0]
    leg = await Begun(*moves, otherwise=0, first_token_timeout_s=5.0).run()
    assert isinstance(leg.error, UpstreamTimeout)


async def test_a_mute_upstream_that_never_closes_is_asked_otherwise_soon(autojump_clock):
    leg = await Begun([STOP, 1000.0], [says("Air."), STOP]).run()
    assert leg.text == "Air." and leg.took_s == pytest.approx(1.0)


async def test_a_prefilled_reply_without_a_word_ends_if_there_is_nothing_else_to_ask(autojump_clock):
    leg = await Begun([Delta(content=""), STOP], otherwise=0).run()
    assert leg.got == [Delta(content=""), STOP] and leg.error is None


async def test_what_a_failed_try_held_is_not_said_by_the_next(autojump_clock):
    leg = await Begun([Delta(content=""), STOP, UpstreamClosed("gone")], [says(" air."), STOP], otherwise=0).run()
    assert leg.got == [says(" air."), STOP]


async def test_once_something_was_said_nothing_is_asked_otherwise(autojump_clock):
    leg = await Begun([says("The"), UpstreamStatus("no prefill", upstream_status=400)]).run()
    assert leg.error is not None and leg.asked_after == []


async def test_an_empty_reply_that_was_not_begun_with_words_is_an_answer(autojump_clock):
    for moves in ([STOP], []):
        leg = Begun(moves)
        leg.call = call()
        await leg.run()
        assert leg.got == moves and leg.asked_after == []
