"""The phrase book that a gateway speaks from, and the command that proofreads phrase files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from loro_core.app.config import read_toml
from loro_core.app.config.settings import WordsSettings
from loro_core.decide.announce import ToolLines
from loro_core.decide.phrasebook import Phrasebook, merged, override_tables
from loro_core.decide.proofreading import problems_in
from loro_core.errors import ConfigError


def phrasebook(words: WordsSettings, directory: Path) -> Phrasebook:
    """Return the book that comes with loro, with the operator's files and lines over it, in this order.

    directory: where the files are looked for. Raises ConfigError with the problems of the first source that has any.
    """
    tables = shipped_tables()
    book = Phrasebook.from_tables(tables)
    own: list[tuple[str, Mapping[str, object]]] = [(name, _tables_of(directory / name)) for name in words.files]
    if words.override:
        own.append(("words.override", override_tables(words.override)))
    for name, more in own:
        tables = merged(tables, more)
        book = _book_of(name, tables)
    return book


def tool_lines(words: WordsSettings) -> ToolLines:
    """Return the operator's lines before tool calls. Raises ConfigError."""
    try:
        return ToolLines.from_tables(words.tools)
    except ConfigError as error:
        raise ConfigError([f"words.tools.{problem}" for problem in error.problems]) from None


def words_problems(words: WordsSettings, directory: Path) -> Sequence[str]:
    """Return what is wrong with the operator's own words, in the words of a ConfigError."""
    problems: list[str] = []
    for read in (lambda: phrasebook(words, directory), lambda: tool_lines(words)):
        try:
            read()
        except ConfigError as error:
            problems += error.problems
    return problems


def shipped_tables() -> dict[str, object]:
    """Return the phrase files that come with loro, by language tag."""
    files = sorted(resources.files("loro_core.phrases").iterdir(), key=lambda f: f.name)
    return {f.name.removesuffix(".toml"): read_toml(f) for f in files if f.name.endswith(".toml")}


def proofread(files: Sequence[str]) -> int:
    """Print what is wrong with `files`, or with the built-in book if there are none; return how many things are.

    A file is judged as it will be used: over the built-in book. Raises ConfigError for one that cannot be read, or is
    not of the book's form.
    """
    shipped = shipped_tables()
    if not files:
        return _print(Phrasebook.from_tables(shipped), sorted(shipped))
    count = 0
    for name in files:
        tables = _tables_of(Path(name))
        count += _print(_book_of(name, merged(shipped, tables)), sorted(tables))
    return count


def _tables_of(path: Path) -> Mapping[str, object]:
    """Return the tables of a phrase file: of several languages, or of the one that it is named for, as ours are."""
    tables = read_toml(path)
    return {path.stem: tables} if "join" in tables else tables


def _book_of(source: str, tables: Mapping[str, object]) -> Phrasebook:
    try:
        return Phrasebook.from_tables(tables)
    except ConfigError as error:
        raise ConfigError([f"{source}: {problem}" for problem in error.problems]) from None


def _print(book: Phrasebook, languages: Sequence[str]) -> int:
    problems = list(problems_in(book, languages))
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    tables = [phrases for tag in languages for _, phrases in book.chapters[tag].tables()]
    lines = sum(len(phrases.sentences) for phrases in tables)
    sys.stdout.write(f"{', '.join(languages)}: {lines} phrases, {len(problems)} problems\n")
    return len(problems)
