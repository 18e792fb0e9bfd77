"""What a turn wants, as far as its opening words show it: so that the acknowledgement fits.

    greeting   "hello", "good morning", "how are you", 你好呀        and nothing else in the turn
    closing    "thanks, that's all", "bye", 谢谢, 再见               and nothing else that asks
    request    "can you help me", "turn off the light", 帮我查一下
    question   "what is this", "is it late", 今天天气怎么样
    other      "I think so", "forty two", 他说你好像不开心: no rule applies

How a turn is read:

1. Small talk that fills the whole turn is a greeting ("how are you" opens like a question).
2. Fillers, greetings and closings are taken off the front, as many as there are. If nothing is left: a closing if
   there was one ("hi and bye"), else a greeting if there was one, else other ("okay", "嗯").
3. What is left is cut into clauses; the first clause that opens as a request or a question decides.
4. Else a question mark does, then what stands inside the clauses (speech recognition leaves the marks out).
5. Else: small talk or a name after a greeting is a greeting, anything after or before thanks is a closing, other.

The rules are patterns on words, not on letters: the "hi" of "which" and "shipping" is no greeting. They stand in
`english` and `chinese`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from loro_core.decide import chinese, english
from loro_core.decide.lexicon import ENGLISH
from loro_core.decide.rules import TurnRules, plain

LOOKED_AT_CHARACTERS = 600
"""So much of a turn's beginning is looked at, and as much of its end: a long dictation asks at either."""


class Category(Enum):
    """What a turn wants. The values are the names in the phrase files and in metrics."""

    GREETING = "greeting"
    QUESTION = "question"
    REQUEST = "request"
    CLOSING = "closing"
    OTHER = "other"


def category_of(text: str, language: str | None) -> Category:
    """Return what `text`, a turn in `language`, wants: OTHER for a language without rules. Any text is taken."""
    rules = RULES.get(language or "")
    if rules is None:
        return Category.OTHER
    whole = _plain(text, rules)
    if rules.small_talk.fullmatch(whole):  # 1
        return Category.GREETING
    rest, greeted, closed = _without_opening(whole, rules)  # 2
    if not rest:
        return Category.CLOSING if closed else Category.GREETING if greeted else Category.OTHER
    if greeted and rules.small_talk.fullmatch(rest):
        return Category.GREETING
    asked = _asked(rest, rules)  # 3, 4
    if asked is not None:
        return asked
    if greeted and rules.name.fullmatch(rest) and rest.split()[-1] not in ENGLISH:  # 5
        return Category.GREETING
    if rules.thanks.match(whole) or rules.parting.search(whole):
        return Category.CLOSING
    return Category.OTHER


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
            return Category.REQUEST
        if rules.question.match(opening):
            return Category.QUESTION
    if "?" in text or rules.question_inside.search(text):
        return Category.QUESTION
    if rules.request_inside.search(text):
        return Category.REQUEST
    return None


_BETWEEN = " \t\r\n.,!?;:~-–—…。、\"'()[]"
"""What may stand between two openers, and around a turn (after NFKC, which makes full-width marks ASCII)."""


def _plain(text: str, rules: TurnRules) -> str:
    if len(text) > 2 * LOOKED_AT_CHARACTERS:
        text = f"{text[:LOOKED_AT_CHARACTERS]}. {text[-LOOKED_AT_CHARACTERS:]}"
    return plain(text).translate(rules.variants).lstrip(_BETWEEN).rstrip(_BETWEEN.replace("?", ""))


RULES: Mapping[str, TurnRules] = {"en": english.TURNS, "zh": chinese.TURNS}
"""By language tag. A turn in any other language is OTHER."""
