"""Reading the settings again while loro serves: what may change is taken over, the rest is told.

Nothing changes unless all of it can: a file that cannot be read, or asks for what is not there, leaves everything as it
is and says why. What is under way goes on as it was begun.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable

import trio

from loro_core.app.config.changes import Changes, changes
from loro_core.app.config.settings import Settings
from loro_core.errors import ConfigError

LOGGER = logging.getLogger("loro.serve")


class Reload:
    """settings: those in force. read: reads them anew. take: has others taken over; both raise ConfigError."""

    def __init__(self, settings: Settings, read: Callable[[], Settings], take: Callable[[Settings], None]) -> None:
        self.settings = settings
        self._read = read
        self._take = take
        self._lock = trio.Lock()

    async def __call__(self) -> Changes:
        """Reload; return what is different now, and what will be after a restart.

        Raises ConfigError with every problem; then nothing has changed.
        """
        async with self._lock:
            # In a thread: files may stand on a network, and streams are served meanwhile.
            settings = await trio.to_thread.run_sync(self._read)
            self._take(settings)
            found = changes(self.settings, settings)
            self.settings = settings
        LOGGER.info("loro.reloaded %s", found)
        return found

    async def on_signal(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reload at every SIGHUP; problems go to the log. For ever: it is cancelled."""
        if not hasattr(signal, "SIGHUP"):  # Windows
            task_status.started()
            return
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                try:
                    await self()
                except ConfigError as error:
                    for problem in error.problems:
                        LOGGER.error("loro.not_reloaded %s", problem)  # noqa: TRY400  # told to the operator as it is
