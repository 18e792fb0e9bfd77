"""One reply's way down the ladder: how its model is told the words, asked again where that fails, and what is learned.

    told natively -> refused (400, 422), or ended without a word -> told by hint -> refused -> not told
                  -> an error that is about something else      -> that error

A refusal is only remembered once it is known to be about the telling: because it says so, or because the same request
was answered a rung below.
"""

from __future__ import annotations

from msgspec import Struct

from loro_core.chat import ChatRequest, Delta
from loro_core.decide.hint import is_bare, told
from loro_core.decide.prefill import Ladder, Rung, TakenUp
from loro_core.decide.taken_up import refuses_prefill, refuses_system_message, taken_up
from loro_core.errors import UpstreamError, UpstreamStatus
from loro_core.fleet import Deployment

OWN_PREFILL = ("prefix", "suffix", "continue_final_message", "add_generation_prompt")
"""Request fields of a client that begins the reply itself."""


class Told(Struct, frozen=True, kw_only=True):
    """How a model is asked. prefill: the words that its reply has begun with, "" where it is not told natively."""

    rung: Rung
    request: ChatRequest
    prefill: str = ""


def may_go_on(request: ChatRequest) -> bool:
    """Return whether a reply to `request` can begin with words and be gone on with.

    Not where tools are offered: a model in the middle of a sentence talks on instead of calling. Nor where the client
    begins the reply itself.
    """
    parameters = request.parameters
    calls = any(parameters.get(name) for name in ("tools", "functions")) and parameters.get("tool_choice") != "none"
    begun = any(name in parameters for name in OWN_PREFILL)
    return request.n == 1 and request.messages[-1].role == "user" and not calls and not begun


class Telling:
    """Tells the model of one reply the words, and hears what it makes of them.

    request: as the model would be asked without any words. words: as they are spoken, without markup.
    language: of the words, None if it is not known.
    native: whether the provider can go on from words, and they are sure to be said before the answer.
    taken_up: what the model made of them, once that is known and if it was told natively.
    """

    def __init__(
        self,
        ladder: Ladder,
        deployment: Deployment,
        request: ChatRequest,
        words: str,
        *,
        language: str | None,
        native: bool,
        now: float,
    ) -> None:
        self._ladder = ladder
        self._deployment = deployment
        self._request = request
        self._words = words.strip()
        self._language = language
        self._bare = is_bare(request)
        self._said = ""
        self._in_doubt: dict[Rung, str] = {}
        self._missed = False
        self._answered = False
        self.taken_up: TakenUp | None = None
        native = native and may_go_on(request)
        self.told = self._tell(ladder.first(deployment, native=native, bare=self._bare, now=now))

    def instead(self, error: UpstreamError | None, now: float) -> Told | None:
        """Return how to ask after `told` failed with `error`, None if the error is to stand.

        error: None if the answer was complete without a word. Nothing of the failed answer may have been given out.
        """
        rung = self.told.rung
        below = self._ladder.below(rung, bare=self._bare)
        if below is None:
            return None
        if error is None:
            if rung is not Rung.NATIVE:
                return None
            self._missed = True
            self.taken_up = TakenUp.SAID_NOTHING
        elif not self._is_refused(error, rung, now):
            return None
        self.told = self._tell(below)
        return self.told

    def hear(self, delta: Delta, now: float) -> None:
        """Take in a part of the answer, in order."""
        if delta.answers and not self._answered:
            self._answered = True
            self._learn(now)
        if self._listens and delta.index == 0 and delta.content:
            self._said += delta.content
            self._judge(now, whole=False)

    def ended(self, now: float) -> None:
        """Take in that the answer is complete."""
        if self._listens and self._said:
            self._judge(now, whole=True)

    @property
    def _listens(self) -> bool:
        return self.told.rung is Rung.NATIVE and self.taken_up is None

    def _tell(self, rung: Rung) -> Told:
        if rung is Rung.NATIVE:
            return Told(rung=rung, request=self._request, prefill=self._words)
        return Told(rung=rung, request=told(self._request, self._words) if rung is Rung.HINT else self._request)

    def _is_refused(self, error: UpstreamError, rung: Rung, now: float) -> bool:
        if not isinstance(error, UpstreamStatus):
            return False
        refuses = refuses_prefill if rung is Rung.NATIVE else refuses_system_message
        verdict = refuses(error, self._request.parameters)
        if verdict:
            self._ladder.refused(self._deployment, rung, now)
        elif verdict is None and error.message in self._in_doubt.values():
            return False  # The same complaint about two ways of telling is about neither.
        elif verdict is None:
            self._in_doubt[rung] = error.message
        return verdict is not False

    def _learn(self, now: float) -> None:
        """Hold against the rungs that failed that this one is answered."""
        for rung in self._in_doubt:
            self._ladder.refused(self._deployment, rung, now)
        if self._missed:
            self._ladder.taken_up(self._deployment, TakenUp.SAID_NOTHING, now)
        if self.told.rung is Rung.HINT and self._bare:
            self._ladder.accepted(self._deployment)

    def _judge(self, now: float, *, whole: bool) -> None:
        self.taken_up = taken_up(self._words, self._said, self._language, whole=whole)
        if self.taken_up is not None:
            self._ladder.taken_up(self._deployment, self.taken_up, now)
