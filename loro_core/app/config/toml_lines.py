"""On which line of a TOML text each key stands, which parsers of TOML do not tell.

A text that parses is a sequence of statements, a header or a key with its value, each of which parses alone and none of
whose beginnings does. So lines are gathered until they parse, and the parser itself says which keys a statement sets:
multi-line strings, dotted and quoted keys and inline tables need no second reading of TOML's grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

KeyPath = tuple[str, ...]
"""Names from the top; an element of an array of tables is named by its index, as a text."""


def key_lines(text: str, loads: Callable[[str], Mapping[str, Any]]) -> dict[KeyPath, int]:
    """Return the line, from 1, on which each key and table of `text` is first set.

    text: TOML that `loads` takes. loads: raises a ValueError for what it does not take.
    """
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement, start = "", 1
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        statement += line + "\n"
        try:
            parsed = loads(statement)
        except ValueError:
            continue
        if statement.lstrip().startswith("["):
            table = _enter(parsed, arrays)
            for names in range(1, len(table) + 1):
                lines.setdefault(table[:names], start)
        else:
            _record(parsed, table, start, lines)
        statement, start = "", number + 1
    return lines


def _enter(header: Mapping[str, Any], arrays: dict[KeyPath, int]) -> KeyPath:
    """Return the table that `header` opens. arrays: how many elements each array of tables has; it is kept up."""
    path: KeyPath = ()
    node: Any = header
    while node:
        ((name, node),) = node.items()
        path += (name,)
        if isinstance(node, list):
            arrays[path] = arrays.get(path, 0) + 1
            node = node[0]
        if path in arrays:
            path += (str(arrays[path] - 1),)
    return path


def _record(parsed: Any, path: KeyPath, line: int, lines: dict[KeyPath, int]) -> None:
    members = enumerate(parsed) if isinstance(parsed, list) else parsed.items() if isinstance(parsed, Mapping) else ()
    for name, value in members:
        lines.setdefault((*path, str(name)), line)
        _record(value, (*path, str(name)), line, lines)
