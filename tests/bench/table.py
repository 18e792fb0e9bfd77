"""The report as tables: for a terminal, and in Markdown for docs/benchmarks.md; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.findings import Bar, Finding

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def findings_of(report: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of a report, which may come from its JSON."""
    return [Finding.from_json(fields) for fields in report["findings"]]


def bars(report: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return measure, value, bar and verdict of every bar."""
    return [
        (bar.measure, bar.value, bar.bar, bar.verdict) for finding in findings_of(report) for bar in finding.bars
    ] + [(finding.title, finding.failed, "", "FAILED") for finding in findings_of(report) if finding.failed]


def text(report: Mapping[str, Any]) -> str:
    """Return the report for a terminal."""
    lines = []
    for finding in findings_of(report):
        lines.append(f"{finding.title}: {finding.how}" if finding.how else finding.title)
        for series in finding.series:
            sides = ", ".join(f"{side} {_spread(series.sides[side], series.unit)}" for side in series.sides)
            lines.append(f"  {series.name}: {sides}")
        lines += [f"  note: {note}" for note in finding.notes]
        lines += [f"  not measured: {finding.failed}"] if finding.failed else []
        lines.append("")
    return "\n".join([*lines, *_aligned([("measure", "measured", "bar", ""), *bars(report)])])


def markdown(report: Mapping[str, Any]) -> str:
    """Return the report for the docs: on what, with what, then the bars, then all figures."""
    about = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    where = f"{about['cores']} cores ({about['processor']}), {about['system']}, Python {about['python']}"
    how = f"{report['rounds']} rounds a side; medians, and in brackets the rounds' extremes. {busy(report)}"
    lines = [
        f"Measured on {report['at']} with `{report['command']}` on {where}; {versions}. {how}.",
        "",
        *_rows(("measure", "measured", "bar", "verdict"), bars(report)),
    ]
    for finding in findings_of(report):
        lines += ["", f"### {finding.title}", "", f"{_capital(finding.how)}." if finding.how else ""]
        if finding.series:
            sides = list(dict.fromkeys(side for series in finding.series for side in series.sides))
            rows = [
                (series.name, *(_spread(series.sides.get(side, ()), series.unit) for side in sides))
                for series in finding.series
            ]
            lines += ["", *_rows(("", *sides), rows)]
        lines += ["", *(f"- {note}" for note in finding.notes)] if finding.notes else []
    return "\n".join(lines)


def busy(report: Mapping[str, Any]) -> str:
    """Return how busy others kept the machine."""
    return f"The machine's load average at the start was {report['load']:g}"


def into(page: str, figures: str) -> str:
    """Return `page` with `figures` between its marks. Raises ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def _spread(values: Sequence[float], unit: str) -> str:
    return Bar(measure="", unit=unit, limit=0, rounds=values, missing=" ").value.strip()


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
