"""`make bench` and `make bench-peers`: start all that is measured, measure it, and write down what was found."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench import page, table
from tests.bench.cases import CASES, House
from tests.bench.findings import Finding
from tests.bench.processes import ROOT, CannotMeasure, Running, litellm, loro, machine, nginx, upstream

OUT = ROOT / "build" / "bench"
DOCS = ROOT / "docs" / "benchmarks.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    given = _parser().parse_args(arguments)
    _allow_many_sockets()
    begun = time.time()
    with ExitStack() as stack:
        house = _house(stack, given)
        report: dict[str, Any] = {
            "schema": 1,
            "at": time.strftime("%Y-%m-%d", time.gmtime(begun)),
            "command": _command(arguments),
            "machine": machine(),
            "load": round(os.getloadavg()[0], 1),
            "versions": {"loro": house.loro.version, **{name: peer.version for name, peer in house.peers.items()}},
            "absent": dict(house.absent),
            "rounds": house.rounds,
            "seconds": house.seconds,
        }
        findings = [_measured(name, house) for name in given.case or CASES]
    report |= {"took_s": round(time.time() - begun, 1), "findings": [finding.to_json() for finding in findings]}
    _write(report, given.out)
    print("\n" + table.text(report))
    print(f"{given.out}/bench.json and bench.html; {report['took_s']:.0f} s")
    if given.write_docs:
        DOCS.write_text(table.into(DOCS.read_text(encoding="utf-8"), table.markdown(report)), encoding="utf-8")
        print(f"{DOCS.relative_to(ROOT)} holds this table")
    missed = any(bar.verdict == "MISS" for finding in findings for bar in finding.bars)
    return 1 if any(finding.failed for finding in findings) or (given.strict and missed) else 0


def _command(arguments: Sequence[str]) -> str:
    """Return what to type for a run with these arguments."""
    target = "make bench-peers" if "--peers" in arguments else "make bench"
    more = [argument for argument in arguments if argument != "--peers"]
    return f'{target} ARGS="{" ".join(more)}"' if more else target


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--peers", action="store_true", help="nginx and the LiteLLM proxy beside loro")
    parser.add_argument("--full", action="store_true", help="more rounds, longer ones, 100,000 replies for the memory")
    parser.add_argument("--rounds", type=int, help="of each side of a comparison")
    parser.add_argument("--seconds", type=float, help="how long a round takes")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--out", type=Path, default=OUT, help="where JSON and page go (build/bench)")
    return parser


def _house(stack: ExitStack, given: argparse.Namespace) -> House:
    rounds, seconds = (8, 3.0) if given.full else (3, 1.2)
    service = stack.enter_context(upstream())
    own = stack.enter_context(loro(service.port))
    peers: dict[str, Running] = {}
    absent: dict[str, str] = {}
    for name, started in (("nginx", nginx), ("litellm", litellm)) if given.peers else ():
        print(f"starting {name}", flush=True)
        try:
            peers[name] = stack.enter_context(started(service.port))
        except CannotMeasure as error:
            absent[name] = str(error)
            print(f"without {name}: {error}", flush=True)
    return House(
        upstream=service,
        loro=own,
        peers=peers,
        absent=absent,
        rounds=given.rounds or rounds,
        seconds=given.seconds or seconds,
        replies=100_000 if given.full else 10_000,
        most_s=1200.0 if given.full else 20.0,
    )


def _measured(name: str, house: House) -> Finding:
    begun = time.monotonic()
    print(f"{name:<16}", end="", flush=True)
    try:
        finding = CASES[name](house)
    except (CannotMeasure, AssertionError, OSError) as error:
        finding = Finding(name, name, "", failed=f"{type(error).__name__}: {error}")
    said = "; ".join(f"{bar.value} {bar.verdict}" for bar in finding.bars) or finding.failed
    print(f"{time.monotonic() - begun:5.1f} s  {said}", flush=True)
    return finding


def _write(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.html").write_text(page.render(report), encoding="utf-8")
    (out / "bench.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _allow_many_sockets() -> None:
    """Take as many descriptors as we may have; what is started here inherits it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    # What was started must end with us, however we are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
