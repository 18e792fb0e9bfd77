"""Samples into numbers: medians per scenario, averages per policy, and what a policy gains over the model alone.

A scenario's number is the median of its replies, which one slow reply does not move. A policy's number is the mean of
its scenarios' medians, so that each scenario weighs alike. Two policies are compared over the scenarios that both have
replies to: otherwise the one that failed at the long ones would look the faster.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loro_core.app.bench.options import DIRECT
from loro_core.app.bench.reading import Timing
from loro_core.app.bench.rounds import Sample

METRICS: Mapping[str, Callable[[Timing], float | None]] = {
    "first_content": lambda timing: timing.first_content_s,
    "first_speakable": lambda timing: timing.first_speakable_s,
    "first_answer": lambda timing: timing.first_answer_s,
    "longest_gap": lambda timing: timing.longest_gap_s,
    "longest_hole": lambda timing: None if timing.first_speakable_s is None else timing.longest_hole_s,
    "total": lambda timing: timing.total_s,
}

EXCELLENT_S, GOOD_S = 0.2, 0.5
"""The bands of the verdict on the first speakable. People leave each other some 0.2 s (Levinson and Torreira 2015), and
a filler serves best within 0.5 s (Lala, Nakamura and Kawahara 2019)."""

NOISE_S = 0.005
"""What two replies of one server differ by in any case: a few wake-ups of a process on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Seconds of several replies."""

    median_s: float
    min_s: float
    max_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario under one policy. replies: how many are counted; numbers: by metric, of those that have it."""

    label: str
    policy: str
    replies: int
    failed: int
    acknowledged: int
    numbers: Mapping[str, Spread]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySummary:
    """One policy over all scenarios. averages_s: by metric, the mean of the scenarios' medians.

    served: which policies the server says it used, the most frequent first. held_back: whether every reply that has
    more than one piece came in a single read.
    """

    policy: str
    replies: int
    failed: int
    acknowledged: int
    served: tuple[str, ...]
    held_back: bool
    averages_s: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric of a policy beside the same of `direct`. spread_s: how far direct's own replies lie apart, on average.

    later_s: above 0 where the policy takes longer.
    """

    policy_s: float
    direct_s: float
    spread_s: float

    @property
    def later_s(self) -> float:
        return self.policy_s - self.direct_s

    @property
    def later_percent(self) -> float:
        return 100 * self.later_s / self.direct_s if self.direct_s else 0.0

    @property
    def is_noise(self) -> bool:
        """Whether the difference is no larger than what replies of one and the same policy differ by."""
        return abs(self.later_s) <= max(self.spread_s, NOISE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A policy against `direct`, over the scenarios (`labels`) that both have replies to."""

    policy: str
    labels: tuple[str, ...]
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All of it. legs_told: whether the server told acknowledgement and answer apart in any reply.

    errors: how often which message, the most frequent first.
    """

    rows: tuple[Row, ...]
    policies: tuple[PolicySummary, ...]
    comparisons: tuple[Comparison, ...]
    errors: tuple[tuple[str, int], ...]
    replies: int
    legs_told: bool


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of `values`, at least one."""
    return Spread(median_s=statistics.median(values), min_s=min(values), max_s=max(values))


def verdict(first_speakable_s: float) -> str:
    """Return the band that speech which can begin after `first_speakable_s` is in."""
    if first_speakable_s < EXCELLENT_S:
        return "excellent"
    return "good" if first_speakable_s < GOOD_S else "needs improvement"


def summarise(samples: Sequence[Sample]) -> Summary:
    """Return what `samples` amount to, scenarios and policies in the order they came in."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.label, sample.policy), []).append(sample)
    rows = tuple(_row(label, policy, group) for (label, policy), group in groups.items())
    policies = tuple(dict.fromkeys(sample.policy for sample in samples))
    timings = [sample.timing for sample in samples if sample.timing is not None]
    return Summary(
        rows=rows,
        policies=tuple(_policy(policy, rows, samples) for policy in policies),
        comparisons=tuple(
            comparison for policy in policies if policy != DIRECT if (comparison := _compare(policy, rows)) is not None
        ),
        errors=tuple(Counter(sample.error for sample in samples if sample.error is not None).most_common()),
        replies=len(timings),
        legs_told=any(timing.legs_told for timing in timings),
    )


def _row(label: str, policy: str, samples: Sequence[Sample]) -> Row:
    timings = [sample.timing for sample in samples if sample.timing is not None]
    values = {
        metric: [value for timing in timings if (value := read(timing)) is not None] for metric, read in METRICS.items()
    }
    return Row(
        label=label,
        policy=policy,
        replies=len(timings),
        failed=len(samples) - len(timings),
        acknowledged=sum(timing.acknowledged for timing in timings),
        numbers={metric: spread(found) for metric, found in values.items() if found},
    )


def _policy(policy: str, rows: Sequence[Row], samples: Sequence[Sample]) -> PolicySummary:
    mine = [row for row in rows if row.policy == policy]
    heard = [sample for sample in samples if sample.policy == policy and sample.timing is not None]
    long = [sample.timing for sample in heard if sample.timing is not None and sample.timing.contents > 1]
    return PolicySummary(
        policy=policy,
        replies=len(heard),
        failed=sum(row.failed for row in mine),
        acknowledged=sum(row.acknowledged for row in mine),
        served=tuple(name for name, _ in Counter(sample.served for sample in heard if sample.served).most_common()),
        held_back=bool(long) and all(timing.reads == 1 for timing in long),
        averages_s={
            metric: statistics.fmean(row.numbers[metric].median_s for row in mine if metric in row.numbers)
            for metric in METRICS
            if any(metric in row.numbers for row in mine)
        },
    )


def _compare(policy: str, rows: Sequence[Row]) -> Comparison | None:
    of_policy = {row.label: row for row in rows if row.policy == policy and row.replies}
    of_direct = {row.label: row for row in rows if row.policy == DIRECT and row.replies}
    labels = tuple(label for label in of_policy if label in of_direct)
    differences = {}
    for metric in METRICS:
        pairs = [(of_policy[label].numbers.get(metric), of_direct[label].numbers.get(metric)) for label in labels]
        both = [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]
        if both:
            differences[metric] = Difference(
                policy_s=statistics.fmean(mine.median_s for mine, _ in both),
                direct_s=statistics.fmean(theirs.median_s for _, theirs in both),
                spread_s=statistics.fmean(theirs.max_s - theirs.min_s for _, theirs in both),
            )
    return Comparison(policy=policy, labels=labels, differences=differences) if differences else None
