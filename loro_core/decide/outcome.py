"""What became of a reply's acknowledgement, as the user heard it: whether it won anything, and if not, why.

planned  words     written  let out before the answer's first words   outcome
-------  --------  -------  ----------------------------------------  ----------------------------------------------
no                                                                    skipped: the reason of the decision
yes      any       yes      yes                                       spoken
yes      any       yes      no                                        late: written, but held by the client's rule
                                                                          until the answer was there
yes      none      no                                                 silent: nothing could be said; the reason why
yes      any, or   no                                                 dropped: the answer was there first
         sought                                                       cut: the reply was over before either was
"""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """The values are a metric's labels."""

    SKIPPED = "skipped"
    SPOKEN = "spoken"
    LATE = "late"
    SILENT = "silent"
    DROPPED = "dropped"
    CUT = "cut"


def outcome_of(
    *, planned: bool, wordless: bool, written: float | None, heard: float | None, answered: float | None
) -> Outcome:
    """Return what became of an acknowledgement.

    wordless: whether it is known that there is nothing to say. written, answered: when its words and the answer's first
    were on the wire, heard: when the client had enough of the reply to begin to speak; on one clock, None for never.
    """
    if not planned:
        return Outcome.SKIPPED
    if written is not None:
        before = heard is not None and (answered is None or heard < answered)
        return Outcome.SPOKEN if before else Outcome.LATE
    if wordless:
        return Outcome.SILENT
    return Outcome.CUT if answered is None else Outcome.DROPPED
