"""A pytest plugin that runs `async def` tests with trio, one run a test.

    # conftest.py
    pytest_plugins = ["loro_core.testing.trio_tests"]

Ask for `autojump_clock` to make waiting free: time jumps as soon as every task waits. It must not be used where a peer
lives outside the run (a thread, a process, an address): the clock would jump past the peer's answer.
On the real clock a test is ended after 20 s. Tests under `@given` may be async too: one run an example.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

LONGEST_S = 20.0


@pytest.fixture
def mock_clock() -> trio.testing.MockClock:
    """A clock that stands still until the test moves it."""
    return trio.testing.MockClock()


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    """A clock that jumps to the next deadline whenever every task waits."""
    return trio.testing.MockClock(autojump_threshold=0)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    clock = next((v for v in pyfuncitem.funcargs.values() if isinstance(v, trio.testing.MockClock)), None)
    hypothesis_handle = getattr(pyfuncitem.obj, "hypothesis", None)
    if hypothesis_handle is not None:
        inner = hypothesis_handle.inner_test
        if inspect.iscoroutinefunction(inner):
            hypothesis_handle.inner_test = _in_trio(inner, clock)
    elif inspect.iscoroutinefunction(pyfuncitem.obj):
        pyfuncitem.obj = _in_trio(pyfuncitem.obj, clock)


def _in_trio(test: Callable[..., Awaitable[object]], clock: trio.testing.MockClock | None) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def main() -> None:
            if clock is not None:
                await test(*args, **kwargs)
                return
            with trio.fail_after(LONGEST_S):
                await test(*args, **kwargs)

        trio.run(main, clock=clock)

    return run
