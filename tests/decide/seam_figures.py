"""How the seam does: every shipped acknowledgement before every opening of tests/data/openings.toml.

`python -m tests.decide.seam_figures` prints the figures; `figures` returns them.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loro_core.decide.category import Category
from loro_core.decide.folded import folded
from loro_core.decide.openers import for_language
from loro_core.decide.phrasebook import Phrasebook
from loro_core.decide.seam import Seam
from loro_core.decide.verdict import Kind

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent
OPENINGS = ROOT / "tests" / "data" / "openings.toml"
PHRASES = ROOT / "loro_core" / "phrases"

Opening = Mapping[str, Any]

UNSPACED_ENDS = "。，！？、」』"
"""What an acknowledgement in a script without spaces ends with."""
LAID_OUT = ("```", "- ")
STANDALONE = (Category.GREETING, Category.CLOSING)
"""What may be taken off after these is their own kind: the openings have a line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Something that the book can say."""

    language: str
    category: Category
    words: str
    leads_in: bool


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of `pairs` replies. Each list holds the replies that went wrong so, as (said, answer, came out).

    doubled: a second greeting is left. missed: something else that should have gone is left. false_cuts: words are gone
    that should have stayed. spaces, cases: the words are right, and what is between them or their first letter is not.
    """

    pairs: int = 0
    doubled: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[tuple[str, str, str]] = field(default_factory=list)
    false_cuts: list[tuple[str, str, str]] = field(default_factory=list)
    spaces: list[tuple[str, str, str]] = field(default_factory=list)
    cases: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def false_cut_share(self) -> float:
        """Of all pairs, those that lost words they should have kept."""
        return len(self.false_cuts) / self.pairs

    def __str__(self) -> str:
        wrong = ("doubled", "spaces", "false_cuts", "missed", "cases")
        counts = ", ".join(f"{len(getattr(self, name))} {name.replace('_', ' ')}" for name in wrong)
        return f"seam: {self.pairs} replies: {counts} ({self.false_cut_share:.2%} false cuts)"


def load_openings() -> list[Opening]:
    return tomllib.loads(OPENINGS.read_text(encoding="utf-8"))["openings"]


def load_book() -> Phrasebook:
    tables = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(PHRASES.glob("*.toml"))}
    return Phrasebook.from_tables(tables)


def sayings(book: Phrasebook) -> Iterator[Saying]:
    """Yield everything in the book: each sentence with one lead-in, and each lead-in with some sentence."""
    for language, chapter in book.chapters.items():
        for category, phrases in chapter.phrases.items():
            for sentence, lead_in in zip(phrases.sentences, itertools.cycle(phrases.lead_ins or ("",)), strict=False):
                words = chapter.join.join(filter(None, (sentence, lead_in)))
                yield Saying(language=language, category=category, words=words, leads_in=bool(lead_in))


def figures(book: Phrasebook, openings: Sequence[Opening]) -> Figures:
    """Return what comes of every saying before every opening."""
    found = Figures()
    for saying, opening in itertools.product(sayings(book), openings):
        found.pairs += 1
        seam = Seam(saying.words, saying.language, category=saying.category)
        came = seam.feed(opening["text"], 0.0) + seam.end()
        wanted = expected(saying, opening)
        if came == wanted or (opening.get("shared") and came == expected(saying, opening, same_language=True)):
            continue
        if saying.leads_in and saying.category in STANDALONE and _led_in_once(saying, came, wanted):
            continue
        row = (saying.words, opening["text"], came)
        bare, wanted_bare = came.strip().casefold(), wanted.strip().casefold()
        cut = {edit.kind for edit in seam.edits} - {Kind.SPACE, Kind.CASE}
        if bare != wanted_bare and len(bare) < len(wanted_bare):
            found.false_cuts.append(row)
        elif bare != wanted_bare and saying.category is Category.GREETING and not cut:
            found.doubled.append(row)
        elif bare != wanted_bare:
            found.missed.append(row)
        elif came.strip() != wanted.strip():
            found.cases.append(row)
        else:
            found.spaces.append(row)
    return found


def _led_in_once(saying: Saying, came: str, wanted: str) -> bool:
    """Return whether `came` is `wanted` behind a lead-in: without another one, and in whatever case."""
    rest, whole = came.strip().casefold(), wanted.strip().casefold()
    gone = folded(whole.removesuffix(rest)).strip(" ,،，")
    return whole.endswith(rest) and gone in ("", *for_language(saying.language).lead_ins)


def expected(saying: Saying, opening: Opening, *, same_language: bool = False) -> str:
    """Return what must come after `saying`, with what stands before it."""
    text = opening["text"].strip()
    same = same_language or opening["language"] == saying.language.split("-")[0]
    if saying.category is Category.GREETING:
        text = opening.get("after_greeting", text)
    elif saying.category is Category.CLOSING:
        text = opening.get("after_closing", text) if same else text
    elif same:
        text = opening.get("after_sentence", text)
        text = opening.get("after_lead_in", text) if saying.leads_in else text
    if not text:
        return ""
    if text.startswith(LAID_OUT):
        return f"\n\n{text}"
    return text if saying.words[-1] in UNSPACED_ENDS else f" {text}"


if __name__ == "__main__":
    result = figures(load_book(), load_openings())
    for name in ("doubled", "spaces", "false_cuts", "missed", "cases"):
        for said, answer, came in getattr(result, name):
            print(f"{name}: {said!r} + {answer!r} -> {came!r}")  # noqa: T201  # a report
    print(result)  # noqa: T201
