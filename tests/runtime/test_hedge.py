"""A second call beside a silent one: whose answer it is, and what becomes of the other."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import trio

from loro_core.chat import Delta
from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamStatus
from loro_core.fleet import Leg
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.hedge import Hedge, Who
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fakes import STOP, Notes, PlayingProvider, call, says
from tests.runtime.test_race import BrokenError, tasks


def thinks(text: str) -> Delta:
    return Delta(fields={"reasoning_content": text})


BROKE = UpstreamClosed("broke")


class Pair:
    """Two scripted calls, the second after 0.5 s."""

    def __init__(self, first: Sequence[object], second: Sequence[object] = (), *, allowed: bool = True) -> None:
        self.first = PlayingProvider(first)  # type: ignore[arg-type]
        self.second = PlayingProvider(second)  # type: ignore[arg-type]
        self.heard: list[tuple[float, Delta]] = []
        self.delivering = False
        self.asked = 0
        self._allowed = allowed
        self.hedge = Hedge(
            self._runs(self.first), self._runs(self.second), self.deliver, after_s=0.5, begin=self._begin
        )

    def _begin(self) -> bool:
        self.asked += 1
        return self._allowed

    def _runs(self, provider: PlayingProvider):
        async def run(deliver) -> None:
            limited = call(max_retries=0)
            await run_leg(Leg.ANSWER, provider, limited, deliver, observer=Notes(), rng=random.Random(1))

        return run

    async def deliver(self, deltas: Sequence[Delta]) -> None:
        assert not self.delivering, "two at once"
        self.delivering = True
        try:
            await trio.sleep(0.01)
            self.heard += [(trio.current_time(), delta) for delta in deltas]
        finally:
            self.delivering = False

    async def run(self) -> Pair:
        await self.hedge.run()
        return self

    @property
    def text(self) -> str:
        return "".join(delta.content or "" for _, delta in self.heard)


async def test_a_first_that_speaks_in_time_is_alone(autojump_clock):
    pair = await Pair([0.4, says("A"), 2.0, says("B"), STOP], [says("C"), STOP]).run()
    assert pair.text == "AB" and pair.asked == 0 and not pair.second.calls
    assert (pair.hedge.begun, pair.hedge.winner) == (False, Who.FIRST)


async def test_a_model_that_thinks_aloud_is_not_silent(autojump_clock):
    pair = await Pair([0.1, thinks("hm"), 2.0, says("A"), STOP], [says("C"), STOP]).run()
    assert pair.text == "A" and pair.asked == 0


async def test_a_quick_second_is_the_answer_and_the_first_is_cancelled_at_once(autojump_clock):
    start = trio.current_time()
    pair = Pair([60.0, says("A"), STOP], [0.2, says("B"), 5.0, says("C"), STOP])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pair.run)
        await trio.sleep(0.7 - 0.001)
        assert pair.first.open_calls == 1
        await trio.sleep(0.01)
        assert pair.first.open_calls == 0 and pair.second.open_calls == 1
    assert pair.text == "BC" and pair.hedge.winner is Who.SECOND
    assert pair.heard[0][0] - start == pytest.approx(0.71)


async def test_a_first_that_is_still_first_ends_the_second(autojump_clock):
    pair = await Pair([0.6, says("A"), 1.0, says("B"), STOP], [0.2, says("C"), STOP]).run()
    assert pair.text == "AB" and pair.hedge.begun and pair.hedge.winner is Who.FIRST
    assert pair.second.open_calls == 0


async def test_what_is_thought_before_it_is_decided_comes_with_the_winners_words(autojump_clock):
    first = [0.6, thinks("one"), 60.0, STOP]
    pair = await Pair(first, [0.2, thinks("two"), 0.3, says("B"), STOP]).run()
    assert [delta.fields.get("reasoning_content") or delta.content for _, delta in pair.heard] == ["two", "B", None]


async def test_a_budget_that_is_used_up_leaves_the_first_alone(autojump_clock):
    pair = await Pair([3.0, says("A"), STOP], [says("B"), STOP], allowed=False).run()
    assert pair.text == "A" and pair.asked == 1 and not pair.second.calls


async def test_a_first_that_fails_before_the_delay_is_not_waited_for(autojump_clock):
    start = trio.current_time()
    pair = Pair([0.2, BROKE], [says("B"), STOP])
    with pytest.raises(UpstreamClosed):
        await pair.run()
    assert trio.current_time() - start == pytest.approx(0.2) and not pair.second.calls


async def test_where_one_of_two_fails_the_other_is_the_answer(autojump_clock):
    pair = await Pair([0.6, BROKE], [0.5, says("B"), STOP]).run()
    assert pair.text == "B" and pair.hedge.winner is Who.SECOND
    pair = await Pair([2.0, says("A"), STOP], [0.1, UpstreamStatus("no", upstream_status=503)]).run()
    assert pair.text == "A" and pair.hedge.winner is Who.FIRST


async def test_the_one_that_is_left_is_heard_thinking(autojump_clock):
    start = trio.current_time()
    pair = await Pair([0.6, BROKE], [0.2, thinks("two"), 3.0, says("B"), STOP]).run()
    assert pair.text == "B" and pair.heard[0][1] == thinks("two")
    pair = await Pair([0.7, thinks("one"), 3.0, says("A"), STOP], [0.1, BROKE]).run()
    assert pair.heard[0][1] == thinks("one") and trio.current_time() - start > 3


async def test_where_both_fail_it_is_the_firsts_error(autojump_clock):
    for first_s, second_s in ((0.6, 0.5), (1.0, 0.1)):
        pair = Pair([first_s, BROKE], [second_s, UpstreamStatus("no", upstream_status=503)])
        with pytest.raises(UpstreamError) as caught:
            await pair.run()
        assert caught.value is BROKE and pair.hedge.winner is None and not pair.heard


async def test_an_answer_that_breaks_off_breaks_off(autojump_clock):
    pair = Pair([60.0, STOP], [0.2, says("B"), BROKE])
    with pytest.raises(UpstreamClosed):
        await pair.run()
    assert pair.text == "B" and pair.hedge.winner is Who.SECOND
    assert pair.first.open_calls == pair.second.open_calls == 0


async def test_an_empty_answer_of_the_first_is_one_and_of_the_second_is_none(autojump_clock):
    pair = await Pair([0.6, STOP], [5.0, says("B"), STOP]).run()
    assert [delta for _, delta in pair.heard] == [STOP] and pair.hedge.winner is Who.FIRST
    pair = await Pair([2.0, says("A"), STOP], [0.1, STOP]).run()
    assert pair.text == "A" and pair.hedge.winner is Who.FIRST


@pytest.mark.parametrize("who", ["first", "second"])
async def test_what_delivering_raises_comes_out_as_itself(who, autojump_clock):
    pair = Pair([0.1 if who == "first" else 60.0, says("A"), 60.0, STOP], [0.1, says("B"), 60.0, STOP])

    async def deliver(deltas: Sequence[Delta]) -> None:
        raise BrokenError

    pair.hedge._deliver = deliver
    with pytest.raises(BrokenError):
        await pair.run()
    assert pair.first.open_calls == pair.second.open_calls == 0


async def test_a_cancelled_hedge_raises_cancelled_and_not_a_group_of_them(autojump_clock):
    pair = Pair([5.0, says("A"), STOP], [5.0, says("B"), STOP])
    with trio.move_on_after(2.0) as scope:
        try:
            await pair.run()
        except trio.Cancelled:
            raise
        except BaseException as exc:
            raise AssertionError(f"not Cancelled but {exc!r}") from exc
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.1, says("A"), 0.1, says("B"), STOP], []),
        ([2.0, says("A"), STOP], [0.1, says("A"), 0.1, says("B"), STOP]),
        ([0.7, says("A"), says("B"), STOP], [0.4, says("C"), STOP]),
        ([0.6, UpstreamClosed("broke")], [0.4, says("AB"), STOP]),
        ([1.0, says("AB"), STOP], [0.1, UpstreamClosed("broke")]),
    ],
)
async def test_cancellation_at_every_checkpoint_leaves_nothing_behind(first, second, autojump_clock):
    pairs: list[Pair] = []

    def make():
        pairs.append(Pair(first, second))
        return pairs[-1].run

    root = trio.lowlevel.current_root_task()
    assert root is not None
    before = tasks(root)

    def nothing_is_left() -> None:
        pair = pairs[-1]
        assert pair.first.open_calls == pair.second.open_calls == 0 and not pair.delivering
        assert tasks(root) == before

    steps = await cancel_at_every_checkpoint(make, nothing_is_left)
    assert steps > 5 and pairs[-1].text == "AB"
