"""What a turn wants, as far as its opening words show it: so that the acknowledgement fits.

    greeting     "hello", "good morning", "how are you", 你好呀        and nothing else in the turn
    closing      "thanks, that's all", "bye", 谢谢, 再见               and nothing else that asks
    backchannel  "okay", "mm-hm", "yes", 嗯: it goes on, and needs no words
    complaint    "I've been waiting for weeks", 我要投诉               the tone turns sober
    correction   "no, I said Tuesday", "that's not what I meant"
    choice       "the second one", "at eight", 红色的那个              picks one of several, fills in a detail
    explain      "why is the sky blue", "how do I boil an egg"        wants reasons or steps
    lookup       "what's the weather", "find a pharmacy"              has to be looked up
    request      "can you help me", "turn off the light", 帮我关灯
    question     "who wrote Hamlet", "is it true that ..."
    other        "I had a bad day", "my brother lives in Rome", 他说你好像不开心: no rule applies

How a turn is read:

1. Small talk that fills the whole turn is a greeting ("how are you" opens like a question).
2. Fillers, greetings and closings are taken off the front, as many as there are. If nothing is left: a closing if
   there was one ("hi and bye"), else a greeting if there was one, else a backchannel ("okay", "嗯").
3. A complaint anywhere, then a correction, then a choice that is all that is left, decide.
4. What is left is cut into clauses; the first clause that opens as a request or a question decides which it is.
   Else a question mark does, then what stands inside the clauses (speech recognition leaves the marks out).
5. A request or question that wants reasons is "explain"; one that needs the world outside is "lookup".
6. Else: small talk or a name after a greeting is a greeting, anything after or before thanks is a closing, other.

The rules are patterns on words, not on letters: the "hi" of "which" and "shipping" is no greeting. They stand in
`languages`.
"""

from __future__ import annotations

from enum import Enum

from loro_core.decide.languages import LANGUAGES
from loro_core.decide.lexicon import common_words
from loro_core.decide.rules import TurnRules, plain

LOOKED_AT_CHARACTERS = 600
"""So much of a turn's beginning is looked at, and as much of its end: a long dictation asks at either."""


class Category(Enum):
    """What a turn wants. The values are the names in the phrase files and in metrics."""

    GREETING = "greeting"
    QUESTION = "question"
    EXPLAIN = "explain"
    LOOKUP = "lookup"
    REQUEST = "request"
    CHOICE = "choice"
    CORRECTION = "correction"
    COMPLAINT = "complaint"
    CLOSING = "closing"
    OTHER = "other"
    BACKCHANNEL = "backchannel"


def category_of(text: str, language: str | None) -> Category:
    """Return what `text`, a turn in `language`, wants: OTHER for a language without rules. Any text is taken."""
    known = LANGUAGES.get(language or "")
    if known is None:
        return Category.OTHER
    rules = known.turns
    whole = folded(text, rules)
    if rules.small_talk.fullmatch(whole):  # 1
        return Category.GREETING
    rest, greeted, closed = _without_opening(whole, rules)  # 2
    if not rest:
        return _bare(whole, greeted, closed)
    if greeted and rules.small_talk.fullmatch(rest):
        return Category.GREETING
    if rules.complaint.search(whole):  # 3
        return Category.COMPLAINT
    if rules.correction.search(whole):
        return Category.CORRECTION
    named = greeted and rules.name.fullmatch(rest) and rest.split()[-1] not in common_words(language or "")
    if rules.choice.fullmatch(rest) and not named:
        return Category.CHOICE
    asked = _asked(rest, rules)  # 4, 5
    if asked is not None:
        return asked
    if named:  # 6
        return Category.GREETING
    if rules.thanks.match(whole) or rules.parting.search(whole):
        return Category.CLOSING
    return Category.OTHER


def _bare(whole: str, greeted: bool, closed: bool) -> Category:
    if closed:
        return Category.CLOSING
    if greeted:
        return Category.GREETING
    return Category.BACKCHANNEL if whole else Category.OTHER


def _without_opening(text: str, rules: TurnRules) -> tuple[str, bool, bool]:
    """Return `text` without its fillers, greetings and closings, and whether it greeted and closed."""
    greeted = closed = False
    while True:
        if m := rules.closing.match(text):
            closed = True
        elif m := rules.greeting.match(text):
            greeted = True
        else:
            m = rules.filler.match(text)
        if not m or not m.end():
            return text, greeted, closed
        text = text[m.end() :].lstrip(_BETWEEN)


def _asked(text: str, rules: TurnRules) -> Category | None:
    for clause in rules.clause.split(text):
        opening, _, _ = _without_opening(clause.strip(_BETWEEN), rules)
        if rules.request.match(opening):
            return _refined(Category.REQUEST, opening, rules)
        if rules.question.match(opening):
            return _refined(Category.QUESTION, opening, rules)
    if "?" in text or rules.question_inside.search(text):
        return _refined(Category.QUESTION, text, rules)
    if rules.request_inside.search(text):
        return _refined(Category.REQUEST, text, rules)
    return None


def _refined(asked: Category, clause: str, rules: TurnRules) -> Category:
    if rules.explain.search(clause):
        return Category.EXPLAIN
    if (rules.seek if asked is Category.REQUEST else rules.live).search(clause):
        return Category.LOOKUP
    return asked


_BETWEEN = " \t\r\n.,!?;:~-–—…。、\"'()[]¿¡«»„“”"
"""What may stand between two openers, and around a turn (after NFKC, which makes full-width marks ASCII)."""


def folded(text: str, rules: TurnRules) -> str:
    """Return the two ends of `text` as the patterns expect them, without the marks around it."""
    if len(text) > 2 * LOOKED_AT_CHARACTERS:
        text = f"{text[:LOOKED_AT_CHARACTERS]}. {text[-LOOKED_AT_CHARACTERS:]}"
    return plain(text).translate(rules.variants).lstrip(_BETWEEN).rstrip(_BETWEEN.replace("?", ""))
