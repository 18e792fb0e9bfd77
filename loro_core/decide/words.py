"""The acknowledgement's words: the phrase book, and the choice from it.

What is said is a phrase and a lead-in: "Let me think about that one. So,". Voice clients let a sentence out to speech
once they see what follows it; the lead-in is what follows, and the answer goes on from there. Some clients collect much
more before they speak; for them a tail stands between the two (`Words.long`).

`phrasebook` says how the book is written.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Callable, Sequence

from msgspec import Struct

from loro_core.chat import ChatRequest
from loro_core.decide.category import Category, category_of
from loro_core.decide.history import recent, replies_since, spoken_form
from loro_core.decide.language import language_of
from loro_core.decide.phrasebook import Phrasebook, Phrases
from loro_core.decide.release.profile import Phrasing
from loro_core.decide.tone import Tone, tone_of_call


class Later(Struct, frozen=True, kw_only=True):
    """What may be said while the answer does not come. Chosen when it is asked for, for most answers come before.

    phrases: what there is. said: the tail that was said before, "" for none. join: as in `Words`. key: as for `choose`.
    """

    phrases: Phrases
    said: str
    join: str
    key: str

    def lines(self) -> tuple[tuple[Phrasing, ...], ...]:
        """Return of each line the ways to say it, the shortest first: as it is, and with a tail.

        No tail is in two of them, or was said before.
        """
        pick = _by(self.key)
        tails = [tail for tail in self.phrases.tails if tail != self.said]
        found: list[tuple[Phrasing, ...]] = []
        for sentence in self.phrases.sentences:
            lead_in = pick(self.phrases.lead_ins) if self.phrases.lead_ins else ""
            line = Phrasing(sentence=sentence, lead_in=lead_in)
            if tails:
                tail = pick(tails)
                tails.remove(tail)
                found.append((line, Phrasing(sentence=f"{sentence}{self.join}{tail}", lead_in=lead_in)))
            else:
                found.append((line,))
        return tuple(found)


class Words(Struct, frozen=True, kw_only=True):
    """An acknowledgement for one turn.

    phrasing: what is said, in its parts. long: the same with a second sentence, for clients that hold short texts back
        (60 characters or more, 22 in Chinese and Japanese, 30 in Korean); None if there is none.
    language, category, tone: of the turn, as it was read; the words are in that language, and sober for a grave turn.
    join: what stands between words, and between these and an answer that does not begin with a space of its own.
    later: what may be said later, while the answer does not come; None for a grave turn.
    """

    phrasing: Phrasing
    long: Phrasing | None = None
    language: str
    category: Category
    tone: Tone = Tone.PLAIN
    join: str
    later: Later | None = None

    @property
    def progress(self) -> tuple[tuple[Phrasing, ...], ...]:
        """The lines of `later`, () for none."""
        return () if self.later is None else self.later.lines()

    @property
    def text(self) -> str:
        """The parts in one."""
        return self.join.join(filter(None, (self.phrasing.sentence, self.phrasing.lead_in)))

    @property
    def candidates(self) -> tuple[Phrasing, ...]:
        """The ways to say it, the shortest first, as `release.shape` takes them."""
        return (self.phrasing,) if self.long is None else (self.phrasing, self.long)


def choose(book: Phrasebook, request: ChatRequest, rng: random.Random, *, key: str | None = None) -> Words | None:
    """Return what to say to the request's last user turn; None if nothing fits.

    Nothing fits a turn without words (silence, a noise mark), one that only says "go on", an emergency, a language that
    the turns do not show, and what the book has no words for. A phrase that the last replies opened with
    (`history.WINDOW`) is not chosen again; when all of a category's were used, the one whose use is longest ago is.

    key: what this turn shares with a re-send of it and with nothing else, such as call id and turn number. With a key
    the same request and book give the same words in any process, and `rng` is not asked. Without one, the same request,
    book and state of `rng` do.
    """
    turn = request.last_user_text
    if is_silent(turn):
        return None
    language = language_of(request)
    chapter = book.chapters.get(language or "")
    if language is None or chapter is None:
        return None
    category, tone = category_of(turn, language), tone_of_call(request, language)
    if tone is Tone.URGENT:
        return None
    plain = tone is Tone.PLAIN
    phrases = chapter.phrases.get(category) if plain else chapter.grave
    if phrases is None or not phrases.sentences:
        return None
    pick = rng.choice if key is None else _by(key)
    history = recent(request)
    sentence = _least_worn(phrases.sentences, lambda text: replies_since(text, history), pick, heard=bool(history))
    lead_in = pick(phrases.lead_ins) if phrases.lead_ins else ""
    long, tail = None, ""
    if phrases.tails:
        tail = _least_worn(phrases.tails, lambda text: _heard_since(text, history), pick, heard=bool(history))
        long = Phrasing(sentence=f"{sentence}{chapter.join}{tail}", lead_in=lead_in)
    later = None
    if chapter.progress and plain:
        later_key = f"{rng.getrandbits(64):x}" if key is None else key
        later = Later(phrases=chapter.progress, said=tail, join=chapter.join, key=later_key)
    return Words(
        phrasing=Phrasing(sentence=sentence, lead_in=lead_in),
        long=long,
        language=language,
        category=category,
        tone=tone,
        join=chapter.join,
        later=later,
    )


def is_silent(turn: str) -> bool:
    """Return whether `turn` says nothing: no letter, digit or picture, or only a mark like "[silence]"."""
    text = turn.strip()
    if _NOISE_MARK.fullmatch(text):
        return True
    return not any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in text)


_NOISE_MARK = re.compile(r"[\[(<*（【][\w\s,.-]{1,40}[\])>*）】]\.?")
"""How speech recognition writes what was not speech: [silence], (inaudible), <noise>, *coughs*."""

Pick = Callable[[Sequence[str]], str]


def _by(key: str) -> Pick:
    """Return the choice of the text that ranks first under `key`.

    Every text has a rank of its own under every key (rendezvous hashing: Thaler and Ravishankar, 1998), so a line added
    to the book changes the words of few turns. blake2b: the same in every process, which hash() is not.
    """

    def rank(text: str) -> bytes:
        return hashlib.blake2b(f"{key}\n{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()

    return lambda texts: min(texts, key=rank)


def _least_worn(texts: Sequence[str], since: Callable[[str], int | None], pick: Pick, *, heard: bool) -> str:
    """heard: whether anything was said lately at all."""
    if not heard:
        return pick(texts)
    ago = {text: since(text) for text in texts}
    fresh = [text for text, used in ago.items() if used is None]
    if fresh:
        return pick(fresh)
    return max(texts, key=lambda text: ago[text] or 0)


def _heard_since(tail: str, history: Sequence[str]) -> int | None:
    """Return how many replies ago one held `tail`, which is not where it begins."""
    form = spoken_form(tail)
    return next((ago for ago, said in enumerate(history) if form in said), None)
