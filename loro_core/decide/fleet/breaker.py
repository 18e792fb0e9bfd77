"""Whether an instance is given calls, after what became of the latest ones.

    state      asked           answered                       failed                         let go         its time
    ---------  --------------  -----------------------------  -----------------------------  -------------  ---------
    CLOSED     -               the row is broken              the n-th in a row, or too      -              -
                                                              many of the latest: OPEN
    OPEN       -               -                              -                              -              HALF_OPEN
    HALF_OPEN  it is probed:   CLOSED                         OPEN, for twice as long        -              -
               nobody else
    (probed)   -               CLOSED                         OPEN, for twice as long        HALF_OPEN      -

1. One call at a time probes, and two probes are at least `first_pause_s` apart: six a minute at most, whatever becomes
   of them.
2. The pause is forgotten once the instance has been closed for `steady_s`: one that comes and goes is left alone for
   longer and longer.
3. While it is open, what calls say that were under way before changes nothing: failures are known, and answers are
   older. While it is probed, the first outcome counts.

A breaker advises. Where no instance is allowed, all are (`allowed`): an instance without an alternative is asked like
any other, for a refusal would be no better than its failure.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct

from loro_core.models import Candidate


class BreakerState(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class BreakerLimits(Struct, frozen=True, kw_only=True):
    """When a breaker opens, and for how long.

    failures: so many in a row open it. ratio: so large a share of the latest `window` outcomes does, too, once there
        are that many.
    first_pause_s, longest_pause_s: how long it stays open; each time twice as long.
    steady_s: after so long closed, the next pause is the first again.
    """

    failures: int = 3
    window: int = 20
    ratio: float = 0.5
    first_pause_s: float = 10.0
    longest_pause_s: float = 300.0
    steady_s: float = 60.0


DEFAULT_LIMITS = BreakerLimits()


class Breaker:
    """The breaker of one instance. `now` is any clock in seconds that never goes back.

    Whoever sends a call tells with `asked`, and then with one of `answered`, `failed` and `let_go` what became of it.
    """

    def __init__(self, limits: BreakerLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._row = 0
        self._latest: deque[bool] = deque(maxlen=limits.window)
        self._pause_s = limits.first_pause_s
        self._closed_since = -math.inf
        self._until: float | None = None
        self._probing = False

    def state(self, now: float) -> BreakerState:
        """Return where it stands."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._until else BreakerState.HALF_OPEN

    @property
    def retry_at(self) -> float:
        """When it may allow a call again: infinity while that hangs on a probe, else in the past if it allows one."""
        if self._until is None:
            return -math.inf
        return math.inf if self._probing else self._until

    def allows(self, now: float) -> bool:
        """Return whether a call may go there. Changes nothing: any number of callers may ask."""
        return self._until is None or (now >= self._until and not self._probing)

    def asked(self, now: float) -> None:
        """Take in that a call goes there; the first one when it is half open is the probe."""
        if self._until is not None and now >= self._until and not self._probing:
            self._probing = True
            self._until = now

    def answered(self, now: float) -> None:
        """Take in that a call brought its first token, or ended well."""
        if self.state(now) is BreakerState.OPEN:
            return
        self._row = 0
        if self._until is not None:
            self._until = None
            self._probing = False
            self._closed_since = now
            self._latest.clear()
        self._latest.append(False)

    def failed(self, now: float) -> float | None:
        """Take in that a call failed by a trouble of the instance's own.

        Return for how long it is left alone, if that begins now.
        """
        state = self.state(now)
        if state is BreakerState.OPEN:
            return None
        if state is BreakerState.HALF_OPEN:
            return self._open(now)
        self._row += 1
        self._latest.append(True)
        if self._row < self._limits.failures and not self._fails_too_often():
            return None
        if now - self._closed_since >= self._limits.steady_s:
            self._pause_s = self._limits.first_pause_s
        return self._open(now)

    def let_go(self, now: float) -> None:
        """Take in that a call was given up before it told anything: its client went away."""
        if self._probing:
            # Not at once: clients that go away one after the other would each be a probe.
            self._probing = False
            self._until = max(now, (self._until or now) + self._limits.first_pause_s)

    def _fails_too_often(self) -> bool:
        latest = self._latest
        return len(latest) == latest.maxlen and sum(latest) >= self._limits.ratio * len(latest)

    def _open(self, now: float) -> float:
        pause_s = self._pause_s
        self._until = now + pause_s
        self._pause_s = min(2 * pause_s, self._limits.longest_pause_s)
        self._probing = False
        self._row = 0
        self._latest.clear()
        return pause_s


def allowed(candidates: Sequence[Candidate], breakers: Mapping[str, Breaker], now: float) -> Sequence[Candidate]:
    """Return those that their breakers allow, by instance; all, if that is none. One without a breaker is allowed."""
    kept = [c for c in candidates if c.instance not in breakers or breakers[c.instance].allows(now)]
    return kept or candidates
