"""What the gateway did, in numbers: one writer, flat memory.

Latencies are kept in windows of the latest values and summed up by nearest rank; counters count all since the start or
the last reset. "quick" are the replies planned with an acknowledgement, "direct" those of the answering model alone.

first response        request read -> first byte of content on the wire, whoever spoke it
first speakable       request read -> the client has enough to begin to speak, by its own rule of release
answer first token    request read -> first byte of the answer itself on the wire
quick response        request read -> the acknowledgement on the wire
large model           start of the answering call -> its end
total response        request read -> last byte on the wire, of replies that were finished
longest hole          the longest silence that the user heard within the reply (decide/hearing.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Literal, TypeVar

from msgspec import Struct, field

from loro_core.app.ledger import LedgerSums
from loro_core.chat import ChatRequest, Json, ReplyUsage, TurnKind
from loro_core.decide import outcome as ack
from loro_core.decide.announce import Source
from loro_core.decide.bill import Bill
from loro_core.decide.estimate import FirstTokens, Window
from loro_core.decide.prefill import Rung, TakenUp
from loro_core.errors import LoroError
from loro_core.fleet import Expectation, Leg, Load
from loro_core.runtime.observe import (
    Happening,
    LegAskedOtherwise,
    LegEnded,
    LegHedged,
    LegHedgeEnded,
    LegRetried,
    LegSetAside,
    LegSpoke,
    LegStarted,
    LegTakenOver,
    LegWaited,
)

Outcome = Literal["finished", "cancelled", "error"]
HedgeResult = Literal["won", "lost", "failed"]
"""won: the answer is the second call's; lost: the first call's; failed: nobody's."""
TakenOver = Literal["before", "after"]
"""before: nothing of the answer was written when another deployment took it over; after: a part of it was."""
Acknowledgement = Literal["none", "model", "phrase", "dropped", "silent"]
"""none: not planned; model, phrase: whose words were written; dropped: the answer was first; silent: no words found."""

TAKEN_OVER: tuple[TakenOver, ...] = ("before", "after")
V = TypeVar("V")

FIRST_TOKEN_WINDOW = 64
"""So many first tokens a deployment is judged by: enough for a 90th percentile, few enough to follow its day."""


_NO_EDITS: Mapping[str, int] = MappingProxyType({})


def no_edits() -> Mapping[str, int]:
    return _NO_EDITS


class ReplyRecord(Struct, kw_only=True):
    """One reply, after its end. Times are seconds; None where the moment never came.

    client: the profile by whose rule speech begins.
    told: how the answering model was told of the acknowledgement in the end, None if it was not to be.
    taken_up: what it made of words it was told natively, as far as that was seen.
    answered_by: where several deployments may answer, the one whose call was the last to be the answer.
    hedge: what became of the second call beside a silent one, None if there was none.
    taken_over: whether the answer was taken over by another deployment; the latest such moment counts.
    progressed: how many lines followed the acknowledgement while the answer did not come.
    announced: where the line before a tool call came from, None if there was none.
    words_rejected: why the acknowledging model's words were not taken.
    ack_outcome: what became of the acknowledgement, as the user heard it. seam_edits: what was changed behind it.
    wasted_tokens, wasted_characters: what the reply's calls said in vain; characters where no tokens were counted.
    longest_hole_s: the longest silence once speech had begun, None if it never had.
    adopted: whether it was made for an earlier request, which counts its words and tokens.
    """

    request_id: str
    model: str
    policy: str
    reason: str
    quick: bool
    stream: bool
    outcome: Outcome
    status: int
    turn: TurnKind = TurnKind.NEW
    adopted: bool = False
    error: str | None = None
    acknowledgement: Acknowledgement = "none"
    told: Rung | None = None
    taken_up: TakenUp | None = None
    answered_by: str | None = None
    hedge: HedgeResult | None = None
    taken_over: TakenOver | None = None
    progressed: int = 0
    announced: Source | None = None
    words_rejected: str | None = None
    ack_outcome: ack.Outcome = ack.Outcome.SKIPPED
    seam_edits: Mapping[str, int] = field(default_factory=no_edits)
    wasted_tokens: int = 0
    wasted_characters: int = 0
    longest_hole_s: float | None = None
    client: str = "plain"
    first_response_s: float | None = None
    first_speakable_s: float | None = None
    acknowledged_s: float | None = None
    answer_first_token_s: float | None = None
    answer_s: float | None = None
    total_s: float = 0.0
    usage: ReplyUsage | None = None
    finish_reason: str | None = None


LATENCIES = (
    "first_response_latency",
    "total_response_latency",
    "quick_response_latency",
    "large_model_latency",
    "answer_first_token_latency",
    "first_speakable_latency",
    "longest_hole",
)


