"""The vocabulary of models and plans: what can be called, how busy it is, and what a policy decided.

Values only, handed to policies (`plan`) and read by the runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from loro_core.chat import Json, Turn, nothing


class Leg(Enum):
    """One upstream call of a reply."""

    ACK = "acknowledgement"
    ANSWER = "answer"


class Secret:
    """A key that no log line, repr or traceback shows. `reveal()` is for the line that sends it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('[hidden]')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One model at one address, with its limits.

    name: how configuration, metrics and errors call it.
    provider: the name of the plugin that speaks its protocol.
    base_url: without a trailing slash. model: the upstream's name for it. api_key: None sends no Authorization.
    connect_timeout_s: until a connection stands.
    first_token_timeout_s: from the start of a streamed call, retries included, to its first delta; the wait for a seat
        at a local model does not count.
    idle_timeout_s: between two deltas of a live stream; a live stream has no total cap.
    reply_timeout_s: a whole call that does not stream.
    max_retries: further tries after the first, before the first delta only.
    prewarm: whether a connection is made at the start, before there is a call.
    http2: whether it is called over HTTP/2 where it speaks that.
    drop_fields: request fields (top level) that this upstream refuses.
    extra_fields: request fields that every call to it carries.
    options: the provider's own settings.
    """

    name: str
    provider: str
    base_url: str = ""
    model: str
    api_key: Secret | None = None
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 30.0
    idle_timeout_s: float = 30.0
    reply_timeout_s: float = 600.0
    max_retries: int = 3
    prewarm: bool = True
    http2: bool = False
    drop_fields: frozenset[str] = frozenset()
    extra_fields: Mapping[str, Json] = field(default_factory=nothing, repr=False)
    options: Mapping[str, Json] = field(default_factory=nothing, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How a deployment does right now.

    in_flight: calls under way.
    first_token_p50_s, first_token_p90_s: time to the first token of its latest calls; None before there were enough.
    samples: how many calls these quantiles rest on.
    """

    in_flight: int = 0
    first_token_p50_s: float | None = None
    first_token_p90_s: float | None = None
    samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """When the answer to a request may begin, as one deployment's latest calls and what is known beforehand say.

    points: (seconds from the start of the call to the first token of the answer itself, share), by the seconds; the
        shares add up to 1.
    measured: the share that rests on this deployment's own calls; 0.0 before the first.
    """

    points: tuple[tuple[float, float], ...]
    measured: float = 0.0

    def within(self, seconds: float) -> float:
        """Return the share of answers that begin within `seconds`."""
        return sum(share for after_s, share in self.points if after_s <= seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a policy may know of the fleet, and of the turn it is asked about, when it plans.

    deployments: for each leg what could serve it, the preferred one first; a leg with none cannot be served.
    loads: by deployment name; a missing one is idle and unmeasured.
    expectations: by deployment name, for a prompt of this size; a missing one is unmeasured.
    turn: what the request is to its conversation.
    words_deadline_s: how long the acknowledging model may take in `race` before a phrase takes its place.
    quick_deadline_s: the same where phrases come first and a model may only better them (`adaptive`).
    slack_s: how long the client's user feels no silence; an answer that early needs no acknowledgement.
    floor_s: the client speaks nothing before this, whatever it is sent; words that are held until then lose nothing.
    first_turn: whether the user's first turn of a conversation is acknowledged.
    """

    deployments: Mapping[Leg, tuple[Deployment, ...]]
    loads: Mapping[str, Load] = field(default_factory=dict)
    expectations: Mapping[str, Expectation] = field(default_factory=dict)
    turn: Turn = field(default_factory=Turn)
    words_deadline_s: float = 5.0
    quick_deadline_s: float = 0.18
    slack_s: float = 0.3
    floor_s: float = 0.0
    first_turn: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """How a reply is acknowledged.

    words: what is said; None lets the phrase book choose for this turn.
    ask_model: whether the acknowledging model is asked for better words.
    deadline_s: from the start of the reply: when the model has not spoken by then, `words` are used.
    not_before_s: from the start of the reply: the words are held until then, for the answer may still be first.
    tell_answer: whether the answering model is told, at its start, the words that the user hears first; this needs
        words that are known at the start, so the acknowledging model is not asked.
    """

    words: str | None = None
    ask_model: bool = True
    deadline_s: float = 5.0
    not_before_s: float = 0.0
    tell_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a policy decided for one reply.

    policy: its name. acknowledge: None serves the answer alone. reason: why, in a few words, for log and metrics.
    announce_tools: whether a tool call that nothing was said before may be announced.
    """

    policy: str
    acknowledge: Acknowledge | None = None
    reason: str = ""
    announce_tools: bool = True
