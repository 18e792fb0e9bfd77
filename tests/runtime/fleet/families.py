"""Which processes there are, for tests that must leave none."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")


def lives(pid: int) -> bool:
    """Whether `pid` is a process that has not ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def marked(mark: str) -> list[int]:
    """Return the living processes that have the variable LORO_TEST_MARK=`mark`: a family, whoever its parents are."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"LORO_TEST_MARK={mark}".encode() in variables and lives(int(entry.name)):
                found.append(int(entry.name))
    return found


def programs(mark: str) -> list[str]:
    """Return the names of the programs that the family runs; a fork that is about to run another has its parent's."""
    found = []
    for pid in marked(mark):
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark that every process of a family carries; at the end nobody may carry it any more."""
    name = uuid.uuid4().hex
    yield name
    left = marked(name)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "processes were left behind"


async def until(condition: Callable[[], object], within_s: float = 5.0) -> float:
    """Wait until `condition` holds; return how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"not so within {within_s:g} s"
        await trio.sleep(0.01)
    return time.monotonic() - began
