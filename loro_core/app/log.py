"""The log: a line for each record on standard error, for people or for machines.

A record is an event and fields: `log.info("process.ready model=%s load_s=%.2f", name, seconds)`. Whatever a value
holds, a record is one line: what does not print is escaped, so nobody can write a line of his own into the log. A
traceback is a field of a JSON line; as text it follows the line, indented.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeAlias

from msgspec import Struct

from loro_core.fleet import Secret

TRACE = 5
LEVELS: Mapping[str, int] = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}

HIDDEN = "[hidden]"
# A key as short as a word would tear holes into ordinary lines.
_LEAST_SECRET_CHARACTERS = 8

# They tell of every request what the access line tells better.
_CHATTY = ("httpx", "httpcore")

Field: TypeAlias = "str | int | float | bool | None"

_EVENT = re.compile(r"[\w.:-]+( [\w.]+=%[-+#0 ]*[0-9]*(\.[0-9]+)?[a-zA-Z])*")
_FIELD = re.compile(r" ([\w.]+)=(%[^ ]+)")
_ODD = re.compile(r"[\s\"=]")

_access_log = logging.getLogger("loro.access")


def set_up(
    level: str,
    form: str,
    *,
    secrets: Iterable[Secret] = (),
    stream: TextIO | None = None,
    worker: str | None = None,
) -> None:
    """Send every record of at least `level` to `stream`, standard error if None.

    level: one of LEVELS. form: "text" or "json". secrets: keys that no line shows, wherever they come from.
    worker: which of several processes this is; every line says so.
    Called again, it replaces what it set up before.
    """
    logging.addLevelName(TRACE, "TRACE")
    # No line of ours tells these, and to find them out costs as much as the rest of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  # so documented: logging, "Optimization"
    handler = _Handler(sys.stderr if stream is None else stream)
    handler.setFormatter((JsonLines if form == "json" else TextLines)(secrets, worker))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "trace" else logging.WARNING)


class Over(Struct, frozen=True, kw_only=True):
    """A request that is over.

    path: its query is left out of the line, for some callers put keys there. at: when it ended, as Unix time.
    fields: what else is known (model, route, winner, ttft_s, prompt_tokens, ...); None is left out, seconds are told
    to the millisecond. late: gives more of them, when the line is written.
    """

    request_id: str
    method: str
    path: str
    status: int
    at: float
    fields: Mapping[str, Field]
    late: Callable[[], Mapping[str, Field]] | None = None


def tells_access() -> bool:
    """Return whether there are access lines at this level."""
    return _access_log.isEnabledFor(logging.INFO)


def access(requests: Iterable[Over]) -> None:
    """Write the lines of requests that are over, all of them in one go."""
    with _in_one_go():
        for over in requests:
            told: dict[str, Field] = {
                "request_id": over.request_id,
                "method": over.method,
                "path": over.path.partition("?")[0],
                "status": over.status,
                **over.fields,
            }
            if over.late is not None:
                told |= over.late()
            told = {
                name: round(value, 3) if value.__class__ is float else value
                for name, value in told.items()
                if value is not None
            }
            record = logging.LogRecord(_access_log.name, logging.INFO, "", 0, Told("request", told), (), None)
            record.created = over.at
            _access_log.handle(record)


@contextmanager
def _in_one_go() -> Iterator[None]:
    """Have our handler write the records of this block together, at its end."""
    ours = [handler for handler in logging.getLogger().handlers if isinstance(handler, _Handler)]
    for handler in ours:
        handler.gather()
    try:
        yield
    finally:
        for handler in ours:
            handler.write_gathered()


class Told:
    """A message that is its event and its fields already: what `fields_of` would read out of a text."""

    __slots__ = ("event", "fields")

    def __init__(self, event: str, fields: Mapping[str, Field]) -> None:
        self.event = event
        self.fields = fields

    def __str__(self) -> str:
        return " ".join([self.event, *(f"{name}={value}" for name, value in self.fields.items())])


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler  # takes no parameter before Python 3.11


class _Handler(_StreamHandler):
    """Ours, to be found again. It can gather lines to write them together."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._gathered: list[logging.LogRecord] | None = None

    def gather(self) -> None:
        self._gathered = []

    def write_gathered(self) -> None:
        gathered, self._gathered = self._gathered or [], None
        lines = []
        for record in gathered:
            with self._failing(record):
                lines.append(self.format(record) + self.terminator)
        if lines:
            with self._failing(gathered[-1]):
                self.stream.write("".join(lines))
                self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        if self._gathered is None:
            super().emit(record)
        else:
            self._gathered.append(record)

    @contextmanager
    def _failing(self, record: logging.LogRecord) -> Iterator[None]:
        """Take it as the library's own handlers do if the block fails: a log that cannot be written stops nothing."""
        try:
            yield
        except Exception:  # noqa: BLE001
            self.handleError(record)


