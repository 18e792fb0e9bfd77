"""One text from two models: where the second goes on from what the first has said, nothing is lost or said twice.

The second is handed all that the user has heard of the reply, without white space at its end (`Call.prefill`). What it
gives then goes through three stages:

    ECHO     what it gives is what it was handed, or the answer in it: held, and taken off once it is whole. As soon as
             it is something else it is passed on, unless so much was the same that it is seen to begin anew
    BLANK    white space was written before the join, and the second gives it again: it is not written a second time
    THROUGH  everything is passed on

Most services go on with the next character, so the first one that differs ends ECHO, and nothing waits. Whether
"hahaha" after "ha" repeats or goes on, nobody can say: up to `SURE` characters an echo must end where a word ends.

A second that ends at once may have taken what it was handed for the whole of its turn, and half a sentence with a good
end would be a silent cut. Only after the end of a sentence (`may_end`) may there be no more to say.
"""

from __future__ import annotations

from enum import Enum

from loro_core.decide.joint import ends_sentence

SURE = 8
"""So many characters come again by accident in no language; what is shorter must end a word to be an echo."""

ANEW = 24
"""So many characters of the answer, said again before it goes another way, are a new beginning. Two sentences may well
begin with the same three words."""

_SPACELESS_FROM = "\u2e80"
_THINKING = "<think"


class _Stage(Enum):
    ECHO = "echo"
    BLANK = "blank"
    THROUGH = "through"


class Splice:
    """The machine. said: all that was written to the client. answer: the part of it that is the answer's own."""

    def __init__(self, said: str, answer: str) -> None:
        self.prefill = said.rstrip()
        self._blank = said[len(self.prefill) :]
        # The longest first: what was said ends with the answer.
        self._known = tuple(dict.fromkeys(text for text in (self.prefill, answer.strip()) if text))
        self._stage = _Stage.ECHO if self._known else _Stage.BLANK
        self._held = ""
        self.may_end = not self.prefill or ends_sentence(self.prefill)
        self.echoed = False
        self.began_anew = False

    def __repr__(self) -> str:
        return f"<Splice {self._stage.value}, holds {len(self._held)}>"

    def feed(self, text: str) -> str:
        """Return what may be written now. Nothing more comes once it `began_anew`."""
        if self._stage is _Stage.THROUGH:
            return text
        self._held += text
        if self._stage is _Stage.ECHO and not self._is_decided():
            return ""
        if self.began_anew:
            return ""
        return self._join(last=False)

    def end(self) -> str:
        """Return the rest: the second's text is complete, or goes on with something that is no text."""
        return "" if self._stage is _Stage.THROUGH or self.began_anew else self._join(last=True)

    def _is_decided(self) -> bool:
        """Take off an echo that is whole; return whether it is known that there is one, or none."""
        held = self._held
        if held.startswith(_THINKING):
            self.began_anew = True  # Nobody thinks in the middle of a sentence.
            return True
        if _THINKING.startswith(held):
            return False
        alike = [_alike(text, held) for text in self._known]
        for text, length in zip(self._known, alike, strict=True):
            if length == len(held) and length < len(text):
                return False
            if length == len(text):
                following = held[length : length + 1]
                if len(text) < SURE and not following:
                    return False
                if len(text) >= SURE or not (following.isalnum() and following < _SPACELESS_FROM):
                    self._held = held[length:]
                    self.echoed = True
                    self._stage = _Stage.BLANK
                    return True
        self.began_anew = max(alike) >= ANEW
        self._stage = _Stage.BLANK
        return True

    def _join(self, *, last: bool) -> str:
        held = self._held
        visible = held.lstrip()
        if self._blank and not visible and not last:
            return ""
        self._held = ""
        self._stage = _Stage.THROUGH
        return _after(self._blank, held[: len(held) - len(visible)]) + visible


def _alike(text: str, held: str) -> int:
    """Return how many characters `text` and `held` begin with in common; the seam may have changed a letter's case."""
    length = 0
    for one, other in zip(text, held, strict=False):
        if one != other and one.lower() != other.lower():
            break
        length += 1
    return length


def _after(written: str, given: str) -> str:
    """Return what of the white space `given` is still to be written after the white space `written`."""
    if given.startswith(written):
        return given[len(written) :]
    return given if "\n" in given and "\n" not in written else ""
