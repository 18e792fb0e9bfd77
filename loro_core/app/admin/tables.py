"""How the models stand, for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HEAD = ("NAME", "STATE", "CALLS", "QUEUE", "MEMORY", "TOKENS/S", "FOR", "KINDS", "RUNS")
_RIGHT = frozenset({"CALLS", "QUEUE", "MEMORY", "TOKENS/S"})


def model_table(models: Sequence[Mapping[str, Any]], now: float) -> str:
    """Return a line for each model of `GET /-/models`, and below them why those that are not well are so."""
    rows = [_HEAD, *(_row(model, now) for model in models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(_HEAD, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    for model in models:
        if model["reason"]:
            lines += ["", f"{model['name']}: {plain(model['reason'])}"]
    return "".join(f"{line}\n" for line in lines)


def total_line(total: Mapping[str, Any]) -> str:
    """Return what all models come to, on one line."""
    parts = [
        f"{total['processes']} of {total['max_processes']} processes"
        if total["max_processes"] is not None
        else counted(total["processes"], "process", "processes"),
        f"{total['in_flight']} of {total['slots']} slots in use",
        f"{total['waiting']} waiting",
    ]
    if total["memory_bytes"] is not None:
        limit = total["memory_limit_bytes"]
        of = "" if limit is None else f" of {amount(limit)}"
        parts.append(f"{amount(total['memory_bytes'])}{of} of memory")
    return ", ".join(parts) + "\n"


def amount(count: float | None) -> str:
    """Return a number of bytes, short."""
    if count is None:
        return "-"
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    at = 0
    while count >= 1024 and at < len(units) - 1:
        count, at = count / 1024, at + 1
    return f"{count:.1f} {units[at]}" if at > 2 and count < 100 else f"{count:.0f} {units[at]}"


def duration(seconds: float) -> str:
    """Return how long something has lasted, short."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return counted(whole // 86400, "day")


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """Return `text` without what could move a terminal's cursor, its line breaks kept."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def _row(model: Mapping[str, Any], now: float) -> tuple[str, ...]:
    speed, since = model["tokens_per_s"], model["since"]
    state = model["state"] + (" (pinned)" if model["pinned"] else "")
    return (
        model["name"],
        state,
        f"{model['in_flight']}/{model['slots']}" if model["slots"] or model["in_flight"] else "-",
        str(model["waiting"]),
        amount(model["memory_bytes"]),
        "-" if speed is None else f"{speed:.1f}",
        "-" if since is None else duration(now - since),
        ",".join(model["kinds"]),
        model["url"] or model["runs"],
    )
