"""Supervision of the real llama.cpp, which serves a model made on the spot (a test fixture that speaks nonsense).

The real clock, real processes, real signals; each process carries a mark, and none that carries it may be left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from loro_core.models import InstanceState as State
from tests.e2e.instances import launch, running
from tests.runtime.fleet.families import lives, marked, on_linux, until

pytestmark = [on_linux, pytest.mark.slow, pytest.mark.usefixtures("llamacpp")]


def post(url: str, **body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    return urllib.request.urlopen(request, timeout=10)


def events(answer: Any) -> Iterator[dict[str, Any]]:
    for line in answer:
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


MESSAGES = [{"role": "user", "content": "What is the weather like?"}]


async def test_one_process_serves_chat_streams_and_embeddings(gguf_models, mark):
    async with running(launch(gguf_models("Alpha"), mark, "--embedding")) as instance:
        await instance.ready()
        status = instance.status

        def use() -> tuple[str, list[dict[str, Any]], Any]:
            with post(f"{status.base_url}/chat/completions", messages=MESSAGES, stream=True, max_tokens=64) as answer:
                said = list(events(answer))
            with post(f"{status.base_url}/embeddings", input="hello") as answer:
                embedded = json.load(answer)
            with urllib.request.urlopen(f"{status.base_url}/models", timeout=10) as answer:
                return json.load(answer)["data"][0]["id"], said, embedded

        name, said, embedded = await trio.to_thread.run_sync(use)
        assert name == "m"
        text = "".join(event["choices"][0]["delta"].get("content") or "" for event in said)
        assert text.startswith("Alpha: ")
        assert said[-1]["choices"][0]["finish_reason"] in ("stop", "length")
        assert len(embedded["data"][0]["embedding"]) == 512
        await until(lambda: instance.status.memory_bytes)
        assert 20e6 < (instance.status.memory_bytes or 0) < 1e9
    assert marked(mark) == []


async def test_one_that_is_killed_mid_stream_is_there_again_within_its_load_time_and_a_second(gguf_models, mark):
    async with running(launch(gguf_models("Alpha"), mark)) as instance:
        await instance.ready()
        first = instance.status
        assert first.pid is not None and first.load_s is not None

        def cut() -> int:
            answer = post(
                f"{first.base_url}/chat/completions", messages=MESSAGES, stream=True, temperature=0, max_tokens=1500
            )
            read = 0
            for _ in events(answer):
                read += 1
                if read == 5:
                    os.kill(first.pid or 0, signal.SIGKILL)
            return read

        assert 5 <= await trio.to_thread.run_sync(cut) < 1500
        took_s = await instance.ready(restarts=1)
        again = instance.status.load_s or 0.0
        assert took_s < max(first.load_s, again) + 1.0
        assert instance.status.pid != first.pid
        assert any(line.text == "waiting: ended by SIGKILL" for line in instance.log.lines())


async def test_a_load_that_nobody_waits_for_any_more_is_abandoned(gguf_models, mark):
    async with running(launch(gguf_models("Alpha"), mark)) as instance:
        await until(lambda: instance.status.state is State.LOADING)
        pid = instance.status.pid
        instance.supervisor.stop()
        assert await until(lambda: instance.status.state is State.STOPPED) < 2.0
        assert pid is not None and not lives(pid)


async def test_a_file_that_is_none_fails_with_llamacpps_reason(mark, tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"hello")
    async with running(launch(bad, mark)) as instance:
        await until(lambda: instance.status.state is State.FAILED, 20.0)
        assert "is not a GGUF file that can be read: it begins with b'hell'" in instance.status.reason


_OWNER = """
import sys, trio
from pathlib import Path
from tests.e2e.instances import Instance, launch
async def main():
    instance = Instance(launch(Path(sys.argv[1]), sys.argv[2]))
    async with trio.open_nursery() as nursery:
        await nursery.start(instance.supervisor.run)
        instance.supervisor.start()
        await instance.ready()
        print(instance.status.pid, flush=True)
        await trio.sleep_forever()
trio.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_its_owner_is_killed_nothing_is_left_after_two_seconds(number, gguf_models, mark):
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(gguf_models("Alpha")), mark],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        assert lives(server) and len(marked(mark)) == 2  # it and its keeper
        owner.send_signal(number)
        owner.wait(5)
    began = time.monotonic()
    while marked(mark):
        assert time.monotonic() - began < 2.0
        time.sleep(0.02)


async def test_two_models_are_told_apart(gguf_models, mark):
    async with running(launch(gguf_models("Alpha"), mark)) as one, running(launch(gguf_models("Beta"), mark)) as two:
        await one.ready()
        await two.ready()
        for instance, name in ((one, "Alpha"), (two, "Beta")):

            def ask(url: str | None = instance.status.base_url) -> str:
                with post(f"{url}/chat/completions", messages=MESSAGES, max_tokens=8) as answer:
                    return str(json.load(answer)["choices"][0]["message"]["content"])

            assert (await trio.to_thread.run_sync(ask)).startswith(f"{name}: ")
