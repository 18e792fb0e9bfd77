"""The ledger of one reply, as the client gets it that asks for it: an object `loro` in the reply's last chunk.

A header asks, for every SDK can send one, and none is surprised by what it did not ask for.
"""

from __future__ import annotations

from loro_core.app.metrics import ReplyRecord
from loro_core.chat import Json, Usage
from loro_core.errors import BadRequest

LEDGER_HEADER = "x-loro-ledger"
LEDGER_IN_USAGE = "usage"
"""The one value of the header: with the usage, at the end."""


def asks_for_ledger(value: str | None) -> bool:
    """Return whether the header's value asks for the ledger, None if it was not sent. Raises BadRequest."""
    if value is None:
        return False
    if value.strip().casefold() != LEDGER_IN_USAGE:
        raise BadRequest(f"{LEDGER_HEADER} is {value!r}, needs {LEDGER_IN_USAGE!r}", param=LEDGER_HEADER)
    return True


def receipt(record: ReplyRecord) -> dict[str, Json]:
    """Return the object for a reply whose end is about to be written. Times are milliseconds from the request."""
    usage = record.usage
    return {
        "client": record.client,
        "policy": record.policy,
        "reason": record.reason,
        "adopted": record.adopted,
        "acknowledgement": {
            "outcome": record.ack_outcome.value,
            "source": record.acknowledgement if record.acknowledgement in ("model", "phrase") else None,
            "words_rejected": record.words_rejected,
            "progress_lines": record.progressed,
        },
        "announced": record.announced,
        "answer": {"by": record.answered_by, "hedge": record.hedge, "taken_over": record.taken_over},
        "acknowledgement_ms": _ms(record.acknowledged_s),
        "first_speakable_ms": _ms(record.first_speakable_s),
        "answer_first_token_ms": _ms(record.answer_first_token_s),
        "longest_hole_ms": _ms(record.longest_hole_s),
        "total_ms": _ms(record.total_s),
        "seam_edits": dict(record.seam_edits),
        "tokens": {
            "acknowledgement": _counts(usage.acknowledgement if usage is not None else None),
            "answer": _counts(usage.answer if usage is not None else None),
        },
        "wasted_tokens": record.wasted_tokens,
        "wasted_characters": record.wasted_characters,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)


def _counts(usage: Usage | None) -> dict[str, Json] | None:
    if usage is None:
        return None
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
