"""The kinds of values that settings have: what each takes, from TOML or from text, and how it is shown.

A kind takes values as TOML gives them (`accept`) and turns the text of a variable or a command line into such a value
first (`read`). Both raise Unfit; whoever asked adds where the value stands and what would have been right (`wants`).
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from loro_core.fleet import Secret

HIDDEN = "[hidden]"
_SHOWN_CHARACTERS = 60
_SECRET_NAMES = re.compile(r"api_?key|(^|[_-])(key|token)$|secret|passw|credential|authori", re.IGNORECASE)


class Unfit(ValueError):
    """A value that a kind does not take. hint: what was probably meant, "" if nobody knows."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint


class Kind(Protocol):
    @property
    def wants(self) -> str:
        """What fits, to follow the word "needs"."""

    def accept(self, value: Any) -> Any:
        """Return the setting that `value`, as TOML or JSON gives it, stands for; raise Unfit."""

    def read(self, text: str) -> Any:
        """Return what `accept` takes for the text of a variable, stripped and not blank; raise Unfit."""

    def show(self, value: Any) -> str:
        """Return how the setting is shown to the operator, on one line; never a secret."""

    def show_refused(self, value: Any) -> str:
        """Return how a value that did not fit is shown; never a secret."""


def quote(value: object) -> str:
    """Return `value` as TOML and JSON spell it, on one line, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return that of `names` which `name` was probably meant to be, None if none is close."""
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1)), None)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


class Shown(Struct, frozen=True):
    """What kinds without secrets share."""

    def show(self, value: Any) -> str:
        return "not set" if value is None else quote(value)

    def show_refused(self, value: Any) -> str:
        return quote(value)


