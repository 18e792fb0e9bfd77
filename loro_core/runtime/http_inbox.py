"""What comes in on one connection: read by one task for as long as the connection stands, and its clock beside it.

    the reader        what then
    ----------------  --------------------------------------------------------------------------------
    bytes             kept, for whoever calls `receive`; while much is kept nothing is read: TCP holds the client back
    end of file       nothing more will come: whoever waits in `receive` is told, a reply under way hangs up
    the alarm rings   whoever waits too long in `receive` gets None; a reply under way may fill its silence

One task for each connection, and no task, nursery or cancel scope for each request: they cost more than all that is
done with its bytes. So there is one alarm too, and it may ring too early: it is only ever set to an earlier moment, and
when it rings it is seen what is due. A connection that is asked every second has its alarm set every 75 s.
"""

from __future__ import annotations

import math
import os
from typing import Protocol

import trio

# A read decodes at most this much before others get their turn: chunks of one byte cost h11 some 6 us each.
READ_BYTES = 16384
# What a client may send ahead while a reply is under way; then it is no longer read, and TCP holds it back.
PIPELINED_BYTES = 65536


class Attended(Protocol):
    """A reply under way, as far as it depends on its client."""

    def hang_up(self) -> None:
        """Take in that the client is gone."""

    async def fill(self) -> float:
        """Do what is due for a client that was told nothing for long; return when to ask again."""


class Inbox:
    """The bytes of one connection. One task at a time may `receive`, while another one is in `run`.

    stream: its receive_some must lose nothing when it is cancelled, as a socket's does and TLS's does not.
    kept: what has come already.
    """

    __slots__ = (
        "_alarm_at",
        "_ended",
        "_fd",
        "_held",
        "_parked",
        "_patience",
        "_reply",
        "_stream",
        "_until",
        "_waiting",
        "kept",
    )

    def __init__(self, stream: trio.abc.ReceiveStream, kept: bytes = b"") -> None:
        self.kept = bytearray(kept)
        self._stream = stream
        # A socket is read without trio's stream between: its checks are for tasks that may be in each other's way.
        on_posix = os.name == "posix" and isinstance(stream, trio.SocketStream)
        self._fd = stream.socket.fileno() if on_posix and isinstance(stream, trio.SocketStream) else None
        self._ended = False
        self._held = False
        self._reply: Attended | None = None
        self._waiting: trio.lowlevel.Task | None = None  # in `receive`
        self._parked: trio.lowlevel.Task | None = None  # the reader, where it may not read on
        self._until = math.inf  # how long whoever waits in `receive` does
        self._alarm_at = math.inf
        self._patience = trio.CancelScope()

    # --- the reader --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read to the end of the connection. Raises nothing but Cancelled; what was read is kept then, too."""
        while not self._ended:
            self._patience = trio.CancelScope(deadline=self._alarm_at)
            with self._patience:
                await self._read_on()
            if not self._ended:
                await self._see_what_is_due()

    async def _read_on(self) -> None:
        fd = self._fd
        while True:
            if self._held or len(self.kept) >= PIPELINED_BYTES:
                await self._park()
                continue
            data: bytes | None
            try:
                if fd is None:
                    data = bytes(await self._stream.receive_some(READ_BYTES))
                else:
                    await trio.lowlevel.wait_readable(fd)
                    data = self._read(fd)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if data is None:
                continue
            if not data:
                self._end()
                return
            self.kept += data
            self._wake()

    def _read(self, fd: int) -> bytes | None:
        """Return what is there, None if that is nothing, or not ours to read any more."""
        if self._held:
            return None
        try:
            return os.read(fd, READ_BYTES)
        except BlockingIOError:
            return None

    def _end(self) -> None:
        self._ended = True
        self._wake()
        if self._reply is not None:
            self._reply.hang_up()

    async def _see_what_is_due(self) -> None:
        self._alarm_at = math.inf
        if self._waiting is not None:
            if self._until <= trio.current_time():
                self._wake()
            else:
                self.set_alarm(self._until)
        if self._reply is not None:
            self.set_alarm(await self._reply.fill())

    async def _park(self) -> None:
        """Wait until there is room again, or we are no longer held back."""
        self._parked = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._unpark)

    def _unpark(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    # --- its user ----------------------------------------------------------------------------------------------------

    async def receive(self, until: float) -> bytes | None:
        """Return the next bytes, at most READ_BYTES; b"" once the client is gone, None if nothing came `until` then.

        until: on trio's clock. After Cancelled nothing is lost.
        """
        if self.kept or self._ended:
            # Who sends ahead may not keep the others from their turn.
            await trio.lowlevel.checkpoint()
        else:
            self._until = until
            self.set_alarm(until)
            self._waiting = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._give_up)
            if not self.kept and not self._ended:
                return None
        return self._take()

    def _take(self) -> bytes:
        kept = self.kept
        data = bytes(kept[:READ_BYTES])
        del kept[:READ_BYTES]
        self._go_on()
        return data

    def hurry(self, until: float) -> None:
        """Have whoever is waiting in `receive` wait no longer than this."""
        if self._waiting is not None and until < self._until:
            self._until = until
            self.set_alarm(until)

    def attend(self, reply: Attended | None) -> None:
        """Have `reply` hang up when the client is gone, and fill its silences; None when it is over."""
        self._reply = reply
        if reply is not None and self._ended:
            reply.hang_up()

    def set_alarm(self, moment: float) -> None:
        """See what is due at this moment, on trio's clock, or before."""
        if moment < self._alarm_at:
            self._alarm_at = self._patience.deadline = moment

    def hold(self) -> bool:
        """Leave what comes from now on unread, for another process; return whether that can be."""
        self._held = self._fd is not None
        return self._held

    def release(self) -> None:
        """Read again what comes."""
        self._held = False
        self._go_on()

    # --- both --------------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        task, self._waiting = self._waiting, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _give_up(self, _: object) -> trio.lowlevel.Abort:
        self._waiting = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _go_on(self) -> None:
        task, self._parked = self._parked, None
        if task is not None:
            trio.lowlevel.reschedule(task)
