"""How an answering model is told the words that the user hears first: a ladder of three rungs, learned per model.

    NATIVE   the reply is begun with the words, and the model goes on from them (`Call.prefill`)
    HINT     the system message says that they were said (`hint`)
    NONE     it is not told; what does not fit is mended at the seam

Which rung holds is found out in use, for mechanisms differ by service, version, model and chat template: Claude 4.6
refuses what 4.5 took, llama.cpp refuses it of a model that thinks (ggml-org/llama.cpp#15404), Mistral repeats the words
(vercel/ai#3256), a proxy may drop the field and say nothing (BerriAI/litellm#28580).

    of a call told natively     what the ladder remembers
    --------------------------  -----------------------------------------------------------------------
    refused, and taken below    NATIVE is shut for 10 minutes
    the answer goes on          NATIVE is open
    the answer repeats them     NATIVE is open, and echoes: the seam takes the words off again
    begins anew, says nothing   after 3 such calls in a row with none that goes on: as refused
    none of these (cancelled)   nothing

    of a call told by hint
    --------------------------  -----------------------------------------------------------------------
    refused, and taken below    HINT is shut for 10 minutes where it has to bring a system message (Gemma's chat
                                template has none); a hint within the client's own system message is never shut
    taken                       HINT is open

When the time is over one call tries again, and the time is doubled at once, to a day at most: the other calls do not
wait for what it finds.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

from loro_core.fleet import Deployment

MISSES = 3
"""So often in a row a model may begin anew before it counts as one that does not go on; one greeting is no proof."""

FIRST_PAUSE_S = 600.0
LONGEST_PAUSE_S = 86_400.0

MOST_MODELS = 256
"""So many models are remembered, those used last: a bound for configurations that make them up."""


class Rung(Enum):
    """How a model is told. The values are the names in log and metrics."""

    NATIVE = "native"
    HINT = "hint"
    NONE = "none"


class TakenUp(Enum):
    """What became of words that a model was told natively. The values are the names in log and metrics."""

    WENT_ON = "went_on"
    ECHOED = "echoed"
    BEGAN_ANEW = "began_anew"
    SAID_NOTHING = "said_nothing"


class _Way:
    """One way of telling one model: open, or shut until one call may try it again."""

    __slots__ = ("misses", "pause_s", "shut_until")

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.misses = 0
        self.pause_s = FIRST_PAUSE_S
        self.shut_until: float | None = None

    def shut(self, now: float) -> None:
        """Shut it, if it is not: many calls may have been under way when the first was refused."""
        if self.shut_until is None:
            self.shut_until = now + self.pause_s

    def may_be_tried(self, now: float) -> bool:
        if self.shut_until is None:
            return True
        if now < self.shut_until:
            return False
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
        self.shut_until = now + self.pause_s
        return True


class _Model:
    """What is known of one model. echoes: its latest reply that went on repeated the words."""

    __slots__ = ("echoes", "hint", "native")

    def __init__(self) -> None:
        self.native = _Way()
        self.hint = _Way()
        self.echoes = False


class Ladder:
    """What is known of the models. `now` is any clock in seconds that never goes back."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, str], _Model] = OrderedDict()

    def first(self, deployment: Deployment, *, native: bool, bare: bool, now: float) -> Rung:
        """Return the rung to begin with, and count on its being tried.

        native: whether the words can be told natively at all.
        bare: whether a hint would have to bring its own system message.
        """
        model = self._model(deployment)
        if native and model.native.may_be_tried(now):
            return Rung.NATIVE
        return Rung.HINT if not bare or model.hint.may_be_tried(now) else Rung.NONE

    def below(self, rung: Rung, *, bare: bool) -> Rung | None:
        """Return the rung to go on with where `rung` did not hold, None if that can have been no fault of the rung."""
        if rung is Rung.NATIVE:
            return Rung.HINT
        return Rung.NONE if rung is Rung.HINT and bare else None

    def refused(self, deployment: Deployment, rung: Rung, now: float) -> None:
        """Take in that a call told by `rung` was refused for it."""
        model = self._model(deployment)
        (model.native if rung is Rung.NATIVE else model.hint).shut(now)

    def accepted(self, deployment: Deployment) -> None:
        """Take in that a hint with a system message of its own was answered."""
        self._model(deployment).hint.open()

    def taken_up(self, deployment: Deployment, how: TakenUp, now: float) -> None:
        """Take in what became of a call told natively."""
        model = self._model(deployment)
        if how in (TakenUp.WENT_ON, TakenUp.ECHOED):
            model.native.open()
            model.echoes = how is TakenUp.ECHOED
            return
        model.native.misses += 1
        if model.native.misses >= MISSES:
            model.native.shut(now)

    def echoes(self, deployment: Deployment) -> bool:
        """Return whether this model repeats the words it is told natively."""
        return self._model(deployment).echoes

    def _model(self, deployment: Deployment) -> _Model:
        key = (deployment.name, deployment.model)
        model = self._models.setdefault(key, _Model())
        self._models.move_to_end(key)
        if len(self._models) > MOST_MODELS:
            self._models.popitem(last=False)
        return model
