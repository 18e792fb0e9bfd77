"""How an answer opens, seen against the words that were said before it: what of it was said already.

    greeting   a second greeting after words that greeted, with the name that goes with it: "Hi Anna! "
    welcome    a second answer to thanks after one
    repeat     our words again: all of them, a sentence, or the end of one from a comma on
    opener     a second word of the kind that we opened with: "Sure! ", "Great question! ", "Let me see... "
    lead_in    a second lead-in after ours: "So, " + "Well, it depends"

Each is taken only with the mark that ends it, so "Hello World", "Sure-footed", "So-called", "Well water", "Okay Google"
and 你好是 stay. Further, it stays

1. where a question mark ends it, or a letter follows its mark at once ("Hello.py");
2. where it began with a capital and a small letter follows its full stop: then it is a title ("Hello Dolly! is ...");
3. where it opens a list of its like ("Hello, hi and hey are greetings");
4. where it agrees and a "but" follows, or it agrees before a comma and what follows is not just the answer's beginning
   ("Sure, it is expensive, but" - "Sure, here is");
5. where nothing would be left of the answer, unless it is a greeting, a welcome or a repetition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache

from loro_core.decide.category import Category
from loro_core.decide.folded import Folded, folded
from loro_core.decide.joint import is_unspaced
from loro_core.decide.openers import BY_LANGUAGE, NOT_NAMES, TITLES, for_language
from loro_core.decide.repetition import Repetition, is_much
from loro_core.decide.verdict import LIKELY, WAIT, Cut, Kind, Rest, Undecided, Verdict, begins


class _Rule(Enum):
    """How an opener may end, and what may follow it."""

    GREETING = Kind.GREETING, "greeting"
    WELCOME = Kind.WELCOME, "welcome"
    RECEIPT = Kind.OPENER, "receipt"
    ASSENT = Kind.OPENER, "assent"
    FILLER = Kind.OPENER, "filler"
    LEAD_IN = Kind.LEAD_IN, "lead_in"
    REPEATED = Kind.REPEAT, "repeated"
    REPEATED_SENTENCE = Kind.REPEAT, "repeated_sentence"

    @property
    def kind(self) -> Kind:
        return self.value[0]


_MAY_BE_ALL = (_Rule.GREETING, _Rule.WELCOME, _Rule.REPEATED, _Rule.REPEATED_SENTENCE)

_FULL_STOPS = frozenset(".!~…。！।۔\n")
_COMMAS = frozenset(",،、—–-")
_QUESTIONS = frozenset("?؟")
_MARKS = _FULL_STOPS | _COMMAS | _QUESTIONS
_CLOSING = frozenset('"”»)]}」』*_:;')
_FRIENDLY = "👋🙂😊😀😃😄🤗☺"
_WAVE = re.compile(f"[ \n]?[{_FRIENDLY}][\U0001f3fb-\U0001f3ff]?")
_JOINER = "\u200d"
_PREFIX = re.compile(f"(?:[{_FRIENDLY}][\U0001f3fb-\U0001f3ff]?[ \n]?)?¡?")


@lru_cache(maxsize=512)
def openings(words: str, language: str | None, category: Category | None = None) -> Openings:
    """Return the `Openings` for these words, made once for those that come back: the phrases of a book."""
    return Openings(words, language, category)


class Openings:
    """What may be taken off an answer after `words`. It does not change.

    language: the words' tag, None if unknown. category: what the turn wanted, None if unknown; then whether the words
    greet or answer thanks is read from them.
    """

    def __init__(self, words: str, language: str | None, category: Category | None = None) -> None:
        openers = for_language(language)
        self._contrasts = openers.contrasts
        self._followers = openers.followers
        self._ours = Repetition(words, openers.small_words)
        said = [folded(clause) for clause in self._ours.clauses]
        leads_in = bool(self._ours.lead_in)
        greets = category is Category.GREETING or any(s in _GREETINGS for s in said)
        closes = category is Category.CLOSING or any(s in openers.welcomes for s in said)
        if category is None:
            acknowledges = leads_in or not (greets or closes)
        else:
            acknowledges = category not in (Category.GREETING, Category.CLOSING)
        self._phrases = _phrases(language, greets=greets, closes=closes, acknowledges=acknowledges, leads_in=leads_in)

    def judge(self, text: str, rest: Rest) -> Verdict:
        """Return what the beginning of `text` is. text: no white space before it.

        While `rest` is COMES a verdict may be Undecided; what is decided is not changed by more text.
        """
        view = Folded(text)
        prefix = _PREFIX.match(view.text)
        start = prefix.end() if prefix else 0
        if start == len(view.text):
            return WAIT if rest is Rest.COMES and start else None
        verdicts = [*self._said_again(view, rest, start), *self._openers(view, rest, start)]
        undecided = [v for v in verdicts if isinstance(v, Undecided)]
        if undecided:
            return LIKELY if LIKELY in undecided else WAIT
        cuts = [v for v in verdicts if isinstance(v, Cut)]
        return max(cuts, key=lambda cut: cut.end, default=None)

    def _said_again(self, view: Folded, rest: Rest, start: int) -> Iterator[Verdict]:
        for form in self._ours.forms:
            at = self._ours.matched(view, start, form, rest)
            if not isinstance(at, int):
                yield at
            elif form == self._ours.lead_in or is_much(form):
                yield self._end(view, rest, at, _Rule.REPEATED, start)
            else:
                yield self._end(view, rest, at, _Rule.REPEATED_SENTENCE, start)
        yield self._ours.bare_lead_in(view, start, rest)

    # --- openers of the same kind ----------------------------------------------------------------------------------

    def _openers(self, view: Folded, rest: Rest, start: int) -> Iterator[Verdict]:
        text = view.text[start:]
        for phrase, rule in self._phrases.get(text[0], ()):
            if text.startswith(phrase):
                yield self._end(view, rest, start + len(phrase), rule, start)
            elif rest is Rest.COMES and phrase.startswith(text):
                yield WAIT

    def _end(self, view: Folded, rest: Rest, at: int, rule: _Rule, start: int) -> Verdict:
        """Judge what follows an opener that ends before `at`."""
        text = view.text
        mark = _past_waves(view, at)
        mark = view.skip(mark, " ")
        if mark == len(text):
            return self._at_the_end(view, rest, rule, finished=rest is Rest.NONE)
        if text[mark] not in _MARKS:
            if rule is _Rule.GREETING and mark > at:
                return self._named(view, rest, mark, start)
            return None
        if text[mark] == "-" and text[mark - 1] != " ":
            return None
        return self._marked(view, rest, mark, rule, start)

    def _marked(self, view: Folded, rest: Rest, mark: int, rule: _Rule, start: int) -> Verdict:
        """Judge an opener that is ended by the marks which begin at `mark`."""
        after = view.skip(mark, _MARKS)
        marks = view.text[mark:after]
        if not _QUESTIONS.isdisjoint(marks):
            return None  # 1
        finished = not _FULL_STOPS.isdisjoint(marks)
        return self._follows(view, rest, after, rule, start, finished=finished)

    def _at_the_end(self, view: Folded, rest: Rest, rule: _Rule, *, finished: bool) -> Verdict:
        """Judge an opener after which there is nothing (yet). finished: whether it has had its full stop."""
        if rest is Rest.COMES:
            return LIKELY
        if finished and rule in _MAY_BE_ALL:
            return Cut(end=len(view.source), kind=rule.kind)
        return None  # 5

    def _follows(self, view: Folded, rest: Rest, at: int, rule: _Rule, start: int, *, finished: bool) -> Verdict:
        """Judge what follows an opener and its marks, which end before `at`."""
        text = view.text
        if rule is _Rule.GREETING:
            at = _past_waves(view, at)
        following = view.skip(at, " \n")
        if following == len(text):
            return self._at_the_end(view, rest, rule, finished=finished or rest is Rest.NONE)
        character = text[following]
        line_ends = "\n" in text[at - 1 : following]
        finished = finished or line_ends
        mark = view.source[view.starts[at - 1]]
        if following == at and character.isalnum() and mark in ".,-" and not is_unspaced(character):
            return None  # 1
        if character in _CLOSING and following == at:
            return None
        if finished and not line_ends and rule.kind is not Kind.REPEAT and _goes_on_small(view, start, following):
            return None  # 2
        return self._permits(view, rest, following, rule, Cut(end=view.end_of(at), kind=rule.kind, finished=finished))

    def _permits(self, view: Folded, rest: Rest, following: int, rule: _Rule, cut: Cut) -> Verdict:
        """Return `cut`, unless what follows speaks against it."""
        text = view.text[following:]
        if rule is _Rule.GREETING and not cut.finished:
            return self._unless_listed(view, rest, following, cut)
        if rule is _Rule.REPEATED_SENTENCE and not cut.finished:
            return None
        wanted, unwanted = True, False
        if rule in (_Rule.RECEIPT, _Rule.ASSENT):
            meant = begins(text, self._contrasts, rest)
            unwanted = meant is None or meant
            if meant is None and rest is Rest.COMES:
                return LIKELY
        if rule is _Rule.ASSENT and not cut.finished:
            goes_on = begins(text, self._followers, rest)
            wanted = bool(goes_on)
            if goes_on is None and rest is Rest.COMES:
                return LIKELY
        return cut if wanted and not unwanted else None  # 4

    def _unless_listed(self, view: Folded, rest: Rest, following: int, cut: Cut) -> Verdict:  # 3
        """Return `cut`, unless a greeting follows that does not end its sentence."""
        text = view.text[following:]
        titled = begins(text, NOT_NAMES, rest)
        greets = begins(text, _GREETINGS, rest)
        if titled is None or greets is None:
            return LIKELY if rest is Rest.COMES else cut
        if titled or not greets:
            return None if titled else cut
        verdicts = [v for v in self._openers(view, rest, following) if v is not None]
        if any(isinstance(v, Undecided) for v in verdicts):
            return LIKELY
        return cut if any(isinstance(v, Cut) and v.finished for v in verdicts) else None

    def _named(self, view: Folded, rest: Rest, at: int, start: int) -> Verdict:
        """Judge a greeting with a name: "Hi Anna!", "Hello Dr. Smith,". Up to three words, with capitals if any."""
        text, end = view.text, at
        for _ in range(3):
            word = _NAME.match(text, end)
            if word is None:
                break
            cased = view.source[view.starts[end]]
            if word.group() in NOT_NAMES or cased.islower():
                return None
            end = word.end()
            if word.group() in TITLES:
                end = view.skip(end, ".")
            elif text[end : end + 1] in _FULL_STOPS or (text[end : end + 1] == "," and cased.isupper()):
                return self._marked(view, rest, end, _Rule.GREETING, start)
            if end < len(text) and (text[end] != " " or not cased.isupper()):
                return None
            end += 1
        return LIKELY if rest is Rest.COMES and end >= len(text) else None


@lru_cache(maxsize=256)
def _phrases(
    language: str | None, *, greets: bool, closes: bool, acknowledges: bool, leads_in: bool
) -> Mapping[str, Sequence[tuple[str, _Rule]]]:
    """Return the phrases to look for by their first character."""
    openers = for_language(language)
    rules: list[tuple[_Rule, Sequence[str]]] = []
    if greets:
        rules.append((_Rule.GREETING, tuple(_GREETINGS)))
    if closes:
        rules.append((_Rule.WELCOME, openers.welcomes))
    if acknowledges:
        rules += [
            (_Rule.RECEIPT, openers.receipts),
            (_Rule.ASSENT, openers.assents),
            (_Rule.FILLER, (*openers.praise, *openers.thinking)),
        ]
    if leads_in:
        rules.append((_Rule.LEAD_IN, openers.lead_ins))
    by_first: dict[str, list[tuple[str, _Rule]]] = {}
    for rule, phrases in rules:
        for phrase in phrases:
            by_first.setdefault(phrase[0], []).append((phrase, rule))
    return by_first


_GREETINGS = frozenset(phrase for openers in BY_LANGUAGE.values() for phrase in openers.greetings)
"""Every language's: a model that answers in another language than it was asked in greets twice all the same."""

_NAME = re.compile(r"(?:[^\W\d_]|[\u0900-\u0dff])+(?:-[^\W\d_]+)?")


def _goes_on_small(view: Folded, start: int, following: int) -> bool:
    """Return whether a small letter follows at `following` what began with a capital at `start`."""
    return view.source[view.starts[start]].isupper() and view.source[view.starts[following]].islower()


def _past_waves(view: Folded, at: int) -> int:
    """Return the place after the friendly faces that stand at `at`, each of them whole."""
    while wave := _WAVE.match(view.text, at):
        if view.text[wave.end() : wave.end() + 1] == _JOINER:
            break
        at = wave.end()
    return at
