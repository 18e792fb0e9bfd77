"""The numbers of several workers add up to what one would have counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loro_core.app.exposition import families
from loro_core.app.metrics import Metrics, ReplyRecord
from loro_core.app.processes.messages import Standing, Tally, decode, encode
from loro_core.app.processes.sums import added_up, without_gauges
from loro_core.chat import ReplyUsage, TurnKind, Usage
from loro_core.decide.estimate import Window
from loro_core.decide.prefill import Rung
from loro_core.errors import UpstreamTimeout
from loro_core.fleet import Deployment, Leg
from loro_core.runtime.observe import LegEnded, LegRetried, LegSpoke, LegStarted, LegWaited
from loro_core.wire.exposition import encode_exposition

WINDOW = 1000
# Halves of halves: their sums are exact in any order.
SECONDS = st.integers(0, 4096).map(lambda n: n / 1024)
DEPLOYMENTS = [Deployment(name=name, provider="p", base_url="", model="m") for name in ("small", "large")]

records = st.builds(
    ReplyRecord,
    request_id=st.just("r"),
    model=st.just("m"),
    policy=st.just("adaptive"),
    reason=st.sampled_from(["slow", "quick"]),
    quick=st.booleans(),
    stream=st.just(True),
    outcome=st.sampled_from(["finished", "cancelled", "error"]),
    status=st.just(200),
    turn=st.sampled_from(TurnKind),
    adopted=st.booleans(),
    error=st.sampled_from([None, "timeout"]),
    acknowledgement=st.sampled_from(["none", "model", "phrase", "dropped", "silent"]),
    told=st.sampled_from([None, *Rung]),
    words_rejected=st.sampled_from([None, "too_long"]),
    first_response_s=st.none() | SECONDS,
    total_s=SECONDS,
    answer_first_token_s=st.none() | SECONDS,
    usage=st.just(ReplyUsage(answer=Usage(prompt_tokens=3, completion_tokens=5))),
)
happenings = st.one_of(
    st.builds(LegStarted, leg=st.just(Leg.ANSWER), deployment=st.sampled_from(DEPLOYMENTS)),
    st.builds(LegSpoke, leg=st.just(Leg.ANSWER), deployment=st.sampled_from(DEPLOYMENTS), after_s=SECONDS),
    st.builds(
        LegRetried,
        leg=st.just(Leg.ANSWER),
        deployment=st.sampled_from(DEPLOYMENTS),
        error=st.just(UpstreamTimeout("late", deployment="large", phase="prefill")),
        wait_s=SECONDS,
    ),
    st.builds(
        LegEnded,
        leg=st.just(Leg.ANSWER),
        deployment=st.sampled_from(DEPLOYMENTS),
        outcome=st.sampled_from(["finished", "cancelled"]),
        duration_s=SECONDS,
    ),
)


def take(metrics: Metrics, event) -> None:
    if isinstance(event, ReplyRecord):
        metrics.count(event)
    else:
        metrics.observe(event)


def text(metrics: Metrics) -> list[str]:
    return sorted(encode_exposition(families(metrics, connections=0)).decode().splitlines())


@given(st.lists(st.tuples(st.integers(0, 2), records | happenings), max_size=40))
def test_what_is_counted_apart_adds_up_to_what_is_counted_together(events):
    parts, together = [Metrics(WINDOW) for _ in range(3)], Metrics(WINDOW)
    for worker, event in events:
        take(parts[worker], event)
        take(together, event)
    whole = added_up([decode(encode(Tally(parts=(part,), connections=1))).parts[0] for part in parts])
    assert whole.as_json() == together.as_json()
    assert text(whole) == text(together)


@given(st.lists(st.lists(SECONDS, max_size=12), min_size=1, max_size=4))
def test_windows_together_have_the_quantiles_of_the_union_of_what_they_keep(parts):
    size = 8
    windows = [Window(size) for _ in parts]
    for window, values in zip(windows, parts, strict=True):
        for value in values:
            window.add(value)
    kept = [value for values in parts for value in values[-size:]]
    reference = Window(len(kept))
    for value in kept:
        reference.add(value)
    metrics = [Metrics(size) for _ in parts]
    for one, window in zip(metrics, windows, strict=True):
        one.quick.latencies["first_response_latency"] = window
    whole = added_up(metrics).quick.latencies["first_response_latency"]
    assert sorted(whole.values()) == sorted(kept)
    assert whole.summary() == reference.summary()
    assert (whole.total, whole.sum) == (sum(map(len, parts)), sum(map(sum, parts)))


def test_a_sum_shares_nothing_with_its_parts():
    part = Metrics(WINDOW)
    whole = added_up([part])
    part.count(
        ReplyRecord(
            request_id="r",
            model="m",
            policy="p",
            reason="slow",
            quick=True,
            stream=True,
            outcome="finished",
            status=200,
            first_response_s=0.5,
        )
    )
    part.observe(LegStarted(leg=Leg.ANSWER, deployment=DEPLOYMENTS[0]))
    assert whole.as_json() == Metrics(WINDOW).as_json()


def test_of_a_worker_that_is_gone_counts_remain_and_calls_do_not():
    gone = Metrics(WINDOW)
    record = ReplyRecord(
        request_id="r", model="m", policy="p", reason="slow", quick=True, stream=True, outcome="finished", status=200
    )
    for n in range(5):
        gone.count(replace(record, first_response_s=float(n)))
    gone.observe(LegStarted(leg=Leg.ANSWER, deployment=DEPLOYMENTS[0]))
    left = without_gauges(gone, window=2)
    assert left.quick.requests == 5
    assert (left.upstreams["small"].calls, left.upstreams["small"].in_flight) == (1, 0)
    first = left.quick.latencies["first_response_latency"]
    assert (list(first.values()), first.total, first.sum) == ([3.0, 4.0], 5, 10.0)


def test_what_nothing_says_how_to_add_is_refused():
    odd = Metrics(WINDOW)
    odd.adopted = "seven"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="str"):
        added_up([odd, odd])


def test_learned_speeds_are_not_added_up():
    part = Metrics(WINDOW)
    part.observe(
        LegWaited(leg=Leg.ANSWER, deployment=DEPLOYMENTS[1], after_s=0.5, answered=True, prompt_chars=10, at=0.0)
    )
    learned = added_up([part]).expectation("large", 10, 0.0)
    assert learned is not None and learned.measured == 0.0


def test_a_standing_tells_who_reports_only_where_that_was_asked():
    assert Standing(count=2, ready=1, restarts=3).as_json() == {"count": 2, "ready": 1, "restarts": 3}
    assert Standing(count=2, ready=1, restarts=3, reporting=1).as_json()["reporting"] == 1
