"""What is wrong with a phrase book, beyond its form: `make phrases` asks this of the files that come with loro.

Every saying is read as strictly as a small model's words (`screen`), for it is said before anything of the answer is
known. Beyond that:

    missing, few     a category without enough sentences never to repeat within the window, lead-ins or tails; too few
                     lines for an answer that does not come
    unfinished       a sentence that does not end, or a lead-in that does; 、 holds LiveKit back
    beginning        a sentence that is the beginning of another: one said would count as the other
    too long         with its tail, more than `LONGEST`
    held             a client that collects text would not let it out before the answer begins; not asked of words for
                     a tool, which the end of the reply lets out

A language without rules is not judged for its words. Words for grave news may say they are sorry, and need not be let
out at once: what leads in to an answer ("so, well") is not sober.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

from loro_core.decide.history import WINDOW, spoken_form
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.phrasebook import GRAVE, PROGRESS, SPEAKING, STANDALONE, TOOL, Chapter, Phrasebook, Phrases
from loro_core.decide.release.profile import PROFILES, Phrasing, shape
from loro_core.decide.screen import Limits, Reason, Rejection, screen

ENOUGH = WINDOW + 2
"""So many sentences leave one to choose even when the last six replies used six others."""

ENOUGH_FOR_TOOLS = 3
"""Most calls are announced by what the tool is called; these are for the others."""

ENOUGH_PROGRESS = 6
"""So many lines outlast half a minute of silence, each heard once; whatever takes longer has failed."""

LONGEST = 120
"""With its tail: eight seconds of speech, and the answer waits for them."""

_TAIL_LIMITS = Limits(words=100, syllables=60, characters=40)
_SOBER = (Reason.REFUSAL, Reason.ANSWER)
_ENDS, _COMMAS = ".!。！।", ",，،"
_OUT_OF_REACH = {"homeassistant": ("characters", "syllables")}
"""60 characters of these scripts are ten seconds of speech and more."""


def problems_in(book: Phrasebook, languages: Collection[str] | None = None) -> Iterator[str]:
    """Yield what is wrong with `book`, each with its place ("en.question: 'Sure.': yes_no").

    languages: whose chapters are read; None for all.
    """
    for tag, chapter in book.chapters.items():
        if languages is None or tag in languages:
            yield from _in_chapter(tag, chapter)


def _in_chapter(tag: str, chapter: Chapter) -> Iterator[str]:
    if tag in LANGUAGES:
        yield from _missing(tag, chapter)
    sentences: list[str] = []
    tails: set[str] = set()
    for name, phrases in chapter.tables():
        where = f"{tag}.{name}"
        sentences += phrases.sentences
        tails.update(phrases.tails)
        yield from _unfinished(where, phrases)
        if tag in LANGUAGES:
            yield from _unspeakable(where, tag, chapter.join, phrases, sober=name in (GRAVE, PROGRESS))
            if name not in (GRAVE, TOOL):
                yield from _held(where, tag, chapter.join, phrases)
    if tag in LANGUAGES:
        for tail in sorted(tails):
            verdict = screen(tail, language=tag, limits=_TAIL_LIMITS)
            if isinstance(verdict, Rejection) and verdict.reason is not Reason.ANSWER:
                yield f"{tag}.tails: {tail!r}: {verdict.reason.value}"
    for one, other in itertools.permutations(sentences, 2):
        if spoken_form(other).startswith(spoken_form(one)):
            yield f"{tag}: {one!r} is the beginning of {other!r}"


def _missing(tag: str, chapter: Chapter) -> Iterator[str]:
    tables = dict(chapter.tables())
    for name in (*(category.value for category in SPEAKING), GRAVE, PROGRESS):
        if name not in tables:
            yield f"{tag}.{name}: missing"
            continue
        if name == PROGRESS:
            yield from _few_lines(tag, tables[name])
            continue
        wanted = {"phrases": tables[name].sentences}
        if name not in STANDALONE:
            wanted["tails"] = tables[name].tails
            if not tables[name].lead_ins:
                yield f"{tag}.{name}.lead_ins: missing"
        for what, texts in wanted.items():
            if len(texts) < ENOUGH:
                yield f"{tag}.{name}.{what}: {len(texts)}, needs {ENOUGH} never to repeat within {WINDOW} turns"
    if len(tables[TOOL].sentences if TOOL in tables else ()) < ENOUGH_FOR_TOOLS:
        yield f"{tag}.{TOOL}.phrases: fewer than {ENOUGH_FOR_TOOLS}"


def _few_lines(tag: str, progress: Phrases) -> Iterator[str]:
    if not progress.lead_ins:
        yield f"{tag}.{PROGRESS}.lead_ins: missing"
    if len(progress.sentences) < ENOUGH_PROGRESS:
        yield f"{tag}.{PROGRESS}.phrases: {len(progress.sentences)}, needs {ENOUGH_PROGRESS}, for none is said twice"
    if len(progress.tails) <= len(progress.sentences):
        yield f"{tag}.{PROGRESS}.tails: {len(progress.tails)}, needs one for each line and one for the words before"


def _unfinished(where: str, phrases: Phrases) -> Iterator[str]:
    for text in (*phrases.sentences, *phrases.tails):
        if text[-1] not in _ENDS:
            yield f"{where}: {text!r} does not end as a sentence"
    for text in phrases.lead_ins:
        if text[-1] not in _COMMAS:
            yield f"{where}.lead_ins: {text!r} does not end with a comma"


def _unspeakable(where: str, tag: str, join: str, phrases: Phrases, *, sober: bool) -> Iterator[str]:
    for sentence, lead_in in itertools.product(phrases.sentences, phrases.lead_ins or ("",)):
        said = join.join(filter(None, (sentence, lead_in)))
        verdict = screen(said, language=tag)
        if isinstance(verdict, Rejection) and not (sober and verdict.reason in _SOBER):
            yield f"{where}: {said!r}: {verdict.reason.value}"


def _held(where: str, tag: str, join: str, phrases: Phrases) -> Iterator[str]:
    """Yield the sayings that some client would hold, each with the lead-in and tail that make it shortest."""
    lead_in = min(phrases.lead_ins, key=len, default="")
    shortest, longest = min(phrases.tails, key=len, default=""), max(phrases.tails, key=len, default="")
    for sentence in phrases.sentences:
        if len(join.join((sentence, longest, lead_in))) > LONGEST:
            yield f"{where}: {sentence!r} with {longest!r} is longer than {LONGEST} characters"
        short = Phrasing(sentence=sentence, lead_in=lead_in)
        long = Phrasing(sentence=f"{sentence}{join}{shortest}".strip(), lead_in=lead_in)
        for name, profile in PROFILES.items():
            if LANGUAGES[tag].words.writing in _OUT_OF_REACH.get(name, ()):
                continue
            if not shape([short, long], profile, join=join).at_once:
                yield f"{where}: {sentence!r} is held by {name}"
