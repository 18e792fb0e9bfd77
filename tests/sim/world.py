"""A machine with model servers that are only calculated: the dispatcher decides, and what it orders takes its time.

The servers are as llama.cpp's: a call takes a slot, reads what of its prompt that slot does not know yet, and writes
token by token, the slower the more calls the server has. A slot remembers its last prompt; a call takes the slot that
knows the longest beginning of its own, of those that are free.

Nothing waits and nothing is drawn but from the world's own generator, so one seed gives one day.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from loro_core.decide.balance import Balancer
from loro_core.decide.dispatch import (
    Action,
    Arrived,
    Dispatcher,
    DispatchSettings,
    Event,
    Forget,
    Grant,
    InstanceChanged,
    NotLoaded,
    Refuse,
    Returned,
    StartInstance,
    StopInstance,
    Tick,
)
from loro_core.models import InstanceState, InstanceStatus, Model, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What a model's servers take, in seconds. chunk_s: to read one chunk of a prompt. token_s: to write one token.

    load_s, stop_s: of a process. crowding: by how much each further call slows a call that begins.
    parallel: how many calls a server works on at once; None for its model's slots. More wait in the server.
    """

    chunk_s: float = 0.02
    token_s: float = 0.02
    load_s: float = 8.0
    stop_s: float = 0.5
    crowding: float = 0.15
    parallel: int | None = None


@dataclass(slots=True)
class Call:
    """One request, and what became of it. prompt: its chunks. tokens: how many are written."""

    id: int
    models: tuple[str, ...]
    prompt: tuple[int, ...]
    tokens: int
    call: str
    arrived: float
    then: Callable[[Call], None] | None = None
    instance: str = ""
    granted: float | None = None
    begun: float | None = None
    first_token: float | None = None
    over: float | None = None
    known: int = 0
    refused: str = ""

    @property
    def queued_s(self) -> float:
        """How long it waited, for its seat and then in the server."""
        assert self.begun is not None
        return self.begun - self.arrived


@dataclass(slots=True)
class Server:
    """An instance: what its slots remember, the latest last, and which of them are taken."""

    model: Model
    slow: float = 1.0
    remembered: list[tuple[int, ...]] = field(default_factory=list)
    calls: int = 0
    waiting: deque[Call] = field(default_factory=deque)
    stopping: bool = False
    busy_s: float = 0.0
    changed: float = 0.0

    def count(self, by: int, now: float) -> None:
        """Add to the calls under way, and to their integral over time."""
        self.busy_s += self.calls * (now - self.changed)
        self.changed = now
        self.calls += by


