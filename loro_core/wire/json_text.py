"""JSON text and the values it stands for: one place that knows how decoding can fail and what encoding needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from loro_core.wire.lines import WireFormatError

# 128: serde_json's limit. A document near the interpreter's own limit could be decoded here and then not be encoded
# again where the stack is deeper.
MAX_DEPTH = 128

_DECODER = msgspec.json.Decoder()


def decode_json(data: bytes) -> Any:
    """Return the value of the JSON document `data`: only dict, list, str, int, float, bool and None.

    Integers keep their size, of a key that stands twice the last counts.
    Raises WireFormatError for anything else, with the position where there is one: not UTF-8, not JSON (NaN and
    Infinity are not), a number beyond a double, brackets nested deeper than MAX_DEPTH.
    """
    try:
        value = _DECODER.decode(data)
    except UnicodeDecodeError as exc:
        raise WireFormatError(f"not UTF-8{_first_bad_byte(data)}") from exc
    except msgspec.DecodeError as exc:
        raise WireFormatError(_what_is_wrong(data, str(exc))) from exc
    except RecursionError as exc:
        raise WireFormatError(_TOO_DEEP) from exc
    # Most documents have fewer brackets than may be nested, so that counting them is the whole check.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _deeper_than(MAX_DEPTH, value):
        raise WireFormatError(_TOO_DEEP)
    return value


def encode_json(value: object) -> bytes:
    """Return `value` as compact JSON in UTF-8, on one line, keys in their order.

    value: Json, in which any Mapping is an object and any Sequence an array. A float that JSON cannot say becomes
    null; half of a surrogate pair, which UTF-8 cannot say, becomes U+FFFD.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_without_surrogates(value))


_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


def _what_is_wrong(data: bytes, message: str) -> str:
    if not data.strip():
        return "empty"
    if message == "Input data was truncated":
        return f"unfinished: {len(data)} bytes are no whole document"
    return message.removeprefix("JSON is malformed: ")


def _first_bad_byte(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        return f" (byte {exc.start})"
    return ""


def _deeper_than(limit: int, value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
    return bool(level)


def _plain(value: object) -> object:
    """Return what msgspec can encode for `value`, of which it knows nothing."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise NotImplementedError(f"{type(value).__name__} is not JSON")


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_without_surrogates(inner) for inner in value]
    return value


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
