r"""`.env` files: NAME=value lines, found in a directory or the nearest one above it.

    # a comment
    export NAME = bare value        # a blank and a hash start a comment
    NAME='as it stands: \n $HOME'
    NAME="with \n, \r, \t, \", \\ and \$; the rest as it stands"

Quoted values may hold line ends. Nothing is substituted: a `$` in a key is part of the key. Of a name that comes twice,
the last line holds, as it would for a shell.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=")
_SINGLE = re.compile(r"[ \t]*'([^']*)'")
_DOUBLE = re.compile(r'[ \t]*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"((?:(?![ \t]#)[^\n])*)")
_REST = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\n]*)?(?:\n|\Z)")
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_QUOTE = re.compile(r"[ \t]*(['\"])")
_ESCAPE = re.compile(r'\\([nrt"\\$])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class Assignment(Struct, frozen=True, kw_only=True):
    """One NAME=value. line: where it starts, from 1. value: not shown, for it may be a key."""

    name: str
    value: str
    line: int

    def __repr__(self) -> str:
        return f"Assignment(name={self.name!r}, line={self.line})"


class Mistake(Struct, frozen=True, kw_only=True):
    """A line that is none. wants: what it needs. The line itself is not told, for it may hold a key."""

    line: int
    wants: str


def find(directory: Path) -> Path | None:
    """Return the `.env` file in `directory` or the nearest one above it, None if there is none.

    Directories of that name, as some call their virtual environments, are passed over.
    """
    for place in (directory, *directory.parents):
        try:
            if (place / ".env").is_file():
                return place / ".env"
        except OSError:  # a directory above that may not be looked into
            continue
    return None


def parse(text: str) -> list[Assignment | Mistake]:
    """Return what the lines of `text` say, in order. Takes any text; after a mistake it goes on at the next line."""
    text = text.replace("\r\n", "\n")
    found: list[Assignment | Mistake] = []
    at, line = 0, 1
    while at < len(text):
        start = at
        if blank := _BLANK.match(text, at):
            at = blank.end()
        else:
            try:
                name, value, at = _assignment(text, at)
                found.append(Assignment(name=name, value=value, line=line))
            except _Malformed as malformed:
                found.append(Mistake(line=line, wants=str(malformed)))
                at = text.find("\n", at) + 1 or len(text)
        line += text.count("\n", start, at)
    return found


class _Malformed(Exception):
    """Not an assignment. Its text says what the line needs."""


def _assignment(text: str, at: int) -> tuple[str, str, int]:
    """Return the name and the value that start at `at`, and where the next line starts; raise _Malformed."""
    name = _NAME.match(text, at)
    if name is None:
        raise _Malformed("NAME=value")
    quote = _QUOTE.match(text, name.end())
    pattern = {None: _BARE, "'": _SINGLE, '"': _DOUBLE}[quote and quote[1]]
    value = pattern.match(text, name.end())
    if value is None:
        raise _Malformed(f"a closing {quote and quote[1]}")
    rest = _REST.match(text, value.end())
    if rest is None:
        raise _Malformed("nothing but a comment after the closing quote, and a blank before that")
    if pattern is _BARE:
        return name[1], value[1].strip(), rest.end()
    if pattern is _DOUBLE:
        return name[1], _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), value[1]), rest.end()
    return name[1], value[1], rest.end()
