"""How turns are read: those the rules were written from, and those they were not.

`python -m tests.decide.turn_figures` prints the figures of every set; with the name of one ("first") the turns of it
that are misread, too. `figures` returns them.

    language    read in the right language
    category    read for what they want, or for something that is answered alike
    neutral     read for less than they want: the words fit anything, or none are said
    foolish     read for something else than they want, so the words do not fit; or words in another language
    greeted     greeted, and do not greet
    missed      grave or an emergency, and read as plain
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loro_core.decide.category import Category, category_of
from loro_core.decide.language import language_of_text
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.tone import Tone, tone_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = Path(__file__).parent.parent / "data"
SETS = {
    "turns": sorted((DATA / "turns").glob("*.toml")),
    **{path.stem: [path] for path in sorted((DATA / "turns-heldout").glob("*.toml"))},
}

FIT_ANYTHING = frozenset({Category.OTHER, Category.BACKCHANNEL})
"""What is said to the first fits whatever was said before it; to the second nothing is said."""

ASKING = frozenset({Category.QUESTION, Category.EXPLAIN, Category.LOOKUP, Category.REQUEST})
"""What "let me think about that" fits, the words for a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn. categories: what it wants, or may be taken to want. language: "" where it shows none."""

    text: str
    language: str
    categories: frozenset[Category]
    tone: Tone


@dataclass(slots=True, kw_only=True)
class Figures:
    """Of `turns` turns, those with each fault, as (said, what it was read for)."""

    turns: int = 0
    language: list[tuple[str, str]] = field(default_factory=list)
    category: list[tuple[str, str]] = field(default_factory=list)
    neutral: list[tuple[str, str]] = field(default_factory=list)
    foolish: list[tuple[str, str]] = field(default_factory=list)
    greeted: list[tuple[str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)

    def right(self, what: str) -> float:
        """Return the share of turns without the fault `what`."""
        return 1.0 - len(getattr(self, what)) / max(1, self.turns)


def turns_of(name: str) -> Iterator[Turn]:
    for path in SETS[name]:
        for text, language, categories, tone, *_ in tomllib.loads(path.read_text(encoding="utf-8"))["turns"]:
            wanted = frozenset(Category(category) for category in categories.split("|"))
            yield Turn(text=text, language=language, categories=wanted, tone=Tone(tone))


def figures(turns: Sequence[Turn]) -> Figures:
    """Return how `turns` are read, each by itself, as the first one of a conversation."""
    found = Figures()
    for turn in turns:
        found.turns += 1
        language = language_of_text(turn.text) or ""
        category, tone = category_of(turn.text, language), tone_of(turn.text, language)
        row = (turn.text, f"{language or '-'} {category.value} {tone.value}, not {_wanted(turn)}")
        if language != turn.language:
            found.language.append(row)
        if category not in turn.categories:
            found.category.append(row)
            (found.neutral if _fits(category, turn) else found.foolish).append(row)
        elif language in LANGUAGES and language != turn.language:
            found.foolish.append(row)
        if category is Category.GREETING and Category.GREETING not in turn.categories:
            found.greeted.append(row)
        if tone is Tone.PLAIN and turn.tone is not Tone.PLAIN:
            found.missed.append(row)
    return found


def _fits(category: Category, turn: Turn) -> bool:
    if category is Category.QUESTION:
        return bool(turn.categories & ASKING)
    return category in FIT_ANYTHING


def _wanted(turn: Turn) -> str:
    categories = "|".join(sorted(category.value for category in turn.categories))
    return f"{turn.language or '-'} {categories} {turn.tone.value}"


def main(shown: Sequence[str]) -> None:
    lines = ["set       turns  language  category  neutral  foolish  greeted  missed"]
    by_language: dict[str, list[str]] = defaultdict(list)
    for name in SETS:
        turns = list(turns_of(name))
        found = figures(turns)
        lines.append(
            f"{name:9} {found.turns:5}  {found.right('language'):8.1%}  {found.right('category'):8.1%}  "
            f"{1 - found.right('neutral'):7.1%}  {1 - found.right('foolish'):7.1%}  "
            f"{len(found.greeted):7}  {len(found.missed):6}"
        )
        for tag in LANGUAGES:
            own = figures([turn for turn in turns if turn.language == tag])
            by_language[tag].append(f"{own.right('category'):6.1%}")
        if name in shown:
            for fault in ("language", "neutral", "foolish", "greeted", "missed"):
                lines += [f"  {fault}: {said!r}: {read}" for said, read in getattr(found, fault)]
    lines.append(f"category  {'  '.join(f'{name:>6}' for name in SETS)}")
    lines += [f"  {tag:7} {'  '.join(shares)}" for tag, shares in by_language.items()]
    print("\n".join(lines))  # noqa: T201  # a report


if __name__ == "__main__":
    main(sys.argv[1:])
