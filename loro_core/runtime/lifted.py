"""A deadline that does not run while something else is waited for."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any

import trio


@coroutine
def without_deadline(scope: trio.CancelScope, waits: Awaitable[None]) -> Generator[Any, Any, None]:
    """Await `waits` inside `scope`, whose deadline is lifted if it has to wait for anything; mostly it has not.

    To lift a deadline and to set it again costs as much as a small write to a socket. Whether `waits` waits is seen by
    its first step: this is what `await` does, but for one call between the first step and the second (PEP 380).
    After it has waited, the deadline is `math.inf`. Raises what `waits` raises; cancelled as `waits` is.
    """
    steps = waits.__await__()
    try:
        awaited = next(steps)
    except StopIteration:
        return
    scope.deadline = math.inf
    while True:
        try:
            try:
                answer = yield awaited
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as exc:  # noqa: BLE001  # `waits` decides what becomes of it
                awaited = steps.throw(exc)
            else:
                awaited = steps.send(answer)
        except StopIteration:
            return
