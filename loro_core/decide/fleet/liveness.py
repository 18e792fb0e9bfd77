"""When a server that was ready is taken for dead although its process lives.

    a health answer was        enough in a row    to be taken for dead
    -------------------------  -----------------  ---------------------------------------------------------------------
    good                                          no: what came before is forgotten
    refused, or not good       MISSES             yes: it does not listen, or says itself that it is broken
    silent                     SILENT_FOR_S       yes: it hangs

Silence gets much more patience: a server that reads a long prompt may answer nobody meanwhile, and to end it would cut
every live stream. What it costs to be wrong is a stream; what it costs to wait is a call that its own deadline ends.
"""

from __future__ import annotations

from msgspec import Struct

EVERY_S = 5.0
"""How often a ready server is asked."""

WITHIN_S = 5.0
"""How long one health answer may take."""

MISSES = 3
SILENT_FOR_S = 90.0


class Probe(Struct, frozen=True, kw_only=True):
    """What one question for its health met.

    connected: whether somebody accepted the connection. silent: whether no answer came in time. good: 2xx.
    told: what it met, for people.
    """

    connected: bool
    silent: bool = False
    good: bool = False
    told: str = ""


class Liveness:
    """What is known of one ready server."""

    def __init__(self) -> None:
        self._misses = 0
        self._silent_since: float | None = None

    def __repr__(self) -> str:
        return f"<Liveness {self._misses} misses>"

    def take(self, probe: Probe, asked_at: float, now: float) -> str | None:
        """Take in one probe; return why the server is to be taken for dead, None if it is not.

        asked_at, now: when the question was sent, and what time it is.
        """
        if probe.good:
            self._misses, self._silent_since = 0, None
            return None
        if not probe.silent:
            self._misses += 1
            return f"not healthy: {probe.told}" if self._misses >= MISSES else None
        if self._silent_since is None:
            self._silent_since = asked_at
        silent_s = now - self._silent_since
        return f"no health answer for {silent_s:.0f} s" if silent_s >= SILENT_FOR_S else None
