"""`make sim`: the deciding code plays a fleet, and says what users of it would see. No server runs, no time passes.

python -m tests.sim [spread] [affinity] [slow] [swaps] [day] [paper]      those named, else all
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from tests.sim import scenarios
from tests.sim.scenarios import POLICIES


def main(arguments: Sequence[str]) -> int:
    unknown = [name for name in arguments if name not in TABLES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(TABLES)}", file=sys.stderr)
        return 2
    for name in arguments or TABLES:
        TABLES[name]()
    return 0


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells).rstrip(), flush=True)


def spread() -> None:
    found = [scenarios.spread(policy) for policy in POLICIES]
    table(
        "500 unlike requests at two instances of four slots, 70 % load",
        ("policy", "calls", "in flight apart"),
        [(one.policy, " / ".join(map(str, one.calls)), percent(one.apart)) for one in found],
    )


def affinity() -> None:
    found = [scenarios.affinity(policy) for policy in POLICIES]
    table(
        "200 calls of ten turns at three instances of four slots",
        ("policy", "turns at home", "prompt known", "first token p50", "p95"),
        [
            (one.policy, percent(one.home), percent(one.known), ms(one.first_token_p50_s), ms(one.first_token_p95_s))
            for one in found
        ],
    )


def slow() -> None:
    for known, title in ((False, "their slots unknown: too many wait in the server"), (True, "their slots known")):
        found = [scenarios.one_slow(policy, known_slots=known) for policy in POLICIES]
        table(
            f"4,000 requests at four instances of two slots, one three times slower, 80 % load; {title}",
            ("policy", "queue p50", "p95", "served by the slow one"),
            [(one.policy, seconds(one.p50_s), seconds(one.p95_s), percent(one.at_slow)) for one in found],
        )


def swaps() -> None:
    cases = (
        ("two models, all at once", scenarios.interleaved()),
        ("two models, within 20 s", scenarios.interleaved(within_s=20.0)),
        ("three models, all at once", scenarios.interleaved(models=3, requests=60)),
    )
    table(
        "requests in turn for several models, room for one, 3 s to load",
        ("requests", "sent", "answered", "loads", "fewest", "queue p50", "p95"),
        [
            (
                case,
                str(one.requests),
                str(one.answered),
                str(one.loads),
                str(one.fewest),
                seconds(one.queue_p50_s),
                seconds(one.queue_p95_s),
            )
            for case, one in cases
        ],
    )


def day() -> None:
    found = [scenarios.day("prefix", calls_an_hour=rate) for rate in (300.0, 600.0)]
    table(
        "a day of one machine of 48 GB: twelve models of 108 GB in all, one pinned",
        (
            "requests",
            "refused",
            "queue p50",
            "p95",
            "first token p95",
            "loads",
            "known",
            "decision",
            "played in",
        ),
        [
            (
                f"{one.requests:,}",
                str(one.refused),
                seconds(one.queue_p50_s),
                seconds(one.queue_p95_s),
                seconds(one.first_token_p95_s),
                f"{one.loads:,}",
                percent(one.known),
                f"{one.deciding_us:.0f} µs",
                f"{one.seconds:.0f} s",
            )
            for one in found
        ],
    )


def paper() -> None:
    sizes = ((10, 10), (100, 100), (1000, 100), (1000, 1000), (10_000, 1000))
    found = [scenarios.paper(*size) for size in sizes]
    table(
        "what a decision takes, µs, the middle one / the slowest twentieth",
        ("models x nodes", "granted", "waits or loads", "returned", "one model on all nodes"),
        [
            (
                f"{one.models:,} x {one.nodes:,}",
                micro(one.granted_us),
                micro(one.waits_us),
                micro(one.returned_us),
                f"{one.one_model_us:.0f}",
            )
            for one in found
        ],
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def ms(value_s: float) -> str:
    return f"{1000 * value_s:.0f} ms"


def seconds(value_s: float) -> str:
    return f"{value_s:.2f} s"


def micro(found: tuple[float, float]) -> str:
    return f"{found[0]:.0f} / {found[1]:,.0f}"


TABLES: dict[str, Callable[[], None]] = {
    "spread": spread,
    "affinity": affinity,
    "slow": slow,
    "swaps": swaps,
    "day": day,
    "paper": paper,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
