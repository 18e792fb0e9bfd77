"""The voice clients by name: when each hands text to speech, and how an acknowledgement is shaped for it.

Early bytes are not early speech. An acknowledgement helps only if the client lets it out before the answer begins; this
module knows what that takes, measures it on any stream, and picks and completes the words accordingly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache

from msgspec import Struct

from loro_core.decide.release.rules import (
    Immediately,
    LongChunk,
    LongOpening,
    LongSentence,
    Rule,
    SentenceAndNextCharacter,
    SentenceAndSpace,
)


class Close(Enum):
    """What follows the sentence of an acknowledgement so that the client sees its end."""

    NOTHING = "nothing"
    LEAD_IN = "lead-in"
    FLUSH = "flush"
    ELLIPSIS = "ellipsis"


class Profile(Struct, frozen=True, kw_only=True):
    """A voice client.

    name: as `x-loro-client` and the setting spell it. rule: makes the rule by which it hands text to speech.
    close: how the acknowledgement's sentence is closed.
    floor_s: from the request: speech that is ready earlier is not heard earlier, so this is free time.
    """

    name: str
    rule: Callable[[], Rule]
    close: Close
    floor_s: float = 0.0


_ALL = (
    Profile(name="pipecat", rule=SentenceAndNextCharacter, close=Close.LEAD_IN),
    Profile(name="pipecat-token", rule=Immediately, close=Close.NOTHING),
    # Its pre-emptive requests come before the turn is confirmed, by a time that no request shows: no floor to rely on.
    Profile(name="livekit", rule=LongSentence, close=Close.LEAD_IN),
    # startSpeakingPlan.waitSeconds, by default 0.4 (Vapi's API reference).
    Profile(name="vapi", rule=LongChunk, close=Close.FLUSH, floor_s=0.4),
    Profile(name="homeassistant", rule=LongOpening, close=Close.LEAD_IN),
    Profile(name="elevenlabs", rule=SentenceAndSpace, close=Close.ELLIPSIS),
    Profile(name="plain", rule=Immediately, close=Close.NOTHING),
)
PROFILES = {profile.name: profile for profile in _ALL}

FALLBACK = PROFILES["pipecat"]
"""For a client that cannot be told: a sentence and a lead-in harm nobody, and most voice clients need both."""


class Releaser:
    """What one client has handed to speech of one reply, fed with the content deltas as they are written.

    released: how many characters of the reply were handed over so far.
    """

    def __init__(self, profile: Profile) -> None:
        self._rule = profile.rule()
        self._held = ""
        self.released = 0

    def feed(self, piece: str) -> list[str]:
        """Return what is handed over now that `piece` has come: a text for each utterance, none of them blank.

        The texts are the reply's own, with markup and control tokens that the client takes out.
        """
        self._held += piece
        return self._cut(self._rule.feed(piece))

    def finish(self) -> list[str]:
        """Return what is handed over at the reply's end."""
        return self._cut(self._rule.finish())

    def _cut(self, sizes: list[int]) -> list[str]:
        texts = []
        for size in sizes:
            texts.append(self._held[:size])
            self._held = self._held[size:]
            self.released += size
        return [text for text in texts if text.strip()]


def released(profile: Profile, text: str, *, final: bool = False) -> int:
    """Return how many characters of `text` the client has handed to speech when it came in one piece.

    final: whether it was the whole reply. Some clients look again at each piece that comes: where the pieces matter,
    feed a Releaser.
    """
    releaser = Releaser(profile)
    releaser.feed(text)
    if final:
        releaser.finish()
    return releaser.released


class Phrasing(Struct, frozen=True, kw_only=True):
    """An acknowledgement in its parts: a sentence, and a word or two that lead from it to the answer ("" for none)."""

    sentence: str
    lead_in: str = ""

    @classmethod
    def of(cls, text: str) -> Phrasing:
        """Return the parts of `text`: what follows its last end of a sentence is the lead-in."""
        text = text.strip()
        end = max(text.rfind(mark) for mark in _SENTENCE_ENDS) + 1
        if end == 0 or not any(c.isalnum() for c in text[end:]):
            return cls(sentence=text)
        return cls(sentence=text[:end], lead_in=text[end:].strip())


_SENTENCE_ENDS = ".!?…。！？।۔؟"


class Shaped(Struct, frozen=True, kw_only=True):
    """An acknowledgement as one client gets it.

    text: what is written. spoken: the words in it, as the answering model may be told them and a history returns them.
    join: what stands between the text and an answer that does not begin with a space of its own.
    at_once: whether the client hands its sentence to speech without waiting for the answer.
    """

    text: str
    spoken: str
    join: str
    at_once: bool


def shape(candidates: Sequence[Phrasing], profile: Profile, *, join: str) -> Shaped:
    """Return the first of `candidates` that the client hands to speech at once; if none is, the first, so marked.

    candidates: at least one, the best first; where short sentences are held back, a long one behind them is found.
    join: what stands between words in their language, " " or "".
    """
    shapes = (_shaped(candidate, profile, join) for candidate in candidates)
    first = next(shapes)
    if first.at_once:
        return first
    return next((later for later in shapes if later.at_once), first)


# The phrases of a book for one client: asked for at every acknowledgement, tried character by character once.
@lru_cache(maxsize=4096)
def _shaped(phrasing: Phrasing, profile: Profile, join: str) -> Shaped:
    sentence, lead_in = phrasing.sentence, phrasing.lead_in
    spoken = f"{sentence}{join}{lead_in}" if profile.close is Close.LEAD_IN and lead_in else sentence
    # Less than the sentence would be a clause that breaks off in the middle.
    texts = _texts(profile, spoken)
    text = next((text for text in texts if released(profile, text) >= len(sentence)), None)
    at_once = text is not None
    text = text or texts[0]
    return Shaped(text=text, spoken=spoken, join="" if text[-1].isspace() else join, at_once=at_once)


def _texts(profile: Profile, spoken: str) -> tuple[str, ...]:
    """Return how `spoken` may be written for the client, the plainest first."""
    if profile.close is Close.ELLIPSIS:
        return (_with_ellipsis(spoken),)
    if profile.close is Close.FLUSH:
        return (spoken, f"{spoken}{_FLUSH}")
    if profile.close is Close.LEAD_IN:
        # LiveKit does not take "、" or "،" for a word's end, but the space after it; nor does Pipecat the comma in
        # "up to me. So,".
        return (spoken, f"{spoken} ")
    return (spoken,)


def without_tokens(text: str) -> str:
    """Return `text`, shaped for whichever client, without what is a sign to the client and not a word."""
    return text.replace(_FLUSH, "")


_FLUSH = " <flush />"
_FULL_STOPS = ".。।۔"


def _with_ellipsis(sentence: str) -> str:
    """Return `sentence` with "... " for its full stop; after another mark, with a space."""
    stem = sentence.rstrip(_FULL_STOPS + "…")
    return f"{sentence} " if stem == sentence else f"{stem}... "