class _Lines(logging.Formatter):
    """What both forms share: the event, the fields and the traceback of a record, without keys."""

    def __init__(self, secrets: Iterable[Secret] = (), worker: str | None = None) -> None:
        super().__init__()
        self._worker = worker
        keys = [key for secret in secrets if len(key := secret.reveal()) >= _LEAST_SECRET_CHARACTERS]
        # As it is, and as it looks inside JSON and inside a repr. The longest first: one may be part of another.
        spellings = {spelling for key in keys for spelling in (key, json.dumps(key)[1:-1], repr(key)[1:-1])}
        self._secrets = sorted(spellings, key=len, reverse=True)

    def event(self, record: logging.LogRecord) -> tuple[str, Mapping[str, Field]] | None:
        told = fields_of(record)
        if told is None or not self._secrets:
            return told
        return told[0], {n: self._hide(v) if isinstance(v, str) else v for n, v in told[1].items()}

    def message(self, record: logging.LogRecord) -> str:
        try:
            return self._hide(record.getMessage())
        except (TypeError, ValueError):  # logging itself would print the arguments past us, keys and all
            return self._hide(f"{record.msg} {record.args}")

    def traceback(self, record: logging.LogRecord) -> str:
        if not record.exc_info and not record.stack_info:
            return ""
        parts = [self.formatException(record.exc_info) if record.exc_info else "", record.stack_info or ""]
        return self._hide("\n".join(part for part in parts if part))

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class TextLines(_Lines):
    """`2026-01-31T12:00:00.123Z info  loro.access request status=200 ttft_s=0.012`"""

    def format(self, record: logging.LogRecord) -> str:
        plain = _plain(record.msg) if isinstance(record.msg, Told) else None
        if plain is not None and not any(secret in plain for secret in self._secrets):
            what = plain
        elif (told := self.event(record)) is None:
            what = one_line(self.message(record))
        else:
            what = " ".join([told[0], *(f"{name}={_text_value(value)}" for name, value in told[1].items())])
        if self._worker is not None:
            what += f" worker={self._worker}"
        line = f"{utc(record.created)} {_level(record):<5} {record.name} {what}"
        # Split at line feeds only: whatever else ends a line somewhere is escaped.
        trace = [f"    {one_line(part)}" for part in self.traceback(record).split("\n") if part]
        return "\n".join([line, *trace])


class JsonLines(_Lines):
    """`{"time": ..., "level": ..., "logger": ..., "event": ..., FIELDS}`, or "message" in the place of an event."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Field] = {"time": utc(record.created), "level": _level(record), "logger": record.name}
        told = self.event(record)
        if told is None:
            line["message"] = self.message(record)
        else:
            line["event"] = told[0]
        if self._worker is not None:
            line["worker"] = self._worker
        if told is not None:
            line.update({f"{name}_" if name in line else name: _finite(value) for name, value in told[1].items()})
        trace = self.traceback(record)
        if trace:
            line["traceback"] = trace
        return json.dumps(line)


def fields_of(record: logging.LogRecord) -> tuple[str, Mapping[str, Field]] | None:
    """Return the event and the fields of `record`, None if its message is free text.

    A number keeps the precision that its format asks for.
    """
    if isinstance(record.msg, Told):
        return record.msg.event, record.msg.fields
    if not isinstance(record.msg, str):
        return None
    shape = _shape(record.msg)
    args = record.args if isinstance(record.args, tuple) else ()
    if shape is None or len(shape[1]) != len(args):
        return None
    return shape[0], {name: _field(spec, arg) for (name, spec), arg in zip(shape[1], args, strict=True)}


def _plain(told: Told) -> str | None:
    """Return the event and the fields of `told` as text if nothing in them is to be quoted or spelt otherwise."""
    text, count = str(told), len(told.fields)
    # Each blank stands before a field and each sign behind its name: there is none in a value, and no value is empty.
    if not text.isprintable() or text.count(" ") != count or text.count("=") != count or '"' in text:
        return None
    if "= " in text or text.endswith("=") or "=None" in text or "=True" in text or "=False" in text:
        return None
    return text


def one_line(text: str) -> str:
    """Return `text` with everything that does not print escaped; a line end of any kind does not print."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def utc(unix_s: float) -> str:
    """Return a time as ISO 8601 with milliseconds, in UTC."""
    whole, ms = divmod(int(unix_s * 1000), 1000)
    return f"{_second(whole)}.{ms:03d}Z"


@functools.lru_cache(maxsize=1)
def _second(unix_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix_s))


@functools.lru_cache(maxsize=512)
def _shape(message: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return the event and the (name, format) pairs of a message in our form, None for free text."""
    if not _EVENT.fullmatch(message):
        return None
    return message.partition(" ")[0], tuple((m[1], m[2]) for m in _FIELD.finditer(message))


def _field(spec: str, value: object) -> Field:
    if value is None or isinstance(value, bool):
        return value
    if spec == "%s" and isinstance(value, (str, int, float)):
        return value
    try:
        text = str(spec % (value,))
    except (TypeError, ValueError):  # the format asks for another type: a line with an odd value beats none
        return str(value)
    if not isinstance(value, (int, float)):
        return text
    if spec[-1] in "di":
        return int(text)
    if spec[-1] in "eEfFgG":
        return float(text)
    return value if spec[-1] in "sra" else text


def _text_value(value: Field) -> str:
    if isinstance(value, str):
        plain = value and value.isprintable() and _ODD.search(value) is None
        return value if plain else one_line(json.dumps(value, ensure_ascii=False))
    if value is None or isinstance(value, bool):
        return {None: "-", True: "true", False: "false"}[value]
    return str(value)


def _finite(value: Field) -> Field:
    """JSON has no word for the numbers that are none."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _level(record: logging.LogRecord) -> str:
    return _level_name(record.levelno)


@functools.lru_cache(maxsize=32)
def _level_name(levelno: int) -> str:
    reached = [name for name, number in LEVELS.items() if levelno >= number]
    return reached[-1] if reached else "trace"
