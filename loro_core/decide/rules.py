"""The shape of what loro knows about a language: how its speakers open and ask, and what no acknowledgement may say.

`english` and `chinese` fill it in; a further language is a module like them, an entry in the tables of `category`,
`screen` and `prompt`, and a phrase file. All patterns meet text that is NFKC, case folded and without apostrophes
(`plain`), so "what's", "What’s" and "whats" are one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRules:
    """How people greet, close and ask. `category` says how the parts are used.

    variants: characters to be read as others, for `str.translate`.
    filler, greeting, closing: taken off the front of the turn.
    thanks: how a turn begins, parting: how one ends, that may say more and still closes if it asks nothing.
    small_talk: a whole turn, or all that follows a greeting. name: who greets or was greeted, after a greeting.
    request, question: how a clause opens. question_inside, request_inside: found anywhere.
    clause: what stands between two clauses.
    """

    variants: Mapping[int, int]
    filler: re.Pattern[str]
    greeting: re.Pattern[str]
    closing: re.Pattern[str]
    thanks: re.Pattern[str]
    parting: re.Pattern[str]
    small_talk: re.Pattern[str]
    name: re.Pattern[str]
    request: re.Pattern[str]
    question: re.Pattern[str]
    question_inside: re.Pattern[str]
    request_inside: re.Pattern[str]
    clause: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsRules:
    """What an acknowledgement must and must not say. `screen` says how the parts are used.

    variants: characters to be read as others, for `str.translate`.
    spaced: whether words stand apart. full_stop, comma: what ends a sentence and a lead-in.
    filler: what may stand before an opening without changing it ("hmm", "okay").
    yes_no: how an answer to a yes-no question opens. question: asks without a question mark.
    promise: says that something will happen, is possible, or when. refusal: apologises or declines.
    claim: states something. acknowledges: one of these must be in it.
    vocabulary: what it may say beside the user's own words: words where `spaced`, else characters.
    """

    variants: Mapping[int, int]
    spaced: bool
    full_stop: str
    comma: str
    filler: re.Pattern[str]
    yes_no: re.Pattern[str]
    question: re.Pattern[str]
    promise: re.Pattern[str]
    refusal: re.Pattern[str]
    claim: re.Pattern[str]
    acknowledges: re.Pattern[str]
    vocabulary: frozenset[str]


def plain(text: str) -> str:
    """Return `text` as the patterns expect it, with every run of white space as one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", " ", re.sub("['’`]", "", folded))


def one_of(*alternatives: str, end: str = "") -> re.Pattern[str]:
    """Return a pattern for any of `alternatives`, the first that fits, followed by `end`."""
    return re.compile(f"(?:{'|'.join(alternatives)}){end}")
