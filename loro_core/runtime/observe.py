"""What happened on the way of a reply, as values, told to whoever counts or logs it.

An observer must be quick and must not raise; it is called in the task that serves the reply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from loro_core.errors import UpstreamError
from loro_core.fleet import Deployment, Leg

LegOutcome = Literal["finished", "cancelled", "failed"]


class LegStarted(Struct, frozen=True, kw_only=True):
    """A call is about to go to this deployment."""

    leg: Leg
    deployment: Deployment


class LegSpoke(Struct, frozen=True, kw_only=True):
    """The deployment's first token is here, `after_s` from the start of the leg, its retries included."""

    leg: Leg
    deployment: Deployment
    after_s: float


class LegWaited(Struct, frozen=True, kw_only=True):
    """The wait for the first token of the answer itself is over, `after_s` from the start of a streamed leg, less what
    it waited for a seat.

    answered: False if the leg was cancelled or failed before there was one; its end follows.
    prompt_chars: how long the texts were that it was asked with. at: when, on trio's clock.
    """

    leg: Leg
    deployment: Deployment
    after_s: float
    answered: bool
    prompt_chars: int
    at: float


class LegRetried(Struct, frozen=True, kw_only=True):
    """A try failed; the next begins in `wait_s`."""

    leg: Leg
    deployment: Deployment
    error: UpstreamError
    wait_s: float


class LegAskedOtherwise(Struct, frozen=True, kw_only=True):
    """A try was refused, or ended without a word (error is None); the same is asked at once in another way."""

    leg: Leg
    deployment: Deployment
    error: UpstreamError | None


class LegEnded(Struct, frozen=True, kw_only=True):
    """The call is over, after `duration_s`. error: why it failed."""

    leg: Leg
    deployment: Deployment
    outcome: LegOutcome
    duration_s: float
    error: UpstreamError | None = None


class LegHedged(Struct, frozen=True, kw_only=True):
    """`silent` has said nothing for `after_s`, so this deployment is about to be called beside it."""

    leg: Leg
    deployment: Deployment
    silent: Deployment
    after_s: float


class LegHedgeEnded(Struct, frozen=True, kw_only=True):
    """Of the two calls of a hedge one is left, or none.

    deployment: the second one. won: whether the answer is its. wasted: whose call was for nothing, None if each failed
    by itself or nobody waited for the end.
    """

    leg: Leg
    deployment: Deployment
    won: bool
    wasted: Deployment | None


class LegSetAside(Struct, frozen=True, kw_only=True):
    """The deployment has failed again and again: it is asked after the others for `pause_s`."""

    leg: Leg
    deployment: Deployment
    pause_s: float


class LegTakenOver(Struct, frozen=True, kw_only=True):
    """`failed` will not answer, because of `error`; this deployment is asked in its place.

    goes_on: whether from where `failed` stopped, a part of the answer being written.
    """

    leg: Leg
    deployment: Deployment
    failed: Deployment
    error: UpstreamError
    goes_on: bool


class LegNotTakenOver(Struct, frozen=True, kw_only=True):
    """A part of the answer is written, and this deployment cannot be handed it to go on from."""

    leg: Leg
    deployment: Deployment


Happening = (
    LegStarted
    | LegSpoke
    | LegWaited
    | LegRetried
    | LegAskedOtherwise
    | LegEnded
    | LegHedged
    | LegHedgeEnded
    | LegSetAside
    | LegTakenOver
    | LegNotTakenOver
)
Observer = Callable[[Happening], None]
