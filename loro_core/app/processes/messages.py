"""What a supervisor and its workers say to each other, as values; pickled, for both are the same program.

    worker -> supervisor   READY        told: it serves
                           Tally        told at its end: its numbers, for they would be lost with it
                           Ask          asked: what all workers together are; answered with bytes or a Standing
                           Ask.RELOAD   asked: to read the settings again; answered with Changes or Refused
    supervisor -> worker   Greeting     the first thing told: what to serve, and how
                           NewSettings  told: serve as these say from now on
                           DRAIN        told: end, within drain_s
                           Numbers      asked: answered with a Tally
                           Reset        asked: answered with a Tally, from before

The link is a socket pair that nobody else holds, so unpickling what comes out of it trusts nobody new.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from loro_core.app.config.settings import Settings
from loro_core.app.metrics import Metrics
from loro_core.chat import Json


class Word(Enum):
    READY = "ready"
    DRAIN = "drain"
    NUMBERS = "numbers"
    RESET = "reset"


class Ask(Enum):
    STANDING = "standing"
    METRICS_JSON = "metrics as json"
    METRICS_TEXT = "metrics as text"
    RESET = "reset"
    RELOAD = "reload"


class NewSettings(Struct, frozen=True, kw_only=True):
    """What the settings are from now on."""

    settings: Settings


class Refused(Struct, frozen=True, kw_only=True):
    """Why the settings stay as they are."""

    problems: tuple[str, ...]


class Greeting(Struct, frozen=True, kw_only=True):
    """What a worker serves. name: as the log calls it.

    listeners: descriptors of the listening sockets that it has inherited. None for the process that takes what is too
    much for another: it is handed connections.
    """

    number: int
    name: str
    settings: Settings
    listeners: tuple[int, ...] | None


class Tally(Struct, frozen=True, kw_only=True):
    """A worker's numbers, and of its process for large requests. connections: how many clients they have now."""

    parts: tuple[Metrics, ...]
    connections: int


class Standing(Struct, frozen=True, kw_only=True):
    """How the workers are. count: how many there should be. ready: how many serve. restarts: since the start.

    reporting: whose numbers are fresh; None where none were asked for.
    """

    count: int
    ready: int
    restarts: int
    reporting: int | None = None

    def as_json(self) -> dict[str, Json]:
        shown: dict[str, Json] = {"count": self.count, "ready": self.ready, "restarts": self.restarts}
        return shown if self.reporting is None else {**shown, "reporting": self.reporting}


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # The empty object of `chat.NOTHING`: a read-only view cannot be pickled as it is.
        if isinstance(value, MappingProxyType):
            return _read_only, (dict(value),)
        return NotImplemented


def _read_only(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


def encode(message: object) -> bytes:
    """Return `message` as bytes for a link."""
    data = io.BytesIO()
    _Pickler(data, pickle.HIGHEST_PROTOCOL).dump(message)
    return data.getvalue()


def decode(data: bytes) -> Any:
    """Return the message that the other end of a link encoded."""
    return pickle.loads(data)  # noqa: S301  # from our own supervisor or worker, over a socket nobody else holds
