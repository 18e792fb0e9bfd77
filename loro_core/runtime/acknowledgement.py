"""The acknowledging leg: better words from a model if they come in time and can be said, else the phrase."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import trio
from msgspec import Struct

from loro_core.chat import Delta, Usage
from loro_core.errors import UpstreamError
from loro_core.runtime.attempt import Deliver

LONGEST_WORDS = 400
"""A model that has said more characters than this is not acknowledging; it is stopped."""

Ask = Callable[[Deliver], Awaitable[None]]
"""Runs the call to the acknowledging model; raises UpstreamError."""

Screen = Callable[[str], "tuple[str, str | None]"]
"""(what the model said) -> (what may be said of it, "" for nothing; why not, None if it may)."""

Source = Literal["model", "phrase"]


class FoundWords(Struct, frozen=True, kw_only=True):
    """text: "" if there is nothing to say. source: whose words they are.

    rejected: why the model's were not taken (late, failed, or the screen's reason); None if it was not asked or heard.
    usage: what the model spent, if it told.
    """

    text: str
    source: Source
    rejected: str | None = None
    usage: Usage | None = None


async def find_words(phrase: str, ask: Ask | None, screen: Screen, *, deadline: float) -> FoundWords:
    """Return what to say: the model's words if they are whole and pass `screen` by `deadline`, else `phrase`.

    ask: None if no model is to be asked. deadline: on trio's clock, for all tries of the model together.
    Never raises but Cancelled; after that the model's connection is closed.
    """
    if ask is None:
        return FoundWords(text=phrase, source="phrase")
    listener = _Listener()
    rejected: str | None = "late"
    with trio.CancelScope(deadline=deadline) as listener.scope:
        try:
            await ask(listener.hear)
            rejected = None
        except UpstreamError:
            rejected = "failed"
    if listener.rambles or listener.was_cut:
        rejected = "too_long"
    text = ""
    if rejected is None:
        text, rejected = screen("".join(listener.said))
    if rejected is not None or not text:
        return FoundWords(text=phrase, source="phrase", rejected=rejected or "empty", usage=listener.usage)
    return FoundWords(text=text, source="model", usage=listener.usage)


class _Listener:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.usage: Usage | None = None
        self.was_cut = False
        self.scope: trio.CancelScope | None = None
        self._length = 0

    @property
    def rambles(self) -> bool:
        return self._length > LONGEST_WORDS

    async def hear(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            self.usage = delta.usage or self.usage
            self.was_cut = self.was_cut or delta.finish_reason == "length"
            if delta.content:
                self.said.append(delta.content)
                self._length += len(delta.content)
        if self.rambles and self.scope is not None:
            self.scope.cancel()
        await trio.lowlevel.checkpoint_if_cancelled()
