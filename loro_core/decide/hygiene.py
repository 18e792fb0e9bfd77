"""Our acknowledgements, taken out of the conversation again before the answering model reads it.

A client returns each reply as it heard it, the acknowledgement in front: "Let me think about that one. So, the sky is
blue." A model that reads five of these opens the sixth so by itself, and the user hears it twice.

What is taken off the beginning of an assistant message:

- a sentence of the phrase book with the full stop it has there, and a tail and a lead-in of the same language after it;
- words that are remembered to have been said in this call, with the same.

They are compared by their letters, for a client may have changed case, spaces or marks; the sentence's end must be
there, so "Hello there, how are you" is not our "Hello there!". What stays as it is, to the very object:

1. A message that is nothing but an acknowledgement, or the beginning of one. The user spoke over it: that this was
   heard is what the model needs to know, and an assistant message without text is refused by many upstreams. Where it
   calls tools as well, only the words go, for then a message without text is usual.
2. Whatever does not begin so, and everything that is not the assistant's.

What is left begins with a capital again, where the seam had made the letter small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from loro_core.chat import Json, Message
from loro_core.decide.folded import Folded, letters
from loro_core.decide.joint import capital_letter
from loro_core.decide.phrasebook import Phrasebook

_LOOKED_AT_CHARACTERS = 160
"""An acknowledgement stands at the beginning, and has 120 characters at most (`proofreading.LONGEST`)."""

_START_LETTERS = 3
_START_CHARACTERS = 12
"""So many of a message's first characters hold that many letters, as a rule."""

_FULL_STOPS = frozenset(".!…。।\n")
_COMMAS = frozenset(",،、—–")
_MARKS = _FULL_STOPS | _COMMAS


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWords:
    """What can have been said before an answer, by its letters.

    sentences: for each, the lead-ins that may follow it. tails: sentences that may follow one, with the same lead-ins.
    remembered: other words, lead-in included, and sentences that may follow one.
    """

    sentences: Mapping[str, frozenset[str]]
    tails: frozenset[str] = frozenset()
    remembered: frozenset[str] = frozenset()
    starts: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """The first letters of all of them: most messages are told apart by these, for a tenth of the work."""

    def __post_init__(self) -> None:
        if not self.starts:
            object.__setattr__(self, "starts", _starts_of((*self.sentences, *self.tails, *self.remembered)))

    @classmethod
    def of(cls, book: Phrasebook) -> KnownWords:
        """Return what `book` can say."""
        known: dict[str, frozenset[str]] = {}
        tails: set[str] = set()
        for chapter in book.chapters.values():
            all_phrases = [phrases for _, phrases in chapter.tables()]
            lead_ins = frozenset(letters(text) for phrases in all_phrases for text in phrases.lead_ins)
            tails |= {letters(text) for phrases in all_phrases for text in phrases.tails}
            for phrases in all_phrases:
                for form in map(letters, phrases.sentences):
                    known[form] = known.get(form, frozenset()) | lead_ins
        return cls(sentences=known, tails=frozenset(tails))

    def also(self, said: Iterable[str]) -> KnownWords:
        """Return these and the words that `said` holds, as they were written."""
        more = frozenset(map(_form, said)) - {""}
        if more <= self.remembered:
            return self
        return replace(self, remembered=self.remembered | more, starts=self.starts | _starts_of(more))

    def length_in(self, text: str) -> int:
        """Return how many characters of `text` are an acknowledgement that it begins with, 0 if it does with none."""
        end, lead_ins = self._sentence_in(text)
        while end:
            more, _ = self._sentence_in(text[end:], again=True)
            if not more:
                return end + _lead_in_length(text[end:], lead_ins)
            end += more
        return 0

    def _sentence_in(self, text: str, *, again: bool = False) -> tuple[int, frozenset[str]]:
        """Return how long the known sentence is that `text` begins with, 0 for none, and what may lead on from it.

        again: another one was before it; then only tails and remembered words are looked for.
        """
        end, lead_ins = 0, frozenset[str]()
        if not self._may_begin(text):
            return end, lead_ins
        view = Folded(text[:_LOOKED_AT_CHARACTERS])
        for at, form in _words_until_a_mark(view):
            listed = form in (self.tails if again else self.sentences) and view.text[at] in _FULL_STOPS
            if listed or form in self.remembered:
                end, lead_ins = view.end_of(view.skip(at, _MARKS)), self.sentences.get(form, frozenset())
        return end, lead_ins

    def _may_begin(self, text: str) -> bool:
        """Return False only if the first letters of `text` are those of no known words."""
        start = letters(text[:_START_CHARACTERS])[:_START_LETTERS]
        if len(start) < _START_LETTERS:
            return True
        return any(start[:count] in self.starts for count in range(_START_LETTERS + 1))


def _starts_of(forms: Iterable[str]) -> frozenset[str]:
    return frozenset(form[:_START_LETTERS] for form in forms)


@lru_cache(maxsize=1024)
def _form(words: str) -> str:
    """Return the letters of `words`; the same ones come with each request of a call."""
    return letters(words)


def without_acknowledgements(messages: Sequence[Message], known: KnownWords) -> tuple[Message, ...]:
    """Return `messages`, each assistant message without the acknowledgement that it begins with.

    Messages without one are the same objects. In a list of parts the first text counts.
    """
    return tuple(_stripped(message, known) if message.role == "assistant" else message for message in messages)


def _stripped(message: Message, known: KnownWords) -> Message:
    content = message.fields.get("content")
    if isinstance(content, str):
        left = _left_of(content, known)
        if left is not None and (left or message.fields.get("tool_calls")):
            return replace(message, text=left, fields={**message.fields, "content": left or None})
    elif isinstance(content, Sequence):
        return _stripped_part(message, content, known)
    return message


def _stripped_part(message: Message, parts: Sequence[Json], known: KnownWords) -> Message:
    for at, part in enumerate(parts):
        text = _text_of(part)
        if text is None or not isinstance(part, Mapping) or not text.strip():
            continue
        left = _left_of(text, known)
        if left is None:
            break
        kept = [*parts[:at], *([{**part, "text": left}] if left else []), *parts[at + 1 :]]
        if not kept and not message.fields.get("tool_calls"):
            break
        whole = "\n".join(found for found in map(_text_of, kept) if found is not None)
        return replace(message, text=whole, fields={**message.fields, "content": kept or None})
    return message


def _text_of(part: Json) -> str | None:
    text = part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None
    return text if isinstance(text, str) else None


def _left_of(text: str, known: KnownWords) -> str | None:
    """Return `text` as it begins behind its acknowledgement, None if it has none."""
    length = known.length_in(text)
    if not length:
        return None
    left = text[length:].lstrip()
    return (capital_letter(left) or left[:1]) + left[1:]


def _lead_in_length(text: str, lead_ins: frozenset[str]) -> int:
    view = Folded(text[:_LOOKED_AT_CHARACTERS])
    at, form = next(_words_until_a_mark(view), (0, ""))
    return view.end_of(at + 1) if form in lead_ins and view.text[at] in _COMMAS else 0


def _words_until_a_mark(view: Folded) -> Iterator[tuple[int, str]]:
    """Yield each mark's place and all the letters before it."""
    form: list[str] = []
    for at, character in enumerate(view.text):
        if character.isalnum():
            form.append(character)
        elif character in _MARKS:
            yield at, "".join(form)
