"""Text as it is compared: without case, accents and width, each character knowing where it stood.

`history.spoken_form` answers whether two texts sound alike; here something is cut out of the text afterwards, so the
place must be known. A cut never falls inside a cluster: whatever folds away (accents, vowel signs, variation
selectors) belongs to the character before it.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_APOSTROPHES = frozenset("'’‘`´ʼ＇")
_LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")


class Folded:
    """`text`, folded: NFKD, case folded, marks and apostrophes gone, a run of white space one space or line feed.

    text: the folded characters. starts, ends: for each, where its source begins and where the next one's does.
    source: as it was.
    """

    __slots__ = ("ends", "source", "starts", "text")

    def __init__(self, source: str) -> None:
        folded: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for at, character in enumerate(source):
            form = folded_character(character)
            if form.isspace() and folded and folded[-1].isspace():
                folded[-1] = max(folded[-1], form, key=_is_line_end)
                form = ""
            if not form and ends:
                ends[-1] = at + 1
            for part in form:
                folded.append(part)
                starts.append(at)
                ends.append(at + 1)
        self.source = source
        self.text = "".join(folded)
        self.starts = starts
        self.ends = ends

    def skip(self, at: int, characters: str | frozenset[str]) -> int:
        """Return the first place from `at` on that holds none of `characters`."""
        while at < len(self.text) and self.text[at] in characters:
            at += 1
        return at

    def end_of(self, at: int) -> int:
        """Return where in the source the folded characters before `at` end."""
        return self.ends[at - 1] if at else 0


@lru_cache(maxsize=8192)
def folded_character(character: str) -> str:
    """Return what one character is compared as: none, one or several characters."""
    if character.isspace():
        return "\n" if character in _LINE_ENDS else " "
    if character in _APOSTROPHES:
        return ""
    parts = unicodedata.normalize("NFKD", character).casefold()
    return "".join(part for part in parts if unicodedata.category(part) not in ("Mn", "Me"))


def is_attached_mark(character: str) -> bool:
    """Return whether `character` only changes the one before it: an accent, a variation selector, a skin tone."""
    return unicodedata.category(character) in ("Mn", "Me") or character in _MODIFIERS


_MODIFIERS = frozenset("\u200d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
"""The joiner of emoji, and the five skin tones."""


def folded(text: str) -> str:
    """Return the folded characters of `text`."""
    return Folded(text).text


def letters(text: str) -> str:
    """Return the letters and digits of `text`, folded."""
    return "".join(map(_letters_of, text))


@lru_cache(maxsize=8192)
def _letters_of(character: str) -> str:
    return "".join(filter(str.isalnum, folded_character(character)))


def _is_line_end(character: str) -> bool:
    return character == "\n"
