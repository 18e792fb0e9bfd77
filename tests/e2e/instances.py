"""One instance of the real llama.cpp, supervised."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from loro_core.fleet import Deployment
from loro_core.models import InstanceState as State
from loro_core.models import InstanceStatus, Launch, Model
from loro_core.runtime.log_ring import LogRing
from loro_core.runtime.supervisor import Supervisor
from tests.runtime.families import until

LOADS_WITHIN_S = 15.0
"""0.1 s on an idle machine; this one may have other things to do."""


def launch(path: Path, mark: str, *more: str) -> Launch:
    return Launch(
        kind="llama.cpp",
        command=(
            *(sys.executable, "-m", "loro_llamacpp", "--model", str(path), "--host", "{host}", "--port", "{port}"),
            *("--alias", "m", "--ctx-size", "2048", "--threads", "1", *more),
        ),
        environment={"LORO_TEST_MARK": mark},
        load_timeout_s=LOADS_WITHIN_S,
        stop_grace_s=3.0,
    )


class Instance:
    def __init__(self, launch: Launch) -> None:
        self.told: list[InstanceStatus] = []
        self.log = LogRing()
        deployment = Deployment(name="m", provider="openai", model="m")
        self.supervisor = Supervisor(
            "m-1",
            Model(name="m", deployment=deployment, launch=launch),
            on_change=self.told.append,
            log=self.log,
            rng=random.Random(1),
        )

    @property
    def status(self) -> InstanceStatus:
        return self.supervisor.status

    async def ready(self, restarts: int = 0) -> float:
        return await until(
            lambda: self.status.state is State.READY and self.status.restarts == restarts, LOADS_WITHIN_S
        )


@asynccontextmanager
async def running(launch: Launch) -> AsyncIterator[Instance]:
    instance = Instance(launch)
    async with trio.open_nursery() as nursery:
        await nursery.start(instance.supervisor.run)
        instance.supervisor.start()
        yield instance
        instance.supervisor.stop()
