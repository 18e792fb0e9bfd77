"""The shape of what loro knows about a language: how its speakers open and ask, and what no acknowledgement may say.

`languages` fills it in, a module a language. All patterns meet text that is NFKC, case folded and without apostrophes
(`plain`), so "what's", "What’s" and "whats" are one, "ß" is "ss", and the marks of every script are ASCII's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal


class Pattern:
    """A regular expression that is compiled when it is first used.

    Those of twelve languages together take a third of a second, which a start has not got: `compile` does it after
    the start, where nobody waits.
    """

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._compiled: re.Pattern[str] | None = None

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"

    @property
    def compiled(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.source)
        return self._compiled

    @property
    def is_compiled(self) -> bool:
        return self._compiled is not None

    def compile(self) -> None:
        """Do now what its first use would."""
        self._compiled = self.compiled

    def match(self, text: str) -> re.Match[str] | None:
        return self.compiled.match(text)

    def search(self, text: str) -> re.Match[str] | None:
        return self.compiled.search(text)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        return self.compiled.fullmatch(text)

    def split(self, text: str) -> list[str]:
        return self.compiled.split(text)


def one_of(*alternatives: str, start: str = "", end: str = "") -> Pattern:
    """Return a pattern for any of `alternatives`, the first that fits, after `start` and followed by `end`."""
    return Pattern(f"{start}(?:{'|'.join(alternatives)}){end}")


def word(*alternatives: str) -> Pattern:
    """Return a pattern for any of `alternatives` as whole words, in scripts whose letters are all one character."""
    return one_of(*alternatives, start=r"\b", end=r"\b")


NEVER = Pattern("(?!)")
CLAUSE = Pattern(r"[.!?;:,…]+(?=\s|$)|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRules:
    """How people greet, close and ask. `category` and `tone` say how the parts are used.

    variants: characters to be read as others, for `str.translate`.
    filler, greeting, closing: taken off the front of the turn.
    thanks: how a turn begins, parting: how one ends, that may say more and still closes if it asks nothing.
    small_talk: a whole turn, or all that follows a greeting. name: who greets or was greeted, after a greeting.
    request, question: how a clause opens. question_inside, request_inside: found anywhere.
    explain: found in a question or request that wants reasons or steps. seek: in a request to look something up.
    live: in a question whose answer has to be looked up.
    choice: the whole of a turn, without its fillers, that picks one of several or fills in a detail.
    correction, complaint: found anywhere. grave, urgent: found anywhere; `tone` says what they mean.
    clause: what stands between two clauses.
    """

    variants: Mapping[int, int | str | None]
    filler: Pattern
    greeting: Pattern
    closing: Pattern
    thanks: Pattern
    parting: Pattern
    small_talk: Pattern
    name: Pattern
    request: Pattern
    question: Pattern
    question_inside: Pattern
    request_inside: Pattern
    explain: Pattern
    seek: Pattern
    live: Pattern
    choice: Pattern
    correction: Pattern
    complaint: Pattern
    grave: Pattern
    urgent: Pattern
    clause: Pattern = CLAUSE


Writing = Literal["words", "syllables", "characters"]
"""How a script is told apart and how dense it is: by words (Latin, Cyrillic, Arabic, Devanagari), by syllables that
stand close (Japanese, Korean), by characters that are each a word (Chinese)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsRules:
    """What an acknowledgement must and must not say. `screen` says how the parts are used.

    variants: characters to be read as others, for `str.translate`.
    writing: how long it may be, and what a unit of it is: words, or single letters.
    full_stop, comma: what ends a sentence and a lead-in.
    filler: what may stand before an opening without changing it ("hmm", "okay").
    yes_no: how an answer to a yes-no question opens. question: asks without a question mark.
    promise: says that something will happen, is possible, or when. refusal: apologises or declines.
    claim: states something. acknowledges: one of these must be in it.
    vocabulary: what it may say beside the user's own words: words, or single letters.
    """

    variants: Mapping[int, int | str | None]
    writing: Writing
    full_stop: str
    comma: str
    filler: Pattern
    yes_no: Pattern
    question: Pattern
    promise: Pattern
    refusal: Pattern
    claim: Pattern
    acknowledges: Pattern
    vocabulary: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """All that loro knows of a language.

    prompt: the acknowledging model's system prompt. last_reply: the line before the beginning of the last reply.
    """

    turns: TurnRules
    words: WordsRules
    prompt: str
    last_reply: str

    def patterns(self, *, with_words: bool) -> Iterator[Pattern]:
        """Yield the patterns for turns, and those for words if they are wanted."""
        for rules in (self.turns, self.words) if with_words else (self.turns,):
            values = (getattr(rules, field.name) for field in fields(rules))
            yield from (value for value in values if isinstance(value, Pattern))


_MARKS = str.maketrans({"؟": "?", "،": ",", "؛": ";", "۔": ".", "।": ".", "॥": ".", **dict.fromkeys("'’`´ʼ")})
"""What NFKC leaves of the marks that Arabic and Hindi have of their own; apostrophes go."""


# A turn is looked at for its kind, its tone, its demands and by the screen, one after the other.
@lru_cache(maxsize=64)
def plain(text: str) -> str:
    """Return `text` as the patterns expect it, with every run of white space as one space."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold().translate(_MARKS))


WORD_ENDS = r"(?!\w)"
"""The end of a word, in scripts whose letters are all one character."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of `text`, which stand apart."""
    return frozenset(text.split())
