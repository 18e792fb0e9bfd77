"""Newline-delimited JSON: one document a line, as Ollama's native API streams it (github.com/ndjson/ndjson-spec)."""

from __future__ import annotations

from typing import Any

from loro_core.wire.json_text import decode_json, encode_json
from loro_core.wire.lines import LineDecoder, WireFormatError

# 1 MiB: Envoy's default buffer for one connection. A chunk of a reply is some hundred bytes; one that carries a
# picture needs more, and its provider asks for it.
MAX_LINE_BYTES = 1 << 20


class NdjsonDecoder:
    """Gives the values of a stream of lines. max_line_bytes: the longest line taken.

    Any split of the input gives the same values. Blank lines are skipped.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._lines = LineDecoder(max_line_bytes)
        self._count = 0

    def decode(self, data: bytes) -> list[Any]:
        """Return the values of the lines that `data` completes, in order; Json each.

        Raises WireFormatError for a line that is not JSON, with its number, and once a line exceeds max_line_bytes;
        values before it in the same `data` are lost with it.
        """
        return self._values(self._lines.decode(data))

    def finish(self) -> list[Any]:
        """Return the value of the last line where no line end followed it: one value, or none.

        Raises WireFormatError if that line is not a whole document: the stream was cut.
        """
        return self._values(self._lines.finish())

    def _values(self, lines: list[bytes]) -> list[Any]:
        values = []
        for line in lines:
            self._count += 1
            if not line or line.isspace():
                continue
            try:
                values.append(decode_json(line))
            except WireFormatError as exc:
                raise WireFormatError(f"line {self._count}: {exc}") from exc
        return values


def encode_line(value: object) -> bytes:
    """Return `value`, which is Json, as one line with its end."""
    return encode_json(value) + b"\n"
