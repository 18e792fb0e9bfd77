"""The seam between an acknowledgement and the answer: nothing said twice, one space or none, nothing else touched.

The answering model does not know, or does not heed, what was said before it: it greets again ("Hello!"), repeats the
words it was given to go on from, or opens with a "Sure!" of its own. The seam holds the first characters of the answer
back until it is seen what they are, takes off what was said already, and is out of the way from then on.

How it goes:

1. White space before the answer is taken in; it is replaced by what `joint` says.
2. Something laid out in lines is passed on as it is, as a paragraph of its own.
3. What `opening` calls a cut is taken off, up to `CUTS` times ("Hello! Sure! ..."), each time from 1.
4. The case of the first letter is set: small after a comma, where that is safe; a capital where a cut after a comma
   has made a new sentence of what follows.
5. The rest is passed on as it comes.

Text is looked at a character at a time, so the output does not depend on how the answer was split, only, where time ran
out, on when it came. What was cut and changed is recorded: `edits` applied to the answer give the output.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from loro_core.decide.category import Category
from loro_core.decide.folded import is_attached_mark
from loro_core.decide.joint import (
    PARAGRAPH,
    begins_block,
    capital_letter,
    ends_sentence,
    ends_with_comma,
    separator,
    small_letter,
)
from loro_core.decide.language import language_of_text
from loro_core.decide.opening import openings
from loro_core.decide.verdict import Cut, Kind, Rest, Undecided

CUTS = 4
"""A model that opens with more than a greeting, a receipt, praise and a lead-in is not opening any more."""


class SeamLimits(Struct, frozen=True, kw_only=True):
    """How much of the answer may be held back, and for how long each character of it.

    characters: 64. The words themselves have 60 at most (`screen.Limits`), and to be known again must be seen whole.
    hold_s: for an opening that may turn out to be anything; one token at 25 tokens a second.
    likely_hold_s: once a whole opener or a good part of our own words is there, so that only its mark or the rest is
        missing: ten such tokens. The acknowledgement is being spoken meanwhile; nobody waits.
    """

    characters: int = 64
    hold_s: float = 0.040
    likely_hold_s: float = 0.400


class Edit(Struct, frozen=True, kw_only=True):
    """One change. at: where in the answer, in characters. before: what stood there. after: what stands there now."""

    kind: Kind
    at: int
    before: str
    after: str = ""


def applied(edits: Sequence[Edit], answer: str) -> str:
    """Return what a seam that made `edits` let out of `answer`."""
    done, parts = 0, []
    for edit in edits:
        parts += [answer[done : edit.at], edit.after]
        done = edit.at + len(edit.before)
    return "".join([*parts, answer[done:]])


class Seam:
    """The machine. words: all that was said before the answer. language: its tag, None to read it from the words.

    category: what the user's turn wanted; None where that is unknown, then it is read from the words.
    """

    def __init__(
        self, words: str, language: str | None, limits: SeamLimits | None = None, *, category: Category | None = None
    ) -> None:
        self._words = words
        self._language = language or language_of_text(words)
        self._limits = limits or SeamLimits()
        self._openings = openings(words, self._language, category)
        self._edits: list[Edit] = []
        self._at = 0  # so much of the answer is decided
        self._blank = ""  # white space after that
        self._held = ""  # and visible text after that
        self._since: float | None = None  # when the first of `_held` came
        self._new = 0  # so many of `_held` came with this feed
        self._likely = False
        self._cuts = 0
        self._capital = False  # a cut began with a capital, so a sentence does
        self._put_back = ""
        self._done = not words

    @property
    def done(self) -> bool:
        """Whether all is decided: from now on `feed` returns what it is given, and need not be called."""
        return self._done

    @property
    def held(self) -> str:
        """What was fed, is neither cut nor given back, and is visible."""
        return self._held

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called, on the clock of `feed`; None if nothing is held."""
        if self._since is None:
            return None
        return self._since + (self._limits.likely_hold_s if self._likely else self._limits.hold_s)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was cut and changed, in order. They hold the answer's words: for the ledger, not for a log."""
        return tuple(self._edits)

    def __repr__(self) -> str:
        return f"<Seam {'done' if self._done else 'open'}, holds {len(self._held)}, {len(self._edits)} edits>"

    def feed(self, text: str, now: float) -> str:
        """Return what may be written now, maybe "". text: what the answer added, split anywhere."""
        if self._done:
            return text
        self._new = 0
        for at, character in enumerate(text):
            out = self._take(character, now)
            if self.done:
                return out + text[at + 1 :]
        return self.tick(now)

    def tick(self, now: float) -> str:
        """Return what must be let go because its time is over, "" if it is not."""
        deadline = self.deadline
        return self._decide(now, Rest.LATE) if deadline is not None and now >= deadline else ""

    def end(self) -> str:
        """Return the rest: the answer is complete, or is not text any more."""
        if self._done:
            return ""
        out = self._decide(self._since or 0.0, Rest.NONE)
        self._edit(Kind.SPACE, self._blank, "")  # where nothing visible came
        self._finish()
        return out

    # --- the decision ----------------------------------------------------------------------------------------------

    def _take(self, character: str, now: float) -> str:
        if not self._held and (character.isspace() or (self._cuts and is_attached_mark(character))):
            self._blank += character  # 1
            return self._let_go(separator(self._words, "x")) if len(self._blank) > self._limits.characters else ""
        self._held += character
        self._new += 1
        if self._since is None:
            self._since = now
        return self._decide(now, Rest.LATE if len(self._held) >= self._limits.characters else Rest.COMES)

    def _decide(self, now: float, rest: Rest) -> str:
        """Decide about what is held as far as it goes; return what may be written."""
        while self._held:
            self._likely = False
            block = begins_block(self._held, on_new_line="\n" in self._blank)  # 2
            if block is None and rest is Rest.COMES:
                return ""
            if block:
                return self._let_go(PARAGRAPH)
            verdict = self._openings.judge(self._held, rest) if self._cuts < CUTS else None
            if isinstance(verdict, Undecided):
                self._likely = verdict.likely
                return ""
            if verdict is None:
                return self._begin(rest)
            self._cut(verdict, now)  # 3
        self._since = None
        return ""

    def _begin(self, rest: Rest) -> str:
        """Let the answer begin with what is held, its case set."""
        letter: str | None = ""
        if ends_with_comma(self._words):  # 4
            letter = small_letter(self._held, self._language)
        elif self._capital and ends_sentence(self._words):
            letter = capital_letter(self._held)
        if letter is None and rest is Rest.COMES:
            return ""
        return self._let_go(letter=letter or "")

    def _cut(self, cut: Cut, now: float) -> None:
        gone, left = self._held[: cut.end], self._held[cut.end :]
        self._edit(cut.kind, self._blank + gone, "")
        self._cuts += 1
        self._capital = self._capital or next((c.isupper() for c in gone if c.isalpha()), False)
        if "¡" in gone and "!" not in gone:
            self._put_back = "¡"  # the mark that closes the sentence is still to come
        self._held = left.lstrip()
        self._blank = left[: len(left) - len(self._held)]
        if len(self._held) <= self._new:
            self._since = now

    def _let_go(self, between: str | None = None, *, letter: str = "") -> str:
        """End the seam and return what it holds. between: what stands before it, the separator if not given."""
        if between is None:
            between = separator(self._words, self._held)
        elif self._words[-1] == "\n":
            between = ""
        between += self._put_back
        first = letter or self._held[:1]
        out = between + first + self._held[1:]
        self._edit(Kind.SPACE, self._blank, between)
        self._edit(Kind.CASE, self._held[:1], first)
        self._finish()
        return out

    def _edit(self, kind: Kind, before: str, after: str) -> None:
        if before != after:
            self._edits.append(Edit(kind=kind, at=self._at, before=before, after=after))
        self._at += len(before)

    def _finish(self) -> None:
        self._blank = self._held = ""
        self._since = None
        self._done = True
