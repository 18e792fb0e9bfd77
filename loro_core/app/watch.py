"""What goes wrong on the legs, as lines of the log: the access line tells that a reply failed, these tell why."""

from __future__ import annotations

import logging

from loro_core.errors import UpstreamError, UpstreamStatus
from loro_core.runtime.observe import (
    Happening,
    LegAskedOtherwise,
    LegEnded,
    LegHedged,
    LegNotTakenOver,
    LegRetried,
    LegSetAside,
    LegSpoke,
    LegStarted,
    LegTakenOver,
    LegWaited,
)

LOGGER = logging.getLogger("loro.upstream")

_USUAL = frozenset({LegStarted, LegSpoke, LegWaited})


def log_trouble(happening: Happening) -> None:
    """Write a line if `happening` is a failed try, a failed call, or one that is asked otherwise or of another."""
    if type(happening) in _USUAL or (isinstance(happening, LegEnded) and happening.error is None):
        return
    if isinstance(happening, LegRetried):
        error = happening.error
        LOGGER.warning(
            "upstream.retried deployment=%s leg=%s kind=%s wait_s=%.2f why=%s",
            happening.deployment.name,
            happening.leg.value,
            error.kind,
            happening.wait_s,
            _why(error),
        )
    elif isinstance(happening, LegAskedOtherwise):
        LOGGER.info(
            "upstream.asked_otherwise deployment=%s leg=%s why=%s",
            happening.deployment.name,
            happening.leg.value,
            "it ended without a word" if happening.error is None else _why(happening.error),
        )
    elif isinstance(happening, LegHedged):
        LOGGER.info(
            "upstream.hedged deployment=%s silent=%s after_s=%.3f",
            happening.deployment.name,
            happening.silent.name,
            happening.after_s,
        )
    elif isinstance(happening, LegNotTakenOver):
        LOGGER.warning(
            "upstream.not_taken_over deployment=%s why=%s",
            happening.deployment.name,
            "it cannot be handed words to go on from, or has not gone on from them lately; see its options.prefill",
        )
    elif isinstance(happening, LegSetAside):
        LOGGER.warning("upstream.set_aside deployment=%s pause_s=%g", happening.deployment.name, happening.pause_s)
    elif isinstance(happening, LegTakenOver):
        LOGGER.warning(
            "upstream.taken_over deployment=%s failed=%s when=%s",
            happening.deployment.name,
            happening.failed.name,
            "after" if happening.goes_on else "before",
        )
    elif isinstance(happening, LegEnded) and happening.error is not None:
        error = happening.error
        LOGGER.warning(
            "upstream.failed deployment=%s leg=%s kind=%s phase=%s duration_s=%.3f why=%s",
            happening.deployment.name,
            happening.leg.value,
            error.kind,
            error.phase,
            happening.duration_s,
            _why(error),
        )


def _why(error: UpstreamError) -> str:
    """Return our own words about `error`; an upstream's may quote the prompt, so only its status and code are told."""
    if isinstance(error, UpstreamStatus):
        return f"status {error.upstream_status or 'inside the stream'}, code {error.code}"
    return error.message
