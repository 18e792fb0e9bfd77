"""What was measured as one JSON document; pure. Its shape stands in docs/bench.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from loro_core.app.bench.options import Options
from loro_core.app.bench.rounds import Sample
from loro_core.app.bench.server import About
from loro_core.app.bench.summary import Comparison, PolicySummary, Row, Summary, verdict
from loro_core.wire.json_text import encode_json

SCHEMA = 1
"""Raised when a field changes its meaning or goes; new ones may come without."""


def document(
    samples: Sequence[Sample],
    summary: Summary,
    about: About,
    options: Options,
    server: Mapping[str, Any],
    *,
    interrupted: bool,
) -> str:
    """Return the document, one line. Times are seconds."""
    value = {
        "schema": SCHEMA,
        "server": {
            "url": options.address.api,
            "loro": about.is_loro,
            "demo": bool(about.demo),
            "version": about.version or None,
            "policy": about.policy or None,
            "model": about.model,
        },
        "options": {
            "rounds": options.rounds,
            "policies": options.policies,
            "client": options.client,
            "max_tokens": options.max_tokens,
            "timeout_s": options.timeout_s,
            "pause_s": options.pause_s,
        },
        "planned": options.planned,
        "interrupted": interrupted,
        "replies": summary.replies,
        "failed": len(samples) - summary.replies,
        "legs_told": summary.legs_told,
        "scenarios": [_row(row) for row in summary.rows],
        "policies": {policy.policy: _policy(policy) for policy in summary.policies},
        "comparisons": {comparison.policy: _comparison(comparison) for comparison in summary.comparisons},
        "errors": [{"message": message, "count": count} for message, count in summary.errors],
        "samples": [_sample(sample) for sample in samples],
        "server_metrics": dict(server) or None,
    }
    return encode_json(_rounded(value)).decode() + "\n"


def _row(row: Row) -> dict[str, Any]:
    said = {"scenario": row.label, "policy": row.policy, "replies": row.replies, "failed": row.failed}
    numbers = {f"{metric}_s": _spread(asdict(spread)) for metric, spread in row.numbers.items()}
    return {**said, "acknowledged": row.acknowledged, **numbers}


def _spread(fields: Mapping[str, float]) -> dict[str, float]:
    return {name.removesuffix("_s"): value for name, value in fields.items()}


def _policy(policy: PolicySummary) -> dict[str, Any]:
    first_s = policy.averages_s.get("first_speakable")
    return {
        "replies": policy.replies,
        "failed": policy.failed,
        "acknowledged": policy.acknowledged,
        "served": policy.served,
        "held_back": policy.held_back,
        "averages": {f"{metric}_s": value for metric, value in policy.averages_s.items()},
        "verdict": None if first_s is None else verdict(first_s),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "scenarios": comparison.labels,
        **{
            metric: {
                "policy_s": difference.policy_s,
                "direct_s": difference.direct_s,
                "later_s": difference.later_s,
                "later_percent": difference.later_percent,
                "spread_s": difference.spread_s,
                "is_noise": difference.is_noise,
            }
            for metric, difference in comparison.differences.items()
        },
    }


def _sample(sample: Sample) -> dict[str, Any]:
    fields = asdict(sample)
    timing = fields.pop("timing")
    return {**fields, "served": sample.served or None, **(timing or {})}


def _rounded(value: Any) -> Any:
    """Microseconds are all that a clock on the other side of a socket can tell."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(inner) for inner in value]
    return value