class Mode:
    """The numbers of quick or of direct replies."""

    def __init__(self, window: int) -> None:
        self.requests = 0
        self.outcomes: Counter[str] = Counter()
        self.latencies = {name: Window(window) for name in LATENCIES}

    def count(self, record: ReplyRecord) -> None:
        self.requests += 1
        self.outcomes[record.outcome] += 1
        if record.adopted:
            return  # What is replayed is quick, and says nothing of how long the user waited.
        finished = record.outcome == "finished"
        values = (  # in the order of LATENCIES
            record.first_response_s,
            record.total_s if finished else None,
            record.acknowledged_s,
            record.answer_s if finished else None,
            record.answer_first_token_s,
            record.first_speakable_s,
            record.longest_hole_s,
        )
        for window, value in zip(self.latencies.values(), values, strict=True):
            if value is not None:
                window.add(value)

    def as_json(self) -> dict[str, Json]:
        numbers: dict[str, Json] = {"total_requests": self.requests}
        numbers |= {name: _rounded(asdict(window.summary())) for name, window in self.latencies.items()}
        numbers |= {"errors": self.outcomes["error"], "cancelled": self.outcomes["cancelled"]}
        return numbers


class UpstreamNumbers:
    def __init__(self) -> None:
        self.in_flight = 0
        self.first_token = Window(FIRST_TOKEN_WINDOW)
        self.answers = FirstTokens()
        self.reset()

    def reset(self) -> None:
        self.calls = 0
        self.retries = 0
        self.asked_otherwise = 0
        self.hedges = 0
        self.hedges_won = 0
        self.wasted = 0
        self.taken_over: Counter[str] = Counter()
        self.set_aside = 0
        self.cancelled = 0
        self.errors: Counter[str] = Counter()

    def as_json(self) -> dict[str, Json]:
        return {
            "in_flight": self.in_flight,
            "calls": self.calls,
            "cancelled": self.cancelled,
            "retries": self.retries,
            "asked_otherwise": self.asked_otherwise,
            "hedges": self.hedges,
            "hedges_won": self.hedges_won,
            "wasted": self.wasted,
            "set_aside": self.set_aside,
            "taken_over": {when: self.taken_over[when] for when in TAKEN_OVER},
            "errors": dict(self.errors),
            "first_token_latency": _rounded(asdict(self.first_token.summary())),
        }


