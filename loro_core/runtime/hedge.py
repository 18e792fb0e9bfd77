"""One call, and a second beside it where the first stays silent: the first to answer is the answer, the other is ended.

    so far                     first gives something      second gives something   first fails     second fails
    -------------------------  -------------------------  -----------------------  --------------  --------------
    ALONE, the delay runs      1 it is the answer         -                        2 that error    -
    BOTH, none has answered    3 held until it answers,   3 held until it answers  4 second alone  4 first alone
                                 then it is the answer      then it is the answer
    one is the answer          5 passed on                5 passed on              6 that error    6 that error

1. Reasoning counts: a model that thinks aloud is not silent. The second is never begun.
2. Whoever called this asks the next one.
3. "Answers" is text, a tool call, a refusal, sound; reasoning is held with what follows it. The loser is cancelled in
   the same step, which closes its connection. A first that is complete without a word is the answer, too; a second
   that is, is none.
4. The one that is left need not answer before it is passed on.
5. In the task of its own call, with no queue between: backpressure reaches the upstream.
6. After the other one is gone, so the answer breaks off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

import trio

from loro_core.chat import Delta
from loro_core.errors import UpstreamError
from loro_core.runtime.attempt import Deliver
from loro_core.runtime.groups import BaseExceptionGroup, sole

Run = Callable[[Deliver], Awaitable[None]]
"""Runs a call, handing its deltas on; raises the UpstreamError that ended it."""


class Who(Enum):
    FIRST = "first"
    SECOND = "second"


class Hedge:
    """begin: asked once, when the delay is over, whether the second may be begun.

    begun: whether it was. winner: whose answer it is, None while nobody's. errors: how a call failed.
    """

    def __init__(self, first: Run, second: Run, deliver: Deliver, *, after_s: float, begin: Callable[[], bool]) -> None:
        self._first = first
        self._second = second
        self._deliver = deliver
        self._after_s = after_s
        self._begin = begin
        self._scopes = {who: trio.CancelScope() for who in Who}
        self._held: dict[Who, list[Delta]] = {who: [] for who in Who}
        self._over: set[Who] = set()
        self._failure: Exception | None = None
        self.errors: dict[Who, UpstreamError] = {}
        self.begun = False
        self.winner: Who | None = None

    async def run(self) -> None:
        """Bring the call, or the two, to the end.

        Raises the UpstreamError of the answer that broke off, or of the first call if nobody answered; what `deliver`
        raises comes out as itself. After Cancelled both connections are closed.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run_second, nursery)
                await self._run(Who.FIRST, self._first, nursery)
                if self._failure or not self.begun or self.winner is Who.FIRST:
                    nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise sole(group) from None
        if self._failure is not None:
            raise self._failure
        error = self.errors.get(self.winner or Who.FIRST)
        if error is not None:
            raise error

    async def _run(self, who: Who, run: Run, nursery: trio.Nursery) -> None:
        async def hear(deltas: Sequence[Delta]) -> None:
            await self._hear(who, deltas)

        with self._scopes[who]:
            try:
                await run(hear)
                if self.winner is None and who is Who.FIRST:
                    await self._win(who)  # 3: complete without a word
            except UpstreamError as error:
                self.errors[who] = error
            except Exception as exc:  # noqa: BLE001  # what `deliver` raised: raised again outside of the group
                self._failure = exc
                nursery.cancel_scope.cancel()
            self._over.add(who)

    async def _run_second(self, nursery: trio.Nursery) -> None:
        with self._scopes[Who.SECOND]:
            await trio.sleep(self._after_s)
        if self.winner is not None or self._over or not self._begin():
            return
        self.begun = True
        self._scopes[Who.SECOND] = trio.CancelScope()
        await self._run(Who.SECOND, self._second, nursery)

    async def _hear(self, who: Who, deltas: Sequence[Delta]) -> None:
        if self.winner is None and not self.begun:
            if any(delta.adds for delta in deltas):
                await self._win(who)  # 1
        elif self.winner is None:
            self._held[who] += deltas
            if self._over or any(delta.answers for delta in deltas):  # 4, 3
                await self._win(who)
            else:
                await trio.lowlevel.checkpoint()
            return
        await self._deliver(deltas)

    async def _win(self, who: Who) -> None:
        self.winner = who
        for other in Who:
            if other is not who:
                self._scopes[other].cancel()
        if self._held[who]:
            await self._deliver(self._held[who])
