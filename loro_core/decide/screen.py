"""The screen for a small model's words: what it wrote, made fit to be spoken, or the reason why it is not said.

The words are spoken before anything of the answer is known, so they must not answer, agree, promise, or go wrong in
the ears: whatever is doubtful is refused, and a phrase from the book takes its place. In this order:

    empty              nothing, or nothing with a letter in it (emoji, punctuation)
    thinking           a think tag, closed or not, or a template's token
    role_label         "Assistant: ..."
    several_lines, control_character
    question           a question mark, or words that ask
    digits             in any script
    markup             any mark but those of plain sentences: links, lists, code, emoji, brackets, colons
    too_long
    too_many_sentences more than one sentence and a lead-in
    wrong_language
    yes_no             it opens like the answer to a yes-no question
    promise            what will be done, or can be, or how soon
    refusal            an apology, a no
    echo               the user's words again
    answer             it states something, or says words that are neither the user's nor an acknowledgement's
    repeated           one of the last replies opened with it

What it cannot know: whether a claim made of the user's own and everyday words is one ("okay, good weather"), and
whether a name that the user said is said rightly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from loro_core.decide.category import Category, category_of
from loro_core.decide.history import replies_since, spoken_form
from loro_core.decide.language import may_be
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.rules import WordsRules, plain


class Reason(Enum):
    """Why words are not said. The values are metric labels."""

    EMPTY = "empty"
    THINKING = "thinking"
    ROLE_LABEL = "role_label"
    SEVERAL_LINES = "several_lines"
    CONTROL_CHARACTER = "control_character"
    QUESTION = "question"
    DIGITS = "digits"
    MARKUP = "markup"
    TOO_LONG = "too_long"
    TOO_MANY_SENTENCES = "too_many_sentences"
    WRONG_LANGUAGE = "wrong_language"
    YES_NO = "yes_no"
    PROMISE = "promise"
    REFUSAL = "refusal"
    ECHO = "echo"
    ANSWER = "answer"
    REPEATED = "repeated"


class Rejection(Struct, frozen=True, kw_only=True):
    """The words are not said."""

    reason: Reason


class Limits(Struct, frozen=True, kw_only=True):
    """How much an acknowledgement may hold, in characters, by how dense the writing is (`rules.Writing`).

    words: about 2.5 English words are spoken a second, so 60 is four seconds of speech; longer, and the answer waits
    for its own acknowledgement. characters: the same at 4 to 5 Chinese characters a second, syllables: at 7 to 8
    Japanese or Korean ones.
    lead_in_words, lead_in_characters: what may follow the sentence.
    """

    words: int = 60
    syllables: int = 30
    characters: int = 20
    lead_in_words: int = 3
    lead_in_characters: int = 6


DEFAULT_LIMITS = Limits()

_READ_CHARACTERS = 1000
"""No acknowledgement, whatever stands around it, is as long; a model that ran on must not cost milliseconds."""


def screen(
    text: str,
    *,
    language: str | None,
    user_text: str = "",
    history: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> str | Rejection:
    """Return `text` fit to be spoken, or why it is not said. Any text is taken.

    text: everything that the model wrote. language: of the user's turn, None if unknown. user_text: that turn.
    history: what the assistant said lately, as from `history.recent`. Words in a language without rules cannot be
    judged, and are refused as WRONG_LANGUAGE.
    Quotation marks, emphasis and an empty think block around the words are taken off, and a sentence without an end is
    given one, so the result differs from `text` in its edges only. What was returned once is returned unchanged.
    """
    known = LANGUAGES.get(language or "")
    if language is None or known is None:
        return Rejection(reason=Reason.WRONG_LANGUAGE)
    rules = known.words
    if len(text) > _READ_CHARACTERS:
        return Rejection(reason=Reason.TOO_LONG)
    words = _cleaned(text, rules)
    reason = (
        _malformed(words)
        or _misshapen(words, rules, limits)
        or _misspoken(words, language, rules)
        or _unfitting(words, language, rules, user_text, history)
    )
    return words if reason is None else Rejection(reason=reason)


# --- what is taken off ---------------------------------------------------------------------------------------------

# Qwen3 writes an empty block when its template is told not to think.
_EMPTY_THOUGHT = re.compile(r"\A\s*<think>\s*</think>", re.IGNORECASE)
_WRAPPING = "\"“”„‘’'«»「」『』《》`*_#>~•-–— \t\r\n\f\v\u3000\xa0"
_LEADING = _WRAPPING + ".,…，。、،।"
_SENTENCE_END = ".!…。！।"
_SENTENCE_ENDS = re.compile(f"[{_SENTENCE_END}]+")
_BLANKS = re.compile("[ \t\u3000\xa0]+")


def _cleaned(text: str, rules: WordsRules) -> str:
    text = unicodedata.normalize("NFC", _EMPTY_THOUGHT.sub("", text)).lstrip(_LEADING).rstrip(_WRAPPING)
    text = _BLANKS.sub(" ", text)
    if not text or unicodedata.category(text[-1])[0] not in "LM":
        return text
    ended = any(mark in text for mark in _SENTENCE_END)
    return text + (rules.comma if ended else rules.full_stop)


# --- what is refused -----------------------------------------------------------------------------------------------

_THINKING = re.compile(r"</?\s*think|<\||\|>|</?\s*(?:thought|reason)", re.IGNORECASE)
_ROLE_LABEL = re.compile(
    r"\W*(?:assistant|user|human|system|ai|bot|acknowledg\w*|response|answer|reply|助手|助理|用户|系统|回答|回复|应答)\s*[:：]",
    re.IGNORECASE,
)
_PLAIN_MARKS = frozenset(" '’,.!…-–—，。！、،।¡")
_PLAIN_WORDS = re.compile("[ '’,.!-]*[A-Za-z][A-Za-z '’,.!-]*")
_LINE_END = re.compile("[\n\r\f\v\x1c-\x1e\x85\u2028\u2029]")
_QUESTION_MARK = re.compile("[?？؟¿⸮]")
_GLUED = re.compile(r"\w\.\w|\.(?:com|org|net)\b", re.IGNORECASE)


def _malformed(words: str) -> Reason | None:
    """Return what is wrong with it as text."""
    if _PLAIN_WORDS.fullmatch(words):
        # What most of them are: nothing that is looked for below can be in it, but this.
        return Reason.MARKUP if _GLUED.search(words) else None
    if _THINKING.search(words):
        return Reason.THINKING
    if not any(c.isalpha() for c in words):
        return Reason.DIGITS if any(_is_number(c) for c in words) else Reason.EMPTY
    if _ROLE_LABEL.match(words):
        return Reason.ROLE_LABEL
    if _LINE_END.search(words):
        return Reason.SEVERAL_LINES
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") for c in words):
        return Reason.CONTROL_CHARACTER
    if _QUESTION_MARK.search(words):
        return Reason.QUESTION
    if any(_is_number(c) for c in words):
        return Reason.DIGITS
    if _GLUED.search(words) or not all(c in _PLAIN_MARKS or unicodedata.category(c)[0] in "LM" for c in words):
        return Reason.MARKUP
    return None


def _misshapen(words: str, rules: WordsRules, limits: Limits) -> Reason | None:
    """Return what is wrong with its length."""
    if len(words) > getattr(limits, rules.writing):
        return Reason.TOO_LONG
    sentence, lead_in = _parts(words)
    told = [part for part in _sentences(sentence) if not rules.filler.fullmatch(_folded(part, rules))]
    if len(told) > 1 or (lead_in and _is_long(lead_in, rules, limits)):
        return Reason.TOO_MANY_SENTENCES
    return None


def _misspoken(words: str, language: str, rules: WordsRules) -> Reason | None:
    """Return what is wrong with what it says, whoever hears it."""
    if not may_be(words, language):
        return Reason.WRONG_LANGUAGE
    folded = _folded(words, rules)
    for part in _sentences(folded):
        opening = _without_filler(part, rules)
        if rules.yes_no.match(opening):
            return Reason.YES_NO
        if rules.question.match(opening):
            return Reason.QUESTION
    if rules.promise.search(folded):
        return Reason.PROMISE
    if rules.refusal.search(folded):
        return Reason.REFUSAL
    return None


def _unfitting(words: str, language: str, rules: WordsRules, user_text: str, history: Sequence[str]) -> Reason | None:
    """Return what is wrong with saying it here and now."""
    sentence, _ = _parts(words)
    if _echoes(sentence, user_text) and category_of(user_text, language) not in (Category.GREETING, Category.CLOSING):
        return Reason.ECHO
    folded = _folded(words, rules)
    if rules.claim.search(folded) or not rules.acknowledges.search(folded):
        return Reason.ANSWER
    unknown = [unit for unit in _units(words, rules) if unit not in rules.vocabulary]
    if unknown:
        known = rules.vocabulary | frozenset(_units(user_text[:2000], rules))
        if not all(_is_known(unit, known) for unit in unknown):
            return Reason.ANSWER
    if replies_since(sentence, history) is not None:
        return Reason.REPEATED
    return None


def _folded(text: str, rules: WordsRules) -> str:
    return plain(text).translate(rules.variants)


def _is_number(character: str) -> bool:
    return unicodedata.category(character)[0] == "N"


def _sentences(text: str) -> list[str]:
    return [part.strip(" ,，") for part in _SENTENCE_ENDS.split(text) if spoken_form(part)]


def _parts(words: str) -> tuple[str, str]:
    """Return the sentence and the lead-in, "" if there is none: what follows the last end of a sentence."""
    end = max(words.rfind(mark) for mark in _SENTENCE_END) + 1
    if end == 0 or not spoken_form(words[end:]):
        return words, ""
    return words[:end], words[end:].strip()


def _is_long(lead_in: str, rules: WordsRules, limits: Limits) -> bool:
    if rules.writing == "words":
        return len(lead_in.split()) > limits.lead_in_words
    return len(spoken_form(lead_in)) > limits.lead_in_characters


def _without_filler(text: str, rules: WordsRules) -> str:
    while m := rules.filler.match(text):
        text = text[m.end() :].lstrip(" ,，、-–—")
    return text


def _echoes(words: str, user_text: str) -> bool:
    """Return whether `words` is most of what the user said."""
    said, heard = spoken_form(words), spoken_form(user_text)
    return (
        bool(said) and (said in heard or heard in said) and 2 * min(len(said), len(heard)) >= max(len(said), len(heard))
    )


# Marks that belong to letters (vowel signs of Devanagari and Arabic) are no letters to a regular expression.
_WORD = "(?:[^\\W\\d_]|[\u0900-\u0903\u093a-\u094f\u0962\u0963\u064b-\u065f\u0300-\u036f])+"


_UNITS = re.compile(rf"{_WORD}(?:['’-]{_WORD})*")


def _units(text: str, rules: WordsRules) -> list[str]:
    """Return the words of `text`, and in dense scripts each letter of it."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(rules.variants)
    found = _UNITS.findall(folded)
    words = [word.replace("’", "'") for word in found]
    if rules.writing == "words":
        return words
    return [unit for word in words for unit in ([word] if word.isascii() else word)]


def _is_known(unit: str, known: frozenset[str]) -> bool:
    """Return whether the word may be said; "booking" is known to whoever said "book", "l'ordre" with "ordre"."""
    before, _, after = unit.partition("'")
    if unit in known or (after and len(before) <= 2 and after in known):
        return True
    stem = unit[:4] if unit.isascii() else unit[:5]
    return len(unit) >= len(stem) >= 4 and any(word.startswith(stem) for word in known if len(word) >= 4)
