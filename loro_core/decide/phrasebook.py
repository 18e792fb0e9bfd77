"""The phrase book: what can be said, by language and by what a turn wants.

The book is data: `loro_core/phrases/*.toml`, one file a language, and the operator's own tables merged over it, all
handed over as plain mappings. A language's table:

    join                  what stands between sentence, tail, lead-in and answer: " " or ""
    lead_ins, tails       for every category that does not say its own, but for greeting, closing and grave
    [greeting] ...        a table for each Category, one for the tone `grave`, one for `progress`, one for `tool`:
    phrases               a phrase is in one table only; with none, nothing is said
    lead_ins, tails       instead of the language's

A category without a table has nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from loro_core.decide.category import Category
from loro_core.decide.history import spoken_form
from loro_core.errors import ConfigError

GRAVE = "grave"
"""The table for grave turns, whatever they want."""

PROGRESS = "progress"
"""The table for an answer that does not come: its phrases are said one after another, in any order."""

TOOL = "tool"
"""The table for a tool call that nothing was said before: its phrases fit any tool, and nothing leads on from them."""

STANDALONE = frozenset({Category.GREETING.value, Category.CLOSING.value, GRAVE})
"""What follows these is a sentence of its own: no lead-in or tail but those in the table itself."""

SPEAKING = tuple(category for category in Category if category is not Category.BACKCHANNEL)
"""The categories that get words."""

_TABLES = (*(category.value for category in SPEAKING), GRAVE, PROGRESS, TOOL)
_LISTS = ("phrases", "lead_ins", "tails")


class Phrases(Struct, frozen=True, kw_only=True):
    """What can be said to one category of turns.

    sentences: one is said. tails: one may follow. lead_ins: one leads to the answer.
    """

    sentences: tuple[str, ...]
    lead_ins: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()


class Chapter(Struct, frozen=True, kw_only=True):
    """A language's part of the book.

    grave: for grave turns of any category; None says nothing to them. progress: for an answer that does not come.
    tool: for a tool call.
    """

    join: str
    phrases: Mapping[Category, Phrases]
    grave: Phrases | None = None
    progress: Phrases | None = None
    tool: Phrases | None = None

    def tables(self) -> Iterator[tuple[str, Phrases]]:
        """Yield each table's name and what is in it."""
        yield from ((category.value, phrases) for category, phrases in self.phrases.items())
        if self.grave is not None:
            yield GRAVE, self.grave
        if self.progress is not None:
            yield PROGRESS, self.progress
        if self.tool is not None:
            yield TOOL, self.tool


class Phrasebook(Struct, frozen=True, kw_only=True):
    """Phrases by language tag, as `languages` has them ("en", "zh-CN") or any other ("it")."""

    chapters: Mapping[str, Chapter]

    @classmethod
    def from_tables(cls, tables: Mapping[str, object]) -> Phrasebook:
        """Return the book of `tables`: by language tag, what a phrase file holds.

        Raises ConfigError with every problem found, each by its key path ("zh-CN.question.phrases[3]: ...").
        """
        reader = _Reader()
        chapters = {tag: reader.chapter(tag, table) for tag, table in tables.items()}
        if reader.problems:
            raise ConfigError(reader.problems)
        return cls(chapters=chapters)

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self.chapters)


def merged(tables: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Return `tables` with `more` over them: tables are merged, at any depth, and everything else is replaced."""
    result = dict(tables)
    for key, value in more.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def override_tables(lines: Mapping[str, object]) -> dict[str, object]:
    """Return single lines as tables to merge: {"en.greeting": [...]} and {"en": {"greeting": [...]}} are the same.

    A list in a category's place is its phrases; "en.greeting.lead_ins" and "en.tails" name the other lists.
    """
    result: dict[str, object] = {}
    for path, value in _lines((), lines):
        keys = (*path, "phrases") if path[-1] in _TABLES else path
        inner: object = value
        for key in reversed(keys[1:]):
            inner = {key: inner}
        result = merged(result, {keys[0]: inner})
    return result


def _lines(at: tuple[str, ...], table: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in table.items():
        path = (*at, *name.split("."))
        if isinstance(value, Mapping):
            yield from _lines(path, value)
        else:
            yield path, value


def _shared_with(name: str, lists: Mapping[str, dict[str, str]]) -> Mapping[str, dict[str, str]]:
    """Return those of the language's lists that hold for the table `name` too."""
    if name in STANDALONE:
        return {}
    return {"tails": lists["tails"]} if name == TOOL else lists


class _Reader:
    """Reads tables into chapters and keeps every problem it meets."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def chapter(self, tag: str, table: object) -> Chapter:
        if not re.fullmatch("[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?", tag):
            self.problems.append(f"{tag}: a language is named like 'en' or 'zh-TW'")
        if not isinstance(table, Mapping):
            self.problems.append(f"{tag}: needs a table, this is {table!r}")
            return Chapter(join="", phrases={})
        join = table.get("join")
        if not isinstance(join, str) or join not in ("", " "):
            self.problems.append(f'{tag}.join: needs " " or "", this is {join!r}')
            join = ""
        known = (*_TABLES, "join", "lead_ins", "tails")
        self.problems += [f"{tag}.{key}: no such key" for key in table if key not in known]
        shared = {name: self._texts(f"{tag}.{name}", table.get(name, [])) for name in ("lead_ins", "tails")}
        seen: dict[str, str] = {}
        read = {
            name: self._phrases(f"{tag}.{name}", table[name], _shared_with(name, shared), seen)
            for name in _TABLES
            if name in table
        }
        return Chapter(
            join=join,
            phrases={c: read[c.value] for c in SPEAKING if c.value in read},
            grave=read.get(GRAVE),
            progress=read.get(PROGRESS),
            tool=read.get(TOOL),
        )

    def _phrases(self, path: str, table: object, shared: Mapping[str, dict[str, str]], seen: dict[str, str]) -> Phrases:
        if not isinstance(table, Mapping):
            self.problems.append(f"{path}: needs a table with `phrases`, this is {table!r}")
            return Phrases(sentences=())
        self.problems += [f"{path}.{key}: no such key" for key in table if key not in _LISTS]
        sentences = self._texts(f"{path}.phrases", table.get("phrases"))
        for at, sentence in sentences.items():
            first = seen.setdefault(spoken_form(sentence), at)
            if first != at:
                self.problems.append(f"{at}: {sentence!r} is {first} again")
        lists = {
            name: self._texts(f"{path}.{name}", table[name]) if name in table else shared.get(name, {})
            for name in ("lead_ins", "tails")
        }
        return Phrases(
            sentences=tuple(sentences.values()),
            lead_ins=tuple(lists["lead_ins"].values()),
            tails=tuple(lists["tails"].values()),
        )

    def _texts(self, path: str, value: object) -> dict[str, str]:
        """Return the usable texts of a list by their key path."""
        if not isinstance(value, list):
            self.problems.append(f"{path}: needs a list of texts, this is {value!r}")
            return {}
        texts: dict[str, str] = {}
        for number, text in enumerate(value):
            at = f"{path}[{number}]"
            if not isinstance(text, str) or not spoken_form(text):
                self.problems.append(f"{at}: needs a text with words in it, this is {text!r}")
            elif text != text.strip() or not text.isprintable():
                self.problems.append(
                    f"{at}: {text!r} has white space around it, or a line break or invisible character"
                )
            else:
                texts[at] = text
        return texts
