"""Voice pairs by name: who acknowledges, who answers, and what of `[reply]` they have of their own."""

from __future__ import annotations

from dataclasses import dataclass

from loro_core.app.config.keys import setting
from loro_core.app.config.kinds import Flag, Number, Text
from loro_core.app.config.kinds_models import OneOrMore
from loro_core.fleet import Deployment

NOBODY = "none"

_NAMES = OneOrMore("a model's name", r"\S{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """`[pairs.NAME]`: two models that make replies together; a request for the model NAME is answered by them.

    What is not set is as in `[reply]`.
    """

    acknowledge: str | None = setting(
        None,
        Text('a model\'s name, or "none"', r"\S{1,200}"),
        "the model that acknowledges: a local model or an alias, `small`, or `none` for phrases",
        shown_default='`"none"`',
    )
    answer: tuple[str, ...] = setting(
        (),
        _NAMES,
        "the model that answers: a local model or an alias, `large`, `fallback` or `fallback2`; of several, the "
        "later ones where the earlier ones do not",
        shown_default="required",
    )
    policy: str | None = setting(
        None,
        Text("lower-case letters, digits and hyphens", r"[a-z][a-z0-9-]*"),
        "the policy that decides about acknowledgements",
        shown_default="as in `[reply]`",
    )
    words_deadline_s: float | None = setting(
        None, Number(0.01, 30), "how long the small model may take in `race`", shown_default="as in `[reply]`"
    )
    quick_deadline_s: float | None = setting(
        None, Number(0, 30), "how long the small model may take in `adaptive`", shown_default="as in `[reply]`"
    )
    slack_s: float | None = setting(
        None,
        Number(0, 30),
        "an answer that is this early needs no acknowledgement",
        shown_default="as in `[reply]`",
    )
    floor_s: float | None = setting(
        None, Number(0, 30), "the client speaks nothing earlier than this", shown_default="as in `[reply]`"
    )
    first_turn: bool | None = setting(
        None, Flag(), "whether the first turn of a conversation is acknowledged", shown_default="as in `[reply]`"
    )
    apology: str | None = setting(
        None,
        Text("a text, empty to say nothing", blank=True),
        "what is said when an answer breaks off",
        shown_default="as in `[reply]`",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A voice pair, ready for use: what it does not set is filled in from `[reply]`.

    name: what clients ask for. acknowledging: None lets phrases acknowledge. answering: who may answer, the preferred
    one first; at least one. source: where it was configured.
    The deployments are those of the settings (`small`, `large`, ...), or stand for local models (provider `local`).
    """

    name: str
    acknowledging: Deployment | None
    answering: tuple[Deployment, ...]
    policy: str
    words_deadline_s: float
    quick_deadline_s: float
    slack_s: float
    floor_s: float
    first_turn: bool
    apology: str
    source: str = ""

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return self.answering if self.acknowledging is None else (self.acknowledging, *self.answering)
