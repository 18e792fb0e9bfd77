"""Cancel something at each of its checkpoints in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

MOST_STEPS = 500


class _CancelAtStep(trio.abc.Instrument):
    """Cancels `scope` just before the step-th time that any task of the run is resumed."""

    def __init__(self, scope: trio.CancelScope, step: int) -> None:
        self.scope, self.left = scope, step

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


async def cancel_at_every_checkpoint(
    make: Callable[[], Callable[[], Awaitable[None]]], check: Callable[[], None]
) -> int:
    """Run `make()()` again and again, cancelled one step later each time, until a run ends by itself.

    check: called after each run; it looks for what was left behind. Returns how many steps a whole run takes.
    """
    for step in range(1, MOST_STEPS):
        run = make()
        with trio.CancelScope() as scope:
            instrument = _CancelAtStep(scope, step)
            trio.lowlevel.add_instrument(instrument)
            try:
                await run()
            finally:
                trio.lowlevel.remove_instrument(instrument)
        check()
        if not scope.cancelled_caught and instrument.left > 0:
            return step
    raise AssertionError(f"still not done after {MOST_STEPS} steps")
