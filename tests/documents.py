"""The pages under docs/ as data: their headings, links, code blocks and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.building import ROOT

DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(`{3,})(\w*)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def pages() -> list[Path]:
    """Return every page: docs/, the README, and those of contrib/."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "contrib").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks in `language`, in order."""
    return [found[3] for found in _FENCE.finditer(_text(page)) if found[2] == language]


def numbered_blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """Yield the fenced blocks in `language`, each with the number of its first line."""
    text = _text(page)
    for found in _FENCE.finditer(text):
        if found[2] == language:
            yield text.count("\n", 0, found.start(3)) + 1, found[3]


def headings(page: Path) -> list[str]:
    """Return the headings, as written."""
    return _HEADING.findall(_FENCE.sub("", _text(page)))


def anchors(page: Path) -> set[str]:
    """Return what links may have behind `#`, as GitHub makes it of headings."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(page))
    return {heading.replace(" ", "-") for heading in plain}


def links(page: Path) -> list[str]:
    """Return the targets of the links, in order; those in code are none."""
    return _LINK.findall(_CODE_SPAN.sub("", _FENCE.sub("", _text(page))))


def tables(page: Path) -> dict[str, list[str]]:
    """Return, by the heading above it, the names in the first column of a table."""
    parts = re.split(r"^## `(.+)`$", _text(page), flags=re.MULTILINE)
    return {heading: _ROW.findall(body) for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")
