"""A small simulation of calls, a queue and instances, to see what balancing policies do.

An instance takes `slots` calls and works at `at_once` of them; the others wait inside, first come, first served. So it
is with servers of models: they take more requests than they compute. A call waits in the gateway while all are full.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loro_core.decide.admit import Full, Queue
from loro_core.decide.balance import Balancer, PeakEwma
from loro_core.decide.prefixes import PrefixIndex, prefix_hashes
from loro_core.models import Candidate, Ticket

MODEL = "m"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A call. work_s: how long an instance of normal speed works at it. again: the turn after it, once it has ended."""

    at: float
    work_s: float
    call: str = ""
    texts: tuple[str, ...] = ()
    again: Callable[[float], Arrival | None] | None = None


@dataclass(kw_only=True)
class Instance:
    """One that takes calls. slowness: how much longer than others it works at the same."""

    name: str
    slots: int = 8
    at_once: int = 1
    slowness: float = 1.0
    in_flight: int = 0
    working: int = 0
    inside: deque[Job] = field(default_factory=deque)
    first_token: PeakEwma = field(default_factory=PeakEwma)
    last_picked: float | None = None
    served: int = 0


@dataclass(kw_only=True)
class Job:
    arrival: Arrival
    ticket: Ticket


@dataclass(kw_only=True)
class Report:
    """queued_s: of each call, from its arrival to when an instance began to work at it. served: by instance.

    spreads: after each pick, how many calls the busiest instance had more than the least busy, and how many there were.
    places: by conversation, where its turns were served.
    """

    queued_s: list[float] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    spreads: list[tuple[int, int]] = field(default_factory=list)
    places: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def queued_p(self, p: float) -> float:
        return sorted(self.queued_s)[round(p * (len(self.queued_s) - 1))]

    def shares_on_one(self) -> list[float]:
        """Return for each conversation the share of its turns that one instance served."""
        return [Counter(turns).most_common(1)[0][1] / len(turns) for turns in self.places.values()]


def play(balancer: Balancer, instances: Sequence[Instance], arrivals: Sequence[Arrival], seed: int = 1) -> Report:
    """Return what became of `arrivals`, each given to one of `instances` as `balancer` picks."""
    return _Play(balancer, instances, random.Random(seed)).run(arrivals)


class _Play:
    def __init__(self, balancer: Balancer, instances: Sequence[Instance], rng: random.Random) -> None:
        self.balancer, self.instances, self.rng = balancer, {one.name: one for one in instances}, rng
        self.queue, self.prefixes, self.report = Queue(10**6), PrefixIndex(), Report()
        self.jobs: dict[int, Job] = {}
        self.holds: dict[str, str] = {}
        self.events: list[tuple[float, int, Arrival | tuple[Instance, Job]]] = []
        self.count = itertools.count()

    def run(self, arrivals: Sequence[Arrival]) -> Report:
        for arrival in arrivals:
            self.at(arrival.at, arrival)
        while self.events:
            now, _, event = heapq.heappop(self.events)
            if isinstance(event, Arrival):
                self.arrives(event, now)
            else:
                self.ends(*event, now)
            self.give_seats(now)
        assert not len(self.queue) and not any(one.in_flight for one in self.instances.values())
        return self.report

    def at(self, when: float, event: Arrival | tuple[Instance, Job]) -> None:
        heapq.heappush(self.events, (when, next(self.count), event))

    def arrives(self, arrival: Arrival, now: float) -> None:
        ticket = Ticket(
            id=next(self.count),
            models=(MODEL,),
            caller=arrival.call,
            cost=max(1, sum(map(len, arrival.texts))),
            prefix=prefix_hashes(arrival.texts),
            call=arrival.call,
            arrived=now,
        )
        self.jobs[ticket.id] = Job(arrival=arrival, ticket=ticket)
        assert not isinstance(self.queue.offer(ticket), Full)

    def give_seats(self, now: float) -> None:
        while free := [one for one in self.instances.values() if one.in_flight < one.slots]:
            ticket = self.queue.next_for({MODEL: [one.name for one in free]}, now)
            if ticket is None:
                return
            picked = self.balancer.pick([self.candidate(one, ticket, now) for one in free], ticket, now, self.rng)
            self.begins(self.instances[picked.instance], self.jobs.pop(ticket.id), now)

    def candidate(self, one: Instance, ticket: Ticket, now: float) -> Candidate:
        return Candidate(
            instance=one.name,
            model=MODEL,
            in_flight=one.in_flight,
            slots=one.slots,
            first_token_s=one.first_token.value(now),
            last_picked=one.last_picked,
            served=one.served,
            matched=self.prefixes.matched(one.name, ticket.prefix),
            holds_call=bool(ticket.call) and self.holds.get(ticket.call) == one.name,
        )

    def begins(self, one: Instance, job: Job, now: float) -> None:
        ticket = job.ticket
        one.in_flight += 1
        one.served += 1
        one.last_picked = now
        self.prefixes.note(one.name, ticket.prefix)
        self.report.served[one.name] += 1
        if ticket.call:
            self.holds[ticket.call] = one.name
            self.report.places[ticket.call].append(one.name)
        flying = [other.in_flight for other in self.instances.values()]
        self.report.spreads.append((max(flying) - min(flying), sum(flying)))
        one.inside.append(job)
        self.work(one, now)

    def work(self, one: Instance, now: float) -> None:
        while one.inside and one.working < one.at_once:
            job = one.inside.popleft()
            one.working += 1
            self.report.queued_s.append(now - job.ticket.arrived)
            work_s = job.arrival.work_s * one.slowness
            one.first_token.observe(now - job.ticket.arrived + work_s / 4, now)
            self.at(now + work_s, (one, job))

    def ends(self, one: Instance, job: Job, now: float) -> None:
        one.in_flight -= 1
        one.working -= 1
        after = job.arrival.again(now) if job.arrival.again else None
        if after is not None:
            self.at(after.at, after)
        self.work(one, now)


def poisson(count: int, per_second: float, mean_work_s: float, seed: int = 5) -> list[Arrival]:
    """Return `count` calls that come at random and take exponentially distributed work."""
    rng, now, calls = random.Random(seed), 0.0, []
    for _ in range(count):
        now += rng.expovariate(per_second)
        calls.append(Arrival(at=now, work_s=rng.expovariate(1 / mean_work_s)))
    return calls


def conversations(count: int, turns: int, *, seed: int = 5, apart_s: float = 2.0) -> list[Arrival]:
    """Return the first turns of conversations with the same system prompt; each is followed by the others."""
    rng = random.Random(seed)
    system = "You are the assistant of a shop that sells bicycles. " * 40

    def turn(call: str, number: int, at: float, texts: tuple[str, ...]) -> Arrival:
        said = (*texts, f"In {call} I ask question {number}, which is this one. " * 6)

        def again(ended: float) -> Arrival | None:
            answered = (*said, f"This is what is answered to question {number} of {call}. " * 8)
            pause_s = rng.uniform(2.0, 8.0)
            return turn(call, number + 1, ended + pause_s, answered) if number < turns else None

        return Arrival(at=at, work_s=rng.uniform(0.5, 2.5), call=call, texts=said, again=again)

    return [turn(f"call {n}", 1, n * apart_s * rng.uniform(0.5, 1.5), (system,)) for n in range(count)]
