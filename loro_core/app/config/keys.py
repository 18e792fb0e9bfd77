"""The table of configuration keys, read off the settings' own fields.

A key is one field of a settings dataclass, made by `setting`: its default, its kind, its older variables and its line
in the manual stand in that one row. Parsing, variables' names, `check-config` and docs/config.md follow from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from loro_core.app.config.kinds import Kind

T = TypeVar("T")

PREFIX = "LORO_"
_ROW = "loro.setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable that a key has beside the one of the rule, from loro's ancestors.

    name: as it is set; "{TABLE}" in it stands for the last part of the table's name, in capitals.
    kind: what it takes, None for what the key takes; older ranges are narrower.
    table: the only table in which it sets the key, None for all that have it.
    """

    name: str
    kind: Kind | None = None
    table: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a field says of itself. shown_default: the manual's word for a default that no single value says."""

    kind: Kind
    doc: str
    variables: tuple[Variable, ...] = ()
    shown_default: str | None = None


def setting(
    default: T,
    kind: Kind,
    doc: str,
    *variables: Variable,
    shown_default: str | None = None,
) -> T:
    """Return the field of a settings dataclass; its type is that of `default`."""
    row = {_ROW: Row(kind=kind, doc=doc, variables=variables, shown_default=shown_default)}
    if isinstance(default, Mapping):
        # dataclasses takes mappings for mutable; these are never changed.
        return dataclasses.field(default_factory=lambda: default, metadata=row)
    return dataclasses.field(default=default, metadata=row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One configuration key.

    table, name: `[server]` and `port`. row: what it takes. default: None where it depends on other keys.
    """

    table: str
    name: str
    row: Row
    default: Any = None

    @property
    def path(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def kind(self) -> Kind:
        return self.row.kind

    @property
    def variables(self) -> tuple[tuple[str, Kind], ...]:
        """The variables that set it and what each takes, the strongest first."""
        own = (PREFIX + self.path.replace(".", "_").upper(), self.kind)
        capitals = self.table.rpartition(".")[2].upper()
        return (
            own,
            *(
                (variable.name.replace("{TABLE}", capitals), variable.kind or self.kind)
                for variable in self.row.variables
                if variable.table in (None, self.table)
            ),
        )

    @property
    def shown_default(self) -> str:
        return self.row.shown_default or self.kind.show(self.default)


def keys_of(table: str, settings: type) -> Iterator[Key]:
    """Yield the keys of `[table]`: the fields of the dataclass `settings`, in order."""
    for field in dataclasses.fields(settings):
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        yield Key(table=table, name=field.name, row=field.metadata[_ROW], default=default)
