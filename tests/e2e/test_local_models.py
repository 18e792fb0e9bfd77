"""Models that loro starts itself, as a client has them: `python -m loro_core` with workers of its own."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gateway import Gateway, gateway
from tests.e2e.test_workers import is_alive, wait_until
from tests.models.fakes import fake_command, swaps

pytestmark = pytest.mark.slow

PLAIN = {"x-loro-policy": "direct"}


def table(name: str, *options: object, **keys: Any) -> str:
    """Return the `[[local_models]]` table of a fake. options: of `fake_model.py`. keys: of the table."""
    keys = {"name": name, "command": list(fake_command(name, *options)), "stop_grace_s": 2, **keys}
    return "[[local_models]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


@contextmanager
def loro_with(tmp_path: Path, *tables: str, **scheduler: Any) -> Iterator[Gateway]:
    lines = ["[scheduler]", *(f"{key} = {json.dumps(value)}" for key, value in scheduler.items()), *tables]
    file = tmp_path / "loro.toml"
    file.write_text("\n".join(lines))
    with gateway("--config", str(file)) as loro:
        yield loro


class Stream:
    """A streamed reply, read in a thread. first_s: from the call to the first content."""

    def __init__(self, url: str, model: str, *, headers: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self.text = ""
        self.first_s: float | None = None
        self.status = 0
        self.headers = httpx.Headers()
        self.begun = threading.Event()
        self._asked = {
            "model": model,
            "stream": True,
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        }
        self._url = f"{url}/v1/chat/completions"
        self._headers = PLAIN if headers is None else headers
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        start = time.monotonic()
        with httpx.stream("POST", self._url, json=self._asked, headers=self._headers, timeout=30) as reply:
            self.status, self.headers = reply.status_code, reply.headers
            for line in reply.iter_lines():
                self.lines.append(line)
                if line.startswith("data: {") and "choices" in line:
                    for choice in json.loads(line[6:])["choices"]:
                        self.text += choice["delta"].get("content") or ""
                    if self.text and not self.begun.is_set():
                        self.first_s = time.monotonic() - start
                        self.begun.set()

    def end(self) -> Stream:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self

    @property
    def whole(self) -> bool:
        return "data: [DONE]" in self.lines

    @property
    def error(self) -> dict[str, Any] | None:
        found = [json.loads(line[6:]) for line in self.lines if line.startswith("data: {") and '"error"' in line]
        return found[0]["error"] if found else None


def pid_of(text: str, name: str) -> int:
    """Return which process of the fake `name` said `text`."""
    words = text.split()
    return int(words[words.index(name) + 1])


def test_a_model_is_started_by_its_first_request_and_ended_with_loro(tmp_path):
    with loro_with(tmp_path, table("tiny", "--load-s", 0.5, aliases=["gpt-4o"])) as loro:
        first = Stream(loro.url, "gpt-4o").end()
        assert first.whole
        pid = pid_of(first.text, "tiny")
        assert is_alive(pid)
        again = Stream(loro.url, "tiny").end()
        assert pid_of(again.text, "tiny") == pid
        unknown = httpx.post(
            f"{loro.url}/v1/chat/completions", json={"model": "tinny", "messages": [{"role": "user", "content": "?"}]}
        )
        assert unknown.status_code == 404
        assert "tiny" in unknown.json()["error"]["message"]
        assert loro.stop() == 0
        assert not is_alive(pid)


def test_the_acknowledgement_does_not_wait_for_a_cold_model(tmp_path):
    comments = "[reply]\ncomment_after_s = 0.3"
    with loro_with(tmp_path, comments, table("big", "--load-s", 2.0, "--tokens", 4)) as loro:
        httpx.get(loro.url)
        stream = Stream(loro.url, "big", headers={"x-loro-policy": "instant"}).end()
        assert stream.whole
        assert stream.first_s is not None
        assert stream.first_s < 1.0
        assert not stream.text.startswith("big")
        assert pid_of(stream.text, "big")
        assert ": loro loading position=1" in stream.lines
        assert stream.headers["x-loro-queue-position"] == "1"


def test_a_worker_killed_in_mid_stream_is_one_error_and_is_replaced(tmp_path):
    load_s = 0.3
    with loro_with(tmp_path, table("tiny", "--load-s", load_s, "--tokens", 200, "--gap-s", 0.05, slots=2)) as loro:
        start = time.monotonic()
        broken = Stream(loro.url, "tiny")
        assert broken.begun.wait(20)
        cold_s = time.monotonic() - start
        pid = pid_of(broken.text, "tiny")
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        broken.end()
        assert time.monotonic() - killed < 1.0
        assert not broken.whole
        assert broken.error is not None
        assert broken.error["code"] == "upstream_closed"
        following = Stream(loro.url, "tiny")
        assert following.begun.wait(20)
        assert time.monotonic() - killed < cold_s + 1.0
        assert pid_of(following.text, "tiny") != pid
        os.kill(pid_of(following.text, "tiny"), signal.SIGKILL)
        following.end()


def test_who_comes_to_a_full_queue_is_told_when_to_come_back(tmp_path):
    with loro_with(tmp_path, table("tiny", "--tokens", 60, "--gap-s", 0.05), max_waiting=1) as loro:
        served = Stream(loro.url, "tiny")
        assert served.begun.wait(20)
        waits = Stream(loro.url, "tiny")
        time.sleep(0.3)
        asked = {"model": "tiny", "messages": [{"role": "user", "content": "?"}]}
        refused = httpx.post(f"{loro.url}/v1/chat/completions", json=asked, headers=PLAIN)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "model_busy"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["x-loro-queue-position"] == "2"
        assert served.end().whole
        assert waits.end().whole


def test_a_client_that_leaves_while_its_model_loads_leaves_no_process(tmp_path):
    log = tmp_path / "pid"
    # A server that never comes up, and that tells its process id.
    command = ["/bin/sh", "-c", f"echo $$ > {log}; exec sleep 60", "{port}"]
    with loro_with(tmp_path, table("never", command=command)) as loro:
        asked = {"model": "never", "messages": [{"role": "user", "content": "?"}]}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{loro.url}/v1/chat/completions", json=asked, headers=PLAIN, timeout=2.0)
        pid = int(log.read_text())
        wait_until(lambda: not is_alive(pid), "the load goes on")


def test_a_reload_lets_streams_finish_and_serves_what_is_configured_then(tmp_path):
    slow = table("tiny", "--tokens", 60, "--gap-s", 0.05, slots=2)
    with loro_with(tmp_path, slow, table("other")) as loro:
        stream = Stream(loro.url, "tiny")
        assert stream.begun.wait(20)
        (tmp_path / "loro.toml").write_text(table("tiny", "--tokens", 3, slots=2))
        loro.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any("loro.reloaded" in line for line in loro.lines), "no reload")
        old = pid_of(stream.text, "tiny")
        # Until the new process is ready the old one serves.
        wait_until(lambda: pid_of(Stream(loro.url, "tiny").end().text, "tiny") != old, "the old process serves on")
        assert stream.end().whole
        assert pid_of(stream.text, "tiny") == old
        wait_until(lambda: not is_alive(old), "the old process is still there")
        asked = {"model": "other", "messages": [{"role": "user", "content": "?"}]}
        assert httpx.post(f"{loro.url}/v1/chat/completions", json=asked).status_code == 404


def test_another_model_of_the_alias_answers_where_one_cannot_be_started(tmp_path):
    dead = table("dead", aliases=["chat"], command=["/nowhere/no-such-program", "{port}"])
    with loro_with(tmp_path, dead, table("good", aliases=["chat"])) as loro:
        for _ in range(3):
            stream = Stream(loro.url, "chat").end()
            assert stream.whole
            assert pid_of(stream.text, "good")
        asked = {"model": "dead", "messages": [{"role": "user", "content": "?"}]}
        refused = httpx.post(f"{loro.url}/v1/chat/completions", json=asked, headers=PLAIN, timeout=20)
        assert refused.status_code == 503
        assert "no-such-program" in refused.json()["error"]["message"]


def test_at_the_end_streams_finish_before_their_models_do(tmp_path):
    with loro_with(tmp_path, table("tiny", "--tokens", 30, "--gap-s", 0.05), table("slow", "--load-s", 60)) as loro:
        stream, waits = Stream(loro.url, "tiny"), Stream(loro.url, "slow")
        assert stream.begun.wait(20)
        time.sleep(0.3)
        loro.process.send_signal(signal.SIGTERM)
        assert stream.end().whole
        pid = pid_of(stream.text, "tiny")
        assert loro.stop() == 0
        assert not is_alive(pid)
        assert waits.end().status in (0, 503)


def test_nothing_is_left_two_seconds_after_loro_was_killed(tmp_path):
    tables = (table("a"), table("deaf", "--ignore-sigterm"))
    with loro_with(tmp_path, *tables) as loro:
        pids = [pid_of(Stream(loro.url, name).end().text, name) for name in ("a", "deaf")]
        assert all(map(is_alive, pids))
        loro.process.kill()
        loro.process.wait()
        deadline = time.monotonic() + 2.0
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(map(is_alive, pids))


def test_forty_interleaved_requests_for_two_real_models_in_the_room_of_one(
    tmp_path: Path, llamacpp: None, gguf_models: Callable[[str], Path]
) -> None:
    names = ("alpha", "beta")
    tables = [
        "[[local_models]]\n"
        f'name = "{name}"\nmodel_path = {json.dumps(str(gguf_models(name.title())))}\n'
        "ctx_size = 1024\nslots = 4\nthreads = 1\n"
        for name in names
    ]
    served: list[str] = []
    with loro_with(tmp_path, *tables, max_instances=1) as loro:

        def ask(name: str) -> None:
            asked = {"model": name, "max_tokens": 12, "messages": [{"role": "user", "content": "Why?"}]}
            reply = httpx.post(f"{loro.url}/v1/chat/completions", json=asked, headers=PLAIN, timeout=60)
            assert reply.status_code == 200, reply.text
            served.append(name)

        threads = [threading.Thread(target=ask, args=(names[n % 2],)) for n in range(40)]
        for thread in threads:
            thread.start()
            time.sleep(0.01)
        for thread in threads:
            thread.join(60)
        starts = Counter(line.split("instance=")[1].split()[0] for line in loro.lines if "instance.starting" in line)
    assert Counter(served) == {"alpha": 20, "beta": 20}
    # Each is loaded once at the least; once more is allowed.
    assert sum(starts.values()) <= 3
    assert swaps(served) <= 2
