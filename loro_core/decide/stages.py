"""What to say, and when, while an answer that was acknowledged does not come.

    said so far            what follows
    ---------------------  ------------------------------------------------------------------
    the acknowledgement    1 a progress line, a pause after the estimated end of what was said
    progress lines         2 another one, after a longer pause
    all of them            3 nothing: the answer comes, or its deadline ends the reply

A pause is silence as the user hears it, so it is counted from the estimated end of what was spoken. It grows, for a
line that comes back at the same distance sounds like a machine, and stays below the four seconds at which silence is
felt as a fault (Maslych et al., CUI 2025). No line is said twice in a reply, and the lines that the conversation has
heard lately come last. No line names a time, promises one, or answers.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from loro_core.decide.history import replies_since

FIRST_PAUSE_S = 1.55
LONGER_BY = 1.1
LONGEST_PAUSE_S = 1.8
"""Within the 1.5 to 2 s that people fill by themselves. An answer that begins just before a line was due is heard only
once its first sentence is whole, half a second later and more: the silence is as much longer then."""

WORDS_PER_S = 2.5
CHARACTERS_PER_S = 4.5
SYLLABLES_PER_S = 7.0
"""How fast speech synthesis speaks: words of scripts with spaces; characters of Chinese; kana and Hangul, of which it
takes several to say what one of those says (`screen.Limits` reckons with the same)."""


class Stage(Struct, frozen=True, kw_only=True):
    """A line to say at `at_s`, if the answer has not begun by then. at_s: as the times it was planned from."""

    text: str
    at_s: float


def spoken_s(text: str) -> float:
    """Return about how many seconds `text` takes to speak. Marks take none, nor do control tags ("<flush />")."""
    if text.isascii() and "<" not in text:
        return len(_ASCII_WORD.findall(text)) / WORDS_PER_S
    text = _TAG.sub(" ", text)
    if not _MAY_BE_WIDE.search(text):
        return sum(word[0].isalnum() or any(map(str.isalnum, word)) for word in text.split()) / WORDS_PER_S
    wide = [c for c in text if c.isalnum() and unicodedata.east_asian_width(c) in "WF"]
    syllables = sum(_SYLLABLES.match(c) is not None for c in wide)
    words = sum(any(c.isalnum() and unicodedata.east_asian_width(c) not in "WF" for c in w) for w in text.split())
    return words / WORDS_PER_S + syllables / SYLLABLES_PER_S + (len(wide) - syllables) / CHARACTERS_PER_S


_ASCII_WORD = re.compile(r"[A-Za-z0-9]\S*")
"""A word from its first letter or digit on: what is before that belongs to it, and is no other word."""

_TAG = re.compile(r"<[a-z]+ ?/>")
_SYLLABLES = re.compile("[\u3041-\u30ff\uac00-\ud7a3]")


# No character before U+1100 is wide; looking up each takes ten times as long as all the rest. Said as what it is not:
# to compile the range up to the last character takes ten times as long.
_MAY_BE_WIDE = re.compile("[^\0-\u10ff]")


class Stages:
    """The progress lines of one reply.

    lines: what may be said, each ready to be spoken. history: what the assistant said lately, as from `history.recent`.
    """

    def __init__(self, lines: Sequence[str], history: Sequence[str], rng: random.Random) -> None:
        shuffled = rng.sample(list(dict.fromkeys(lines)), len(dict.fromkeys(lines)))
        # Never heard first, then the longest ago.
        self._left = sorted(shuffled, key=lambda line: -_staleness(line, history))
        self._said = 0
        self._quiet_from_s = 0.0

    def spoke(self, text: str, at_s: float) -> None:
        """Take in that `text` was let out to speech at `at_s`: it is heard after what is still being spoken."""
        self._quiet_from_s = max(self._quiet_from_s, at_s) + spoken_s(text)

    def next(self) -> Stage | None:
        """Return the next line and when to say it, None when there is none left; each call uses one up."""
        if not self._left:
            return None
        pause_s = min(FIRST_PAUSE_S * LONGER_BY**self._said, LONGEST_PAUSE_S)
        self._said += 1
        return Stage(text=self._left.pop(0), at_s=self._quiet_from_s + pause_s)


def _staleness(line: str, history: Sequence[str]) -> float:
    ago = replies_since(line, history)
    return float("inf") if ago is None else ago
