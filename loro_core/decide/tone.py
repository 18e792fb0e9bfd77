"""How grave a turn is: over some news nobody says "let me see".

    urgent  somebody's life may be in danger now: nothing is said before the answer, nor in the next turns, under any
            policy (`words`); the policy `adaptive` knows it for a reason of its own (`gate`)
    grave   death, a grave illness, violence: sober words from the book, or none where the book has none. They lead in
            to nothing ("so, well"), no small model finds them, and no line follows them while the answer does not come
    plain   everything else

Words in a list show it, bound to a person where they are used of things as well: "my phone died" and "how did Napoleon
die" are plain. A turn may be read as graver than it is; the price is a pause or a sober word.
"""

from __future__ import annotations

from enum import Enum
from itertools import islice

from loro_core.chat import ChatRequest
from loro_core.decide.category import folded
from loro_core.decide.language import language_of_text
from loro_core.decide.languages import LANGUAGES

URGENT_TURNS = 3
"""An emergency is not over with the next sentence ("he is on the floor", "no, he is not awake")."""


class Tone(Enum):
    """How grave a turn is. The values are names in phrase files and metrics."""

    PLAIN = "plain"
    GRAVE = "grave"
    URGENT = "urgent"


def tone_of(text: str, language: str | None) -> Tone:
    """Return how grave `text` is, a turn in `language`: PLAIN for a language without rules. Any text is taken."""
    known = LANGUAGES.get(language or "")
    if known is None:
        return Tone.PLAIN
    whole = folded(text, known.turns)
    if known.turns.urgent.search(whole):
        return Tone.URGENT
    return Tone.GRAVE if known.turns.grave.search(whole) else Tone.PLAIN


def tone_of_call(request: ChatRequest, language: str | None) -> Tone:
    """Return how grave the user's last turn is, with the emergency that one of the turns before it told of.

    language: of the last turn. An emergency may have been told of in another: people fall back into their own.
    """
    turns = list(islice((m.text for m in reversed(request.messages) if m.role == "user"), URGENT_TURNS))
    tone = Tone.PLAIN
    for at, turn in enumerate(turns):
        own = language_of_text(turn)
        found = tone_of(turn, language)
        if Tone.URGENT in (found, found if own == language else tone_of(turn, own)):
            return Tone.URGENT
        tone = tone if at else found
    return tone
