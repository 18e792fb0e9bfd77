"""A summary as text that a human reads; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loro_core.app.bench.options import DIRECT, PLAIN, QUICK, Options
from loro_core.app.bench.server import About
from loro_core.app.bench.summary import (
    EXCELLENT_S,
    GOOD_S,
    METRICS,
    Comparison,
    Difference,
    PolicySummary,
    Row,
    Spread,
    Summary,
    verdict,
)

NAMES = {
    "first_content": "first content",
    "first_speakable": "first speakable",
    "first_answer": "first answer token",
    "longest_gap": "longest gap",
    "longest_hole": "longest hole",
    "total": "total",
}
MAX_ERRORS = 5


def heading(about: About, options: Options) -> str:
    """Return what is measured, and how."""
    return "".join(f"{line}\n" for line in _heading(about, options))


def report(summary: Summary, about: About, options: Options, server: Mapping[str, Any], *, interrupted: bool) -> str:
    """Return everything that was found, heading excepted. server: its own numbers, empty if it has none."""
    # For who reads and does not speak the first speakable is the first content.
    shown = [metric for metric in METRICS if metric != "first_speakable" or options.client != PLAIN]
    parts = [
        _table(summary.rows, shown),
        _averages(summary, shown),
        *(_comparison(comparison, shown) for comparison in summary.comparisons),
        _verdicts(summary, "first content" if options.client == PLAIN else "first speakable"),
        _server_numbers(server),
        _errors(summary),
        _notes(summary, about, options, interrupted=interrupted),
    ]
    return "\n".join("".join(f"{line}\n" for line in lines) for part in parts if (lines := list(part)))


def _heading(about: About, options: Options) -> Iterator[str]:
    name = f"loro {about.version}, policy {about.policy}" if about.is_loro else "a server that does not say it is loro"
    listed = f" (the first of {about.listed} listed; --model picks another)" if about.listed > 1 else ""
    yield f"{options.address.api}: {name}; model {about.model}{listed}"
    if about.demo:
        yield "This is loro's DEMO: scripted models answer at a scripted pace, so these are no model's numbers."
    if about.health not in (None, 200, 404):
        yield f"/health answers {about.health}: the server says that it is not well."
    rounds = f"{options.rounds} round{'s' if options.rounds > 1 else ''}"
    turns = "in turn" if len(options.policies) > 1 else "alone"
    yield (
        f"{options.planned} replies: {rounds}, {', '.join(options.policies)} {turns}, client {options.client}, "
        f"max_tokens {options.max_tokens}"
    )


# --- the table ---------------------------------------------------------------------------------------------------


def _table(rows: Sequence[Row], shown: Sequence[str]) -> Iterator[str]:
    if not any(row.replies for row in rows):
        return
    yield "milliseconds from the sending of the request: median [min-max]"
    cells = [("scenario", "policy", "n", *(NAMES[metric] for metric in shown))]
    cells += [
        (row.label, row.policy, str(row.replies), *(_cell(row.numbers.get(metric)) for metric in shown)) for row in rows
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        left = [row[i].ljust(widths[i]) for i in (0, 1)]
        yield "  ".join([*left, *(row[i].rjust(widths[i]) for i in range(2, len(row)))])


def _cell(found: Spread | None) -> str:
    if found is None:
        return "-"
    return f"{_ms(found.median_s)} [{_ms(found.min_s)}-{_ms(found.max_s)}]"


def _ms(seconds: float) -> str:
    """Two digits count: below 10 ms a tenth is shown."""
    ms = 1000 * seconds
    return f"{ms:.1f}" if 0 < ms < 9.95 else f"{ms:.0f}"


# --- policies ----------------------------------------------------------------------------------------------------


def _averages(summary: Summary, shown: Sequence[str]) -> Iterator[str]:
    counted = [policy for policy in summary.policies if policy.averages_s]
    if not counted:
        return
    yield "seconds: averages of the medians"
    width = max(len(policy.policy) for policy in counted)
    for policy in counted:
        averages = [(NAMES[metric], policy.averages_s[metric]) for metric in shown if metric in policy.averages_s]
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in averages)
        yield f"  {policy.policy:<{width}}  {numbers}{_who(policy, summary.legs_told)}"


def _who(policy: PolicySummary, legs_told: bool) -> str:
    if policy.policy == DIRECT:
        return ""
    said = [f"served by {', '.join(policy.served)}"] if policy.served and policy.served != (policy.policy,) else []
    said += [f"acknowledged {policy.acknowledged} of {policy.replies}"] if legs_told else []
    return f" ({'; '.join(said)})" if said else ""


def _comparison(comparison: Comparison, shown: Sequence[str]) -> Iterator[str]:
    count = len(comparison.labels)
    yield f"{comparison.policy} against direct, over {count} {'question' if count == 1 else 'questions'}"
    width = max(map(len, NAMES.values()))
    for metric in shown:
        if metric in comparison.differences:
            yield f"  {NAMES[metric]:<{width}}  {_difference(metric, comparison.differences[metric])}"


def _difference(metric: str, difference: Difference) -> str:
    words = ("longer", "shorter") if metric in ("longest_gap", "longest_hole") else ("later", "sooner")
    noise = ", not more than noise" if difference.is_noise else ""
    change = f"{_change(difference)} {words[difference.later_s <= 0]}{noise}"
    return f"{difference.policy_s:.3f} s, direct {difference.direct_s:.3f} s: {change}"


def _change(difference: Difference) -> str:
    seconds, percent = f"{abs(difference.later_s):.3f} s", abs(difference.later_percent)
    return f"{seconds} ({percent:.0f} %)" if difference.direct_s and percent < 1000 else seconds


def _verdicts(summary: Summary, first: str) -> Iterator[str]:
    """first: what the first speakable is called."""
    for policy in summary.policies:
        first_s = policy.averages_s.get("first_speakable")
        if first_s is not None:
            yield f"{policy.policy}: {first} after {first_s:.3f} s: {verdict(first_s)}"
    if any("first_speakable" in policy.averages_s for policy in summary.policies):
        yield f"(below {EXCELLENT_S:g} s excellent, below {GOOD_S:g} s good, else needs improvement)"
    for comparison in summary.comparisons:
        if "total" in comparison.differences:
            yield f"total time: {_cost(comparison.policy, comparison.differences['total'])}"


def _cost(policy: str, total: Difference) -> str:
    if total.is_noise:
        return f"{policy} costs none that stands out from noise ({total.policy_s:.3f} s, direct {total.direct_s:.3f} s)"
    if total.later_s > 0:
        return f"{policy} costs {_change(total)}: its whole reply is complete that much later than direct's"
    return f"{policy} costs none: its whole reply is complete {_change(total)} sooner than direct's"


# --- what else there is to say -----------------------------------------------------------------------------------


def _server_numbers(server: Mapping[str, Any]) -> Iterator[str]:
    """The server's own view, of all its clients: tolerant, for its ancestors leave some of it out."""
    if not server:
        return
    yield "the server's own numbers, of all clients since its start or last reset"
    for mode, key in (("quick", "quick_response_mode"), ("direct", "direct_mode")):
        numbers = server.get(key)
        if isinstance(numbers, dict):
            said = [f"{_number(numbers.get('total_requests')):.0f} requests"]
            for name, field in (
                ("first response", "first_response_latency"),
                ("first answer token", "answer_first_token_latency"),
                ("total", "total_response_latency"),
            ):
                latency = numbers.get(field)
                if isinstance(latency, dict):
                    p50, p95 = _number(latency.get("p50")), _number(latency.get("p95"))
                    said.append(f"{name} p50 {p50:.3f} s p95 {p95:.3f} s")
            if _number(numbers.get("errors")):
                said.append(f"errors {_number(numbers.get('errors')):.0f}")
            yield f"  {mode:<6}  {', '.join(said)}"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _errors(summary: Summary) -> Iterator[str]:
    if not summary.errors:
        return
    failed = sum(policy.failed for policy in summary.policies)
    each = ", ".join(f"{policy.policy} {policy.failed}" for policy in summary.policies if policy.failed)
    yield f"{failed} of {failed + summary.replies} replies failed ({each})"
    for message, count in summary.errors[:MAX_ERRORS]:
        yield f"  {count} x {message}"
    if len(summary.errors) > MAX_ERRORS:
        yield f"  and {len(summary.errors) - MAX_ERRORS} other messages"


def _notes(summary: Summary, about: About, options: Options, *, interrupted: bool) -> Iterator[str]:
    done = summary.replies + sum(policy.failed for policy in summary.policies)
    if interrupted:
        yield f"Interrupted after {done} of {options.planned} replies."
    elif not summary.replies and done < options.planned:
        yield f"Given up: the first {done} replies all failed."
    held = [policy.policy for policy in summary.policies if policy.held_back]
    if held:
        yield (
            f"Every reply of {', '.join(held)} came in one piece: its first content is as late as its last. "
            "The server does not stream, or something on the way buffers."
        )
    if summary.replies and not summary.legs_told:
        yield (
            "The server does not tell an acknowledgement from the answer: the first answer token is the first content."
        )
    if summary.replies and not about.is_loro and set(options.policies) != {QUICK}:
        yield (
            "Policies are a matter of loro's: another server ignores or refuses what asks for them. "
            "--policies quick measures it as it is."
        )
