"""What is played: each scenario returns what its table shows."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from loro_core.decide.balance import BUILT_IN, Balancer
from loro_core.decide.dispatch import (
    Arrived,
    Dispatcher,
    DispatchSettings,
    Grant,
    InstanceChanged,
    Returned,
    StartInstance,
    StopInstance,
    Tick,
)
from loro_core.models import InstanceState, InstanceStatus, Model, Ticket
from tests.decide.fleet_bench import GIB, model, named
from tests.sim.world import Call, Speed, World, by_instance, quantile

POLICIES = tuple(BUILT_IN)


def replicas(count: int, slots: int = 4) -> dict[str, Model]:
    """So many addresses that serve the same, called m0, m1, ..."""
    return named(*(model(f"m{n}", address=True, slots=slots) for n in range(count)))


def poisson(world: World, rate: float, count: int, send: Callable[[int], object]) -> None:
    """Let `send` be called `count` times, `rate` times a second on average."""
    at = world.now
    for n in range(count):
        at += world.rng.expovariate(rate)
        world.at(at, partial(send, n))


# --- 500 requests on two instances -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """calls: at each instance. apart: the difference between their calls under way, over time, by their mean."""

    policy: str
    calls: tuple[int, ...]
    apart: float


def spread(policy: str, *, requests: int = 500, seed: int = 1) -> Spread:
    """`requests` unlike requests at two instances of four slots, at 70 % load."""
    world = World(replicas(2), BUILT_IN[policy], seed=seed)

    def send(_: int) -> Call:
        return world.request("m0", "m1", tokens=round(world.rng.lognormvariate(3.6, 0.6)))

    poisson(world, 6.5, requests, send)
    world.run(1e6)
    counts = by_instance(world.answered)
    busy = [server.busy_s for server in world.servers.values()]
    return Spread(policy, tuple(counts[f"m{n}-1"] for n in range(2)), (max(busy) - min(busy)) / (sum(busy) / 2))


# --- conversations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Affinity:
    """home: the share of turns at the instance that served most of their call. known: of all chunks of prompts, the
    share that was read before. first_token_p95_s: with the queue."""

    policy: str
    home: float
    known: float
    first_token_p50_s: float
    first_token_p95_s: float


def converse(
    world: World,
    number: int,
    models: tuple[str, ...],
    *,
    turns: int,
    chunks: int,
    more: int,
    tokens: int,
    pause_s: float,
) -> None:
    """Let a call of so many turns take place: each prompt is all that was said before, and a little more."""
    shared = tuple(range(8))
    said = tuple(1000 * (number + 1) + n for n in range(chunks))
    left = turns

    def turn(_: Call | None = None) -> None:
        nonlocal said, left
        if not left:
            return
        left -= 1
        said += tuple(1000 * (number + 1) + len(said) + n for n in range(more))
        world.at(
            world.now + (pause_s * world.rng.uniform(0.6, 1.4) if _ is not None else 0.0),
            lambda: world.request(
                *models, prompt=shared + said, tokens=tokens, call=f"c{number}", caller=f"c{number}", then=turn
            ),
        )

    turn()


def affinity(policy: str, *, calls: int = 200, seed: int = 1) -> Affinity:
    """Calls of ten turns at three instances of four slots."""
    world = World(replicas(3), BUILT_IN[policy], seed=seed, speeds={f"m{n}": Speed(chunk_s=0.04) for n in range(3)})
    names = ("m0", "m1", "m2")
    poisson(
        world,
        0.1,
        calls,
        lambda n: converse(world, n, names, turns=10, chunks=12, more=1, tokens=40, pause_s=5.0),
    )
    world.run(1e6)
    at_home = 0
    for n in range(calls):
        turns = [call for call in world.answered if call.call == f"c{n}"]
        at_home += max(by_instance(turns).values())
    chunks = sum(len(call.prompt) for call in world.answered)
    waits = [call.first_token - call.arrived for call in world.answered if call.first_token is not None]
    return Affinity(
        policy,
        at_home / len(world.answered),
        sum(call.known for call in world.answered) / chunks,
        quantile(waits, 0.5),
        quantile(waits, 0.95),
    )


# --- one slow instance -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Queued:
    """How long requests waited, in loro and in the server. at_slow: the share that the slow instance served."""

    policy: str
    p50_s: float
    p95_s: float
    at_slow: float


def one_slow(policy: str, *, known_slots: bool, requests: int = 4000, load: float = 0.8, seed: int = 1) -> Queued:
    """Four instances of two slots, one of them three times slower, at `load` of what they can do together.

    known_slots: whether loro is told how many slots they have. If not, it gives every request away at once, and those
    that are too many wait in the server that they were given to.
    """
    count, parallel, slow, mean_s = 4, 2, 3.0, 1.0
    names = tuple(f"m{n}" for n in range(count))
    can = (count - 1 + 1 / slow) * parallel / mean_s
    world = World(
        replicas(count, parallel if known_slots else 10_000),
        BUILT_IN[policy],
        seed=seed,
        slow={f"{names[-1]}-1": slow},
        speeds={name: Speed(crowding=0.0, token_s=0.02, parallel=parallel) for name in names},
        settings=DispatchSettings(queue_deadline_s=1e9, max_waiting=10**6),
    )

    def send(_: int) -> Call:
        return world.request(*names, tokens=max(1, round(world.rng.expovariate(0.02 / mean_s))))

    poisson(world, load * can, requests, send)
    world.run(1e9)
    waits = [call.queued_s for call in world.answered]
    at_slow = by_instance(world.answered)[f"{names[-1]}-1"] / len(world.answered)
    return Queued(policy, quantile(waits, 0.5), quantile(waits, 0.95), at_slow)


# --- two models, room for one ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Swaps:
    """loads: of a model. fewest: as few as are possible, each model once."""

    requests: int
    answered: int
    loads: int
    fewest: int
    queue_p50_s: float
    queue_p95_s: float


def interleaved(*, requests: int = 40, models: int = 2, within_s: float = 0.0, seed: int = 1) -> Swaps:
    """Requests for several models in turn, all within `within_s`, with room for one model."""
    chosen = [model(f"m{n}", slots=2, memory_bytes=6 * GIB) for n in range(models)]
    world = World(
        named(*chosen),
        BUILT_IN["prefix"],
        seed=seed,
        settings=DispatchSettings(memory_bytes=8 * GIB, queue_deadline_s=600.0),
        speeds={one.name: Speed(load_s=3.0, token_s=0.01) for one in chosen},
    )
    for n in range(requests):
        world.at(within_s * n / requests, partial(world.request, f"m{n % models}"))
    world.run(600.0)
    waits = [call.queued_s for call in world.answered]
    return Swaps(requests, len(world.answered), world.starts, models, quantile(waits, 0.5), quantile(waits, 0.95))


# --- a day -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A day of one machine. deciding_us: what the middle one of all decisions took. seconds: the whole of it."""

    policy: str
    requests: int
    refused: int
    queue_p50_s: float
    queue_p95_s: float
    first_token_p95_s: float
    loads: int
    home: float
    known: float
    deciding_us: float
    seconds: float


