"""The words a reply opens with, made ready for one client."""

from __future__ import annotations

from msgspec import Struct

from loro_core.decide.category import Category
from loro_core.decide.release.profile import Phrasing, Profile, Shaped, shape
from loro_core.decide.words import Later, Words
from loro_core.fleet import Acknowledge


class Opening(Struct, frozen=True, kw_only=True):
    """The words that are known at a reply's start, and for whom they are shaped.

    spoken: the words, as the user hears them. lead_in: for words that bring none.
    language: of the turn, category: what it wants; None if unknown. join: what stands between words in this language.
    later: what may be said later, while the answer does not come; None for nothing.
    """

    spoken: str
    profile: Profile
    language: str | None = None
    category: Category | None = None
    lead_in: str = ""
    join: str = " "
    later: Later | None = None

    @classmethod
    def of(cls, plan: Acknowledge, phrase: Words | None, profile: Profile) -> Opening:
        """Return the policy's own words, said as they are, in whatever language; else the phrase; "" without either."""
        if plan.words or phrase is None:
            return cls(spoken=plan.words or "", profile=profile)
        return cls(
            spoken=shape(phrase.candidates, profile, join=phrase.join).spoken,
            profile=profile,
            language=phrase.language,
            category=phrase.category,
            lead_in=phrase.phrasing.lead_in,
            join=phrase.join,
            later=phrase.later,
        )

    def shaped(self, words: str) -> Shaped:
        """Return `words` so that the client hands them to speech at once, if they can be made so."""
        phrasing = Phrasing.of(words)
        if not phrasing.lead_in:
            phrasing = Phrasing(sentence=phrasing.sentence, lead_in=self.lead_in)
        return shape([phrasing], self.profile, join=self.join)

    def progress_lines(self) -> dict[str, str]:
        """Return what may be said while the answer does not come: the spoken words, and how they are written."""
        lines = self.later.lines() if self.later is not None else ()
        shapes = (shape(candidates, self.profile, join=self.join) for candidates in lines)
        return {shaped.spoken: shaped.text for shaped in shapes}
