"""The kinds of values that the keys of models have, beside those of `kinds`: sizes, names, commands, shares."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from loro_core.app.config.kinds import HIDDEN, Choice, Fields, Names, Shown, Unfit, quote

AUTO = "auto"
NONE = "none"

_UNITS = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kmgt", 1)
    for suffix, base in (("", 1024), ("b", 1000), ("ib", 1024))
}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([A-Za-z]{0,3})")
_MOST_BYTES = 2**50

_SECRET_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


class Size(Struct, frozen=True):
    """Bytes as people write them: a whole number, or a text with a unit ("8GiB", "512 MB"; a bare "G" is GiB).

    words: those that stand for themselves ("auto") or, if it is "none", for None.
    """

    words: tuple[str, ...] = ()

    @property
    def wants(self) -> str:
        words = "".join(f', or "{word}"' for word in self.words)
        return f'a size like "8GiB", "512MB" or 4294967296 (bytes){words}'

    def accept(self, value: Any) -> int | str | None:
        if isinstance(value, str):
            text = value.strip()
            if text.lower() in self.words:
                return None if text.lower() == NONE else text.lower()
            match = _SIZE.fullmatch(text)
            if match is None or match[2].lower() not in _UNITS:
                raise Unfit
            value = int(float(match[1]) * _UNITS[match[2].lower()])
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_BYTES:
            raise Unfit
        return value

    def read(self, text: str) -> str:
        return text

    def show(self, value: Any) -> str:
        if value is None or isinstance(value, str):
            return quote(value or NONE) if NONE in self.words or value else "not set"
        return quote(size_text(value))

    def show_refused(self, value: Any) -> str:
        return quote(value)


def size_text(count: int) -> str:
    """Return `count` bytes as `Size` reads them back, exactly."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count % 1024**power == 0 and count:
            return f"{count // 1024**power}{unit}"
    return str(count)


class Choices(Shown, frozen=True):
    """A list of some words, in any case, without repeats; at least one. A single word stands for a list of itself."""

    words: tuple[str, ...]

    @property
    def wants(self) -> str:
        return f"a list of {', '.join(self.words[:-1])} or {self.words[-1]}"

    def accept(self, value: Any) -> tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, Sequence) or not items:
            raise Unfit
        return tuple(dict.fromkeys(Choice(self.words).accept(item) for item in items))

    def read(self, text: str) -> Any:
        return Names("", ".+").read(text)


class OneOrMore(Shown, frozen=True):
    """A text, or a list of texts without repeats; at least one. Each matches `pattern` as a whole."""

    item: str
    pattern: str

    @property
    def wants(self) -> str:
        return f"{self.item}, or a list of such"

    def accept(self, value: Any) -> tuple[str, ...]:
        names = Names(self.item, self.pattern).accept([value] if isinstance(value, str) else value)
        if not names:
            raise Unfit
        return names

    def read(self, text: str) -> Any:
        return Names(self.item, self.pattern).read(text)


class Words(Shown, frozen=True):
    """A command and its arguments: a list of texts, or one text that is split as a shell would. Repeats are kept.

    empty: whether there may be none.
    """

    empty: bool = False

    @property
    def wants(self) -> str:
        return "a list of texts, or a text that is split at blanks as a shell does (quotes hold together)"

    def accept(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            try:
                value = shlex.split(value)
            except ValueError as exc:
                raise Unfit(f"it has {str(exc).lower()}") from None
        if not isinstance(value, Sequence) or not all(isinstance(word, str) and "\0" not in word for word in value):
            raise Unfit
        if not (value and value[0].strip()) and not (self.empty and not value):
            raise Unfit
        return tuple(value)

    def read(self, text: str) -> str:
        return text


class Variables(Struct, frozen=True):
    """A table of environment variables. Values whose names speak of secrets are never shown."""

    wants = 'a table of texts, like { OMP_NUM_THREADS = "4" }'

    def accept(self, value: Any) -> Mapping[str, str]:
        if not isinstance(value, Mapping):
            raise Unfit
        for name, text in value.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise Unfit(f"{quote(name)} is no variable's name")
            if not isinstance(text, str) or "\0" in text:
                raise Unfit(f"the value of {name} is no text")
        return value

    def read(self, text: str) -> Any:
        return Fields().read(text)

    def show(self, value: Any) -> str:
        return quote({name: HIDDEN if _SECRET_VARIABLE.search(name) else text for name, text in value.items()})

    def show_refused(self, value: Any) -> str:
        del value
        return HIDDEN


class Weights(Shown, frozen=True):
    """A table of numbers from 0 on, by name; they are compared with one another, not with anything else."""

    wants = "a table of numbers from 0 to 1000, like { prefix = 2, busy = 1 }"

    def accept(self, value: Any) -> Mapping[str, float]:
        if not isinstance(value, Mapping):
            raise Unfit
        for name, weight in value.items():
            if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1000:
                raise Unfit(f"that of {name} does not fit")
        if value and not any(value.values()):
            raise Unfit("one has to be above 0")
        return {name: float(weight) for name, weight in value.items()}

    def read(self, text: str) -> Any:
        return Fields().read(text)
