"""The pieces of the hot path, each ready to be done again and again: what `make micro` measures.

A subject prepares once and gives a function that does one unit of work, always the same, and leaves nothing behind.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from loro_core.app.config.settings import WordsSettings
from loro_core.app.phrases import phrasebook
from loro_core.decide.merge import Acknowledged, Answered, AnswerEnded, Merge
from loro_core.decide.release.profile import FALLBACK, Releaser
from loro_core.decide.words import choose
from loro_core.fleet import Deployment
from loro_core.wire.openai_in import RequestRules, decode_chat_request
from loro_core.wire.openai_out import ChunkEncoder, ReplyHead
from loro_core.wire.sse import SSEDecoder
from loro_openai.reply import StreamReader
from tests.bench.processes import ROOT
from tests.bench.reader import Unchunked
from tests.bench.shapes import HEAD, Shape, encode

Work = Callable[[], object]

SHAPE = Shape(tokens=16)
WORDS = "Good question, let me see. So,"
_REQUEST = json.dumps(
    {
        "model": "loro",
        "messages": [
            {"role": "system", "content": "You are the voice of a small museum. Answer in one or two sentences."},
            {"role": "user", "content": "Who painted the large picture in the hall?"},
            {"role": "assistant", "content": "Nobody knows; it was found in the attic in 1912."},
            {"role": "user", "content": "And why is its sky so blue?"},
        ],
        "stream": True,
        "temperature": 0.5,
        "max_tokens": 150,
    }
).encode()


def _events() -> list[bytes]:
    """Return the upstream's events, as each is read when it comes alone."""
    whole = Unchunked().feed(encode(SHAPE, "large").pieces[0].removeprefix(HEAD))
    return [event + b"\n\n" for event in whole.split(b"\n\n") if event]


def _deployment() -> Deployment:
    return Deployment(name="large", provider="openai", base_url="http://127.0.0.1:1/v1", model="large")


def request() -> Work:
    """A request's body into a ChatRequest."""
    rules = RequestRules()
    return lambda: decode_chat_request(_REQUEST, rules)


def sse_at_once() -> Work:
    """The bytes of a whole reply into events."""
    whole = b"".join(_events())
    return lambda: SSEDecoder().decode(whole)


def reply_at_once() -> Work:
    """The bytes of a whole reply into deltas, JSON included."""
    whole, deployment = b"".join(_events()), _deployment()
    return lambda: StreamReader(deployment).decode(whole)


def reply_event_by_event() -> Work:
    """The same bytes, an event a read."""
    events, deployment = _events(), _deployment()

    def work() -> None:
        reader = StreamReader(deployment)
        for event in events:
            reader.decode(event)

    return work


def merge_alone() -> Work:
    """The deltas of a reply through the merge, in direct mode."""
    answered = [Answered(delta=delta) for delta in StreamReader(_deployment()).decode(b"".join(_events()))]

    def work() -> None:
        merge = Merge(acknowledging=False)
        for event in answered:
            merge.receive(event)
        merge.receive(AnswerEnded())

    return work


def merge_behind_words() -> Work:
    """The same behind an acknowledgement: through the seam."""
    answered = [Answered(delta=delta) for delta in StreamReader(_deployment()).decode(b"".join(_events()))]
    words = Acknowledged(words=WORDS, language="en")

    def work() -> None:
        merge = Merge(acknowledging=True)
        merge.receive(words)
        for event in answered:
            merge.receive(event)
        merge.receive(AnswerEnded())

    return work


def encode_chunks() -> Work:
    """The deltas of a reply into the bytes of events."""
    deltas = StreamReader(_deployment()).decode(b"".join(_events()))
    head = ReplyHead(id="chatcmpl-bench", created=1700000000, model="loro")

    def work() -> None:
        encoder = ChunkEncoder(head)
        for delta in deltas:
            encoder.delta(delta, role=False)

    return work


def phrase() -> Work:
    """The words for a turn from the phrase book."""
    book = phrasebook(WordsSettings(), ROOT)
    asked = decode_chat_request(_REQUEST, RequestRules())
    return lambda: choose(book, asked, random.Random(7), key="bench")


def release() -> Work:
    """What a voice client has let out to speech, asked for each piece of a reply."""
    pieces = [WORDS, *SHAPE.words]

    def work() -> None:
        releaser = Releaser(FALLBACK)
        for piece in pieces:
            releaser.feed(piece)
        releaser.finish()

    return work


SUBJECTS: dict[str, tuple[Callable[[], Work], int, str]] = {
    "request": (request, 1, "request"),
    "sse_at_once": (sse_at_once, SHAPE.events, "event"),
    "reply_at_once": (reply_at_once, SHAPE.events, "event"),
    "reply_event_by_event": (reply_event_by_event, SHAPE.events, "event"),
    "merge_alone": (merge_alone, SHAPE.events, "event"),
    "merge_behind_words": (merge_behind_words, SHAPE.events, "event"),
    "encode_chunks": (encode_chunks, SHAPE.events, "event"),
    "phrase": (phrase, 1, "turn"),
    "release": (release, SHAPE.tokens + 1, "piece"),
}
"""By name: how it is prepared, how many items one unit of its work is about, and what an item is."""
