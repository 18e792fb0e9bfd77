"""Metric samples into the Prometheus text format, and who wants it.

Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram", "summary"]

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


class Sample(Struct, frozen=True, kw_only=True):
    """One number of a counter or gauge."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Distribution(Struct, frozen=True, kw_only=True):
    """What a histogram or summary knows of its observations.

    points: of a histogram (upper bound, how many were at or below it), rising, the infinite bound left out, for that
    is `count`; of a summary (quantile, value at it).
    """

    count: int
    total: float
    points: Sequence[tuple[float, float]] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


class Family(Struct, frozen=True, kw_only=True):
    """All samples of one metric; Samples for a counter or gauge, Distributions for a histogram or summary.

    name: with its unit, of a counter with `_total`. help: one line for whoever sees it in a dashboard.
    """

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample | Distribution]


def encode_exposition(families: Iterable[Family]) -> bytes:
    """Return `families` as text, in their order.

    Raises ValueError for a metric or label name that Prometheus would refuse the whole page for.
    """
    lines = [line for family in families for line in _family(family)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def wants_exposition(accept: str) -> bool:
    """Return whether whoever sent this Accept header prefers the text format to JSON.

    A scraper names text/plain or OpenMetrics above the rest; a header that is absent ("") or has no preference
    (`*/*`, as curl and browsers send it) gets JSON. OpenMetrics counts as a wish for text: who asks for it also reads
    this format, told apart by the content type.
    """
    ranges = list(_media_ranges(accept))
    text = max(_quality(ranges, "text", "plain"), *(q for name, q in ranges if name == _OPENMETRICS), 0.0)
    return text > _quality(ranges, "application", "json")


_OPENMETRICS = "application/openmetrics-text"
# RFC 9110, 12.4.2.
_QVALUE = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def _media_ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Yield (media range, quality), parameters other than q left out; one whose q is malformed counts for nothing."""
    for item in accept.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((p[2:].strip() for p in parameters if p.startswith("q=")), "1")
        yield name, float(quality) if _QVALUE.fullmatch(quality) else 0.0


def _quality(ranges: Sequence[tuple[str, float]], type_: str, subtype: str) -> float:
    """Return the quality of a media type: what its most specific range says (RFC 9110, 12.5.1)."""
    for name in (f"{type_}/{subtype}", f"{type_}/*", "*/*"):
        named = [quality for range_, quality in ranges if range_ == name]
        if named:
            return max(named)
    return 0.0


def _family(family: Family) -> Iterator[str]:
    if not _METRIC_NAME.fullmatch(family.name):
        raise ValueError(f"metric name {family.name!r}, needs letters, digits, _ and :")
    help_ = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {family.name} {help_}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        if isinstance(sample, Sample):
            yield f"{family.name}{_labels(sample.labels)} {_number(sample.value)}"
        else:
            yield from _distribution(family, sample)


def _distribution(family: Family, sample: Distribution) -> Iterator[str]:
    if family.kind == "histogram":
        for bound, count in (*sample.points, (float("inf"), sample.count)):
            yield f"{family.name}_bucket{_labels(sample.labels, le=_number(bound))} {_number(count)}"
    else:
        for quantile, value in sample.points:
            yield f"{family.name}{_labels(sample.labels, quantile=_number(quantile))} {_number(value)}"
    yield f"{family.name}_sum{_labels(sample.labels)} {_number(sample.total)}"
    yield f"{family.name}_count{_labels(sample.labels)} {_number(sample.count)}"


def _labels(labels: Mapping[str, str], **own: str) -> str:
    pairs = []
    for name, value in {**labels, **own}.items():
        if not _LABEL_NAME.fullmatch(name):
            raise ValueError(f"label name {name!r}, needs letters, digits and _")
        escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        pairs.append(f'{name}="{escaped}"')
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
