from __future__ import annotations

import json

import pytest

from loro_core.wire.sse import SSEDecoder
from tests.bench.reader import Unchunked
from tests.bench.shapes import HEAD, Shape, encode, from_json, stamp_of, stamped, to_json


def contents(data: bytes) -> list[str]:
    events = SSEDecoder().decode(Unchunked().feed(data.removeprefix(HEAD)))
    assert events[-1].data == "[DONE]"
    chunks = [json.loads(event.data) for event in events[:-1]]
    return [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]


def test_a_burst_is_one_piece_with_an_event_for_each_token():
    encoded = encode(Shape(tokens=16, first_s=0.05), "large")
    assert encoded.at_s == (0.05,) and encoded.events == Shape(tokens=16).events == 18
    said = contents(encoded.pieces[0])
    assert len(said) == 18 and "".join(said).startswith("Rayleigh scattering sends")


def test_a_paced_reply_has_a_piece_for_each_event_at_its_time():
    shape = Shape(tokens=3, first_s=0.5, interval_s=0.02)
    encoded = encode(shape, "large")
    assert encoded.at_s == pytest.approx((0.0, 0.5, 0.52, 0.54, 0.56))
    assert shape.lasts_s == pytest.approx(encoded.at_s[-1])
    assert "".join(contents(b"".join(encoded.pieces))) == "Rayleigh scattering sends"


def test_the_words_may_be_given():
    assert "".join(contents(encode(Shape(text="Let me see. So,"), "small").pieces[0])) == "Let me see. So,"


def test_a_stamped_token_says_when_it_was_written():
    encoded = encode(Shape(tokens=2, interval_s=0.01, stamped=True), "large")
    assert [at is None for at in encoded.stamps] == [True, False, False, True]
    piece, at = encoded.pieces[1], encoded.stamps[1]
    assert at is not None
    written = stamped(piece, at, 12345.678901)
    assert len(written) == len(piece) and stamp_of(written) == pytest.approx(12345.678901, abs=1e-6)


@pytest.mark.parametrize("event", [b'{"content":"Rayleigh"}', b"@", b"@1234 ", b"@1234567890123x"])
def test_what_is_no_stamp_is_none(event):
    assert stamp_of(event) is None


def test_shapes_travel_as_json():
    shapes = {"large": Shape(tokens=3, stamped=True), "small": Shape(text="So,", first_s=0.1)}
    assert from_json(to_json(shapes)) == shapes
