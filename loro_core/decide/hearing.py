"""What the user of a voice client hears of one reply: from when on, and how long the silences within it are.

Speech begins when the client hands the first text over by its own rule (`release`), and lasts about as long as
`stages.spoken_s` says. It is an estimate: of the synthesis nothing is known, so the time until its first sound is left
out, and one speaking rate stands for all voices.

    speech   over at           what has come
    -------  ----------------  ----------------------------------------------------------------------------------
    none     -                 1 goes to the rule piece by piece, as the client gets it
    running  after now         2 waits: whatever is handed over now is heard behind what is being spoken, so it ends
                                 no silence, and how it is cut matters to nobody
    over     now, or before    3 the rule sees what waited, then the piece; what is handed over ends a silence

Because of 2, most of a reply that is written faster than it is spoken costs a comparison and an append each piece.
"""

from __future__ import annotations

import math
import re

from loro_core.decide.release.profile import Profile
from loro_core.decide.release.rules import FLUSH
from loro_core.decide.stages import spoken_s

MOST_WAITING_CHARACTERS = 8192
"""What waits is shown to the rule beyond this, even while speech is running: nine minutes of it."""

MOST_WAITING_PIECES = 256
"""So many pieces are put together into one: a short string takes ten times the memory of its characters."""

SLICE_CHARACTERS = 500
"""What waited is shown to the rule in parts of this size: a rule takes a longer one for text that is never let out."""


class Hearing:
    """One reply as its user hears it, fed with the content as it is written.

    All moments are on one clock, any, and never go back.
    begun: when the client had enough to begin to speak, None if it never had.
    longest_hole_s: the longest silence so far after speech had begun, in seconds, >= 0: from the estimated end of what
        was handed to speech until more was, or until the reply ended.
    """

    def __init__(self, profile: Profile) -> None:
        self._rule = profile.rule()
        self._held = ""
        self.begun: float | None = None
        self._quiet_from = -math.inf
        self._in_word = False
        self._waiting: list[str] = []
        self.longest_hole_s = 0.0
        self._ended = False

    def feed(self, text: str, now: float) -> None:
        """Take in that `text` was written `now`."""
        if now <= self._quiet_from:  # 2
            self._waiting.append(text)
            if len(self._waiting) >= MOST_WAITING_PIECES:
                self._waiting = ["".join(self._waiting)]
                if len(self._waiting[0]) > MOST_WAITING_CHARACTERS:
                    self._show_waiting()
            return
        if self._waiting:
            self._show_waiting()
        self._show(text, now)  # 1, 3

    def end(self, now: float, *, complete: bool = True) -> None:
        """Take in that the reply was over `now`; a second time it changes nothing.

        complete: whether the client got its end, at which it hands over what it still holds.
        """
        if self._ended:
            return
        self._ended = True
        if now <= self._quiet_from:
            return
        if self._waiting:
            self._show_waiting()
        if complete:
            self._hear(self._rule.finish(), now)
        self._note_silence(now)

    def _show_waiting(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        for at in range(0, len(text), SLICE_CHARACTERS):
            self._show(text[at : at + SLICE_CHARACTERS], self._quiet_from)

    def _show(self, text: str, now: float) -> None:
        self._held += text
        self._hear(self._rule.feed(text), now)

    def _hear(self, sizes: list[int], now: float) -> None:
        """Take in that so many characters of what is held were handed to speech `now`."""
        if not sizes:
            return
        size = sizes[0] if len(sizes) == 1 else sum(sizes)
        text, self._held = self._held[:size], self._held[size:]
        text = FLUSH.sub("", text) if "<" in text else text
        seconds = self._spoken_s(text)
        if not (_ASCII_LETTER.search(text) or any(map(str.isalnum, text))):
            return  # Marks alone are nothing to hear, and end no silence.
        self._note_silence(now)
        if self.begun is None:
            self.begun = now
        self._quiet_from = max(self._quiet_from, now) + seconds

    def _note_silence(self, now: float) -> None:
        if self.begun is not None and now - self._quiet_from > self.longest_hole_s:
            self.longest_hole_s = now - self._quiet_from

    def _spoken_s(self, text: str) -> float:
        """Return how long `text` takes behind what was handed over before: the rest of a word is no further word."""
        if self._in_word:
            text = f"{_WORD}{text}"
        seconds = spoken_s(text) - (_WORD_S if self._in_word else 0.0)
        last = text.rsplit(None, 1)[-1] if text and not text[-1].isspace() else ""
        if last.isascii() and "<" not in last:
            self._in_word = _ASCII_LETTER.search(last) is not None
        else:
            self._in_word = spoken_s(f"{_WORD}{last}") == spoken_s(last)
        return max(0.0, seconds)


_WORD = "x"
"""Stands for a word that is not over: what is written up to the next space belongs to it."""

_WORD_S = spoken_s(_WORD)
_ASCII_LETTER = re.compile("[A-Za-z0-9]")
