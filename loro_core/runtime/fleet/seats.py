"""Seats: the right to have one call under way at one instance of a model, and a provider that takes one for each try.

A call to a model of ours waits until an instance is up and has a free slot. That wait is the queue's, which has a bound
and a deadline of its own: the model's clock begins when it is asked. A try that fails before its first delta is made
at another instance at once, or at another model of the same name, where there is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import trio

from loro_core.chat import ChatRequest, Delta
from loro_core.decide.fleet.balance import prefix_hashes
from loro_core.decide.fleet.failover import blames_instance, may_move
from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamUnreachable
from loro_core.fleet import Deployment
from loro_core.models import InstanceState, Ticket
from loro_core.plugin.api import Call, Continues, Provider, UpstreamHttp

Outcome = Literal["answered", "failed", "cancelled"]

DEATH_NOTICE_S = 0.2
"""A broken connection is seen some milliseconds before the process behind it is known to be dead; so long its reason is
waited for, to be told to whoever lost the answer."""


class Waiting(Protocol):
    """A caller's place in the queue, as it is when it is looked at."""

    @property
    def position(self) -> int:
        """How many are served before it and itself, from 1; 0 once it waits no more."""

    @property
    def state(self) -> Literal["loading", "queued"]:
        """What it waits for: a model that is being loaded, or a free slot."""


Told = Callable[[Waiting], None]
"""Called once for a caller that has to wait; it may keep what it is given, and must be quick."""


class Seat:
    """A seat taken. Made by a fleet; it is returned when the block that gave it is left, however that is.

    deployment: how the instance is called: its model's, with the instance's address. queued_s: how long it was waited
    for. position: the place in the queue at the arrival, from 1; 0 for whoever did not wait. granted_at: on the clock.
    outcome, first_token_s, tokens_per_s: what was told of the call so far.
    """

    def __init__(
        self, ticket: Ticket, instance: str, model: str, deployment: Deployment, *, position: int, granted_at: float
    ) -> None:
        self.ticket = ticket
        self.instance = instance
        self.model = model
        self.deployment = deployment
        self.position = position
        self.granted_at = granted_at
        self.queued_s = granted_at - ticket.arrived
        self.outcome: Outcome | None = None
        self.first_token_s: float | None = None
        self.tokens_per_s: float | None = None

    def first_token(self, after_s: float) -> None:
        """Tell when the first token came, in seconds from the grant; only the first call counts."""
        if self.first_token_s is None:
            self.first_token_s = after_s

    def failed(self) -> None:
        """Tell that the instance failed the call."""
        self.outcome = "failed"

    def answered(self) -> None:
        """Tell that the instance did its part, whatever became of the call."""
        self.outcome = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, as far as a queue cares.

    caller: whose turn it is counted as, "" for nobody in particular. call: the conversation it belongs to, "" if that
    is not known. told: hears of it if there is a wait.
    """

    caller: str = ""
    call: str = ""
    told: Told | None = None


NOBODY = Asking()


class Seats(Protocol):
    """Where seats come from: what this module needs of a fleet."""

    @property
    def queue_deadline_s(self) -> float:
        """How long a call may wait for its seat, all its tries together."""

    def serving(self, name: str) -> tuple[str, ...]:
        """Return the models that chat for `name`, the preferred one first; () for an unknown name."""

    def deployment(self, model: str) -> Deployment:
        """Return how the instances of a model are called, but for their addresses."""

    def failure(self, model: str) -> str | None:
        """Return why no instance of a model will come up until somebody acts; None as long as one may."""

    def seat(
        self,
        models: Sequence[str],
        *,
        caller: str = "",
        call: str = "",
        cost: int = 1,
        prefix: tuple[int, ...] = (),
        avoid: AbstractSet[str] = frozenset(),
        within_s: float | None = None,
        told: Told | None = None,
    ) -> AbstractAsyncContextManager[Seat]:
        """Give a seat once there is one. Raises UpstreamBusy."""

    def elsewhere(self, models: Sequence[str], avoid: AbstractSet[str]) -> bool:
        """Return whether `models` could be served by another instance than those of `avoid`."""

    def state(self, instance: str) -> InstanceState:
        """Return the state of an instance; STOPPED for one that is gone."""

    def reason(self, instance: str) -> str:
        """Return why an instance is in its state, "" where that is plain."""

    async def changed(self) -> None:
        """Return when some instance has come into another state."""


Caller = Callable[[Deployment, ChatRequest], Awaitable[tuple[Provider, Call]]]
"""Gives who makes a call to a deployment with an address, and the call."""


class Seated:
    """The provider of one leg's calls to models of a fleet: each try has a seat of its own.

    call: makes the call once the seat is known. models: names of those that may serve it, at least one.
    inner: speaks the protocol of the first of them, where that is known.
    """

    def __init__(self, fleet: Seats, models: Sequence[str], call: Caller, inner: Provider, asking: Asking) -> None:
        self._fleet = fleet
        self._models = tuple(models)
        self._call = call
        self._inner = inner
        self._asking = asking
        self._avoid: set[str] = set()
        self._queued_s = 0.0

    @property
    def name(self) -> str:
        return self._inner.name

    @asynccontextmanager
    async def take(self, call: Call) -> AsyncIterator[tuple[Provider, Call]]:
        """Give a provider with a seat, and `call` as it is made there, as soon as there is one.

        An UpstreamError that leaves the block is noted: what it blames is not asked again while there is another.
        Raises UpstreamBusy. After Cancelled the seat, or the place in the queue, is given back.
        """
        request = call.request
        avoids = bool(self._avoid) and self._fleet.elsewhere(self._models, self._avoid)
        async with self._fleet.seat(
            self._models,
            caller=self._asking.caller,
            call=self._asking.call,
            cost=max(1, request.prompt_chars),
            prefix=prefix_hashes([message.text for message in request.messages]),
            avoid=frozenset(self._avoid) if avoids else frozenset(),
            within_s=max(0.0, self._fleet.queue_deadline_s - self._queued_s),
            told=self._asking.told,
        ) as seat:
            self._queued_s += seat.queued_s
            try:
                provider, seated = await self._call(seat.deployment, request)
                yield _Watched(provider, seat), replace(seated, prefill=call.prefill)
            except UpstreamError as error:
                await self._note(error, seat)
                raise

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[Sequence[Delta]]]:
        """Take a seat and make the call there: for whoever sets no deadline on it."""
        async with self.take(call) as (provider, seated), provider.open(seated) as stream:
            yield stream

    def elsewhere(self, error: UpstreamError) -> bool:
        """Return whether the call that came to `error` may be made at once, for it will be made at another instance."""
        return may_move(error, asked=len(self._avoid)) and self._fleet.elsewhere(self._models, self._avoid)

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:  # noqa: ARG002
        """Take a model that is not loaded for one that can be: the fleet's own status says more."""
        await trio.lowlevel.checkpoint()

    async def _note(self, error: UpstreamError, seat: Seat) -> None:
        if not blames_instance(error):
            seat.answered()
            return
        seat.failed()
        self._avoid.add(seat.instance)
        moves = seat.first_token_s is None and self.elsewhere(error)
        if isinstance(error, (UpstreamClosed, UpstreamUnreachable)) and not moves:
            await self._tell_of_a_death(error, seat)

    async def _tell_of_a_death(self, error: UpstreamError, seat: Seat) -> None:
        """Add to `error` what became of the instance, if it has died of it."""
        with trio.move_on_after(DEATH_NOTICE_S):
            while self._fleet.state(seat.instance) is InstanceState.READY:
                await self._fleet.changed()
        if self._fleet.state(seat.instance) is not InstanceState.READY:
            self._avoid.discard(seat.instance)  # it comes back as another process
            reason = self._fleet.reason(seat.instance).partition("\n")[0]
            error.message = f"model '{seat.model}': its server stopped in the middle of the call" + (
                f" ({reason})" if reason else ""
            )
            error.args = (error.message,)


