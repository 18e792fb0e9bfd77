"""What the bench's upstream replies with, and the bytes of it: encoded once, before anything is measured.

A reply is one event for the role, one for each token and one for the finish reason, with [DONE] behind it: tokens + 2
events. Each event is an HTTP chunk of its own, as a service writes it that flushes after each token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

STAMP = b"@"
"""Before the time in a stamped token; it is in no other."""

STAMP_DIGITS = 14
"""Microseconds of a monotonic clock: enough for three years of uptime."""

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"
_ANSWER = "Rayleigh scattering sends the blue part of the light down to us from all over the sky, more of it than red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One model's replies.

    text: the words that are its tokens; "" for `tokens` words of an answer that begins with "Rayleigh".
    first_s: from the request to the first token. The head and the role come at once, unless all comes in one piece.
    interval_s: from one event to the next; 0 writes the whole reply in one piece, at `first_s`.
    stamped: tokens say when they were written ("@" and microseconds of the monotonic clock) in place of words.
    """

    tokens: int = 16
    text: str = ""
    first_s: float = 0.0
    interval_s: float = 0.0
    stamped: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens, each but the first with its space."""
        words = self.text.split() if self.text else _ANSWER.split()
        count = len(words) if self.text else self.tokens
        return tuple(words[k % len(words)] if k == 0 else f" {words[k % len(words)]}" for k in range(count))

    @property
    def events(self) -> int:
        return len(self.words) + 2

    @property
    def lasts_s(self) -> float:
        """How long a reply takes at least."""
        return self.first_s + (len(self.words) if self.interval_s else 0) * self.interval_s


def to_json(shapes: Mapping[str, Shape]) -> bytes:
    """Return `shapes`, by model, as the upstream is told them."""
    return json.dumps({model: asdict(shape) for model, shape in shapes.items()}).encode()


def from_json(data: bytes) -> dict[str, Shape]:
    """Return what `to_json` encoded."""
    return {model: Shape(**fields) for model, fields in json.loads(data).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The bytes of a shape's reply, each piece with its head or its end where it has one.

    at_s: when each piece is due, counted from the request. stamps: where in a piece the digits of its time go, None
        where there are none.
    """

    pieces: tuple[bytes, ...]
    at_s: tuple[float, ...]
    stamps: tuple[int | None, ...]
    events: int


def encode(shape: Shape, model: str) -> Encoded:
    """Return the reply of `model`, in the pieces that are written at once."""
    words = [f"@{'0' * STAMP_DIGITS} " for _ in shape.words] if shape.stamped else list(shape.words)
    events = [
        _chunk(_event(model, {"role": "assistant", "content": ""})),
        *(_chunk(_event(model, {"content": word})) for word in words),
        _chunk(_event(model, {}, "stop")) + _chunk(b"data: [DONE]\n\n") + _LAST_CHUNK,
    ]
    if not shape.interval_s:
        whole = HEAD + b"".join(events)
        return Encoded(pieces=(whole,), at_s=(shape.first_s,), stamps=(None,), events=len(events))
    pieces = (HEAD + events[0], *events[1:])
    at_s = (0.0, *(shape.first_s + k * shape.interval_s for k in range(len(words) + 1)))
    stamps = tuple(at + 1 if shape.stamped and (at := piece.find(STAMP)) >= 0 else None for piece in pieces)
    return Encoded(pieces=pieces, at_s=at_s, stamps=stamps, events=len(events))


def stamped(piece: bytes, at: int, now_s: float) -> bytes:
    """Return `piece` with the time in the digits that begin `at`."""
    return piece[:at] + b"%0*d" % (STAMP_DIGITS, int(now_s * 1e6)) + piece[at + STAMP_DIGITS :]


def stamp_of(event: bytes) -> float | None:
    """Return when the token in `event` was written, None if it does not say."""
    at = event.find(STAMP)
    digits = event[at + 1 : at + 1 + STAMP_DIGITS] if at >= 0 else b""
    return int(digits) / 1e6 if len(digits) == STAMP_DIGITS and digits.isdigit() else None


def _event(model: str, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    body = {
        "id": "chatcmpl-BenchBenchBenchBenchBench",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": model,
        "system_fingerprint": "fp_bench",
        "choices": [choice],
    }
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
