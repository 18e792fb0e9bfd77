"""What supervision costs and how quick it is, measured on the real llama.cpp: `make supervision`.

The model is the one of the tests, 21 MB: its load time is llama.cpp's own start, not that of a model that people use.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path

import trio

from loro_core.models import InstanceState as State
from loro_core.runtime.process import open_child
from tests.e2e.instances import launch, running
from tests.gguf.fixtures import ROOT, made
from tests.runtime.families import marked, until

TIMES = 5

_OWNER = """
import sys, trio
from pathlib import Path
from tests.e2e.instances import launch, running
async def main():
    async with running(launch(Path(sys.argv[1]), sys.argv[2])) as instance:
        await instance.ready()
        print(flush=True)
        await trio.sleep_forever()
trio.run(main)
"""


async def through_a_keeper() -> float:
    began = time.perf_counter()
    async with open_child(["true"], hear=lambda *_: None, grace_s=1.0) as child:
        await child.wait()
    return time.perf_counter() - began


async def without() -> float:
    began = time.perf_counter()
    await trio.run_process(["true"])
    return time.perf_counter() - began


async def lives_of_an_instance(path: Path, mark: str) -> dict[str, list[float]]:
    """Return seconds by what took them, and the keeper's and the server's memory in MB."""
    found: dict[str, list[float]] = {"load": [], "again": [], "stop": [], "keeper": [], "server": []}
    for _ in range(TIMES):
        async with running(launch(path, mark)) as instance:
            await instance.ready()
            status = instance.status
            found["load"].append(status.load_s or 0.0)
            assert status.pid is not None
            keeper = next(pid for pid in marked(mark) if pid != status.pid)
            found["keeper"].append(resident_mb(keeper))
            found["server"].append(resident_mb(status.pid))
            os.kill(status.pid, signal.SIGKILL)
            found["again"].append(await instance.ready(restarts=1))
            instance.supervisor.stop()
            found["stop"].append(await until(lambda: instance.status.state is State.STOPPED))
    return found


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def after_its_owner(path: Path, mark: str) -> float:
    """Return how long after a kill -9 of its owner nothing is left."""
    command = [sys.executable, "-c", _OWNER, str(path), mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        began = time.perf_counter()
        owner.kill()
        owner.wait()
        while marked(mark):
            time.sleep(0.005)
        return time.perf_counter() - began


async def main() -> None:
    path, mark = made("Alpha"), uuid.uuid4().hex
    keeping = [await through_a_keeper() - await without() for _ in range(TIMES)]
    found = await lives_of_an_instance(path, mark)
    orphans = [await trio.to_thread.run_sync(after_its_owner, path, mark) for _ in range(TIMES)]
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    print(f"median of {TIMES}, worst; Python {sys.version.split()[0]}, {machine}")
    for name, values, unit in [
        ("a start through a keeper takes longer by", [s * 1000 for s in keeping], "ms"),
        ("a keeper's memory", found["keeper"], "MB"),
        ("a server's memory", found["server"], "MB"),
        ("from the start to ready", [s * 1000 for s in found["load"]], "ms"),
        ("from kill -9 of the server to ready again", [s * 1000 for s in found["again"]], "ms"),
        ("from a stop to stopped", [s * 1000 for s in found["stop"]], "ms"),
        ("from kill -9 of loro until nothing is left", [s * 1000 for s in orphans], "ms"),
    ]:
        print(f"{name:44} {statistics.median(values):8.0f} {max(values):8.0f} {unit}")


if __name__ == "__main__":
    trio.run(main)
