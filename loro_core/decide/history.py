"""What the assistant has said lately, as the client returns it.

loro keeps no store of its acknowledgements: a client sends the conversation back, and each acknowledgement is then the
beginning of an assistant message. So variety costs no state, and every replica knows as much as any other.

Texts are compared by their letters and digits alone: a client may have changed case, spaces or punctuation, and where
the user spoke over the acknowledgement it may have kept only the part that was heard.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from loro_core.chat import ChatRequest

WINDOW = 6
"""So many of the assistant's last messages are looked at. A phrase that comes back after six replies is no tic, and
eight phrases a category always leave one to choose."""

_LOOKED_AT_CHARACTERS = 200
"""An acknowledgement stands at the beginning, and none is longer."""


def recent(request: ChatRequest) -> tuple[str, ...]:
    """Return the spoken forms of the assistant's last `WINDOW` messages, the latest first.

    Messages without text (tool calls) do not count.
    """
    forms = (spoken_form(m.text) for m in reversed(request.messages) if m.role == "assistant")
    return tuple(islice((form for form in forms if form), WINDOW))


def replies_since(words: str, history: Sequence[str]) -> int | None:
    """Return how many replies ago `words` opened one (0: the latest), None if none of `history` opens with them.

    history: as from `recent`. A reply that is only the beginning of `words` was cut short, and counts.
    """
    form = spoken_form(words)
    for ago, said in enumerate(history):
        if form and (said.startswith(form) or form.startswith(said)):
            return ago
    return None


def spoken_form(text: str) -> str:
    """Return the letters and digits of the beginning of `text`, case folded: what two texts that sound alike share."""
    return _form(text[:_LOOKED_AT_CHARACTERS])


# The phrases of the book are compared with each turn's history, and a conversation comes back with each turn.
@lru_cache(maxsize=4096)
def _form(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
