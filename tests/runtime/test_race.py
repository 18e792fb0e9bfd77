"""Two legs at once: who is first, who is cancelled, what is left behind."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import trio

from loro_core.decide.merge import Abort, Acknowledged, Action, Emit, Finish, Merge
from loro_core.errors import UpstreamClosed
from loro_core.fleet import Leg
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.race import run_race
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fakes import STOP, Notes, PlayingProvider, call, says


class Reply:
    """A race between an acknowledgement after `ack_s` seconds (None: no such leg) and a scripted answer."""

    words = "Let me see."

    def __init__(self, *answer, ack_s: float | None = 0.1, write_s: float = 0.0) -> None:
        self.provider = PlayingProvider(answer)
        self.ack_s = ack_s
        self.write_s = write_s
        self.written: list[tuple[float, Action]] = []
        self.acks_open = 0
        self.writing = False
        self.ack_started_s = -1.0

    async def acknowledge(self, say) -> None:
        assert self.ack_s is not None
        self.ack_started_s = trio.current_time()
        self.acks_open += 1
        try:
            await trio.sleep(self.ack_s)
        finally:
            self.acks_open -= 1
        await say(Acknowledged(words=self.words))

    async def answer(self, deliver) -> None:
        await run_leg(Leg.ANSWER, self.provider, call(), deliver, observer=Notes(), rng=random.Random(1))

    async def write(self, actions: Sequence[Action]) -> None:
        assert not self.writing, "two writes at once"
        self.writing = True
        try:
            await trio.sleep(self.write_s)
            self.written += [(trio.current_time(), a) for a in actions]
        finally:
            self.writing = False

    async def run(self) -> Reply:
        has_ack = self.ack_s is not None
        merge = Merge(acknowledging=has_ack)
        await run_race(merge, self.answer, self.acknowledge if has_ack else None, self.write)
        return self

    @property
    def text(self) -> str:
        return "".join(a.delta.content or "" for _, a in self.written if isinstance(a, Emit))


async def test_both_legs_start_at_the_same_instant(autojump_clock):
    reply = await Reply(0.6, says("Paris."), STOP).run()
    assert reply.provider.started_s == [reply.ack_started_s]


async def test_the_acknowledgement_comes_first_and_the_total_is_the_answers(autojump_clock):
    start = trio.current_time()
    reply = await Reply(0.6, says("Paris."), 0.2, STOP).run()
    assert reply.text == "Let me see. Paris."
    assert reply.written[0][0] - start == pytest.approx(0.1)
    assert trio.current_time() - start == pytest.approx(0.8)


async def test_a_quicker_answer_drops_the_acknowledgement_and_cancels_it(autojump_clock):
    reply = await Reply(0.05, says("Paris."), 5.0, STOP, ack_s=60.0).run()
    assert reply.text == "Paris." and reply.acks_open == 0


async def test_an_answer_in_the_very_first_step_still_cancels_the_acknowledgement(autojump_clock):
    start = trio.current_time()
    reply = await Reply(says("Paris."), STOP, ack_s=60.0).run()
    assert reply.text == "Paris." and trio.current_time() - start < 1


async def test_a_failed_answer_aborts_and_cancels_the_acknowledgement(autojump_clock):
    reply = await Reply(0.05, UpstreamClosed("gone", phase="decode"), ack_s=60.0).run()
    assert [type(a) for _, a in reply.written] == [Abort] and reply.acks_open == 0


async def test_a_slow_write_of_the_acknowledgement_holds_the_answer_back(autojump_clock):
    reply = await Reply(0.2, says("a"), says("b"), STOP, ack_s=0.1, write_s=3.0).run()
    assert reply.text == "Let me see. ab"


async def test_direct_mode_has_no_acknowledgement(autojump_clock):
    reply = await Reply(0.1, says("Paris."), STOP, ack_s=None).run()
    assert reply.text == "Paris." and isinstance(reply.written[-1][1], Finish)


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("ack_s", [None, 0.01, 5.0])
async def test_what_writing_raises_comes_out_as_itself_and_not_in_a_group(ack_s, autojump_clock):
    reply = Reply(0.1, says("Paris."), 60.0, STOP, ack_s=ack_s)

    async def write(actions: Sequence[Action]) -> None:
        raise BrokenError

    reply.write = write  # type: ignore[method-assign]
    with pytest.raises(BrokenError):
        await reply.run()
    assert reply.provider.open_calls == 0 and reply.acks_open == 0


@pytest.mark.parametrize("ack_s", [None, 0.01, 5.0])
async def test_a_cancelled_race_raises_cancelled_and_not_a_group_of_them(ack_s, autojump_clock):
    reply = Reply(1.0, says("Paris."), STOP, ack_s=ack_s)
    with trio.move_on_after(0.5) as scope:
        try:
            await reply.run()
        except trio.Cancelled:
            raise
        except BaseException as exc:
            raise AssertionError(f"not Cancelled but {exc!r}") from exc
    assert scope.cancelled_caught


@pytest.mark.parametrize("ack_s", [None, 0.0, 0.05, 0.3])
async def test_cancellation_at_every_checkpoint_leaves_nothing_behind(ack_s, autojump_clock):
    replies: list[Reply] = []

    def make():
        replies.append(Reply(0.1, says("Pa"), 0.1, says("ris."), STOP, ack_s=ack_s, write_s=0.01))
        return replies[-1].run

    root = trio.lowlevel.current_root_task()
    assert root is not None
    before = tasks(root)

    def nothing_is_left() -> None:
        assert replies[-1].provider.open_calls == 0
        assert replies[-1].acks_open == 0
        assert not replies[-1].writing
        assert tasks(root) == before

    steps = await cancel_at_every_checkpoint(make, nothing_is_left)
    assert steps > 5 and replies[-1].text.endswith("Paris.")


def tasks(root: trio.lowlevel.Task) -> int:
    return sum(1 + tasks(task) for nursery in root.child_nurseries for task in nursery.child_tasks)


# --- what the seam holds back -----------------------------------------------------------------------------------------


class Greeted(Reply):
    words = "Hello there!"


def said_at(reply: Reply, start: float) -> list[tuple[float, str]]:
    return [
        (round(at - start, 3), action.delta.content or "") for at, action in reply.written if isinstance(action, Emit)
    ]


async def test_held_text_is_said_at_its_deadline_when_nothing_follows(autojump_clock):
    start = trio.current_time()
    reply = await Greeted(0.2, says("He"), 3.0, says("lp."), STOP).run()
    assert said_at(reply, start) == [(0.1, "Hello there!"), (0.24, " He"), (3.2, "lp.")]


async def test_a_second_greeting_in_two_pieces_is_not_said(autojump_clock):
    start = trio.current_time()
    reply = await Greeted(0.2, says("Hello"), 0.03, says("!"), 2.0, says(" What"), STOP).run()
    assert said_at(reply, start) == [(0.1, "Hello there!"), (2.23, " What")]


async def test_a_hold_after_a_cut_has_its_own_and_earlier_deadline(autojump_clock):
    """The first hold would have lasted to 0.6 s."""
    start = trio.current_time()
    reply = await Greeted(0.2, says("Hello"), 0.1, says("! He"), 3.0, says("lp."), STOP).run()
    assert said_at(reply, start)[1:] == [(0.34, " He"), (3.3, "lp.")]


async def test_an_answer_that_ends_while_it_is_held_loses_nothing(autojump_clock):
    reply = await Greeted(0.2, says("He"), STOP).run()
    assert reply.text == "Hello there! He" and isinstance(reply.written[-1][1], Finish)


async def test_a_tick_during_a_slow_write_does_not_write_beside_it(autojump_clock):
    reply = await Greeted(0.2, says("He"), 0.01, says("llo"), 0.5, says("w"), 0.1, says("een"), STOP, write_s=0.3).run()
    assert reply.text == "Hello there! Helloween"


@pytest.mark.parametrize("ack_s", [0.0, 0.05])
async def test_cancellation_while_text_is_held_leaves_nothing_behind(ack_s, autojump_clock):
    replies: list[Reply] = []

    def make():
        replies.append(Greeted(0.1, says("He"), 0.2, says("lp."), STOP, ack_s=ack_s, write_s=0.01))
        return replies[-1].run

    root = trio.lowlevel.current_root_task()
    assert root is not None
    before = tasks(root)

    def nothing_is_left() -> None:
        assert replies[-1].provider.open_calls == 0 and not replies[-1].writing and tasks(root) == before

    steps = await cancel_at_every_checkpoint(make, nothing_is_left)
    assert steps > 5 and replies[-1].text == "Hello there! Help."


async def test_what_writing_held_text_raises_comes_out_as_itself(autojump_clock):
    reply = Greeted(0.2, says("He"), 60.0, STOP)
    write = reply.write

    async def failing(actions: Sequence[Action]) -> None:
        if reply.written:
            raise BrokenError
        await write(actions)

    reply.write = failing  # type: ignore[method-assign]
    with pytest.raises(BrokenError):
        await reply.run()
    assert reply.provider.open_calls == 0
