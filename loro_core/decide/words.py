"""The acknowledgement's words: the phrase book, and the choice from it.

What is said is a phrase and a lead-in: "Let me think about that one. So,". Voice clients let a sentence out to speech
once they see what follows it; the lead-in is what follows, and the answer goes on from there.

The book is data: `loro_core/phrases/*.toml`, one file a language, handed over as plain mappings. In a file:

    join                  what stands between phrase, lead-in and answer: " " or ""
    [greeting] ...        one table for each Category:
    phrases               at least one; a phrase is in one category only
    lead_ins              may be missing or empty: then the phrase stands alone
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loro_core.chat import ChatRequest
from loro_core.decide.category import Category, category_of
from loro_core.decide.history import recent, replies_since, spoken_form
from loro_core.decide.language import language_of
from loro_core.decide.release.profile import Phrasing
from loro_core.errors import ConfigError

PROGRESS = "progress"
"""The table of a phrase file for an answer that does not come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """An acknowledgement for one turn.

    phrasing: what is said, in its parts. language: of the turn, and of the words. category: what the turn wants.
    join: what stands between words, and between these and an answer that does not begin with a space of its own.
    progress: what may be said later, while the answer does not come.
    """

    phrasing: Phrasing
    language: str
    category: Category
    join: str
    progress: tuple[Phrasing, ...] = ()

    @property
    def text(self) -> str:
        """The parts in one."""
        parts = (self.phrasing.sentence, self.phrasing.lead_in)
        return self.join.join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """What can be said to one category of turns: sentences, at least one, and what may lead from one to the answer."""

    sentences: tuple[str, ...]
    lead_ins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A language's part of the book: phrases for every category, and those for an answer that does not come."""

    join: str
    phrases: Mapping[Category, Phrases]
    progress: Phrases = Phrases(sentences=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasebook:
    """Phrases by language tag (BCP 47, without region: "en", "zh")."""

    chapters: Mapping[str, Chapter]

    @classmethod
    def from_tables(cls, tables: Mapping[str, object]) -> Phrasebook:
        """Return the book of `tables`: by language tag, what a phrase file holds.

        Raises ConfigError with every problem found, each by its key path ("zh.question.phrases[3]: ...").
        """
        reader = _Reader()
        chapters = {tag: reader.chapter(tag, table) for tag, table in tables.items()}
        if reader.problems:
            raise ConfigError(reader.problems)
        return cls(chapters=chapters)

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self.chapters)


def choose(book: Phrasebook, request: ChatRequest, rng: random.Random) -> Words | None:
    """Return what to say to the request's last user turn; None if nothing fits.

    Nothing fits a turn without words (silence, a noise mark), a language that the turns do not show, and one that the
    book does not hold. A phrase that the last replies opened with (`history.WINDOW`) is not chosen again; when all of
    a category's were used, the one whose use is longest ago is.
    The same request, book and state of `rng` give the same words.
    """
    turn = request.last_user_text
    if is_silent(turn):
        return None
    language = language_of(request)
    chapter = book.chapters.get(language or "")
    if language is None or chapter is None:
        return None
    category = category_of(turn, language)
    phrases = chapter.phrases[category]
    sentence = _least_worn(phrases.sentences, recent(request), rng)
    phrasing = _phrasing(sentence, phrases, rng)
    return Words(
        phrasing=phrasing,
        language=language,
        category=category,
        join=chapter.join,
        progress=tuple(_phrasing(sentence, chapter.progress, rng) for sentence in chapter.progress.sentences),
    )


def _phrasing(sentence: str, phrases: Phrases, rng: random.Random) -> Phrasing:
    return Phrasing(sentence=sentence, lead_in=rng.choice(phrases.lead_ins) if phrases.lead_ins else "")


def is_silent(turn: str) -> bool:
    """Return whether `turn` says nothing: no letter, digit or picture, or only a mark like "[silence]"."""
    text = turn.strip()
    if _NOISE_MARK.fullmatch(text):
        return True
    return not any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in text)


_NOISE_MARK = re.compile(r"[\[(<*（【][\w\s,.-]{1,40}[\])>*）】]\.?")
"""How speech recognition writes what was not speech: [silence], (inaudible), <noise>, *coughs*."""


def _least_worn(sentences: Sequence[str], history: Sequence[str], rng: random.Random) -> str:
    ago = {sentence: replies_since(sentence, history) for sentence in sentences}
    fresh = [sentence for sentence, used in ago.items() if used is None]
    if fresh:
        return rng.choice(fresh)
    return max(sentences, key=lambda sentence: ago[sentence] or 0)


class _Reader:
    """Reads tables into chapters and keeps every problem it meets."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def chapter(self, tag: str, table: object) -> Chapter:
        if not re.fullmatch("[a-z]{2,3}", tag):
            self.problems.append(f"{tag}: a language is named by two or three small letters, like 'en'")
        if not isinstance(table, Mapping):
            self.problems.append(f"{tag}: needs a table, this is {table!r}")
            return Chapter(join="", phrases={})
        join = table.get("join")
        if not isinstance(join, str) or join not in ("", " "):
            self.problems.append(f'{tag}.join: needs " " or "", this is {join!r}')
            join = ""
        known = {category.value for category in Category}
        self.problems += [f"{tag}.{key}: no such key" for key in table if key not in known | {"join", PROGRESS}]
        seen: dict[str, str] = {}
        phrases = {c: self._phrases(f"{tag}.{c.value}", table.get(c.value), seen) for c in Category}
        if PROGRESS not in table:
            return Chapter(join=join, phrases=phrases)
        return Chapter(join=join, phrases=phrases, progress=self._phrases(f"{tag}.{PROGRESS}", table[PROGRESS], seen))

    def _phrases(self, path: str, table: object, seen: dict[str, str]) -> Phrases:
        if not isinstance(table, Mapping):
            self.problems.append(f"{path}: needs a table with `phrases`, this is {table!r}")
            return Phrases(sentences=())
        self.problems += [f"{path}.{key}: no such key" for key in table if key not in ("phrases", "lead_ins")]
        sentences = self._texts(f"{path}.phrases", table.get("phrases"))
        if not sentences:
            self.problems.append(f"{path}.phrases: needs at least one phrase")
        for at, sentence in sentences.items():
            first = seen.setdefault(spoken_form(sentence), at)
            if first != at:
                self.problems.append(f"{at}: {sentence!r} is {first} again")
        lead_ins = self._texts(f"{path}.lead_ins", table.get("lead_ins", []))
        return Phrases(sentences=tuple(sentences.values()), lead_ins=tuple(lead_ins.values()))

    def _texts(self, path: str, value: object) -> dict[str, str]:
        """Return the usable texts of a list by their key path."""
        if not isinstance(value, list):
            self.problems.append(f"{path}: needs a list of texts, this is {value!r}")
            return {}
        texts: dict[str, str] = {}
        for number, text in enumerate(value):
            at = f"{path}[{number}]"
            if not isinstance(text, str) or not spoken_form(text):
                self.problems.append(f"{at}: needs a text with words in it, this is {text!r}")
            elif text != text.strip() or not text.isprintable():
                self.problems.append(
                    f"{at}: {text!r} has white space around it, or a line break or invisible character"
                )
            else:
                texts[at] = text
        return texts
