"""Our own words in the answer again: an echoed prefill, or a model that begins as it was told the reply begins.

They are compared by their letters: case, spaces and marks may have changed on the way. What may come back is all of the
words, a sentence of them, the end of a sentence from a comma on ("Okay, let me see." - "Let me see."), or the lead-in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loro_core.decide.folded import Folded, letters
from loro_core.decide.joint import ends_with_comma, is_unspaced
from loro_core.decide.verdict import WAIT, Cut, Kind, Rest, Undecided, Verdict, begins

_SURE_LETTERS = 12
_SURE_UNSPACED = 5
"""So many letters of our own words are no chance: "Let me think", 让我想一想."""


class Repetition:
    """What a repetition of `words` may be.

    forms: its letters. lead_in: those of the words' last piece if a comma ends it, else "".
    clauses: the words as written, cut at every mark. small_words: begin a clause, and are no part of an idiom.
    """

    def __init__(self, words: str, small_words: tuple[str, ...]) -> None:
        pieces = [piece for piece in _SENTENCE_END.split(words) if letters(piece)]
        self.forms = tuple(form for form in dict.fromkeys((*_forms(pieces), letters(words))) if form)
        self.lead_in = letters(pieces[-1]) if pieces and ends_with_comma(words) else ""
        self.clauses = tuple(c.strip(_QUOTES) for piece in pieces for c in _CLAUSE_END.split(piece) if letters(c))
        self._small_words = (*small_words, *_SUBJECTS)

    def matched(self, view: Folded, start: int, form: str, rest: Rest) -> int | Undecided | None:
        """Return where in `view` the letters of `form` end, if it begins with them at `start`; None if it does not."""
        at, met = start, 0
        while at < len(view.text) and met < len(form):
            character = view.text[at]
            if character.isalnum():
                if character != form[met]:
                    return None
                met += 1
            elif not met:
                return None
            at += 1
        if met == len(form):
            return at
        return Undecided(likely=is_much(form[:met])) if rest is Rest.COMES else None

    def bare_lead_in(self, view: Folded, start: int, rest: Rest) -> Verdict:
        """Cut "So" off "So the sky" after our "So,".

        Without its comma only before a small word: "so far" is a word of its own.
        """
        text, lead_in = view.text[start:], self.lead_in
        waits = WAIT if rest is Rest.COMES else None
        if not lead_in or is_unspaced(lead_in[0]):
            return None
        if not text.startswith(f"{lead_in} "):
            return waits if f"{lead_in} ".startswith(text) else None
        follows = begins(text[len(lead_in) + 1 :], self._small_words, rest)
        if follows is None:
            return waits
        return Cut(end=view.end_of(start + len(lead_in)), kind=Kind.REPEAT, finished=False) if follows else None


def is_much(form: str) -> bool:
    """Return whether so many letters of our own words cannot have come back by chance."""
    return len(form) >= (_SURE_UNSPACED if form and is_unspaced(form[0]) else _SURE_LETTERS)


def _forms(pieces: list[str]) -> Iterator[str]:
    """Yield each sentence's letters, and those of its end from each comma on."""
    for piece in pieces:
        clauses = [letters(clause) for clause in _CLAUSE_END.split(piece)]
        for first in range(len(clauses)):
            yield "".join(clauses[first:])


_SUBJECTS = ("i", "im", "ive", "ill", "id")
_QUOTES = " ¡¿\"'“”„«»「」"
_SENTENCE_END = re.compile(r"[.!?…。！？।۔]+")
_CLAUSE_END = re.compile(r"[,،，、;；:：—–]+")
