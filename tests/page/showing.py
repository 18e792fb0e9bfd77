"""A fleet to look at, and the page that shows it, on a real port."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import trio

from loro_core.app.admin.fleet import Limits
from loro_core.fleet import Deployment
from loro_core.models import InstanceState, InstanceStatus, Model, ModelKind, ModelStatus
from loro_core.runtime.http_server import open_listeners, serve
from tests.app.admin.fakes import GIB, FakeFleet, Gatehouse, administered, process
from tests.page.chromium import Tab

MIB = 1 << 20


def instance(model: str, state: InstanceState, number: int = 1, **more: Any) -> InstanceStatus:
    return InstanceStatus(id=f"{model}-{number}", model=model, state=state, **{"since": time.time() - 190, **more})


def a_busy_fleet() -> FakeFleet:
    """Return a fleet in which every state can be seen."""
    small = process("qwen3-0.6b", aliases=("small",), slots=4, pinned=True, context_tokens=8192)
    large = process("qwen3-8b-instruct-q4", slots=2, context_tokens=32768, memory_bytes=6 * GIB)
    coder = process("Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q5_K_M", slots=2, memory_bytes=4 * GIB)
    embed = process("bge-m3", kinds=frozenset({ModelKind.EMBEDDING}), slots=8)
    voice = process("kokoro", kinds=frozenset({ModelKind.SPEECH}))
    broken = process("mistral-nemo", slots=2)
    far = Model(
        name="gpt-far",
        deployment=Deployment(name="gpt-far", provider="openai", base_url="http://10.0.0.7:8080/v1", model="gpt"),
        slots=48,
        source="registered",
    )
    fleet = FakeFleet(small, large, coder, embed, voice, broken, far, process("phi-4"), load_s=1.0)
    ready = InstanceState.READY
    fleet.put(
        ModelStatus(
            model=small,
            instances=(
                instance(
                    small.name,
                    ready,
                    slots=4,
                    in_flight=3,
                    pid=4101,
                    memory_bytes=900 * MIB,
                    tokens_per_s=184.0,
                    served=10412,
                    since=time.time() - 90000,
                ),
            ),
            queue_p95_s=0.012,
        )
    )
    fleet.put(
        ModelStatus(
            model=large,
            instances=(
                instance(
                    large.name,
                    ready,
                    slots=2,
                    in_flight=2,
                    pid=4102,
                    memory_bytes=int(6.2 * GIB),
                    tokens_per_s=38.4,
                    served=811,
                    failed=2,
                    restarts=1,
                ),
            ),
            waiting=5,
            queue_p95_s=1.9,
        )
    )
    fleet.put(
        ModelStatus(
            model=coder,
            instances=(instance(coder.name, InstanceState.LOADING, slots=2, pid=4190, since=time.time() - 12),),
            waiting=1,
        )
    )
    fleet.put(
        ModelStatus(
            model=embed,
            instances=(
                instance(embed.name, InstanceState.DRAINING, slots=8, in_flight=2, pid=4104, memory_bytes=620 * MIB),
            ),
        )
    )
    fleet.put(
        ModelStatus(
            model=broken,
            instances=(
                instance(
                    broken.name,
                    InstanceState.FAILED,
                    since=time.time() - 8000,
                    restarts=5,
                    reason="exited with status 1, 5 times within 60 s\n"
                    "error: unable to load model '/models/mistral-nemo.gguf': tensor 'blk.3.ffn_up.weight' data is not "
                    "within the file bounds, model is corrupted or incomplete",
                ),
            ),
        )
    )
    fleet.put(
        ModelStatus(
            model=far,
            instances=(
                instance(
                    far.name, ready, slots=48, in_flight=9, base_url="http://10.0.0.7:8080/v1", tokens_per_s=402.0
                ),
            ),
        )
    )
    fleet.limits = Limits(memory_bytes=16 * GIB, max_instances=6)
    log = fleet.log(large.name)
    for i in range(60):
        log.write(
            f"slot launch_slot_: id {i % 2} | task {i} | processing task", f"{large.name}-1", time.time() - 60 + i
        )
    return fleet


def change(fleet: FakeFleet, name: str, **more: Any) -> None:
    """Change the first instance of a model."""
    status = next(s for s in fleet.models() if s.model.name == name)
    first, *others = status.instances
    fleet.put(replace(status, instances=(replace(first, **more), *others)))


@asynccontextmanager
async def shown(fleet: FakeFleet, *, port: int = 0, **options: Any) -> AsyncIterator[tuple[str, Gatehouse]]:
    """Serve `fleet` on loopback; give the page's address."""
    async with administered(fleet, **options) as house, trio.open_nursery() as nursery:
        listeners = await open_listeners("127.0.0.1", port)
        ((_, port),) = await nursery.start(serve, listeners, house.service)
        yield f"http://127.0.0.1:{port}/-/", house
        nursery.cancel_scope.cancel()


async def come_in(tab: Tab, url: str, key: str) -> None:
    """Open the page and give it the key."""
    await tab.go(url)
    await tab.until("!document.getElementById('door-form').hidden")
    await tab.run(f"document.getElementById('key').value = {key!r}")
    await tab.press("Enter")
    await tab.until("!document.getElementById('house').hidden")