def fleet_of_a_day() -> dict[str, Model]:
    """A small model that is pinned, two popular ones of several processes, nine that are asked for now and then."""
    return named(
        model("small", slots=8, memory_bytes=2 * GIB, pinned=True),
        model("large", slots=4, memory_bytes=12 * GIB, max_instances=2, min_instances=1, priority=1),
        model("fast", slots=4, memory_bytes=6 * GIB, max_instances=3),
        *(model(f"other{n}", slots=2, memory_bytes=(4 + n) * GIB) for n in range(9)),
    )


def day(policy: str, *, hours: float = 24.0, calls_an_hour: float = 600.0, seed: int = 1) -> Day:
    """Calls come and go as people do: few at night, most in the early evening; each asks one model, turn by turn."""
    models = fleet_of_a_day()
    names = list(models)
    popularity = [30.0, 25.0, 15.0, *(9.0 / (n + 1) for n in range(9))]
    world = World(
        models,
        BUILT_IN[policy],
        seed=seed,
        settings=DispatchSettings(memory_bytes=48 * GIB, max_waiting=200, queue_deadline_s=60.0),
        speeds={name: Speed(load_s=1.0 + 0.6 * (one.memory_bytes or 0) / GIB) for name, one in models.items()},
    )
    started = perf_counter()
    homes = {}

    def caller(number: int) -> None:
        name = world.rng.choices(names, popularity)[0]
        homes[number] = name
        turns = world.rng.randint(3, 12)
        converse(world, number, (name,), turns=turns, chunks=8, more=1, tokens=40, pause_s=8.0)

    at, number = 0.0, 0
    while at < hours * 3600:
        share = 0.15 + 0.85 * max(0.0, math.sin(math.pi * ((at / 3600) % 24 - 6) / 15)) ** 1.5
        at += world.rng.expovariate(share * calls_an_hour / 3600)
        world.at(at, partial(caller, number))
        number += 1
    world.run(hours * 3600 + 3600)
    answered = world.answered
    waits = [call.queued_s for call in answered]
    firsts = [call.first_token - call.arrived for call in answered if call.first_token is not None]
    by_call: dict[str, list[Call]] = {}
    for call in answered:
        by_call.setdefault(call.call, []).append(call)
    return Day(
        policy,
        len(world.calls),
        sum(1 for call in world.calls if call.refused),
        quantile(waits, 0.5),
        quantile(waits, 0.95),
        quantile(firsts, 0.95),
        world.starts,
        sum(max(by_instance(turns).values()) for turns in by_call.values()) / len(answered),
        sum(call.known for call in answered) / sum(len(call.prompt) for call in answered),
        quantile(world.decided_us, 0.5),
        perf_counter() - started,
    )


