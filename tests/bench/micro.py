"""`make micro`: what the pieces of the hot path cost an item, in microseconds of processor time and in instructions.

Time is the least of many batches: what a busy machine adds is only ever added. Instructions (`--instructions`) are what
valgrind counts of two processes that do the work so often and oftener; they are the same on every machine and every
run, but for the interpreter's version. Both are per item: an event, a request, a turn.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.processes import ROOT, loro_version, machine
from tests.bench.subjects import SUBJECTS, Work

OUT = ROOT / "build" / "bench"
BATCH_S = 0.01
BATCHES = 60
FEW, MANY = 10, 210


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.micro", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", action="append", choices=SUBJECTS, help="may be repeated")
    parser.add_argument("--instructions", action="store_true", help="count instructions, too (needs valgrind, minutes)")
    parser.add_argument("--repeat", type=int, metavar="N", help="only do the work of --only N times: for profilers")
    parser.add_argument("--out", type=Path, default=OUT, help="where micro.json goes (build/bench)")
    given = parser.parse_args(arguments)
    if given.repeat is not None:
        for name in given.only or ():
            repeat(name, given.repeat)
        return 0
    if given.instructions and shutil.which("valgrind") is None:
        parser.error("valgrind is not here (Debian: apt-get install valgrind)")
    rows: dict[str, dict[str, object]] = {}
    for name in given.only or SUBJECTS:
        _, items, item = SUBJECTS[name]
        rows[name] = {"item": item, "us": round(least_s(name) / items * 1e6, 3)}
        if given.instructions:
            rows[name]["instructions"] = round(instructions(name) / items)
        counted = f"{rows[name]['instructions']:>9,} instructions" if given.instructions else ""
        print(f"{name:<22} {rows[name]['us']:>9.3f} µs {counted} for each {item}", flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    report = {"schema": 1, "machine": machine(), "loro": loro_version(), "subjects": rows}
    (given.out / "micro.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def repeat(name: str, times: int) -> None:
    """Do one unit of a subject's work `times` times."""
    work = SUBJECTS[name][0]()
    for _ in range(times):
        work()


def least_s(name: str) -> float:
    """Return the processor time of one unit of a subject's work: of the quickest batch."""
    work = SUBJECTS[name][0]()
    size = 1
    while (took_s := _batch_s(work, size)) < BATCH_S:
        size *= 2
    return min(took_s, *(_batch_s(work, size) for _ in range(BATCHES))) / size


def _batch_s(work: Work, size: int) -> float:
    start = time.process_time()
    for _ in range(size):
        work()
    return time.process_time() - start


def instructions(name: str) -> float:
    """Return how many instructions one unit of a subject's work takes: start and preparation cancel out."""
    return (_counted(name, MANY) - _counted(name, FEW)) / (MANY - FEW)


def _counted(name: str, times: int) -> int:
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command = [*tool, sys.executable, "-m", "tests.bench.micro", "--only", name, "--repeat", str(times)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert found, done.stderr
    return int(found[1].replace(",", ""))


if __name__ == "__main__":
    sys.exit(main())
