"""The fake model server is what the tests take it for."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.models.fakes import fake_command, most_at_once, records, swaps


@contextmanager
def running(*options: object) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([part.replace("{port}", str(port)) for part in fake_command("small", *options)])
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def get(url: str, body: object = None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def until(url: str, status: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if get(url)[0] == status:
                return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"{url} did not answer {status}")


def test_it_loads_says_who_it_is_and_keeps_its_log_after_its_death(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    with running("--load-s", 0.3, "--log", log) as (process, url):
        until(f"{url}/health", 503)
        until(f"{url}/health", 200)
        asked = {"model": "any", "messages": [{"role": "user", "content": "Hi"}]}
        status, body = get(f"{url}/v1/chat/completions", asked)
        assert status == 200
        said = json.loads(body)["choices"][0]["message"]["content"]
        assert said.startswith(f"small {process.pid} word-1")
        deadline = time.monotonic() + 5
        while log.read_bytes().count(b"\n") < 2 and time.monotonic() < deadline:  # the end is noted after the last byte
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    (record,) = records(log)
    assert record.end == "finished"
    assert most_at_once([record]) == 1


def test_it_dies_at_its_start_as_told() -> None:
    with running("--exit-at-start", 3) as (process, _):
        assert process.wait(10) == 3


def test_swaps_are_counted_where_one_name_follows_another() -> None:
    assert swaps("aabba") == 2
    assert swaps("") == swaps("aaa") == 0
