"""One timed reply: which moments count, and what is no reply at all."""

from __future__ import annotations

import json

import pytest

from loro_core.app.bench.reading import Broken, ReplyReader
from loro_core.decide.release.profile import PROFILES
from loro_core.fleet import Deployment, Leg, Secret
from loro_core.wire.leg_trace import encode_leg
from loro_core.wire.sse import DONE, encode_event

BENCH = Deployment(name="bench", provider="openai", model="", api_key=Secret("sk-secret"))


def chunk(content=None, finish_reason=None, **fields):
    delta = {} if content is None else {"content": content}
    body = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **fields}
    return encode_event(json.dumps(body).encode())


FINISH = chunk(finish_reason="stop")


def read(*pieces, head_s=0.01, client="plain"):
    reader = ReplyReader(BENCH, head_s, PROFILES[client])
    at_s = head_s
    for at_s, data in pieces:
        reader.feed(data, at_s)
        if reader.done:
            break
    return reader.end(at_s)


def test_moments_of_a_plain_reply():
    timing = read(
        (0.1, chunk("")),
        (0.5, chunk("One ")),
        (0.6, chunk("two ")),
        (0.9, chunk("three")),
        (0.91, FINISH),
        (0.92, DONE),
    )
    assert timing.head_s == 0.01
    assert timing.first_content_s == 0.5
    assert timing.first_answer_s == 0.5
    assert timing.longest_gap_s == pytest.approx(0.3)
    assert timing.total_s == 0.92
    assert timing.finish_reason == "stop"
    assert timing.characters == len("One two three")
    assert (timing.contents, timing.reads) == (3, 3)
    assert not timing.legs_told
    assert not timing.acknowledged


@pytest.mark.parametrize(
    ("client", "first_s", "hole_s"),
    [
        ("plain", 0.5, 1.9 - 1.7),
        ("pipecat", 0.9, 2.4 - 1.7),
        ("homeassistant", 2.5, 0.0),
    ],
)
def test_what_is_heard_of_a_reply_depends_on_who_reads_it(client, first_s, hole_s):
    timing = read(
        (0.5, chunk("Well,")),
        (0.6, chunk("")),
        (0.9, chunk(" hello. So")),
        (1.9, chunk(" it is as")),
        (2.3, chunk(" I said.")),
        (2.4, chunk(" Or")),
        (2.5, FINISH),
        client=client,
    )
    assert timing.first_content_s == 0.5
    assert timing.first_speakable_s == first_s
    assert timing.longest_hole_s == pytest.approx(hole_s)


def test_a_role_or_an_empty_text_is_no_content():
    assert read((0.1, chunk("")), (0.2, chunk()), (0.7, chunk("x")), (0.8, FINISH)).first_content_s == 0.7


def test_the_acknowledgement_is_not_the_answer():
    timing = read(
        (0.1, encode_leg(Leg.ACK) + chunk("Sure. ")),
        (1.2, encode_leg(Leg.ANSWER) + chunk("")),
        (1.3, chunk("It is blue.")),
        (1.4, FINISH + DONE),
    )
    assert (timing.first_content_s, timing.first_answer_s) == (0.1, 1.3)
    assert timing.longest_gap_s == pytest.approx(1.2)
    assert timing.legs_told
    assert timing.acknowledged


def test_an_answer_that_never_came_has_no_first_token():
    timing = read((0.1, encode_leg(Leg.ACK) + chunk("Sure. ")), (0.2, FINISH + DONE))
    assert timing.first_content_s == 0.1
    assert timing.first_answer_s is None


def test_a_reply_alone_with_legs_told_is_not_acknowledged():
    timing = read((0.6, encode_leg(Leg.ANSWER) + chunk("It is.")), (0.7, FINISH + DONE))
    assert timing.first_answer_s == 0.6
    assert timing.legs_told
    assert not timing.acknowledged


def test_a_body_that_comes_in_one_piece_is_not_early():
    timing = read((2.0, chunk("One ") + chunk("two") + FINISH + DONE), head_s=0.0)
    assert timing.first_content_s == timing.first_answer_s == timing.total_s == 2.0
    assert timing.longest_gap_s == 0.0
    assert (timing.contents, timing.reads) == (2, 1)


def test_a_chunk_cut_in_two_counts_when_it_is_whole():
    whole = chunk("你好")
    timing = read((0.3, whole[:40]), (0.8, whole[40:]), (0.9, FINISH + DONE))
    assert timing.first_content_s == 0.8
    assert timing.characters == 2


def test_usage_chunk_and_null_choices_are_taken():
    usage = encode_event(b'{"choices":[],"usage":{"total_tokens":3}}')
    null = encode_event(b'{"choices":null}')
    assert read((0.1, null + chunk("x")), (0.2, FINISH + usage + DONE)).finish_reason == "stop"


def test_nothing_after_done_counts():
    timing = read((0.1, chunk("x") + FINISH + DONE + chunk("late")), (9.0, b""))
    assert timing.total_s == 0.1
    assert timing.characters == 1


def test_done_or_finish_reason_is_end_enough():
    assert read((0.1, chunk("x") + DONE)).finish_reason is None
    assert read((0.1, chunk("x") + FINISH)).finish_reason == "stop"


def test_a_last_event_without_its_blank_line_counts():
    assert read((0.1, chunk("x")), (0.2, FINISH.rstrip(b"\n"))).finish_reason == "stop"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (chunk("x"), "cut off"),
        (b"", "cut off"),
        (FINISH + DONE, "no text (finish_reason stop)"),
        (chunk(finish_reason="length") + DONE, "no text (finish_reason length)"),
        (chunk("x") + b'data: {"choi', "middle of an event"),
        (encode_event(b"<html>"), "not as it should be"),
        (chunk("x") + encode_event(b'{"error":{"message":"the model broke"}}'), "error in the stream: the model broke"),
    ],
)
def test_what_is_no_reply_says_why(data, why):
    with pytest.raises(Broken) as caught:
        read((0.1, data))
    assert why in str(caught.value)


def test_an_error_that_repeats_the_key_does_not_show_it():
    with pytest.raises(Broken) as caught:
        read((0.1, encode_event(b'{"error":{"message":"no such key: sk-secret"}}')))
    assert "sk-secret" not in str(caught.value)
