from __future__ import annotations

import pytest

from tests.bench.reader import BadReply, Reply, ReplyReader, Unchunked
from tests.bench.shapes import Shape, encode, stamped

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(*pieces: bytes) -> tuple[Reply, ReplyReader]:
    """Feed `pieces`, one a second."""
    reader = ReplyReader(Reply(0.0, 0.0), b"ayleigh")
    for second, piece in enumerate(pieces, 1):
        reader.feed(piece, float(second))
    return reader.reply, reader


def test_a_whole_reply_in_one_piece():
    reply, reader = read(*encode(Shape(), "large").pieces)
    assert reader.ended and reply.ok
    assert (reply.events, reply.reads, len(reply.arrivals_s)) == (18, 1, 16)
    assert reply.first_byte_s == reply.first_content_s == reply.first_answer_s == reply.done_s == 1.0


def test_events_that_come_alone():
    reply, reader = read(*encode(Shape(tokens=3, interval_s=0.01), "large").pieces)
    assert reader.ended and reply.ok and reply.events == 5
    assert reply.first_byte_s == 1.0, "the role, which says nothing"
    assert reply.arrivals_s == [2.0, 3.0, 4.0] and reply.done_s == 5.0 and reply.longest_gap_s == 1.0


def test_the_answer_is_told_from_what_was_said_before_it():
    pieces = [
        HEAD + chunk('data: {"choices":[{"delta":{"role":"assistant","content":"Let me see. So,"}}]}\n\n'),
        chunk('data: {"choices":[{"delta":{"content":" Rayleigh"}}]}\n\n'),
        chunk("data: [DONE]\n\n") + b"0\r\n\r\n",
    ]
    reply, _ = read(*pieces)
    assert reply.acknowledged and (reply.first_content_s, reply.first_answer_s) == (1.0, 2.0)


def test_an_answer_alone_is_not_acknowledged():
    assert not read(*encode(Shape(tokens=3, interval_s=0.01), "large").pieces)[0].acknowledged


def test_a_gap_is_what_came_between_beyond_what_the_upstream_let_pass():
    encoded = encode(Shape(tokens=3, interval_s=0.01, stamped=True), "large")
    # Written 1, 2 and 4 seconds in, read at 2, 3 and 4: the last was the quickest.
    pieces = [
        piece if at is None else stamped(piece, at, written)
        for piece, at, written in zip(encoded.pieces, encoded.stamps, [0, 1.0, 2.0, 4.0, 0], strict=True)
    ]
    reply, _ = read(*pieces)
    assert reply.stamps_s == [1.0, 2.0, 4.0] and reply.gaps_s == [0.0, -1.0]


def test_a_refusal_is_no_good_reply():
    body = b'{"error":{"message":"no"}}'
    reply, reader = read(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert reader.ended and reply.status == 502 and not reply.ok


def test_a_reply_without_done_is_no_good_reply():
    reply, reader = read(HEAD + chunk('data: {"choices":[{"delta":{"content":"Ray"}}]}\n\n') + b"0\r\n\r\n")
    assert reader.ended and not reply.ok


def test_the_silence_in_which_a_reply_was_given_up_is_a_gap():
    reply, _ = read(*encode(Shape(tokens=3, interval_s=0.01), "large").pieces[:3])
    reply.done_s = 9.0
    assert reply.arrivals_s == [2.0, 3.0] and reply.longest_gap_s == 6.0


def test_the_server_may_close_behind_a_reply():
    _, reader = read(HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"0\r\n\r\n")
    assert reader.ended and reader.closes


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0 hello\r\n\r\n", HEAD + b"xyz\r\n", HEAD + b"0\r\nTrailer: x\r\n\r\n"]
)
def test_what_is_no_reply_of_any_gateway_is_told(data):
    with pytest.raises(BadReply):
        read(data)


def chunk(text: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text.encode()), text.encode())


@pytest.mark.parametrize("size", range(1, 12))
def test_chunks_come_out_whole_in_pieces_of_any_size(size):
    whole = chunk("a" * 20) + b"5;name=value\r\nbbbbb\r\n" + chunk("\r\n") + b"0\r\n\r\n"
    unchunked = Unchunked()
    out = b"".join(unchunked.feed(whole[at : at + size]) for at in range(0, len(whole), size))
    assert out == b"a" * 20 + b"bbbbb" + b"\r\n" and unchunked.ended
