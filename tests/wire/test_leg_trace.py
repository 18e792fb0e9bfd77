from __future__ import annotations

from loro_core.fleet import Leg
from loro_core.wire.leg_trace import LegTraceDecoder, encode_leg
from loro_core.wire.sse import SSEDecoder, encode_event


def test_comments_as_documented():
    assert encode_leg(Leg.ACK) == b": loro leg=acknowledgement\n\n"
    assert encode_leg(Leg.ANSWER) == b": loro leg=answer\n\n"


def test_each_event_has_the_leg_last_named():
    data = encode_event(b"0") + encode_leg(Leg.ACK) + encode_event(b"1") + encode_leg(Leg.ANSWER) + encode_event(b"2")
    events = LegTraceDecoder().decode(data)
    assert [(leg, event.data) for leg, event in events] == [(None, "0"), (Leg.ACK, "1"), (Leg.ANSWER, "2")]


def test_other_comments_name_no_leg():
    data = b": keep-alive\n\n: loro leg=other\n\n:loro leg=answer\n\n" + encode_event(b"1")
    assert [leg for leg, _ in LegTraceDecoder().decode(data)] == [None]


def test_what_data_says_names_no_leg():
    assert [leg for leg, _ in LegTraceDecoder().decode(encode_event(b": loro leg=answer\nx"))] == [None]


def test_an_event_without_its_blank_line_comes_at_the_end():
    decoder = LegTraceDecoder()
    assert decoder.decode(encode_leg(Leg.ANSWER) + b"data: cut") == []
    assert [(leg, event.data) for leg, event in decoder.finish()] == [(Leg.ANSWER, "cut")]


def test_readers_who_did_not_ask_see_nothing():
    with_legs = encode_leg(Leg.ACK) + encode_event(b"1") + encode_leg(Leg.ANSWER) + encode_event(b"2")
    assert SSEDecoder().decode(with_legs) == SSEDecoder().decode(encode_event(b"1") + encode_event(b"2"))