# --- on paper --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paper:
    """What a decision costs, in microseconds, the middle one and the slowest twentieth: a request that is granted at
    once, one that waits or has its model loaded, a seat's return. one_model_us: a grant among all nodes."""

    models: int
    nodes: int
    granted_us: tuple[float, float]
    waits_us: tuple[float, float]
    returned_us: tuple[float, float]
    one_model_us: float


def paper(models: int, nodes: int, *, requests: int = 1000, seed: int = 1) -> Paper:
    """`models` of which as many are loaded as there are `nodes`, one each; and one model on all nodes together."""
    rng = random.Random(seed)
    dispatcher = Dispatcher(
        DispatchSettings(max_instances=nodes, max_waiting=10**6),
        named(*(model(f"m{n}", slots=4) for n in range(models))),
        lambda _: BUILT_IN["prefix"],
        rng,
    )
    times: dict[str, list[float]] = {"granted": [], "waits": [], "returned": []}
    now, ids = 0.0, iter(range(1, 10**9))
    dispatcher.receive(Tick(), now)

    def settle(actions: Sequence[object]) -> None:
        for action in actions:
            if isinstance(action, StartInstance):
                settle(dispatcher.receive(_status(action.instance, InstanceState.READY), now))
            elif isinstance(action, StopInstance):
                settle(dispatcher.receive(_status(action.instance, InstanceState.STOPPED), now))
            elif isinstance(action, Grant):
                held.append(action)

    held: list[Grant] = []

    def send(name: str, timed: bool) -> None:
        prefix = tuple(rng.randrange(50) for _ in range(20))
        ticket = Ticket(id=next(ids), models=(name,), arrived=now, prefix=prefix, call=f"c{rng.randrange(5000)}")
        begun = perf_counter()
        actions = dispatcher.receive(Arrived(ticket=ticket), now)
        took = (perf_counter() - begun) * 1e6
        if timed:
            times["granted" if actions and isinstance(actions[0], Grant) else "waits"].append(took)
        settle(actions)
        while len(held) > nodes:
            done = held.pop(rng.randrange(len(held)))
            event = Returned(instance=done.instance, ticket_id=done.ticket_id, outcome="answered", first_token_s=0.3)
            begun = perf_counter()
            actions = dispatcher.receive(event, now)
            if timed:
                times["returned"].append((perf_counter() - begun) * 1e6)
            settle(actions)

    for n in range(nodes):
        send(f"m{n}", timed=False)
    for _ in range(requests):
        now += 0.01
        # Most ask for what is loaded; one in twenty for any.
        name = rng.choice(held).model if rng.random() < 0.95 else f"m{rng.randrange(models)}"
        send(name, timed=True)
    granted, waits, returned = (
        (quantile(times[key], 0.5), quantile(times[key], 0.95)) for key in ("granted", "waits", "returned")
    )
    one_model_us = one_model(nodes, requests=requests, seed=seed)
    return Paper(models, nodes, granted, waits, returned, one_model_us)


def one_model(nodes: int, *, requests: int = 1000, seed: int = 1, balancer: Balancer = BUILT_IN["prefix"]) -> float:
    """Return what it costs to choose among `nodes` instances of one model, in microseconds, the middle one."""
    rng = random.Random(seed)
    dispatcher = Dispatcher(
        DispatchSettings(),
        named(model("m", slots=4, min_instances=nodes, max_instances=nodes)),
        lambda _: balancer,
        rng,
    )
    for action in dispatcher.receive(Tick(), 0.0):
        assert isinstance(action, StartInstance)
        dispatcher.receive(_status(action.instance, InstanceState.READY), 0.0)
    times = []
    for n in range(requests):
        ticket = Ticket(id=n, models=("m",), prefix=tuple(rng.randrange(50) for _ in range(20)))
        begun = perf_counter()
        actions = dispatcher.receive(Arrived(ticket=ticket), 1.0 + n)
        times.append((perf_counter() - begun) * 1e6)
        assert isinstance(actions[0], Grant)
        if n >= nodes:
            dispatcher.receive(Returned(instance=actions[0].instance, ticket_id=n, outcome="answered"), 1.0 + n)
    return quantile(times, 0.5)


def _status(instance: str, state: InstanceState) -> InstanceChanged:
    name = instance.rpartition("-")[0]
    return InstanceChanged(status=InstanceStatus(id=instance, model=name, state=state, since=0.0))
