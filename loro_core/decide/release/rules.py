"""How voice clients collect streamed text and when they hand it to speech, one rule a kind of client.

A rule is fed with the content deltas as they come and tells, each time, how many more characters of the stream were
handed over: one number for each piece that the client hands over by itself. `finish` is the end of the reply, at which
every client hands over what it still holds.
"""

from __future__ import annotations

import re
from typing import Protocol

from loro_core.decide.release.markdown import Kept, MarkdownFilter
from loro_core.decide.release.sentences import blingfire_ends, sentencex_end

LONGEST_HELD_CHARACTERS = 1000
"""More than this is never taken to be held. Clients may hold a page without a full stop; looking through it again for
every token would cost more than the measure is worth."""


class Rule(Protocol):
    def feed(self, piece: str) -> list[int]:
        """Return the sizes of what is handed over now that `piece` has come, in characters of the stream."""

    def finish(self) -> list[int]:
        """Return the same for the end of the reply."""


class Immediately:
    """Every piece as it comes."""

    def feed(self, piece: str) -> list[int]:
        return [len(piece)] if piece else []

    def finish(self) -> list[int]:
        return []


class SentenceAndNextCharacter:
    """Pipecat's default: a sentence, once the next visible character shows that it is one.

    The splitter is asked at that character and, if it cannot say then ("Mr. S"), once more at the end of the word.
    Source: pipecat-ai 1.14, `SimpleTextAggregator` in its SENTENCE mode.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "idle"

    def feed(self, piece: str) -> list[int]:
        sizes = []
        at = 0
        while at < len(piece):
            if self._state == "idle" and (plain := self._plain(piece, at)):
                self._held += piece[at : at + plain]
                at += plain
                continue
            char = piece[at]
            at += 1
            self._held += char
            mark = char in _PIPECAT_MARKS
            end = len(self._held) if len(self._held) > LONGEST_HELD_CHARACTERS else 0
            if not end and self._asks(char, mark):
                end = sentencex_end((self._held[:-1] if mark else self._held).rstrip())
            if end:
                sizes.append(end)
                self._held = self._held[end:]
                self._state = "idle"
            if mark:
                self._state = "after mark"
        return sizes

    def finish(self) -> list[int]:
        size = len(self._held)
        self._held = ""
        return [size] if size else []

    def _plain(self, piece: str, at: int) -> int:
        """Return how many characters from `at` on only add to what is held, as long as no mark came."""
        mark = _PIPECAT_MARK.search(piece, at)
        end = mark.start() if mark else len(piece)
        return min(end - at, LONGEST_HELD_CHARACTERS - len(self._held))

    def _asks(self, char: str, mark: bool) -> bool:
        state = self._state
        if state == "after mark":
            if char.isspace() or mark:
                return False
            self._state = "in word" if char.isalnum() else "before word"
            return True
        if state == "before word" and char.isalnum():
            self._state = "in word"
        elif state == "in word" and (char.isspace() or mark):
            self._state = "idle"
            return True
        return False


# Marks after which Pipecat looks for a sentence's end.
_PIPECAT_MARKS = frozenset(".!?;…。？！；．｡।॥؟؛۔؏၊။។៕໌།༎։՜՞።፧፨")
_PIPECAT_MARK = re.compile(f"[{''.join(_PIPECAT_MARKS)}]")


class LongSentence:
    """LiveKit's default: a sentence of 20 characters or more, once the text filter lets the next word through.

    Shorter sentences are joined with what follows. Source: livekit-agents 1.8, the default TTS node's `StreamAdapter`
    over the BlingFire tokenizer (min_sentence_len 20, stream_context_len 10) behind the default text transforms.
    """

    def __init__(self) -> None:
        self._filter = MarkdownFilter()
        self._held: Kept = []
        self._came = 0
        self._handed_over = 0

    def feed(self, piece: str) -> list[int]:
        self._came += len(piece)
        passed = self._filter.feed(piece)
        self._held += passed
        if self._came - self._handed_over > LONGEST_HELD_CHARACTERS:
            self._filter = MarkdownFilter(start=self._came)
            self._held = []
            return self._hand_over(self._came)
        return self._sentences() if passed and len(self._held) >= _LIVEKIT_CONTEXT_CHARACTERS else []

    def finish(self) -> list[int]:
        self._held += self._filter.finish()
        sizes = self._sentences()
        self._held = []
        return sizes + self._hand_over(self._came) if self._came > self._handed_over else sizes

    def _sentences(self) -> list[int]:
        sizes = []
        text = "".join(char for char, _ in self._held)
        done = 0
        for end in blingfire_ends(text):
            if len(text[done:end].strip()) >= _LIVEKIT_SENTENCE_CHARACTERS:
                sizes += self._hand_over(self._held[end - 1][1])
                done = end
        self._held = self._held[done:]
        return sizes

    def _hand_over(self, position: int) -> list[int]:
        size = position - self._handed_over
        self._handed_over = position
        return [size]


_LIVEKIT_SENTENCE_CHARACTERS = 20
_LIVEKIT_CONTEXT_CHARACTERS = 10


class LongChunk:
    """Vapi's default: 30 characters or more that end in a punctuation mark, or all that comes before a flush token.

    Source: Vapi's API reference, `voice.chunkPlan` (minCharacters, punctuationBoundaries), and its page on the flush
    syntax. Which marks count is chosen for each voice provider; these are the ones it names. A point or comma between
    digits is taken to be no end.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> list[int]:
        self._held += piece
        sizes = []
        while end := self._end():
            sizes.append(end)
            self._held = self._held[end:]
        return sizes

    def finish(self) -> list[int]:
        size = len(self._held)
        self._held = ""
        return [size] if size else []

    def _end(self) -> int:
        flush = FLUSH.search(self._held)
        limit = flush.start() if flush else len(self._held)
        mark = _VAPI_BOUNDARY.search(self._held, _VAPI_CHUNK_CHARACTERS - 1, limit)
        if mark:
            return mark.end()
        if flush:
            return flush.end()
        return limit if limit > LONGEST_HELD_CHARACTERS else 0