class Whole(Shown, frozen=True):
    """An integer, both ends included."""

    low: int
    high: int

    @property
    def wants(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def accept(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise Unfit
        return value

    def read(self, text: str) -> int:
        # int() alone would also take "1_0" and digits of other scripts; more than 18 digits fit no range of ours.
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise Unfit
        return int(text)


class WholeOr(Whole, frozen=True):
    """An integer, both ends included, or one word that stands for itself."""

    word: str

    @property
    def wants(self) -> str:
        return f'a whole number from {self.low} to {self.high}, or "{self.word}"'

    def accept(self, value: Any) -> Any:
        return self.word if value == self.word else Whole(self.low, self.high).accept(value)

    def read(self, text: str) -> Any:
        return self.word if text.lower() == self.word else Whole(self.low, self.high).read(text)


class Number(Shown, frozen=True):
    """A finite number, both ends included. off: the word that stands for None, if there is one."""

    low: float
    high: float
    off: str | None = None

    @property
    def wants(self) -> str:
        word = "" if self.off is None else f', or "{self.off}"'
        return f"a number from {_plain(self.low)} to {_plain(self.high)}{word}"

    def accept(self, value: Any) -> float | None:
        if self.off is not None and value == self.off:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            raise Unfit
        return float(value)

    def read(self, text: str) -> float | str:
        if text.lower() == self.off:
            return self.off
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
            raise Unfit
        return float(text)

    def show(self, value: Any) -> str:
        return self.off or "not set" if value is None else _plain(value)


class Flag(Shown, frozen=True):
    wants = "true or false"

    def accept(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Unfit
        return value

    def read(self, text: str) -> bool:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        if text.lower() not in words:
            raise Unfit
        return words[text.lower()]


class Text(Shown, frozen=True):
    """A string. pattern: it matches as a whole, once surrounding blanks are gone. blank: whether "" fits, too."""

    wants: str = "a text"
    pattern: str = r"(?s).+"
    blank: bool = False

    def accept(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit
        text = value.strip()
        if not (re.fullmatch(self.pattern, text) or (self.blank and not text)):
            raise Unfit
        return text

    def read(self, text: str) -> str:
        return text


class Choice(Shown, frozen=True):
    """One of some words, in any case."""

    words: tuple[str, ...]

    @property
    def wants(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"

    def accept(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit
        if value.lower() not in self.words:
            close = closest(value.lower(), self.words)
            raise Unfit(f"did you mean {close}?" if close else "")
        return value.lower()

    def read(self, text: str) -> str:
        return text


class Names(Shown, frozen=True):
    """A list of texts without repeats, kept in order. In a variable: "a, b", or a JSON array.

    pattern: each of them matches it as a whole.
    """

    item: str
    pattern: str

    @property
    def wants(self) -> str:
        return f"a list of {self.item}"

    def accept(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise Unfit
        for item in value:
            if not isinstance(item, str) or not re.fullmatch(self.pattern, item):
                raise Unfit(f"{quote(item)} does not fit")
        return tuple(dict.fromkeys(value))

    def read(self, text: str) -> Any:
        return _from_json(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]


class Fields(Struct, frozen=True):
    """A table of JSON values; in a variable a JSON object. Members whose names speak of secrets are never shown."""

    wants = "a table of JSON values"

    def accept(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not _is_json(value):
            raise Unfit
        return value

    def read(self, text: str) -> Any:
        return _from_json(text)

    def show(self, value: Any) -> str:
        return quote(_without_secrets(value))

    def show_refused(self, value: Any) -> str:
        return quote(_without_secrets(value)) if isinstance(value, Mapping) else HIDDEN


class Url(Struct, frozen=True):
    """Where an HTTP service is, without a trailing slash."""

    wants = "http://HOST or https://HOST, perhaps with a port and a path, without user, query and fragment"

    def accept(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit
        text = value.strip()
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise Unfit from None
        # A query would be cut in two by the path that a provider appends; a password in an address ends up in logs.
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or "@" in parts.netloc:
            raise Unfit
        if "?" in text or "#" in text or not re.fullmatch(r"[!-~]+", text):
            raise Unfit
        return text.rstrip("/")

    def read(self, text: str) -> str:
        return text

    def show(self, value: Any) -> str:
        return value or "the provider's own"

    def show_refused(self, value: Any) -> str:
        if not isinstance(value, str):
            return quote(value)
        # A key pasted into the wrong line is still a key: what is shown must look like an address.
        text = re.sub(r"//[^/]*@", f"//{HIDDEN}@", re.sub(r"[?#].*", f"?{HIDDEN}", value, flags=re.DOTALL))
        return quote(text) if "//" in text or re.match(r"[A-Za-z0-9.-]+(:[0-9]|/)", text) else HIDDEN


class ApiKey(Struct, frozen=True):
    """An API key, or "none" for a service that wants none. It is never shown, fitting or not."""

    wants = 'the key as the service gave it, without blanks, or "none"'

    def accept(self, value: Any) -> Secret | None:
        if not isinstance(value, str):
            raise Unfit
        # It becomes part of a header: anything but visible ASCII would fail there, far from its cause.
        text = value.strip()
        if not re.fullmatch(r"[!-~]+", text):
            raise Unfit
        return None if text.lower() == "none" else Secret(text)

    def read(self, text: str) -> str:
        return text

    def show(self, value: Any) -> str:
        return "none" if value is None else HIDDEN

    def show_refused(self, value: Any) -> str:
        del value
        return HIDDEN


class OwnKey(ApiKey, frozen=True):
    """A key that the operator makes up, or "none"; long enough that nobody finds it by trying."""

    wants = '16 or more visible characters without blanks, or "none"'

    def accept(self, value: Any) -> Secret | None:
        # ApiKey's by name: with slots, the class that super() would look in is not this one.
        key = ApiKey.accept(self, value)
        if key is not None and len(key.reveal()) < 16:
            raise Unfit("it is too short")
        return key


class Address(Shown, frozen=True):
    """HOST:PORT as a pair; an IPv6 host stands in brackets."""

    wants = "HOST:PORT, like 0.0.0.0:8000 or [::]:8000"

    def accept(self, value: Any) -> tuple[str, int]:
        match = (
            re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})", value) if isinstance(value, str) else None
        )
        if match is None or int(match[2]) > 65535:
            raise Unfit
        return match[1].strip("[]"), int(match[2])

    def read(self, text: str) -> str:
        return text

    def show(self, value: Any) -> str:
        if value is None:
            return "not set"
        host, port = value
        return quote(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unfit from None


def _is_json(value: object) -> bool:
    """Whether JSON can say `value`; TOML's dates and times and its nan and inf, it cannot."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_json(member) for name, member in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: HIDDEN if _SECRET_NAMES.search(str(k)) else _without_secrets(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(member) for member in value]
    return value