class SeatedContinuing(Seated):
    """The same where the models' protocol can go on from words that a reply has begun with."""

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
        return isinstance(self._inner, Continues) and self._inner.continues(deployment, request)


def seated(fleet: Seats, models: Sequence[str], call: Caller, inner: Provider, asking: Asking) -> Seated:
    """Return the provider of one leg's calls to `models`."""
    kind = SeatedContinuing if isinstance(inner, Continues) else Seated
    return kind(fleet, models, call, inner, asking)


class _Watched:
    """A provider that tells a seat how its call goes."""

    def __init__(self, provider: Provider, seat: Seat) -> None:
        self._provider = provider
        self._seat = seat

    @property
    def name(self) -> str:
        return self._provider.name

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[Sequence[Delta]]]:
        async with self._provider.open(call) as stream:
            yield _Heard(stream, self._seat) if call.request.stream else stream

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        await self._provider.check(deployment, http)


class _Heard:
    """A stream that is timed: its first token, and how fast the others follow."""

    __slots__ = ("_first_at", "_last_at", "_seat", "_stream", "_tokens")

    def __init__(self, stream: AsyncIterator[Sequence[Delta]], seat: Seat) -> None:
        self._stream = stream
        self._seat = seat
        self._first_at: float | None = None
        self._last_at = 0.0
        self._tokens = 0

    def __aiter__(self) -> _Heard:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        deltas = await self._stream.__anext__()
        before, counted = self._tokens, None
        for delta in deltas:
            self._tokens += delta.adds
            if delta.usage is not None:
                counted = delta.usage.completion_tokens
        if self._tokens > before:
            self._last_at = trio.current_time()
            if self._first_at is None:
                self._first_at = self._last_at
                self._seat.first_token(self._last_at - self._seat.granted_at)
        if self._first_at is not None and self._last_at > self._first_at:
            after_first = (counted or self._tokens) - 1
            self._seat.tokens_per_s = after_first / (self._last_at - self._first_at)
        return deltas
