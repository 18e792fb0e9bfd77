"""The sums of all replies' ledgers: what became of acknowledgements, what the seam changed, what was spent in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from loro_core.chat import Json
from loro_core.decide.bill import Bill
from loro_core.decide.outcome import Outcome
from loro_core.fleet import Leg
from loro_core.wire.exposition import Family, Sample


class LedgerSums:
    """Counts since the start or the last reset. Memory is bounded: all labels are words of loro's own."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.seam_edits: Counter[str] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.wasted_tokens: Counter[tuple[str, str]] = Counter()
        self.wasted_characters: Counter[tuple[str, str]] = Counter()

    def count(self, outcome: Outcome, seam_edits: Mapping[str, int]) -> None:
        """Take in what became of a reply's acknowledgement, and what was changed behind it, by kind."""
        self.outcomes[outcome] += 1
        if seam_edits:
            self.seam_edits.update(seam_edits)

    def pay(self, bills: Iterable[tuple[Leg, Bill]]) -> None:
        """Take in what the calls of a reply came to."""
        for leg, bill in bills:
            if bill.usage is not None:
                self.tokens[leg.value, "prompt"] += bill.usage.prompt_tokens
                self.tokens[leg.value, "completion"] += bill.usage.completion_tokens
            if bill.wasted is not None and bill.wasted_tokens:
                self.wasted_tokens[leg.value, bill.wasted] += bill.wasted_tokens
            if bill.wasted is not None and bill.wasted_characters:
                self.wasted_characters[leg.value, bill.wasted] += bill.wasted_characters

    def as_json(self) -> dict[str, Json]:
        return {
            "acknowledgements": {outcome.value: self.outcomes[outcome] for outcome in Outcome},
            "seam_edits": dict(self.seam_edits),
            "tokens": _nested(self.tokens),
            "wasted_tokens": _nested(self.wasted_tokens),
            "wasted_characters": _nested(self.wasted_characters),
        }

    def families(self) -> Iterator[Family]:
        """Yield the counts for a scraper."""
        yield Family(
            name="loro_acknowledgement_outcomes_total",
            kind="counter",
            help="What became of acknowledgements, as their users heard it.",
            samples=[Sample(value=self.outcomes[outcome], labels={"outcome": outcome.value}) for outcome in Outcome],
        )
        yield Family(
            name="loro_seam_edits_total",
            kind="counter",
            help="Changes where answers join acknowledgements, by kind.",
            samples=[Sample(value=count, labels={"kind": kind}) for kind, count in self.seam_edits.items()],
        )
        yield Family(
            name="loro_tokens_total",
            kind="counter",
            help="Tokens that upstreams counted, by leg and kind.",
            samples=_by(self.tokens, "kind"),
        )
        yield Family(
            name="loro_wasted_tokens_total",
            kind="counter",
            help="Tokens that upstreams counted and that served nobody, by leg and why.",
            samples=_by(self.wasted_tokens, "why"),
        )
        yield Family(
            name="loro_wasted_characters_total",
            kind="counter",
            help="Characters of what served nobody where no upstream counted tokens, by leg and why.",
            samples=_by(self.wasted_characters, "why"),
        )


def _by(counts: Mapping[tuple[str, str], int], label: str) -> list[Sample]:
    return [Sample(value=count, labels={"leg": leg, label: word}) for (leg, word), count in counts.items()]


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, Json]:
    found: dict[str, dict[str, Json]] = {leg.value: {} for leg in Leg}
    for (leg, word), count in counts.items():
        found[leg][word] = count
    return {**found}
