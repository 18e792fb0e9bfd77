from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.reader import Reply, ReplyReader, Unchunked
from tests.bench.shapes import Shape, encode


@st.composite
def split(draw, whole: bytes) -> list[bytes]:
    cuts = sorted(draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(st.data(), st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_any_split_of_a_chunked_body_gives_the_body(data, chunks):
    whole = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
    unchunked = Unchunked()
    assert b"".join(unchunked.feed(piece) for piece in data.draw(split(whole))) == b"".join(chunks)
    assert unchunked.ended


@given(st.data(), st.integers(0, 20))
def test_any_split_of_a_reply_counts_the_same_events(data, tokens):
    whole = b"".join(encode(Shape(tokens=tokens), "large").pieces)
    reader = ReplyReader(Reply(0.0, 0.0), b"ayleigh")
    for second, piece in enumerate(data.draw(split(whole))):
        assert not reader.ended
        reader.feed(piece, float(second))
    reply = reader.reply
    assert reader.ended and reply.ok
    assert (reply.events, len(reply.arrivals_s)) == (tokens + 2, tokens)
    assert reply.arrivals_s == sorted(reply.arrivals_s)
