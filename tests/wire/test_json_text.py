from __future__ import annotations

import contextlib
import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.json_text import MAX_DEPTH, decode_json, encode_json
from loro_core.wire.lines import WireFormatError

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(documents)
def test_decode_undoes_encode(value: object) -> None:
    assert decode_json(encode_json(value)) == value


@given(st.binary() | st.text(alphabet='{}[]":,0123456789.eE+-truefalsn \\ud8', max_size=40).map(str.encode))
def test_any_bytes_give_a_value_or_the_documented_error(data: bytes) -> None:
    with contextlib.suppress(WireFormatError):
        decode_json(data)


@given(
    st.recursive(st.text(alphabet=st.characters()) | st.floats(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_whatever_is_encoded_is_json(value: object) -> None:
    decode_json(encode_json(value))


def test_numbers_stay_what_they_were() -> None:
    assert repr(decode_json(b"[5, 5.0, 123456789012345678901234567890]")) == "[5, 5.0, 123456789012345678901234567890]"
    assert encode_json([5, 5.0, 2**90]) == f"[5,5.0,{2**90}]".encode()


def test_nesting_is_limited_where_it_can_still_be_encoded() -> None:
    # The brackets inside the string count for nothing.
    text = '"' + "[" * 300 + '"'
    assert decode_json(b"[" * (MAX_DEPTH - 1) + text.join("[]").encode() + b"]" * (MAX_DEPTH - 1))
    assert decode_json(text.encode()) == "[" * 300
    assert decode_json(b"[" + b",".join([b"{}"] * 500) + b"]")
    for depth in (MAX_DEPTH + 1, 900, 100_000):
        with pytest.raises(WireFormatError, match="nested deeper than 128 levels"):
            decode_json(b'{"a":' * depth + b"1" + b"}" * depth)


def test_values_of_the_vocabulary_are_encoded() -> None:
    assert encode_json(MappingProxyType({"a": (MappingProxyType({}), range(2))})) == b'{"a":[{},[0,1]]}'


def test_half_a_surrogate_pair_does_not_end_a_reply() -> None:
    assert encode_json({"a\ud800": ["b\udc00", "\ud83d\ude00", 1]}) == '{"a\ufffd":["b\ufffd","😀",1]}'.encode()


def test_what_is_not_json_is_refused() -> None:
    assert encode_json([math.nan, math.inf]) == b"[null,null]"
    with pytest.raises(NotImplementedError, match="object is not JSON"):
        encode_json(object())
