"""One streamed reply, read with a clock in hand: pure, the bytes and the moments of their arrival are arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from loro_core.decide.hearing import Hearing
from loro_core.decide.release.profile import Profile
from loro_core.fleet import Deployment, Leg
from loro_core.wire.json_text import decode_json
from loro_core.wire.leg_trace import LegTraceDecoder
from loro_core.wire.lines import WireFormatError
from loro_core.wire.refusal import read_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When what of one reply was here: seconds since the request was sent.

    head_s: the response's head. first_content_s: the first text, whoever spoke it.
    first_answer_s: the first text of the answer itself; None if it never came. Where the server does not tell legs
        apart (`legs_told`) it is the first text.
    first_speakable_s: the client had enough to begin to speak; None if it never had.
    longest_gap_s: the longest time between two texts, the one between acknowledgement and answer included.
    longest_hole_s: the longest silence once speech had begun, by the client's rule of release.
    total_s: [DONE], or the end of the body. finish_reason: None if the server gave none.
    characters: of all texts. contents: how many chunks brought text; reads: in how many reads they came, so that a
        reply that something on the way held back shows (many contents, one read).
    acknowledged: whether words of an acknowledgement came.
    """

    head_s: float
    first_content_s: float
    first_answer_s: float | None
    first_speakable_s: float | None
    longest_gap_s: float
    longest_hole_s: float
    total_s: float
    finish_reason: str | None
    characters: int
    contents: int
    reads: int
    legs_told: bool
    acknowledged: bool


class Broken(Exception):
    """The reply cannot be counted; the message says why."""


class ReplyReader:
    """Takes the body of one streamed reply, piece by piece, and gives its timing and its text.

    deployment: whose key must not show up in a message. head_s: when the response's head was here.
    client: whose rule of release tells what is heard.
    """

    def __init__(self, deployment: Deployment, head_s: float, client: Profile) -> None:
        self._deployment = deployment
        self._head_s = head_s
        self._hearing = Hearing(client)
        self._decoder = LegTraceDecoder()
        self._texts: list[str] = []
        self._arrivals: list[float] = []
        self._first_answer_s: float | None = None
        self._legs: set[Leg] = set()
        self._finish_reason: str | None = None
        self.done = False
        """Whether [DONE] was read: nothing that counts comes after it."""

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def feed(self, data: bytes, at_s: float) -> None:
        """Take in `data`, which was here at `at_s`. Raises Broken for an error or anything that is no chunk."""
        try:
            self._take(self._decoder.decode(data), at_s)
        except WireFormatError as error:
            raise Broken(f"the stream is not as it should be: {error}") from error

    def end(self, at_s: float) -> Timing:
        """Return the timing of the reply, whose body ended (or said [DONE]) at `at_s`.

        Raises Broken if it was cut off, or said nothing.
        """
        try:
            self._take(self._decoder.finish(), at_s)
        except WireFormatError as error:
            raise Broken(f"the stream ended in the middle of an event: {error}") from error
        if not self.done and self._finish_reason is None:
            raise Broken("the stream ended without finish_reason or [DONE]: the reply was cut off")
        if not self._arrivals:
            raise Broken(f"the reply holds no text (finish_reason {self._finish_reason})")
        arrivals = self._arrivals
        self._hearing.end(at_s)
        return Timing(
            head_s=self._head_s,
            first_content_s=arrivals[0],
            first_answer_s=self._first_answer_s if self._legs else arrivals[0],
            first_speakable_s=self._hearing.begun,
            longest_gap_s=max((b - a for a, b in pairwise(arrivals)), default=0.0),
            longest_hole_s=self._hearing.longest_hole_s,
            total_s=at_s,
            finish_reason=self._finish_reason,
            characters=len(self.text),
            contents=len(arrivals),
            reads=len(set(arrivals)),
            legs_told=bool(self._legs),
            acknowledged=Leg.ACK in self._legs,
        )

    def _take(self, events: list[tuple[Leg | None, Any]], at_s: float) -> None:
        for leg, event in events:
            if event.data_bytes.strip() == b"[DONE]":
                self.done = True
                return
            chunk = decode_json(event.data_bytes)
            error = read_error(self._deployment, chunk)
            if error is not None:
                raise Broken(f"error in the stream: {error.message}")
            for text, finish_reason in _choices(chunk):
                self._finish_reason = finish_reason or self._finish_reason
                if text:
                    self._hear(leg, text, at_s)

    def _hear(self, leg: Leg | None, text: str, at_s: float) -> None:
        self._texts.append(text)
        self._arrivals.append(at_s)
        self._hearing.feed(text, at_s)
        if leg is not None:
            self._legs.add(leg)
        if leg is Leg.ANSWER and self._first_answer_s is None:
            self._first_answer_s = at_s


def _choices(chunk: Any) -> Iterator[tuple[str, str | None]]:
    """Yield text and finish reason of each choice; the usage chunk has no choice, other servers' may have null."""
    for choice in (chunk.get("choices") if isinstance(chunk, dict) else None) or ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        text = delta.get("content") if isinstance(delta, dict) else None
        finish_reason = choice.get("finish_reason") if isinstance(choice, dict) else None
        yield text if isinstance(text, str) else "", finish_reason if isinstance(finish_reason, str) else None
