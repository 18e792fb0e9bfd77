"""The report as one HTML page that needs nothing but itself; pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from tests.bench.findings import Finding
from tests.bench.plots import quantiles, rounds
from tests.bench.table import bars, busy, findings_of

_STYLE = """
:root { color-scheme: light dark; --text: #1d2126; --quiet: #5a626c; --line: #d9dde2; --back: #fff; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7eb; --quiet: #a0a8b2; --line: #383e46; --back: #15181c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 760px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .2rem; }
h3 { font-size: .95rem; margin: 1.1rem 0 0; }
p { margin: .2rem 0 .6rem; } .quiet, li { color: var(--quiet); font-size: .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } th { text-align: left; }
td, th { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td + td, .value { font-variant-numeric: tabular-nums; }
.PASS { color: #1a8a4a; font-weight: 600; } .MISS, .FAILED { color: #c4314b; font-weight: 600; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--text); }
svg .grid { stroke: var(--line); } svg .side { font-weight: 600; }
"""


def render(report: Mapping[str, Any]) -> str:
    """Return the page of a report."""
    about = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    where = f"{about['cores']} cores ({about['processor']}), {about['system']}, Python {about['python']}; {versions}"
    how = f"{report['rounds']} rounds a side of {report['seconds']:g} s, taken in turn. {busy(report)}"
    absent = "".join(f"<p class=quiet>Without {escape(f'{n}: {why}')}</p>" for n, why in report["absent"].items())
    body = [
        "<h1>What loro costs</h1>",
        f"<p class=quiet>{escape(report['at'])}, <code>{escape(report['command'])}</code>: {escape(where)}. {how}.</p>",
        absent,
        _bars(report),
        *(_finding(finding) for finding in findings_of(report)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What loro costs</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _bars(report: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(measure)}<td>{escape(value)}<td>{escape(bar)}<td class={verdict}>{verdict}"
        if verdict != "-"
        else f"<tr><td>{escape(measure)}<td>{escape(value)}<td>{escape(bar)}<td>"
        for measure, value, bar, verdict in bars(report)
    )
    return f"<table><tr><th>measure<th>measured<th>bar<th>{rows}</table>"


def _finding(finding: Finding) -> str:
    parts = [f"<h2>{escape(finding.title)}</h2>"]
    if finding.how:
        parts.append(f"<p class=quiet>{escape(finding.how[:1].upper() + finding.how[1:])}.</p>")
    if finding.failed:
        parts.append(f"<p class=FAILED>{escape(finding.failed)}</p>")
    for series in finding.series:
        if any(series.sides.values()):
            unit = f", {series.unit}" if series.unit else ""
            parts.append(f"<h3>{escape(series.name + unit)}</h3>{rounds(series)}")
    for name, curves in finding.curves.items():
        if any(curves.values()):
            parts.append(f"<h3>{escape(name)}: by quantile</h3>{quantiles(name, curves)}")
    notes = "".join(f"<li>{escape(note)}</li>" for note in finding.notes)
    return "".join(parts) + (f"<ul>{notes}</ul>" if notes else "")
