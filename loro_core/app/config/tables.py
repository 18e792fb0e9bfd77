"""The tables of a file of which there may be several: arrays of tables, tables by name, and files that are one table.

Each becomes an `Entry`: what it says, key by key, and how problems call it. A text that is blank counts as not set, as
it does in a variable: the older system wrote such files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loro_core.app.config.keys import keys_of
from loro_core.app.config.kinds import closest
from loro_core.app.config.settings import ARRAYS, NAMED
from loro_core.app.config.sources import Document, Given, unknown
from loro_core.app.config.toml_lines import KeyPath
from loro_core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One such table.

    table: "local_models", "pairs". path: how problems call it: "local_models[0]", "pairs.kitchen", "" for a file that
    is one table. place: where it begins: "loro.toml:12". directory: that of its file, where relative paths begin.
    given: by key, what it says.
    """

    table: str
    path: str
    place: str
    directory: Path
    given: Mapping[str, Given]

    def called(self, name: str) -> str:
        """Return how problems call the key `name`: as it is written, if it is."""
        given = self.given.get(name)
        if given is not None:
            return given.name
        return f"{self.path}.{name}" if self.path else name

    def at(self, name: str) -> str:
        """Return where the key `name` stands, or where the table begins if it does not say it."""
        given = self.given.get(name)
        return self.place if given is None else given.place

    def problem(self, name: str, said: str) -> str:
        """Return the problem `said` about the key `name`, with its place."""
        return f"{self.at(name)}: {self.called(name)} {said}"


def entries_of(document: Document, directory: Path) -> tuple[list[Entry], list[str]]:
    """Return the tables of `document` of which there may be several, as they stand in it, and what is wrong there."""
    entries: list[Entry] = []
    problems: list[str] = []
    for table, value in document.values.items():
        if table in ARRAYS:
            found, said = _elements(document, table, value)
        elif table in NAMED:
            found, said = _named(document, table, value)
        else:
            continue
        problems += said
        for path, at in found:
            entry, said = _entry(table, path, document, at, directory)
            entries.append(entry)
            problems += said
    return entries, problems


def whole_file(document: Document, directory: Path, table: str) -> tuple[Entry, list[str]]:
    """Return `document` as one table of the array `table`, and what is wrong in it."""
    return _entry(table, "", document, (), directory)


def read_values(entry: Entry, settings: type) -> tuple[dict[str, Any], list[str]]:
    """Return the values of the fields of `settings`, and what does not fit; a default stands in for that."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key in keys_of(entry.table, settings):
        values[key.name] = key.default
        if key.name in entry.given:
            try:
                values[key.name] = entry.given[key.name].take()
            except ConfigError as error:
                problems += error.problems
    return values, problems


_Tables = list[tuple[str, KeyPath]]
"""How each is called and where it stands."""


def _elements(document: Document, table: str, value: Any) -> tuple[_Tables, list[str]]:
    place = document.place((table,))
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [], [f"{place}: {table} is no array of tables, needs to be one: [[{table}]]"]
    tables: _Tables = [
        (f"{table}[{index}]", (table, str(index))) for index, one in enumerate(value) if isinstance(one, Mapping)
    ]
    others = [index for index, one in enumerate(value) if not isinstance(one, Mapping)]
    return tables, [f"{place}: {table}[{index}] is no table, needs to be one: [[{table}]]" for index in others]


def _named(document: Document, table: str, value: Any) -> tuple[_Tables, list[str]]:
    if not isinstance(value, Mapping):
        return [], [f"{document.place((table,))}: {table} is no table, needs to hold tables by name: [{table}.NAME]"]
    tables: _Tables = [(f"{table}.{name}", (table, name)) for name, one in value.items() if isinstance(one, Mapping)]
    others = [name for name, one in value.items() if not isinstance(one, Mapping)]
    return tables, [
        f"{document.place((table, name))}: {table}.{name} is no table, needs to be one: [{table}.{name}]"
        for name in others
    ]


def _entry(table: str, path: str, document: Document, at: KeyPath, directory: Path) -> tuple[Entry, list[str]]:
    """Return the table that stands `at` its place in `document`, and a problem for everything in it that is no key."""
    members: Any = document.values
    for name in at:
        members = members[int(name)] if isinstance(members, Sequence) else members[name]
    rows = {key.name: key for key in keys_of(table, (ARRAYS | NAMED)[table])}
    dotted = f"{path}." if path else ""
    given: dict[str, Given] = {}
    problems: list[str] = []
    for name, value in members.items():
        place = document.place((*at, name))
        if name not in rows:
            close = closest(name, rows)
            wants = (
                "a key of a model" if not path else f"a key of [[{table}]]" if table in ARRAYS else "a key of a pair"
            )
            problems.append(unknown(place, f"{dotted}{name}", wants, close and f"{dotted}{close}"))
        elif not isinstance(value, str) or value.strip() or getattr(rows[name].kind, "blank", False):
            given[name] = Given(place=place, name=f"{dotted}{name}", kind=rows[name].kind, raw=value)
    place = document.place(at) if at else document.name
    return Entry(table=table, path=path, place=place, directory=directory, given=given), problems