class Metrics:
    """window: how many latencies of each kind are kept."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._upstreams: dict[str, UpstreamNumbers] = {}
        self._clear()

    def _clear(self) -> None:
        self.quick = Mode(self._window)
        self.direct = Mode(self._window)
        self.turns: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.adopted = 0
        self.acknowledgements: Counter[str] = Counter()
        self.words_rejected: Counter[str] = Counter()
        self.announced: Counter[str] = Counter()
        self.told: Counter[tuple[str, str]] = Counter()
        self.errors: Counter[str] = Counter()
        self.ledger = LedgerSums()

    def reset(self) -> None:
        """Forget all latencies and counts. Calls under way stay in flight, and the models' known speed stays known."""
        self._clear()
        for upstream in self._upstreams.values():
            upstream.reset()

    @property
    def upstreams(self) -> Mapping[str, UpstreamNumbers]:
        return self._upstreams

    def observe(self, happening: Happening) -> None:
        """Take in what happened on a leg."""
        name = happening.deployment.name
        upstream = self._upstreams.get(name) or self._numbers(name)
        if isinstance(happening, LegStarted):
            upstream.in_flight += 1
            upstream.calls += 1
        elif isinstance(happening, LegEnded):
            upstream.in_flight -= 1
            if happening.outcome == "cancelled":
                upstream.cancelled += 1
            if happening.error is not None:
                upstream.errors[happening.error.kind] += 1
        elif isinstance(happening, LegSpoke):
            upstream.first_token.add(happening.after_s)
        elif isinstance(happening, LegWaited):
            wait = happening
            upstream.answers.add(wait.after_s, prompt_chars=wait.prompt_chars, now=wait.at, answered=wait.answered)
        elif isinstance(happening, LegRetried):
            upstream.retries += 1
            upstream.errors[happening.error.kind] += 1
        elif isinstance(happening, LegAskedOtherwise):
            upstream.asked_otherwise += 1
        elif isinstance(happening, LegHedged):
            upstream.hedges += 1
        elif isinstance(happening, LegSetAside):
            upstream.set_aside += 1
        elif isinstance(happening, LegTakenOver):
            upstream.taken_over["after" if happening.goes_on else "before"] += 1
        elif isinstance(happening, LegHedgeEnded):
            upstream.hedges_won += happening.won
            if happening.wasted is not None:
                self._numbers(happening.wasted.name).wasted += 1

    def _numbers(self, deployment: str) -> UpstreamNumbers:
        numbers = self._upstreams.get(deployment)
        if numbers is None:
            numbers = self._upstreams[deployment] = UpstreamNumbers()
        return numbers

    def count(self, record: ReplyRecord) -> None:
        """Take in a reply that is over."""
        (self.quick if record.quick else self.direct).count(record)
        self.turns[record.turn.value] += 1
        if record.error is not None:
            self.errors[record.error] += 1
        if record.adopted:
            self.adopted += 1
            return
        self.decisions[record.reason] += 1
        self.acknowledgements[record.acknowledgement] += 1
        if record.told is not None:
            self.told[record.told.value, record.taken_up.value if record.taken_up else ""] += 1
        if record.announced is not None:
            self.announced[record.announced] += 1
        if record.words_rejected is not None:
            self.words_rejected[record.words_rejected] += 1
        self.ledger.count(record.ack_outcome, record.seam_edits)

    def pay(self, bills: Iterable[tuple[Leg, Bill]]) -> None:
        """Take in what the calls of a reply came to, once it is over for all of its readers."""
        self.ledger.pay(bills)

    def count_refused(self, error: LoroError) -> None:
        """Take in a request that never became a reply."""
        self.errors[error.code or error.type] += 1

    def loads(self) -> Mapping[str, Load]:
        """Return how every deployment called so far does, as it is when it is looked up."""
        return OnDemand(self._upstreams, _load)

    def expectations(self, request: ChatRequest, now: float) -> Mapping[str, Expectation]:
        """Return when each deployment called so far may begin to answer a prompt of this size, asked `now`."""
        return OnDemand(self._upstreams, lambda upstream: upstream.answers.expectation(request.prompt_chars, now))

    def expectation(self, name: str, prompt_chars: int, now: float) -> Expectation | None:
        """Return the same of one deployment, None if it was never called."""
        upstream = self._upstreams.get(name)
        return None if upstream is None else upstream.answers.expectation(prompt_chars, now)

    def as_json(self) -> dict[str, Json]:
        """Return the numbers in the shape that both of loro's ancestors serve, and more beside it."""
        quick_s = self.quick.latencies["first_response_latency"].summary().avg
        direct_s = self.direct.latencies["first_response_latency"].summary().avg
        improvement_s = direct_s - quick_s if quick_s > 0 and direct_s > 0 else 0.0
        return {
            "quick_response_mode": self.quick.as_json(),
            "direct_mode": self.direct.as_json(),
            "comparison": {
                "quick_mode_requests": self.quick.requests,
                "direct_mode_requests": self.direct.requests,
                "avg_first_response_improvement": round(improvement_s, 6),
            },
            "acknowledgements": {
                "by_model": self.acknowledgements["model"],
                "by_phrase": self.acknowledgements["phrase"],
                "dropped": self.acknowledgements["dropped"],
                "silent": self.acknowledgements["silent"],
                "words_rejected": dict(self.words_rejected),
            },
            "announced": dict(self.announced),
            "ledger": self.ledger.as_json(),
            "told": {rung.value: self._told(rung) for rung in Rung},
            "turns": dict(self.turns),
            "decisions": dict(self.decisions),
            "adopted": self.adopted,
            "errors": dict(self.errors),
            "upstreams": {name: upstream.as_json() for name, upstream in self._upstreams.items()},
        }

    def _told(self, rung: Rung) -> dict[str, Json]:
        taken_up = {how: count for (told, how), count in self.told.items() if told == rung.value}
        return {"replies": sum(taken_up.values()), **{how: count for how, count in taken_up.items() if how}}


class OnDemand(Mapping[str, V]):
    """A mapping whose values are worked out when they are looked up: most policies ask for one deployment, or none."""

    __slots__ = ("_of", "_value")

    def __init__(self, of: Mapping[str, UpstreamNumbers], value: Callable[[UpstreamNumbers], V]) -> None:
        self._of = of
        self._value = value

    def __getitem__(self, name: str) -> V:
        return self._value(self._of[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)


def _load(upstream: UpstreamNumbers) -> Load:
    if not len(upstream.first_token):
        return Load(in_flight=upstream.in_flight)
    p50_s, p90_s = upstream.first_token.quantiles(0.5, 0.9)
    return Load(
        in_flight=upstream.in_flight,
        first_token_p50_s=p50_s,
        first_token_p90_s=p90_s,
        samples=len(upstream.first_token),
    )


def _rounded(summary: Mapping[str, float]) -> dict[str, Json]:
    return {name: round(value, 6) for name, value in summary.items()}
