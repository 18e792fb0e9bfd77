"""What can be said of an answer's opening, and of a text of which only the beginning is there."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from msgspec import Struct

from loro_core.decide.joint import is_unspaced


class Kind(Enum):
    """What was cut or changed at the join. The values are metric labels."""

    GREETING = "greeting"
    WELCOME = "welcome"
    REPEAT = "repeat"
    OPENER = "opener"
    LEAD_IN = "lead_in"
    SPACE = "space"
    CASE = "case"


class Rest(Enum):
    """What is known of the text that is not there yet."""

    COMES = "comes"  # more may come, and is waited for
    LATE = "late"  # more may come, and is not waited for
    NONE = "none"  # this is all


class Cut(Struct, frozen=True, kw_only=True):
    """The first `end` characters were said already. finished: a full stop of some kind ended them, no comma."""

    end: int
    kind: Kind
    finished: bool = True


class Undecided(Struct, frozen=True, kw_only=True):
    """More must be seen. likely: what is there is a whole opener already, or much of our own words."""

    likely: bool = False


Verdict = Cut | Undecided | None
"""None: the answer begins here."""

WAIT = Undecided()
LIKELY = Undecided(likely=True)


def begins(text: str, phrases: Collection[str], rest: Rest) -> bool | None:
    """Return whether `text` begins with one of `phrases` as a whole word; None if more text would tell."""
    unknown = False
    for phrase in phrases:
        if text.startswith(phrase):
            following = text[len(phrase) : len(phrase) + 1]
            if is_unspaced(phrase[-1]) or (not following.isalnum() if following else rest is Rest.NONE):
                return True
            unknown = unknown or not following
        elif phrase.startswith(text):
            unknown = True
    return None if unknown and rest is not Rest.NONE else False
