"""What stands between two texts that are spoken as one: white space, and the case of the letter after it.

Whether there is a space is read from the characters at the join, not from a language tag: the answer may be in another
script than the words before it.

- Scripts without spaces (Han, kana, their punctuation) have none on either side of a mark or a Latin word. The gap that
  readers see there is the renderer's (W3C jlreq 3.9.1, clreq 3.2.2; Unicode TR59), not a character.
- Everything else has one, Korean included, and "So, 你好 means hello" as well.
- Text that is laid out in lines (a list, a heading, a code fence, a table) begins a paragraph of its own, since after
  words in the same line it would be read as text (CommonMark 0.31, chapter 4 and 5).
"""

from __future__ import annotations

import re
import unicodedata

from loro_core.decide.folded import letters
from loro_core.decide.openers import for_language

PARAGRAPH = "\n\n"

_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3041-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_UNDECIDED_MARKS = "…—–―·“”‘’\"'~"
"""Marks that scripts with and without spaces share: what stands before them decides."""

_ATTACHED = frozenset(",.;:!?…)]}%»，。；：！？、）」』】،؟؛।")
_COMMAS = ",，、،"
_ENDS = ".!?…。！？।؟"


def is_unspaced(character: str) -> bool:
    """Return whether `character` belongs to a script that sets no spaces."""
    return _UNSPACED.match(character) is not None


def separator(words: str, answer: str) -> str:
    """Return what stands between `words` and `answer`: "" or " ", not counting the white space `words` ends with.

    words, answer: with their visible ends towards each other; `answer` has no white space before it.
    """
    if not words or not answer or words[-1].isspace():
        return ""
    last = _deciding(words)
    if is_unspaced(last):
        return ""
    if last.isalnum() and (answer[0] in _ATTACHED or is_unspaced(answer[0])):
        return ""
    return " "


def begins_block(text: str, *, on_new_line: bool) -> bool | None:
    """Return whether `text` begins with something laid out in lines; None if its next characters would decide.

    A number begins a list only on a new line of the answer's own: "1. Mai" is a date.
    """
    if _BLOCK.match(text) or (on_new_line and _NUMBERED.match(text)):
        return True
    return None if _MAYBE_BLOCK.fullmatch(text) or (on_new_line and _MAYBE_NUMBERED.fullmatch(text)) else False


_BLOCK = re.compile(r"```|~~~|\#{1,6}[ \t]|[-*+•][ \t]|>[ \t]|\||---|\*\*\*")
_NUMBERED = re.compile(r"1[.)][ \t]")
_MAYBE_BLOCK = re.compile(r"`{1,2}|~{1,2}|\#{1,6}|[-+•>]|--|\*{1,2}")
_MAYBE_NUMBERED = re.compile(r"1[.)]?")


def ends_with_comma(words: str) -> bool:
    """Return whether the sentence goes on after `words`."""
    return words.rstrip()[-1:] in tuple(_COMMAS)


def ends_sentence(words: str) -> bool:
    """Return whether a new sentence begins after `words`."""
    return words.rstrip().rstrip("”\"'’»)")[-1:] in tuple(_ENDS)


def small_letter(text: str, language: str | None) -> str | None:
    """Return the small letter that `text` goes on with after a comma; "" to leave it as it is; None to see more first.

    Only a word on the language's list of small words is changed, and not where a word with a capital letter follows,
    for then the two may be a name ("The Hague"). An elided article is a word of its own ("L'eau").
    """
    small = for_language(language).small_words
    word = _WORD.match(text)
    if not small or word is None or not text[0].isupper() or len(text[0].lower()) != 1:
        return ""
    if word.end() > 1 and not word.group()[1:].islower():
        return ""
    first = letters(word.group())
    if word.end() == len(text):
        return None if any(s.startswith(first) for s in small) else ""
    rest = text[word.end() :]
    if first not in small or not (rest[0].isspace() or rest[0] == "," or rest[0] in _APOSTROPHES):
        return ""
    if rest[0] in _APOSTROPHES and len(rest) > 1 and first not in _ELIDED:
        return ""
    rest = rest[1:] if rest[0] in _APOSTROPHES else rest.lstrip(", ")
    if not rest:
        return None
    return "" if rest[0].isupper() else text[0].lower()


def capital_letter(text: str) -> str | None:
    """Return the capital that `text` begins with as a sentence; "" to leave it as it is; None to see more first.

    A word with a capital, a digit or a mark inside it is spelt so on purpose ("iPhone", "npm-run").
    """
    word = _WORD.match(text)
    if word is None or not word.group().islower() or len(text[0].upper()) != 1:
        return ""
    if word.end() == len(text):
        return None
    after = text[word.end()]
    return "" if after.isalnum() or after in "_-./:@" else text[0].upper()


_APOSTROPHES = "'’"
_ELIDED = frozenset(("l", "d", "c", "j", "n", "s", "qu"))
_WORD = re.compile("[^\\W\\d_\u0600-\u1fff\u2e80-\U0010ffff]+(?:['’](?:s|re|ll|ve|d|m)(?![^\\W\\d_]))?")
"""A word in Latin, Greek or Cyrillic letters, with an English verb shortened to it ("There's")."""


def _deciding(words: str) -> str:
    """Return the last character of `words` that shows which script they are in."""
    for character in reversed(words):
        plain_mark = character in _UNDECIDED_MARKS
        if not plain_mark and not character.isspace() and unicodedata.category(character) not in _PICTURES:
            return character
    return " "


_PICTURES = ("So", "Sk", "Mn", "Me", "Cf", "Cs", "Cn", "Co")
