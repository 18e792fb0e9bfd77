"""Tests whose bars are times on the wall run alone, however many workers pytest-xdist has.

Every test goes through a turnstile into a room, and is there from its setup to the end of its teardown. One that is
marked `timing` keeps the turnstile and waits until the room is empty: meanwhile no other test begins. Both are locks on
files, so they are free again when a worker dies. Without workers there is nothing to wait for.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

_directories: list[tempfile.TemporaryDirectory[str]] = []


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker, before it starts, where the locks are."""
    if not _directories:
        _directories.append(tempfile.TemporaryDirectory(prefix="loro-tests-"))
    node.workerinput["alone"] = _directories[0].name


def pytest_unconfigure() -> None:
    while _directories:
        _directories.pop().cleanup()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    locks = getattr(item.config, "workerinput", {}).get("alone")
    alone = item.get_closest_marker("timing") is not None
    with nullcontext() if locks is None else in_the_room(Path(locks), alone=alone):
        return (yield)


@contextmanager
def in_the_room(locks: Path, *, alone: bool) -> Iterator[None]:
    """Be in the room while the block runs: with others, or alone. locks: the directory of both locks."""
    with _file(locks / "turnstile") as turnstile, _file(locks / "room") as room:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield


@contextmanager
def _file(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield opened
    finally:
        os.close(opened)  # the lock goes with it
