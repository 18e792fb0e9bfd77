"""Two legs, one nursery, one merge.

The answer runs in the task that serves the reply, the acknowledgement in a child beside it; both start at the same
instant. Each hands its events to the merge and delivers what the merge makes of them before it goes on, one at a time:
while both run, a lock keeps the order; once the acknowledgement is through, the answer writes straight to the client,
with no queue and no task switch between a read from the upstream and a write to the client. A slow client holds the
lock, which holds the leg, which stops reading: backpressure reaches the upstream.

Where the merge holds the answer's first characters back, a third task gives it a tick at its deadline, and is gone as
soon as nothing is held; so long the lock is needed too.

An answer alone has none of this: no task, no lock, no scope. The same merge decides about each read from the upstream,
and what it decides is written by the task that has read.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

import trio

from loro_core.chat import Delta
from loro_core.decide.merge import (
    Acknowledged,
    Action,
    AnswerEnded,
    AnswerFailed,
    CancelLeg,
    Event,
    Merge,
    Progressed,
    Ticked,
)
from loro_core.errors import UpstreamError
from loro_core.runtime.attempt import Deliver
from loro_core.runtime.groups import BaseExceptionGroup, sole

AnswerLeg = Callable[[Deliver], Awaitable[None]]
"""Runs the answering leg, handing its deltas on; raises the UpstreamError that ended it."""

Say = Callable[[Acknowledged | Progressed], Awaitable[None]]
"""Has the merge say it, now."""

AckLeg = Callable[[Say], Awaitable[None]]
"""Finds the words and says them, and more while the answer does not come; it never fails: silence is an answer too."""

Write = Callable[[Sequence[Action]], Awaitable[None]]
"""Carries out what the merge decided; never called twice at the same time."""


async def run_race(merge: Merge, answer: AnswerLeg, acknowledge: AckLeg | None, write: Write) -> None:
    """Merge the legs into one reply, to its end, whichever that is: the last actions written are Finish or Abort.

    After Cancelled both legs' upstream connections are closed.
    Raises what `write` raises, as itself and not in a group.
    """
    if acknowledge is None:
        await _run_straight(merge, answer, write)
        return
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            race = _Race(merge, write, nursery)
            nursery.start_soon(race.acknowledge, acknowledge)
            try:
                await race.answer(answer)
            except Exception as exc:  # noqa: BLE001  # raised again below, outside of the nursery's group
                failure = exc
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise sole(group) from None
    failure = failure or race.failure
    if failure is not None:
        raise failure


async def _run_straight(merge: Merge, answer: AnswerLeg, write: Write) -> None:
    """Have the answer written as it comes; without an acknowledgement the merge cancels nothing and holds nothing."""

    async def deliver(deltas: Sequence[Delta]) -> None:
        actions = merge.receive_deltas(deltas, 0.0)
        if actions:
            await write(actions)

    last: Event
    try:
        await answer(deliver)
        last = AnswerEnded()
    except UpstreamError as error:
        last = AnswerFailed(error=error)
    actions = merge.receive(last)
    if actions:
        await write(actions)


class _Race:
    """children: where the tasks beside the answer's run."""

    def __init__(self, merge: Merge, write: Write, children: trio.Nursery) -> None:
        self._merge = merge
        self._write = write
        self._children = children
        self._ack_scope: trio.CancelScope | None = trio.CancelScope()
        self._ticking = False
        self._nap = trio.CancelScope()
        self._lock = trio.Lock()
        self.failure: Exception | None = None

    async def answer(self, leg: AnswerLeg) -> None:
        try:
            await leg(self._answered)
        except UpstreamError as error:
            await self._feed(AnswerFailed(error=error))
        else:
            await self._feed(AnswerEnded())

    async def acknowledge(self, leg: AckLeg) -> None:
        assert self._ack_scope is not None  # noqa: S101  # given where this is started
        with self._ack_scope:
            try:
                await leg(self._say)
            except Exception as exc:  # noqa: BLE001  # a bug, or what `write` raised: told to the caller of run_race
                self._fail(exc)
        self._ack_scope = None

    async def _say(self, event: Acknowledged | Progressed) -> None:
        await self._feed(event)

    async def _tick(self) -> None:
        try:
            while (deadline := self._merge.deadline) is not None:
                self._nap.deadline = deadline
                with self._nap:
                    await trio.sleep_forever()
                self._nap = trio.CancelScope()
                async with self._lock:
                    await self._carry_out(self._merge.receive(Ticked(now=trio.current_time())))
        except Exception as exc:  # noqa: BLE001  # what `write` raised: told to the caller of run_race
            self._fail(exc)
        self._ticking = False

    def _fail(self, failure: Exception) -> None:
        self.failure = failure
        self._children.cancel_scope.cancel()

    async def _answered(self, deltas: Sequence[Delta]) -> None:
        await self._act(lambda: self._merge.receive_deltas(deltas, trio.current_time()))

    async def _feed(self, event: Event) -> None:
        await self._act(lambda: self._merge.receive(event))

    async def _act(self, decide: Callable[[], list[Action]]) -> None:
        """Carry out what `decide` says when it is this leg's turn."""
        if self._ack_scope is None and not self._ticking:
            await self._carry_out(decide())
        else:
            try:
                # Mostly it is free, and to wait for it would let all other tasks have their turn first.
                self._lock.acquire_nowait()
            except trio.WouldBlock:
                await self._lock.acquire()
            try:
                await self._carry_out(decide())
            finally:
                self._lock.release()
        self._mind_the_deadline()

    async def _carry_out(self, actions: list[Action]) -> None:
        left: list[Action] = [action for action in actions if not isinstance(action, CancelLeg)]
        if len(left) < len(actions):
            self._cancel_acknowledgement()
            actions = left
        if actions:
            await self._write(actions)

    def _mind_the_deadline(self) -> None:
        """Have a task for the merge's deadline while there is one, and only then."""
        deadline = self._merge.deadline
        if self._ticking:
            self._nap.deadline = -math.inf if deadline is None else deadline
        elif deadline is not None:
            self._ticking = True
            self._children.start_soon(self._tick)

    def _cancel_acknowledgement(self) -> None:
        if self._ack_scope is not None:
            self._ack_scope.cancel()
