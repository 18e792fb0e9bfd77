"""The numbers of /metrics as Prometheus families: the same ones, under names that a scraper keeps for years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from loro_core.app.metrics import LATENCIES, Metrics, Mode, UpstreamNumbers
from loro_core.app.processes.messages import Standing
from loro_core.wire.exposition import Distribution, Family, Sample

LATENCY_HELP = {
    "first_response_latency": "From the request to the first byte of content on the wire, whoever spoke it.",
    "total_response_latency": "From the request to the last byte on the wire, of replies that were finished.",
    "quick_response_latency": "From the request to the acknowledgement on the wire.",
    "large_model_latency": "From the start of the answering model's call to its end.",
    "answer_first_token_latency": "From the request to the first byte of the answer itself on the wire.",
    "first_speakable_latency": "From the request until the client has enough to begin to speak, by its own rule.",
    "longest_hole": "The longest silence that the user heard within a reply, by its client's rule of release.",
}


def families(metrics: Metrics, *, connections: int) -> Iterator[Family]:
    """Yield every family, in a fixed order. connections: how many clients are connected now."""
    modes = {"quick": metrics.quick, "direct": metrics.direct}
    yield Family(
        name="loro_replies_total",
        kind="counter",
        help="Replies that are over, by mode (quick: planned with an acknowledgement) and by how they ended.",
        samples=[
            Sample(value=mode.outcomes[outcome], labels={"mode": name, "outcome": outcome})
            for name, mode in modes.items()
            for outcome in ("finished", "cancelled", "error")
        ],
    )
    for latency in LATENCIES:
        yield _latency(latency, modes)
    yield Family(
        name="loro_acknowledgements_total",
        kind="counter",
        help="What became of the acknowledgement: whose words were written, dropped for a quicker answer, or none.",
        samples=[
            Sample(value=metrics.acknowledgements[result], labels={"result": result})
            for result in ("model", "phrase", "dropped", "silent", "none")
        ],
    )
    yield Family(
        name="loro_told_total",
        kind="counter",
        help="Replies whose model was told of the acknowledgement: how, and what it made of words told natively.",
        samples=[
            Sample(value=count, labels={"rung": rung, "taken_up": how}) for (rung, how), count in metrics.told.items()
        ],
    )
    yield Family(
        name="loro_announced_total",
        kind="counter",
        help="Replies with a line before a tool call, by where it came from.",
        samples=_counts(metrics.announced, "source"),
    )
    yield Family(
        name="loro_words_rejected_total",
        kind="counter",
        help="The acknowledging model's words that were not taken, by reason.",
        samples=_counts(metrics.words_rejected, "reason"),
    )
    yield Family(
        name="loro_turns_total",
        kind="counter",
        help="Replies, by what their requests were to their conversations.",
        samples=_counts(metrics.turns, "kind"),
    )
    yield Family(
        name="loro_decisions_total",
        kind="counter",
        help="Replies, by why they were acknowledged or not.",
        samples=_counts(metrics.decisions, "reason"),
    )
    yield Family(
        name="loro_adopted_total",
        kind="counter",
        help="Requests that got a reply which was in the making for an identical one.",
        samples=[Sample(value=metrics.adopted)],
    )
    yield Family(
        name="loro_errors_total",
        kind="counter",
        help="Requests refused and replies broken off, by the error's code.",
        samples=_counts(metrics.errors, "code"),
    )
    yield from metrics.ledger.families()
    yield from _upstreams(metrics.upstreams)
    yield Family(
        name="loro_connections",
        kind="gauge",
        help="Clients connected now.",
        samples=[Sample(value=connections)],
    )


def worker_families(standing: Standing) -> Iterator[Family]:
    """Yield what is told beside the others where several processes serve."""
    yield Family(
        name="loro_workers",
        kind="gauge",
        help="Worker processes that serve now.",
        samples=[Sample(value=standing.ready)],
    )
    yield Family(
        name="loro_workers_reporting",
        kind="gauge",
        help="Worker processes whose numbers on this page are fresh; of the others it has the last known ones.",
        samples=[Sample(value=standing.reporting or 0)],
    )
    yield Family(
        name="loro_worker_restarts_total",
        kind="counter",
        help="Worker processes started in the place of one that died.",
        samples=[Sample(value=standing.restarts)],
    )


def _latency(latency: str, modes: Mapping[str, Mode]) -> Family:
    windows = {name: mode.latencies[latency] for name, mode in modes.items()}
    quantiles = (0.5, 0.95)
    return Family(
        name=f"loro_{latency.removesuffix('_latency')}_seconds",
        kind="summary",
        help=LATENCY_HELP[latency],
        samples=[
            Distribution(
                count=window.total,
                total=window.sum,
                points=list(zip(quantiles, window.quantiles(*quantiles), strict=True)) if len(window) else [],
                labels={"mode": name},
            )
            for name, window in windows.items()
        ],
    )


_UPSTREAM_COUNTERS: tuple[tuple[str, str, Callable[[UpstreamNumbers], int]], ...] = (
    ("loro_upstream_calls_total", "Calls begun, by deployment; a retry is not counted again.", lambda u: u.calls),
    ("loro_upstream_cancelled_total", "Calls cancelled because nobody needed them any more.", lambda u: u.cancelled),
    ("loro_upstream_retries_total", "Further tries, by deployment.", lambda u: u.retries),
    (
        "loro_upstream_asked_otherwise_total",
        "Calls asked again at once in another way, because the upstream would not go on from words.",
        lambda u: u.asked_otherwise,
    ),
    ("loro_upstream_hedges_total", "Calls begun beside a silent one, by deployment.", lambda u: u.hedges),
    ("loro_upstream_hedges_won_total", "Calls begun beside a silent one that gave the answer.", lambda u: u.hedges_won),
    (
        "loro_upstream_wasted_total",
        "Calls cancelled because the other one of a hedge answered first.",
        lambda u: u.wasted,
    ),
    (
        "loro_upstream_set_aside_total",
        "How often a deployment had failed so often in a row that it was asked last for a while.",
        lambda u: u.set_aside,
    ),
)
"""(name, help, the count) of what each deployment has one of."""


def _upstreams(upstreams: Mapping[str, UpstreamNumbers]) -> Iterator[Family]:
    def by_deployment(count: Callable[[UpstreamNumbers], int]) -> list[Sample]:
        return [Sample(value=count(numbers), labels={"deployment": name}) for name, numbers in upstreams.items()]

    for name, told, count in _UPSTREAM_COUNTERS:
        yield Family(name=name, kind="counter", help=told, samples=by_deployment(count))
    yield Family(
        name="loro_upstream_taken_over_total",
        kind="counter",
        help="Answers taken over from a deployment that failed, before or after a part of them was written.",
        samples=[
            Sample(value=count, labels={"deployment": name, "when": when})
            for name, upstream in upstreams.items()
            for when, count in upstream.taken_over.items()
        ],
    )
    yield Family(
        name="loro_upstream_errors_total",
        kind="counter",
        help="Tries that failed, by deployment and kind.",
        samples=[
            Sample(value=count, labels={"deployment": name, "kind": kind})
            for name, upstream in upstreams.items()
            for kind, count in upstream.errors.items()
        ],
    )
    yield Family(
        name="loro_upstream_in_flight",
        kind="gauge",
        help="Calls under way now, by deployment.",
        samples=by_deployment(lambda u: u.in_flight),
    )


def _counts(counter: Mapping[str, int], label: str) -> list[Sample]:
    return [Sample(value=count, labels={label: name}) for name, count in counter.items()]
