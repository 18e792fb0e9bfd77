"""What a GGUF file says of itself at its beginning.

Source: the GGUF specification of ggml, version 3: little-endian; a magic, a version, two counts, then key-value pairs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"
VERSIONS = (2, 3)

# value type: (struct format, bytes); strings (8) and arrays (9) have a length of their own.
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MOST_PAIRS = 10_000
_LONGEST_BYTES = 1 << 24
"""A chat template has some thousand bytes."""


class NotGguf(Exception):
    """The file is not one that llama.cpp reads. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """architecture: "llama", "qwen3", ... context_tokens: for which it was trained, None if it does not say."""

    architecture: str
    context_tokens: int | None


def read_header(path: Path) -> Header:
    """Return the header of the file at `path`; raise NotGguf, or OSError if it cannot be read."""
    with path.open("rb") as file:
        magic = file.read(4)
        if magic != MAGIC:
            raise NotGguf(f"it begins with {magic!r}, a GGUF file with {MAGIC!r}")
        try:
            version = _number(file, 4)
            if version not in VERSIONS:
                raise NotGguf(f"it has GGUF version {version}, needs one of {', '.join(map(str, VERSIONS))}")
            file.seek(8, 1)  # how many tensors there are
            return _search(file, _number(file, 10))
        except (struct.error, UnicodeDecodeError, KeyError) as error:
            raise NotGguf("its header is damaged or cut off") from error


def _search(file: BinaryIO, pairs: int) -> Header:
    """Read pairs until the architecture's context is found; what is large, the vocabulary, comes behind it."""
    architecture = ""
    contexts: dict[str, int] = {}
    for _ in range(min(pairs, _MOST_PAIRS)):
        key = _string(file)
        kind = int(_number(file, 4))
        if key == "general.architecture" and kind == _STRING:
            architecture = _string(file)
        elif key.endswith(".context_length") and kind in _NUMBERS:
            contexts[key] = int(_number(file, kind))
        else:
            _skip(file, kind)
        if architecture and f"{architecture}.context_length" in contexts:
            break
    if not architecture:
        raise NotGguf("it does not say what architecture it has")
    return Header(architecture=architecture, context_tokens=contexts.get(f"{architecture}.context_length"))


def _number(file: BinaryIO, kind: int) -> int:
    form = _NUMBERS[kind]
    (value,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return int(value)


def _string(file: BinaryIO) -> str:
    length = _number(file, 10)
    if length > _LONGEST_BYTES:
        raise NotGguf("its header is damaged or cut off")
    data = file.read(length)
    if len(data) < length:
        raise NotGguf("its header is damaged or cut off")
    return data.decode("utf-8")


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        file.seek(_number(file, 10), 1)
    elif kind == _ARRAY:
        of, count = _number(file, 4), _number(file, 10)
        if of in _NUMBERS:
            file.seek(count * struct.calcsize(_NUMBERS[of]), 1)
            return
        for _ in range(count):
            _skip(file, of)
    else:
        file.seek(struct.calcsize(_NUMBERS[kind]), 1)