FLUSH = re.compile(r"<\s*flush\s*/?>|<\s*/\s*flush\s*>", re.IGNORECASE)
"""Vapi's token for "speak now", in the spellings it accepts; it is not spoken."""

_VAPI_CHUNK_CHARACTERS = 30
_VAPI_BOUNDARY = re.compile(r"[.,:](?!\d)|[!?;)，。،۔।॥|]")


class LongOpening:
    """Home Assistant: nothing until more than 60 characters have come, then every piece as it comes.

    Source: Home Assistant core 2025.7 and later, `assist_pipeline`, STREAM_RESPONSE_CHARS.
    """

    def __init__(self) -> None:
        self._held = 0
        self._open = False

    def feed(self, piece: str) -> list[int]:
        if not piece:
            return []
        self._held += len(piece)
        if not self._open and self._held <= _HOME_ASSISTANT_CHARACTERS:
            return []
        self._open = True
        size, self._held = self._held, 0
        return [size]

    def finish(self) -> list[int]:
        size, self._held = self._held, 0
        return [size] if size else []


_HOME_ASSISTANT_CHARACTERS = 60


class SentenceAndSpace:
    """ElevenLabs: a sentence with the space after it; in scripts without spaces, its mark.

    The platform does not publish its rule. It asks that an early opening end in "... ", with the space: that is this
    rule's shortest case. Source: ElevenLabs' page on custom LLMs, "buffer words".
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> list[int]:
        self._held += piece
        sizes = []
        while (mark := _ELEVENLABS_BOUNDARY.search(self._held)) or len(self._held) > LONGEST_HELD_CHARACTERS:
            sizes.append(mark.end() if mark else len(self._held))
            self._held = self._held[sizes[-1] :]
        return sizes

    def finish(self) -> list[int]:
        size = len(self._held)
        self._held = ""
        return [size] if size else []


_ELEVENLABS_BOUNDARY = re.compile(r"[.!?…؟۔।][\"'”’»)]*\s|[。！？][”’」』）]*")
