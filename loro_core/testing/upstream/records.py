"""What the scripted upstream was asked, when, and how each call ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
import trio

from loro_core.chat import Json

End = Literal["open", "finished", "gone", "fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment on three clocks.

    unix_s: the wall clock. monotonic_s: `time.monotonic()`, the same for all processes of a Linux machine.
    run_s: the trio clock of the server's run, which may be an autojump clock.
    """

    unix_s: float
    monotonic_s: float
    run_s: float

    @classmethod
    def now(cls) -> Moment:
        return cls(unix_s=time.time(), monotonic_s=time.monotonic(), run_s=trio.current_time())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request.

    number: from 1, in order of arrival. connection: on which it came, from 1. path: without the query.
    face: "openai" or "ollama" for a chat call, else "". headers: by lower-case name, keys and all, so use made-up ones.
    model: as asked for, query and all. body: its JSON, None if there was none.
    arrived: its last byte was read. first_token: just before the first token was written. ended: it was over.
    end: "open" while it runs; "finished": all was written; "gone": the client left before; "fault": it ended as
        scripted, refused or broken.
    tokens: how many were said, a choice.
    """

    number: int
    connection: int
    method: str
    path: str
    face: Literal["openai", "ollama", ""]
    headers: Mapping[str, str]
    model: str
    body: Json
    arrived: Moment
    first_token: Moment | None = None
    ended: Moment | None = None
    end: End = "open"
    tokens: int = 0

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Record:
        """Return the record that a decoded line of the log holds."""
        moments = {name: fields[name] and Moment(**fields[name]) for name in ("arrived", "first_token", "ended")}
        return cls(**{**fields, **moments})

    def line(self) -> bytes:
        """Return the record as a line of the log, without its end."""
        return msgspec.json.encode(self)


class Ledger:
    """Holds the records of one server; the connections write it. log: is told each record at arrival and at its end."""

    def __init__(self, log: Callable[[Record], None] | None = None) -> None:
        self._log = log
        self._records: list[Record] = []
        self._changed = trio.Event()
        self._arrivals = 0

    @property
    def records(self) -> Sequence[Record]:
        return self._records

    def arrive(self, **request: Any) -> int:
        """Note a request and return its number."""
        self._arrivals += 1
        self._records.append(Record(number=self._arrivals, arrived=Moment.now(), **request))
        self._tell(self._records[-1])
        return self._arrivals

    def token(self, number: int) -> None:
        """Note that a token is being said."""
        at = self._at(number)
        if at is not None:
            was = self._records[at]
            first = was.first_token or Moment.now()
            self._records[at] = replace(was, tokens=was.tokens + 1, first_token=first)
            self._wake()

    def end(self, number: int, how: End) -> None:
        """Note the end of a request; only the first end counts."""
        at = self._at(number)
        if at is not None and self._records[at].ended is None:
            self._records[at] = replace(self._records[at], end=how, ended=Moment.now())
            self._tell(self._records[at])

    def reset(self) -> None:
        """Forget all requests; numbers go on."""
        self._records.clear()
        self._wake()

    async def wait_until(self, test: Callable[[], object]) -> None:
        """Return once `test` holds; it is asked again whenever a record changes."""
        while not test():
            await self._changed.wait()

    def _at(self, number: int) -> int | None:
        """Where the record stands: they are in order of their numbers; None once it was forgotten."""
        at = number - 1 - (self._arrivals - len(self._records))
        return at if at >= 0 else None

    def _tell(self, record: Record) -> None:
        if self._log is not None:
            self._log(record)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
