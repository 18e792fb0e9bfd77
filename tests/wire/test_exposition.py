from __future__ import annotations

import math

import pytest

from loro_core.wire.exposition import CONTENT_TYPE, Distribution, Family, Sample, encode_exposition, wants_exposition


def page(*families: Family) -> str:
    return encode_exposition(families).decode()


def gauge(value: float, **labels: str) -> str:
    """Return the sample line of one gauge."""
    return page(Family(name="g", kind="gauge", help="", samples=[Sample(value=value, labels=labels)])).splitlines()[2]


def test_counters_and_gauges() -> None:
    replies = Family(
        name="loro_replies_total",
        kind="counter",
        help="Replies, by how they ended.",
        samples=[
            Sample(value=3, labels={"route": "chat", "outcome": "ok"}),
            Sample(value=0, labels={"outcome": "shed"}),
        ],
    )
    seats = Family(name="loro_seats", kind="gauge", help="Seats taken.", samples=[Sample(value=1.5)])
    assert page(replies, seats) == (
        "# HELP loro_replies_total Replies, by how they ended.\n"
        "# TYPE loro_replies_total counter\n"
        'loro_replies_total{route="chat",outcome="ok"} 3\n'
        'loro_replies_total{outcome="shed"} 0\n'
        "# HELP loro_seats Seats taken.\n"
        "# TYPE loro_seats gauge\n"
        "loro_seats 1.5\n"
    )


def test_a_histogram_has_cumulative_buckets_up_to_infinity() -> None:
    ttft = Distribution(count=5, total=0.75, points=[(0.05, 2), (0.1, 2), (1, 4)], labels={"leg": "answer"})
    family = Family(name="loro_ttft_seconds", kind="histogram", help="First token.", samples=[ttft])
    assert page(family) == (
        "# HELP loro_ttft_seconds First token.\n"
        "# TYPE loro_ttft_seconds histogram\n"
        'loro_ttft_seconds_bucket{leg="answer",le="0.05"} 2\n'
        'loro_ttft_seconds_bucket{leg="answer",le="0.1"} 2\n'
        'loro_ttft_seconds_bucket{leg="answer",le="1"} 4\n'
        'loro_ttft_seconds_bucket{leg="answer",le="+Inf"} 5\n'
        'loro_ttft_seconds_sum{leg="answer"} 0.75\n'
        'loro_ttft_seconds_count{leg="answer"} 5\n'
    )


def test_a_summary_has_quantiles() -> None:
    latency = Distribution(count=2, total=3.0, points=[(0.5, 1.0), (0.95, 2.0)])
    assert page(Family(name="s", kind="summary", help="", samples=[latency])).splitlines()[2:] == [
        's{quantile="0.5"} 1.0',
        's{quantile="0.95"} 2.0',
        "s_sum 3.0",
        "s_count 2",
    ]


def test_a_family_without_samples_is_still_announced() -> None:
    assert page(Family(name="g", kind="gauge", help="x", samples=[])) == "# HELP g x\n# TYPE g gauge\n"
    assert page() == ""


def test_escaping() -> None:
    assert gauge(1, a='say "hi"\nand \\n') == r'g{a="say \"hi\"\nand \\n"} 1'
    family = Family(name="g", kind="gauge", help='a "b"\nc\\d', samples=[])
    assert page(family).splitlines()[0] == r'# HELP g a "b"\nc\\d'
    assert gauge(1, a="模型") == 'g{a="模型"} 1'
    assert gauge(1, a="\ud800") == 'g{a="?"} 1'


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-3, "-3"), (10**20, str(10**20)), (0.1, "0.1"), (1e300, "1e+300"), (1e-7, "1e-07"), (math.nan, "NaN"),
     (math.inf, "+Inf"), (-math.inf, "-Inf")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert gauge(value) == f"g {text}"


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "é"])
def test_a_name_that_would_spoil_the_page_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="metric name"):
        page(Family(name=name, kind="gauge", help="", samples=[]))
    with pytest.raises(ValueError, match="label name"):
        gauge(1, **{name: "x"})


def test_labels_with_two_underscores_are_prometheus_own() -> None:
    with pytest.raises(ValueError, match="label name '__name__'"):
        gauge(1, __name__="x")


PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        "text/plain",
        "TEXT/PLAIN; charset=utf-8",
        "text/*",
        "application/openmetrics-text",
        "text/plain;q=0.1",
        "text/plain, application/json;q=0.9",
        "application/json;q=0.5, text/*;q=0.6, */*;q=0.1",
        "*/*, application/json;q=0.5",
        "text/plain , application/json;Q=0.1",
    ],
)
def test_a_scraper_gets_the_text_format(accept: str) -> None:
    assert wants_exposition(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/json, text/plain, */*",  # axios
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",  # a browser
        "text/html",
        "application/*",
        "text/plain;q=0.5, application/json",
        "text/plain;q=0",
        "text/plain;q=0, */*",
        "text/plain;q=2",
        "text/plain;q=nan",
        "text/plain;q=",
        ",;,/;q=1",
    ],
)
def test_everybody_else_gets_json(accept: str) -> None:
    assert not wants_exposition(accept)


def test_the_content_type_names_the_version() -> None:
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"
