"""In which order answering deployments are asked: as configured, but those that fail again and again last.

    a deployment    fails before its first token              gives a first token    its time has come
    --------------  ----------------------------------------  ---------------------  ---------------------------------
    ASKED IN TURN   the third time in a row: SET ASIDE, 30 s  the row is broken      -
    SET ASIDE       stays                                     ASKED IN TURN          one reply asks it in its turn,
                                                                                     and the pause is doubled at once

So an outage in which a deployment takes requests and says nothing costs three replies its deadline, and then one reply
now and then; the others do not wait for what that one finds. One that is set aside is still asked, after the others: if
all of them fail, nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from loro_core.fleet import Deployment

FAILURES = 3
"""So many in a row are no accident; one timeout is."""

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 600.0


class _Record:
    __slots__ = ("aside_until", "failures", "pause_s")

    def __init__(self) -> None:
        self.failures = 0
        self.pause_s = FIRST_PAUSE_S
        self.aside_until: float | None = None

    def is_aside(self, now: float) -> bool:
        """Whether it is to be asked last; where its time has come, this once it is not."""
        if self.aside_until is None:
            return False
        if now < self.aside_until:
            return True
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
        self.aside_until = now + self.pause_s
        return False


class Standing:
    """What the latest calls say of each deployment. `now` is any clock in seconds that never goes back."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def order(self, deployments: Sequence[Deployment], now: float) -> list[Deployment]:
        """Return `deployments` as they are to be asked for one reply, and count on the first one's being asked."""
        first: list[Deployment] = []
        aside: list[Deployment] = []
        for deployment in deployments:
            record = self._records.get(deployment.name)
            (aside if record is not None and record.is_aside(now) else first).append(deployment)
        return first + aside

    def failed(self, deployment: Deployment, now: float) -> float | None:
        """Take in that it failed before its first token, by a trouble of its own.

        Return for how long it is set aside, if it was not until now.
        """
        record = self._records.setdefault(deployment.name, _Record())
        record.failures += 1
        if record.failures >= FAILURES and record.aside_until is None:
            record.aside_until = now + record.pause_s
            return record.pause_s
        return None

    def answered(self, deployment: Deployment) -> None:
        """Take in that it began to answer."""
        self._records.pop(deployment.name, None)
