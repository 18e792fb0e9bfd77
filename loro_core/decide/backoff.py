"""When a worker that died is started again.

    it lived                         -> then
    -------------------------------  -------------------------------------------------------------
    STEADY_S or longer               start it at once; earlier deaths are forgotten
    less, the n-th time in a row     start it after 0.1 s x 2^(n-1), 5 s at most
    less, GIVE_UP_AFTER in a row     give up: what kills it so soon will not go away by itself

The waits before giving up come to some 11 s: enough for a file that is being replaced, not for an operator to believe
that all is well.
"""

from __future__ import annotations

from msgspec import Struct

STEADY_S = 10.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
GIVE_UP_AFTER = 8


class Deaths(Struct, frozen=True, kw_only=True):
    """What is remembered of a worker's deaths. quick: how many in a row came before it had lived STEADY_S."""

    quick: int = 0


class StartAgain(Struct, frozen=True, kw_only=True):
    """after_s: how long to wait first."""

    after_s: float


class GiveUp(Struct, frozen=True, kw_only=True):
    """deaths: how many there were in a row."""

    deaths: int


def died(deaths: Deaths, lived_s: float) -> tuple[Deaths, StartAgain | GiveUp]:
    """Return what is to be remembered and done after a worker that lived `lived_s` has died unasked."""
    if lived_s >= STEADY_S:
        return Deaths(), StartAgain(after_s=0.0)
    quick = deaths.quick + 1
    if quick >= GIVE_UP_AFTER:
        return Deaths(quick=quick), GiveUp(deaths=quick)
    return Deaths(quick=quick), StartAgain(after_s=min(FIRST_WAIT_S * 2 ** (quick - 1), LONGEST_WAIT_S))
