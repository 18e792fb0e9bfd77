"""The signals that ask a process to end."""

from __future__ import annotations

import atexit
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trio


@contextmanager
def ending_signals(*numbers: signal.Signals) -> Iterator[trio.MemoryReceiveChannel[signal.Signals]]:
    """Receive `numbers` as they come, as trio.open_signal_receiver does, but SIGTERM also after the block.

    A process that was asked to end is asked again while it clears up: by a supervisor, by an impatient operator. With
    the default handler back in its place the second SIGTERM would kill it half-way. So what comes after the block is
    dropped. SIGINT gets its old handler back: who presses Ctrl-C a third time wants no clearing up.
    """
    told, signals = trio.open_memory_channel[signal.Signals](math.inf)
    token = trio.lowlevel.current_trio_token()

    def tell(number: int) -> None:
        with suppress(trio.BrokenResourceError):  # after the block
            told.send_nowait(signal.Signals(number))

    def handle(number: int, _frame: object) -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(tell, number)

    if signal.SIGTERM in numbers:
        atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # the interpreter's end sets back all others
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        with signals:
            yield signals
    finally:
        for number, handler in before.items():
            if number != signal.SIGTERM:
                signal.signal(number, handler)