class World:
    """slow: by instance, how many times slower than its model's speed it is."""

    def __init__(
        self,
        models: Mapping[str, Model],
        balancer: Balancer,
        *,
        speeds: Mapping[str, Speed] | None = None,
        slow: Mapping[str, float] | None = None,
        seed: int = 1,
        settings: DispatchSettings | None = None,
    ) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.calls: list[Call] = []
        self.starts = 0
        self.stops = 0
        self.decided_us: list[float] = []
        self.servers: dict[str, Server] = {}
        self._speeds = speeds or {}
        self._slow = slow or {}
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._ids = itertools.count(1)
        self._open: dict[int, Call] = {}
        self.dispatcher = Dispatcher(
            settings or DispatchSettings(), models, lambda _: balancer, random.Random(self.rng.random())
        )
        for name, model in models.items():
            if model.launch is None:
                self.servers[f"{name}-1"] = Server(model=model, slow=self._slow.get(f"{name}-1", 1.0))
        self._tell(Tick())

    def at(self, when: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), act))

    def request(
        self,
        *models: str,
        prompt: tuple[int, ...] = (),
        tokens: int = 20,
        call: str = "",
        caller: str = "",
        then: Callable[[Call], None] | None = None,
    ) -> Call:
        """Send a request now; `then` is called when it is over, answered or refused."""
        made = Call(next(self._ids), models, prompt, tokens, call, self.now, then)
        self.calls.append(made)
        self._open[made.id] = made
        ticket = Ticket(
            id=made.id,
            models=models,
            caller=caller,
            cost=max(1, 256 * len(prompt)),
            prefix=prompt,
            call=call,
            arrived=self.now,
        )
        self._tell(Arrived(ticket=ticket))
        return made

    def run(self, until: float) -> None:
        """Let everything happen that happens before `until`."""
        while True:
            tick_at = self.dispatcher.next_at
            act_at = self._queue[0][0] if self._queue else float("inf")
            if min(tick_at, act_at) > until:
                break
            if tick_at <= act_at:
                self.now = max(self.now, tick_at)
                self._tell(Tick())
            else:
                self.now, _, act = heapq.heappop(self._queue)
                act()
        self.now = until

    @property
    def answered(self) -> list[Call]:
        return [call for call in self.calls if call.over is not None and not call.refused]

    # --- orders ----------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        begun = perf_counter()
        actions = self.dispatcher.receive(event, self.now)
        self.decided_us.append((perf_counter() - begun) * 1e6)
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Grant(ticket_id=id_, instance=instance):
                self._seat(self._open[id_], instance)
            case Refuse(ticket_id=id_, reason=reason):
                call = self._open.pop(id_)
                call.refused, call.over = reason, self.now
                if call.then is not None:
                    self.at(self.now, partial(call.then, call))
            case StartInstance(instance=instance, model=model):
                self.starts += 1
                server = Server(model=model, slow=self._slow.get(instance, 1.0), changed=self.now)
                self.servers[instance] = server
                self.at(self.now + self._speed(server).load_s, lambda: self._loaded(instance, server))
            case StopInstance(instance=instance, drain=False):
                self.stops += 1
                server = self.servers[instance]
                assert not server.calls, "a live stream is cut"
                server.stopping = True
                self.at(self.now + self._speed(server).stop_s, lambda: self._report(instance, InstanceState.STOPPED))
            case StopInstance() | Forget() | NotLoaded():
                pass

    def _loaded(self, instance: str, server: Server) -> None:
        if not server.stopping:
            self._report(instance, InstanceState.READY, load_s=self._speed(server).load_s)

    def _report(self, instance: str, state: InstanceState, load_s: float | None = None) -> None:
        name = instance.rpartition("-")[0]
        status = InstanceStatus(id=instance, model=name, state=state, since=self.now, load_s=load_s)
        self._tell(InstanceChanged(status=status))

    # --- servers ---------------------------------------------------------------------------------------------------

    def _speed(self, server: Server) -> Speed:
        return self._speeds.get(server.model.name, Speed())

    def _seat(self, call: Call, instance: str) -> None:
        call.instance, call.granted = instance, self.now
        server = self.servers[instance]
        if server.calls < (self._speed(server).parallel or server.model.slots):
            self._begin(call, server)
        else:
            server.waiting.append(call)

    def _begin(self, call: Call, server: Server) -> None:
        speed = self._speed(server)
        call.begun = self.now
        server.count(+1, self.now)
        call.known = _remember(server, call.prompt, speed.parallel or server.model.slots)
        slowed = server.slow * (1.0 + speed.crowding * (server.calls - 1))
        read_s = 0.01 + (len(call.prompt) - call.known) * speed.chunk_s
        call.first_token = self.now + read_s * slowed
        self.at(call.first_token + call.tokens * speed.token_s * slowed, lambda: self._end(call, server))

    def _end(self, call: Call, server: Server) -> None:
        server.count(-1, self.now)
        if server.waiting:
            self._begin(server.waiting.popleft(), server)
        call.over = self.now
        del self._open[call.id]
        assert call.first_token is not None
        assert call.granted is not None
        first_token_s = call.first_token - call.granted
        self._tell(Returned(instance=call.instance, ticket_id=call.id, outcome="answered", first_token_s=first_token_s))
        if call.then is not None:
            call.then(call)


def _remember(server: Server, prompt: tuple[int, ...], slots: int) -> int:
    """Return how many chunks of `prompt` the slot that is taken knows already, and let it know the rest.

    The slot that knows most of it is taken if that is half of it; else an empty one, else the one longest out of use.
    """
    # The slots of the calls under way are those that were remembered last.
    free = server.remembered[: max(0, slots - server.calls + 1)]
    known = [_common(memory, prompt) for memory in free]
    at = max(range(len(free)), key=known.__getitem__, default=None)
    if at is not None and known[at] * 2 < len(prompt):
        at = None if len(server.remembered) < slots else 0
    if at is not None:
        del server.remembered[at]
    server.remembered.append(prompt)
    return known[at] if at is not None else 0


def _common(memory: tuple[int, ...], prompt: tuple[int, ...]) -> int:
    """Return how many chunks of both are the same, from the first on."""
    both = min(len(memory), len(prompt))
    return next((at for at in range(both) if memory[at] != prompt[at]), both)


def by_instance(calls: list[Call]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for call in calls:
        counts[call.instance] += 1
    return counts


def quantile(values: list[float], share: float) -> float:
    """Return the value that so great a share of `values` does not exceed; 0.0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
