"""What the calls of a reply came to, and what of it served nobody.

Only what an upstream counted is given in tokens; a call that is cut off is seldom counted, and then there is the length
of what it had said, in characters. Nothing is estimated from the other.
"""

from __future__ import annotations

from msgspec import Struct

from loro_core.chat import Usage


class Bill(Struct, frozen=True, kw_only=True):
    """One leg's call. usage: as the upstream counted, None if it did not. characters: of what it said.

    wasted: why what it said served nobody; None if it did.
    """

    usage: Usage | None = None
    characters: int = 0
    wasted: str | None = None

    @property
    def wasted_tokens(self) -> int:
        """Tokens that were counted and served nobody, prompt and completion together."""
        return self.usage.total_tokens if self.usage is not None and self.wasted is not None else 0

    @property
    def wasted_characters(self) -> int:
        """Characters of what served nobody where no tokens were counted."""
        return self.characters if self.usage is None and self.wasted is not None else 0
