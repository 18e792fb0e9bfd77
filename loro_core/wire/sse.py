"""Server-sent events: the framing of every streamed chat completion.

Source: WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream". Two things are ours:

- `id` and `retry` are read and dropped. They serve reconnection, and a reply cannot be taken up again; none is ever
  written either, for openai-python turns a lone one into an empty event that it then fails to parse.
- At the end of the stream a pending event is given out, where the standard drops it: upstreams that leave out the
  last blank line exist, and what they said before it was meant. See `SSEDecoder.finish`.
"""

from __future__ import annotations

from typing import NamedTuple

from loro_core.wire.lines import LineDecoder, WireFormatError

# 1 MiB: Envoy's default buffer for one connection. A chunk of a reply is some hundred bytes; one that carries a
# picture needs more, and its provider asks for it.
MAX_EVENT_BYTES = 1 << 20

_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event.

    data_bytes: its data as valid UTF-8, ready for a JSON decoder; lines joined by LF; may be empty.
    type: what its `event` field said, "message" without one.
    """

    data_bytes: bytes
    type: str = "message"

    @property
    def data(self) -> str:
        """`data_bytes` as text."""
        return self.data_bytes.decode()


class SSEDecoder:
    """Gives the events of a stream of bytes. max_event_bytes: the most data of one event, and the longest line.

    Any split of the input gives the same events.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._lines = LineDecoder(max_event_bytes)
        self._at_start = True
        self._data: list[bytes] = []
        self._data_size = 0
        self._type = b""

    def __repr__(self) -> str:
        return f"<SSEDecoder {len(self._data)} lines of data pending, {self._lines!r}>"

    @property
    def between_events(self) -> bool:
        """Whether the next byte begins an event."""
        return not (self._data or self._type) and self._lines.at_line_start

    def decode(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that `data` completes, in order.

        data: any number of bytes as read, not aligned to events, lines or characters. Invalid UTF-8 becomes U+FFFD.
        Raises WireFormatError once a line or the data of an unfinished event exceeds max_event_bytes; events before
        it in the same `data` are lost with it. No other input is an error.
        """
        return self._whole_events(data) or self._interpret(self._lines.decode(data))

    def _whole_events(self, data: bytes) -> list[ServerSentEvent] | None:
        """Return the events of `data` if it begins and ends with an event and has nothing but data in them.

        That is how nearly all reads of a reply are, and then there are no lines to be kept or put together.
        """
        if not (self.between_events and data.endswith(b"\n\n")):
            return None
        if len(data) > self._max_event_bytes or b"\r" in data:
            return None
        events = []
        for block in data[:-2].split(b"\n\n"):
            if not block.startswith(b"data:") or b"\n" in block:
                return None
            text = block[6:] if block.startswith(b" ", 5) else block[5:]
            events.append(ServerSentEvent(text if text.isascii() else _valid(text)))
        self._at_start = False  # A byte order mark would have been no "data:".
        return events

    def plain_event(self, data: bytes, at: int) -> tuple[bytes, int] | None:
        """Return the data of the event that begins `at`, and where the next one begins, as long as that is simple.

        None if it is not all there, or more than a line of ASCII; nothing is taken then. data: as for `decode`, what
        stands before `at` taken.
        """
        if not (data.startswith(b"data: ", at) and self.between_events):
            return None
        end = data.find(b"\n\n", at)
        text = data[at + 6 : end]
        if end < 0 or not text.isascii() or b"\n" in text or b"\r" in text or len(text) > self._max_event_bytes:
            return None
        self._at_start = False
        return text, end + 2

    def finish(self) -> list[ServerSentEvent]:
        """Return the event that the stream ended in, without its blank line: one, or none.

        It may have been cut in the middle. JSON shows it (half a document does not parse), so whoever parses the data
        must take a failure here as a truncated stream. Raises WireFormatError as `decode` does.
        """
        return self._interpret([*self._lines.finish(), b""])

    def _interpret(self, lines: list[bytes]) -> list[ServerSentEvent]:
        events = []
        for line in lines:
            if self._at_start:
                self._at_start = False
                line = line.removeprefix(_BOM)  # noqa: PLW2901  # the line without what is no part of it
            if line.startswith(b"data:"):
                self._add_data(line[6:] if line.startswith(b" ", 5) else line[5:])
            elif not line:
                if self._data:
                    events.append(self._event())
                self._type = b""
            elif line.startswith(b"event:"):
                self._type = line[6:].removeprefix(b" ")
            elif line == b"data":
                self._add_data(b"")
            elif line == b"event":
                self._type = b""
            # else a comment, id, retry or a field nobody knows
        return events

    def _add_data(self, value: bytes) -> None:
        self._data.append(value)
        self._data_size += len(value) + 1  # a line end: empty lines must not come for free
        if self._data_size > self._max_event_bytes + 1:
            raise WireFormatError(f"an event of {self._data_size - 1} bytes, at most {self._max_event_bytes} are taken")

    def _event(self) -> ServerSentEvent:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._data_size = 0
        return ServerSentEvent(
            data if data.isascii() else _valid(data), self._type.decode("utf-8", "replace") or "message"
        )


def _valid(data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode()


def encode_event(data: bytes) -> bytes:
    """Return an event of the default type with `data`; every line of it becomes a line of the event.

    A CR in `data` ends a line like an LF, and comes back as one.
    """
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    return b"data: " + data + b"\n\n"


def encode_comment(text: str) -> bytes:
    """Return a comment, which every reader skips, with the blank line that some need to see it; text: one line."""
    return b": " + text.encode() + b"\n\n"


DONE = encode_event(b"[DONE]")
"""What ends a streamed chat completion that is complete."""

KEEP_ALIVE = encode_comment("keep-alive")
"""What says that a silent stream is alive."""
