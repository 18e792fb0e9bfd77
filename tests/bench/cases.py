"""The cases: what is asked of whom, what is read from it, and the bar.

Whatever is compared is measured in turn, round by round (A B A B), so that what drifts on the machine meets all alike.
Processor time is the operating system's account of the gateway's processes over what they served.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.bench.accounting import cpu_s, resident_bytes
from tests.bench.findings import Bar, Finding, Series, curve, differences, quantile, ratios
from tests.bench.load import Ask, Outcome, closed, opened, poisson, steady
from tests.bench.processes import ROOT, Running, UpstreamRunning, loro
from tests.bench.shapes import Shape

MIB = 1024 * 1024
WORDS = Shape(text="Good question, let me see. So,")
"""The acknowledging model's reply: one that passes every check of the words, at once."""

ACKNOWLEDGED = 0.95
"""The share of replies that must be acknowledged where the price of an acknowledgement is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One that is measured. pid: whose processor time counts, None for no gateway at all."""

    name: str
    port: int
    pid: int | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def ask(self) -> Ask:
        return Ask(port=self.port, headers=self.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What runs while cases are measured.

    absent: why a peer is not among `peers`. rounds: of each side; seconds: one round's length.
    replies: how many the growth of the memory is looked at over, in `most_s` at most.
    """

    upstream: UpstreamRunning
    loro: Running
    peers: Mapping[str, Running] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    rounds: int = 3
    seconds: float = 1.2
    replies: int = 10_000
    most_s: float = 20.0

    @property
    def straight(self) -> Side:
        return Side(name="straight", port=self.upstream.port)

    def policy(self, name: str) -> Side:
        return Side(name=name, port=self.loro.port, pid=self.loro.pid, headers=(("X-Loro-Policy", name),))

    @property
    def others(self) -> list[Side]:
        return [Side(name=name, port=peer.port, pid=peer.pid) for name, peer in self.peers.items()]

    def missing(self, peer: str) -> str:
        if peer in self.peers:
            return f"{peer} had a round without a good reply"
        return self.absent.get(peer, "make bench-peers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of one side.

    cpu_s: the gateway's, 0 where there is none; upstream_cpu_s: the upstream's. calls: what reached the upstream.
    late_s: how late the upstream wrote: the median, the 99th percentile and the most.
    """

    outcome: Outcome
    cpu_s: float
    upstream_cpu_s: float
    calls: Mapping[str, int]
    late_s: Sequence[float]

    @property
    def per_reply_us(self) -> float:
        return self.cpu_s / max(1, len(self.outcome.good)) * 1e6


def in_turn(
    house: House, sides: Sequence[Side], shapes: Mapping[str, Shape], drive: Callable[[Ask], Outcome], finding: Finding
) -> dict[str, list[Round]]:
    """Return the rounds of each side, taken in turn after one that does not count. Notes what went wrong."""
    for side in sides:
        house.upstream.play(**shapes)
        closed(side.ask, connections=4, seconds=0.4)
    rounds: dict[str, list[Round]] = {side.name: [] for side in sides}
    for _ in range(house.rounds):
        for side in sides:
            rounds[side.name].append(_round(house, side, shapes, drive))
    for name, each in list(rounds.items()):
        wrong = sum((r.outcome.errors for r in each), start=Counter[str]())
        for message, count in wrong.items():
            finding.notes.append(f"{name}: {count} of {sum(len(r.outcome.replies) for r in each)} replies: {message}")
        if not all(r.outcome.good for r in each):
            if name not in house.peers:
                raise AssertionError(f"{name}: a round without a good reply: {dict(wrong)}")
            del rounds[name]  # a peer that this load is too much for is left out
    return rounds


def _round(house: House, side: Side, shapes: Mapping[str, Shape], drive: Callable[[Ask], Outcome]) -> Round:
    house.upstream.play(**shapes)
    before_s = cpu_s(side.pid) if side.pid is not None else 0.0
    upstream_before_s = house.upstream.counts()["cpu_s"]
    outcome = drive(side.ask)
    used_s = cpu_s(side.pid) - before_s if side.pid is not None else 0.0
    counts = house.upstream.counts()
    # A reply that the upstream never saw would be measured as a cheap one.
    if counts["calls"].get("large", 0) < len(outcome.good):
        raise AssertionError(f"{side.name}: {len(outcome.good)} replies of {counts['calls']} calls")
    return Round(
        outcome=outcome,
        cpu_s=used_s,
        upstream_cpu_s=counts["cpu_s"] - upstream_before_s,
        calls=counts["calls"],
        late_s=counts["late_s"],
    )


def _series(name: str, unit: str, rounds: Mapping[str, Sequence[Round]], of: Callable[[Round], float]) -> Series:
    return Series(name=name, unit=unit, sides={side: [of(r) for r in each] for side, each in rounds.items()})


def _cpu(name: str, rounds: Mapping[str, Sequence[Round]], of: Callable[[Round], float]) -> Series:
    """Return a series of processor times: of gateways, not of the way without one."""
    return _series(name, "µs", {side: each for side, each in rounds.items() if side != "straight"}, of)


def _against(
    house: House, series: Series, side: str, peer: str, *, measure: str, limit: float, at_least: bool = False
) -> Bar:
    if peer not in series.sides:
        return Bar(measure=measure, unit="x", limit=limit, at_least=at_least, missing=house.missing(peer))
    ours, theirs = series.sides[side], series.sides[peer]
    rounds = ratios(theirs, ours) if at_least else ratios(ours, theirs)
    return Bar(measure=measure, unit="x", limit=limit, at_least=at_least, rounds=rounds)


# --- processor time ----------------------------------------------------------------------------------------------


def burst(house: House) -> Finding:
    """What a whole reply costs that comes in one piece."""
    finding = Finding("burst", "A reply of 18 events in one piece", "16 connections, each asks again once answered")
    sides = [house.straight, house.policy("direct"), *house.others]
    shapes = {"large": Shape(), "small": WORDS}
    rounds = in_turn(house, sides, shapes, partial(closed, connections=16, seconds=house.seconds), finding)
    cpu = _cpu("gateway CPU a reply", rounds, lambda r: r.per_reply_us)
    finding.series = [
        cpu,
        _series("replies a second", "/s", rounds, lambda r: len(r.outcome.good) / r.outcome.elapsed_s),
        _series("TTFT p50", "ms", rounds, lambda r: quantile(_ttft_ms(r), 0.5)),
        _series("upstream's CPU a reply", "µs", rounds, lambda r: r.upstream_cpu_s / len(r.outcome.good) * 1e6),
    ]
    finding.bars = [
        _against(house, cpu, "direct", "nginx", measure="CPU a reply, 18 events at once, against nginx", limit=10),
        _against(
            house,
            cpu,
            "direct",
            "litellm",
            measure="CPU a reply, 18 events at once, LiteLLM's against loro's",
            limit=35,
            at_least=True,
        ),
    ]
    return finding


def acknowledgement(house: House) -> Finding:
    """What each policy costs, with an answer that is later than the acknowledgement."""
    finding = Finding(
        "acknowledgement",
        "A reply in each policy",
        "16 connections, each asks again once answered; the small model replies at once, the large one later, each in "
        "one piece",
    )
    sides = [house.policy(name) for name in ("direct", "race", "instant", "adaptive")]
    measure, limit = "CPU a reply, acknowledgement and answer (race) against direct", 2.2
    for delay_s in _late_enough(house):
        shapes = {"large": Shape(first_s=delay_s), "small": WORDS}
        drive = partial(closed, connections=16, seconds=max(house.seconds, 4 * delay_s))
        rounds = in_turn(house, sides, shapes, drive, finding)
        cpu = _cpu("gateway CPU a reply", rounds, lambda r: r.per_reply_us)
        share = _series("acknowledged", "%", rounds, _acknowledged_percent)
        finding.series = [cpu, share, _series("upstream calls a reply", "", rounds, _calls)]
        least = min(share.sides["race"])
        finding.notes.append(
            f"the large model replies after {delay_s * 1000:.0f} ms: {least:.0f} % acknowledged in race"
        )
        if least >= ACKNOWLEDGED * 100:
            finding.bars = [_against(house, cpu, "race", "direct", measure=measure, limit=limit)]
            return finding
        finding.bars = [Bar(measure=measure, unit="x", limit=limit, missing=f"only {least:.0f} % were acknowledged")]
    return finding


def _late_enough(house: House) -> Iterator[float]:
    """Yield how late the large model may be so that the acknowledgement is written even while the machine is busy."""
    race = house.policy("race").ask
    for delay_s in (0.05, 0.2, 0.4):
        house.upstream.play(large=Shape(first_s=delay_s), small=WORDS)
        closed(race, connections=16, seconds=delay_s)  # what is learned and opened at the first replies
        good = closed(race, connections=16, seconds=max(0.6, 3 * delay_s)).good
        if good and sum(reply.acknowledged for reply in good) >= ACKNOWLEDGED * len(good):
            yield delay_s
    yield 0.8


def _acknowledged_percent(r: Round) -> float:
    return 100 * sum(reply.acknowledged for reply in r.outcome.good) / len(r.outcome.good)


def _calls(r: Round) -> float:
    return sum(r.calls.values()) / len(r.outcome.replies)


def paced(house: House) -> Finding:
    """What an event costs that comes alone."""
    finding = Finding("paced", "66 events, one every 2 ms", "64 connections, each asks again once answered")
    shape = Shape(tokens=64, first_s=0.002, interval_s=0.002)
    sides = [house.straight, house.policy("direct"), *house.others]
    rounds = in_turn(
        house,
        sides,
        {"large": shape, "small": WORDS},
        partial(closed, connections=64, seconds=house.seconds),
        finding,
    )
    # An event is one that the upstream wrote, however a gateway passes it on.
    cpu = _cpu("gateway CPU an event", rounds, lambda r: r.per_reply_us / shape.events)
    finding.series = [
        cpu,
        _series("events a second", "/s", rounds, lambda r: r.outcome.events / r.outcome.elapsed_s),
        _series("events a read", "", rounds, lambda r: r.outcome.events / sum(x.reads for x in r.outcome.replies)),
        _series("events written late, p99", "ms", rounds, lambda r: r.late_s[1] * 1000),
    ]
    finding.bars = [_against(house, cpu, "direct", "nginx", measure="CPU an event, paced, against nginx", limit=6)]
    return finding


# --- latency -----------------------------------------------------------------------------------------------------


def _ttft_ms(r: Round) -> list[float]:
    return [(reply.first_content_s - reply.due_s) * 1000 for reply in r.outcome.good]


def _answer_ms(r: Round) -> list[float]:
    return [(reply.first_answer_s - reply.due_s) * 1000 for reply in r.outcome.good if reply.first_answer_s]


def ttft(house: House) -> Finding:
    """How much later the first token comes."""
    finding = Finding(
        "ttft", "The answer's first token", "1 connection; the role comes at once, the first token 2 ms on"
    )
    shape = Shape(tokens=4, first_s=0.002, interval_s=0.001)
    sides = [house.straight, house.policy("direct"), *house.others]
    rounds = in_turn(
        house,
        sides,
        {"large": shape, "small": WORDS},
        partial(closed, connections=1, seconds=house.seconds),
        finding,
    )
    p50 = _series("TTFT p50", "ms", rounds, lambda r: quantile(_answer_ms(r), 0.5))
    p99 = _series("TTFT p99", "ms", rounds, lambda r: quantile(_answer_ms(r), 0.99))
    finding.series = [p50, p99]
    finding.curves = {"TTFT, ms": {s: curve([ms for r in each for ms in _answer_ms(r)]) for s, each in rounds.items()}}
    finding.bars = [
        _added(p50, "added TTFT, 1 connection, p50", 0.5),
        _added(p99, "added TTFT, 1 connection, p99", 1.5),
    ]
    return finding


def _added(series: Series, measure: str, limit: float, side: str = "direct", to: str = "straight") -> Bar:
    return Bar(measure=measure, unit="ms", limit=limit, rounds=differences(series.sides[side], series.sides[to]))


def gaps(house: House) -> Finding:
    """How much longer the gap between two tokens becomes."""
    finding = Finding("gaps", "The gap between two tokens", "64 streams on average; a token every 20 ms")
    shape = Shape(tokens=64, first_s=0.02, interval_s=0.02, stamped=True)
    rate, seconds = 64 / shape.lasts_s, max(house.seconds, 1.2 * shape.lasts_s)
    # Streams that begin a multiple of 20 ms apart have all their tokens at the same instant, which callers do not.
    arrivals = {
        "": poisson(rate, seconds, random.Random(2)),  # the same in each run
        ", in step": steady(rate, seconds),
    }
    sides = [house.straight, house.policy("direct"), *house.others[:1]]
    rounds: dict[str, list[Round]] = {}
    for how, schedule in arrivals.items():
        each = in_turn(house, sides, {"large": shape, "small": WORDS}, partial(opened, schedule=schedule), finding)
        rounds |= {f"{side}{how}": found for side, found in each.items()}
    p50 = _series("added gap p50", "ms", rounds, lambda r: quantile(_gaps_ms(r), 0.5))
    p99 = _series("added gap p99", "ms", rounds, lambda r: quantile(_gaps_ms(r), 0.99))
    finding.series = [p50, p99, _series("streams at once", "", rounds, lambda r: r.outcome.most_open)]
    finding.curves = {
        "added gap, ms": {s: curve([ms for r in each for ms in _gaps_ms(r)]) for s, each in rounds.items()}
    }
    finding.bars = [_added(p99, "added gap between tokens, 64 streams at 20 ms, p99", 2.0)]
    return finding


def _gaps_ms(r: Round) -> list[float]:
    return [gap * 1000 for reply in r.outcome.good for gap in reply.gaps_s]


def answer(house: House) -> Finding:
    """Whether the acknowledgement makes the answer itself later."""
    finding = Finding(
        "answer",
        "The answer's first token behind an acknowledgement",
        "20 requests a second; the small model replies at once, the large one's first token comes after 100 ms",
    )
    shapes = {"large": Shape(tokens=8, first_s=0.1, interval_s=0.01), "small": WORDS}
    schedule = steady(20, 1.5 * house.seconds)
    sides = [house.policy("direct"), house.policy("race")]
    rounds = in_turn(house, sides, shapes, partial(opened, schedule=schedule), finding)
    answers = _series("answer's first token p50", "ms", rounds, lambda r: quantile(_answer_ms(r), 0.5))
    first = _series("first text p50", "ms", rounds, lambda r: quantile(_ttft_ms(r), 0.5))
    share = _series("acknowledged", "%", rounds, _acknowledged_percent)
    finding.series = [answers, first, share]
    finding.curves = {
        "answer's first token, ms": {s: curve([ms for r in each for ms in _answer_ms(r)]) for s, each in rounds.items()}
    }
    measure = "answer's first token, acknowledgement (race) later than direct by"
    if min(share.sides["race"]) < ACKNOWLEDGED * 100:
        missing = f"only {min(share.sides['race']):.0f} % were acknowledged"
        finding.bars = [Bar(measure=measure, unit="ms", limit=2.0, missing=missing)]
    else:
        finding.bars = [_added(answers, measure, 2.0, "race", "direct")]
    return finding


# --- many streams ------------------------------------------------------------------------------------------------


def streams(house: House) -> Finding:
    """Whether many streams at once all flow."""
    finding = Finding("streams", "512 streams, two workers", "a token every 50 ms; one stream begins as one ends")
    measures = {n: f"longest gap, {n:,} streams at 20 tokens a second, 2 workers" for n in (512, 1024)}
    if not _has_option("--workers"):
        finding.bars = [Bar(measure=measures[512], unit="ms", limit=_GAP_MS, missing="there is no --workers")]
        return finding
    shape = Shape(tokens=64, first_s=0.05, interval_s=0.05)
    longest: dict[str, list[float]] = {}
    open_at_once: dict[str, list[float]] = {}
    with loro(house.upstream.port, "--workers", "2") as two:
        direct = Side(name="direct", port=two.port, pid=two.pid, headers=(("X-Loro-Policy", "direct"),))
        for count, measure in measures.items():
            schedule = steady(count / shape.lasts_s, 2 * shape.lasts_s)
            drive = partial(opened, schedule=schedule, most_connections=4000)
            for side in (house.straight, direct):
                name = f"{side.name}, {count}"
                closed(side.ask, connections=4, replies=20)
                r = _round(house, side, {"large": shape}, drive)
                longest[name] = [max(reply.longest_gap_s * 1000 for reply in r.outcome.replies)]
                open_at_once[name] = [r.outcome.most_open]
                finding.notes += [f"{name}: {n} replies: {message}" for message, n in r.outcome.errors.items()]
            finding.bars.append(_longest(measure, longest[f"direct, {count}"], longest[f"straight, {count}"]))
            if finding.bars[-1].verdict != "PASS":
                break  # more streams would say no more
    finding.series = [
        Series(name="longest gap", unit="ms", sides=longest),
        Series(name="streams at once", unit="", sides=open_at_once),
    ]
    return finding


_GAP_MS = 200.0


def _longest(measure: str, through: Sequence[float], straight: Sequence[float]) -> Bar:
    """Return the bar of a longest gap: missed on a machine that makes such gaps by itself, it says nothing of loro."""
    if max(straight) > _GAP_MS / 2 and max(through) > _GAP_MS:
        missing = f"straight alone has {max(straight):.0f} ms: the machine is too busy"
        return Bar(measure=measure, unit="ms", limit=_GAP_MS, missing=missing)
    return Bar(measure=measure, unit="ms", limit=_GAP_MS, rounds=through)


def _has_option(option: str) -> bool:
    command = [sys.executable, "-m", "loro_core", "serve", "--help"]
    return option in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


# --- memory and start --------------------------------------------------------------------------------------------


def memory(house: House) -> Finding:
    """What it holds: after the start, for each stream, and after many replies."""
    finding = Finding("memory", "Resident memory", "a gateway of its own, in its default policy")
    streams_open = 256
    long = Shape(tokens=6, first_s=0.5, interval_s=0.5)
    with loro(house.upstream.port) as own:
        side = Side(name="adaptive", port=own.port, pid=own.pid)
        started = resident_bytes(own.pid)
        house.upstream.play(large=Shape(), small=WORDS)
        closed(side.ask, connections=16, replies=200)
        before = resident_bytes(own.pid)
        house.upstream.play(large=long, small=WORDS)
        peak, outcome = _peak(own.pid, lambda: opened(side.ask, steady(streams_open / 2, 2.0)))
        per_stream = (peak - before) / max(1, outcome.most_open)
        house.upstream.play(large=Shape(), small=WORDS)
        closed(side.ask, connections=16, replies=2_000, seconds=house.most_s / 2)
        settled = resident_bytes(own.pid)
        more = closed(side.ask, connections=16, replies=house.replies, seconds=house.most_s)
        grown = resident_bytes(own.pid) - settled
    finding.notes += [
        f"{outcome.most_open} streams were open at once",
        f"the growth is that of {len(more.good):,} replies after the first 2,000",
    ]
    finding.notes += [f"{n} replies: {message}" for message, n in (outcome.errors + more.errors).items()]
    finding.series = [
        Series(name="after the start", unit="MiB", sides={"loro": [started / MIB]}),
        Series(name="for each open stream", unit="KiB", sides={"loro": [per_stream / 1024]}),
        Series(name="growth", unit="MiB", sides={"loro": [grown / MIB]}),
    ]
    everyone = {"loro": house.loro, **house.peers}
    held = {name: [resident_bytes(running.pid) / MIB] for name, running in everyone.items()}
    finding.series.append(Series(name="after the cases above", unit="MiB", sides=held))
    finding.bars = [
        Bar(measure="RSS after the start", unit="MiB", limit=60, rounds=[started / MIB]),
        Bar(measure="RSS for each open stream", unit="KiB", limit=64, rounds=[per_stream / 1024]),
        Bar(measure=f"RSS growth over {len(more.good):,} replies", unit="MiB", limit=2, rounds=[grown / MIB]),
    ]
    return finding


def _peak(pid: int, drive: Callable[[], Outcome]) -> tuple[int, Outcome]:
    """Return the most memory that `pid` held while `drive` ran, and what came of that."""
    outcomes: list[Outcome] = []
    driver = threading.Thread(target=lambda: outcomes.append(drive()))
    driver.start()
    peak = 0
    while driver.is_alive():
        peak = max(peak, resident_bytes(pid))
        time.sleep(0.05)
    driver.join()
    return peak, outcomes[0]


def start(house: House) -> Finding:
    """How long it takes until it answers."""
    finding = Finding("start", "The start", "from the start of the process to the first 200 of /health")
    starts_s = []
    for _ in range(house.rounds + 1):
        begun = time.monotonic()
        with loro(house.upstream.port):
            starts_s.append(time.monotonic() - begun)
    finding.series = [Series(name="to the first 200", unit="s", sides={"loro": starts_s})]
    finding.bars = [Bar(measure="start to the first 200", unit="s", limit=0.6, rounds=starts_s)]
    return finding


CASES: dict[str, Callable[[House], Finding]] = {
    case.__name__: case for case in (start, burst, acknowledgement, paced, ttft, gaps, answer, streams, memory)
}
