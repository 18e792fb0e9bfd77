"""Where settings are said: on the command line, in variables, in `.env`, in a configuration file.

Each source becomes a layer: by key path, what it says there and how to name the place. No value is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from loro_core.app.config.keys import PREFIX, Key
from loro_core.app.config.kinds import Kind, Unfit, closest
from loro_core.app.config.settings import ARRAYS, NAMED, TABLES, all_keys
from loro_core.app.config.toml_lines import KeyPath
from loro_core.errors import ConfigError

FILE_VARIABLE = "LORO_CONFIG"
"""The variable that names the configuration file; it is no key."""

KEYS: Mapping[str, Key] = {key.path: key for key in all_keys()}
SEVERAL = ARRAYS | NAMED
VARIABLES = frozenset(name for key in KEYS.values() for name, _ in key.variables) | {FILE_VARIABLE}

# Kubernetes gives every pod variables named after each Service: one called "loro" or "loro-server" makes LORO_PORT and
# LORO_SERVER_PORT, worth tcp://10.0.0.1:8000 (its manual, "Service", "Environment variables"). They are not ours.
_SERVICE_NAME = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


class Option(Struct, frozen=True, kw_only=True):
    """A key set on the command line. text: as typed; a list is added to what weaker sources say."""

    flag: str
    path: str
    text: str | Sequence[str]


class Variable(Struct, frozen=True, kw_only=True):
    """A variable that is set. place: "environment" or ".env:3"."""

    place: str
    name: str
    text: str

    def __repr__(self) -> str:
        return f"Variable(place={self.place!r}, name={self.name!r})"  # the text may be a key


class Given(Struct, frozen=True, kw_only=True):
    """What a source says of a key.

    place: "command line", "environment", ".env:3", "loro.toml:12", "demo". name: what the key is called there.
    text: whether `raw` is a text that is still to be read. adds: the value is added to what weaker sources say.
    """

    place: str
    name: str
    kind: Kind
    raw: Any
    text: bool = False
    adds: bool = False

    def __repr__(self) -> str:
        return f"Given(place={self.place!r}, name={self.name!r})"  # `raw` may be a key

    @property
    def source(self) -> str:
        """Where the setting comes from, as `check-config` tells it."""
        return self.place if self.name in KEYS else f"{self.name} ({self.place})"

    def take(self) -> Any:
        """Return the setting; raise ConfigError with one problem if the value does not fit."""
        try:
            return self.kind.accept(self.kind.read(self.raw.strip()) if self.text else self.raw)
        except Unfit as unfit:
            hint = f"; {unfit.hint}" if unfit.hint else ""
            shown = self.kind.show_refused(self.raw)
            raise ConfigError([f"{self.place}: {self.name} is {shown}, needs {self.kind.wants}{hint}"]) from None


Layer = dict[str, Given]
"""What one source says, by key path."""


def options_layer(options: Iterable[Option]) -> Layer:
    layer: Layer = {}
    for o in options:
        written = isinstance(o.text, str)
        layer[o.path] = Given(
            place="command line", name=o.flag, kind=KEYS[o.path].kind, raw=o.text, text=written, adds=not written
        )
    return layer


def variables_layer(variables: Iterable[Variable]) -> Layer:
    """Return what `variables` say. A blank one says nothing; the name of the rule is stronger than the older one."""
    said = {v.name: v for v in variables if v.text.strip() and not _SERVICE_ADDRESS.match(v.text)}
    layer: Layer = {}
    for path, key in KEYS.items():
        for name, kind in key.variables:
            if name in said:
                v = said[name]
                layer[path] = Given(place=v.place, name=name, kind=kind, raw=v.text, text=True)
                break
    return layer


def unknown_variables(variables: Iterable[Variable]) -> Iterator[str]:
    """Yield a problem for every variable that looks like ours and sets nothing."""
    for v in variables:
        if not v.name.startswith(PREFIX) or v.name in VARIABLES:
            continue
        if not _SERVICE_NAME.search(v.name) and not _SERVICE_ADDRESS.match(v.text):
            yield unknown(v.place, v.name, "a variable that loro knows", closest(v.name, VARIABLES))


class Document(Struct, frozen=True, kw_only=True):
    """A configuration file. name: how problems call it. lines: where its keys stand, as far as known."""

    name: str
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def place(self, path: KeyPath) -> str:
        line = self.lines.get(path)
        return self.name if line is None else f"{self.name}:{line}"


def document_layer(document: Document) -> tuple[Layer, list[str]]:
    """Return what `document` says, and a problem for everything in it that is no key.

    Tables of which there may be several are left to `tables`.
    """
    layer: Layer = {}
    problems: list[str] = []
    single = {name: value for name, value in document.values.items() if name not in SEVERAL}
    _walk(document, (), single, layer, problems)
    return layer, problems


def _walk(document: Document, at: KeyPath, members: Mapping[str, Any], layer: Layer, problems: list[str]) -> None:
    for name, value in members.items():
        path = (*at, name)
        dotted = ".".join(path)
        place = document.place(path)
        if len(path) > 1 and dotted in KEYS:
            layer[dotted] = Given(place=place, name=dotted, kind=KEYS[dotted].kind, raw=value)
        elif not any(table == dotted or table.startswith(f"{dotted}.") for table in TABLES):
            wants = "a key or table that loro knows"
            problems.append(unknown(place, dotted, wants, *_meant(at, name)))
        elif isinstance(value, Mapping):
            _walk(document, path, value, layer, problems)
        else:
            problems.append(f"{place}: {dotted} is no table, needs to be one: [{dotted}]")


def _meant(at: KeyPath, name: str) -> list[str]:
    """Return what `name` in the table `at` was probably meant to be: a neighbour, or the same key elsewhere."""
    prefix = ".".join((*at, ""))
    close = closest(
        name, {p[len(prefix) :].partition(".")[0] for p in (*KEYS, *TABLES, *SEVERAL) if p.startswith(prefix)}
    )
    return [prefix + close] if close else [path for path in KEYS if path.endswith(f".{name}")]


def unknown(place: str, name: str, wants: str, *meant: str | None) -> str:
    """Return the problem that `name` is not what it `wants` to be. meant: what it may have been meant to be."""
    # The value is not told: that of a misspelt key may be a secret.
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    hint = f"; did you mean {' or '.join(map(str, meant))}?" if any(meant) else ""
    return f"{place}: {shown} is not {wants}{hint}"
