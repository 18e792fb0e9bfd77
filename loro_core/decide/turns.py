"""Whose turn it is, where models want the same room.

Requests of a model that is loaded are served together, and another model that waits for its room gets a turn of its
own after a bounded time. Without the first, forty requests that come in turn for two models make forty loads; without
the second, a busy model starves the other.

A resident's turn against a model that waits is over when both hold:

    it was ready for `turn_s`, or has nothing to do: no call under way, and nobody waits for it
    the other's oldest request has waited for `turn_s`, or the resident has nothing to do

A resident whose turn is over gets no new calls if it has to make room; the calls under way are finished, and then it is
stopped. So a request for a model waits at most

    (load + turn_s + longest call + stop) for each model that is before it in line, + its own load

and a machine whose models are all busy spends at most load / (load + turn_s) of its time on loading. In line stand
first those who have waited longest, counted from the end of their model's last turn if that is later; each step of
priority counts as `turn_s` of waiting, so that a high one goes first and no low one waits for ever.

A resident that has nothing to do makes room at once, though its next request may be about to come: a client that asks
one model after the other would else wait for nothing each time.
"""

from __future__ import annotations


def turn_over_at(*, ready_since: float, rival_since: float, turn_s: float) -> float:
    """Return when a resident that has work to do makes room. rival_since: when the other's oldest request came."""
    return max(ready_since, rival_since) + turn_s


def urgency(*, since: float, priority: int, turn_s: float) -> float:
    """Return a model's place in the line for room, the least first. since: when its oldest request came."""
    return since - priority * turn_s


def passed_by(*, since: float, now: float, turn_s: float) -> bool:
    """Return whether a model that waits for room may still be passed by one that needs less.

    After `turn_s` nobody may: what becomes free is kept for it, or small models would hold the room of a large one
    in turn for ever.
    """
    return now < since + turn_s
