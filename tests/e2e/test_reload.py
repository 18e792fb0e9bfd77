"""New settings for a process that serves: SIGHUP reads them again."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway import Gateway, gateway
from tests.e2e.test_process import QUESTION
from tests.e2e.test_workers import wait_until, whole

pytestmark = pytest.mark.slow


def write(file: Path, text: str, *, tokens_per_s: float = 1000.0, more: str = "") -> None:
    file.write_text(
        f"""{more}
        [reply]
        policy = "direct"
        [models.large]
        provider = "scripted"
        name = "m"
        options = {{ text = "{text}", first_token_s = 0.0, tokens_per_s = {tokens_per_s} }}
        """
    )


def said(url: str) -> str:
    return str(whole(url).json()["choices"][0]["message"]["content"])


def hang_up(loro: Gateway, word: str) -> None:
    """Have loro reload, and wait until it has said `word`."""
    before = len(loro.lines)
    loro.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any(word in line for line in loro.lines[before:]), f"no {word}")


def test_a_stream_goes_on_as_it_was_begun_and_the_next_reply_is_made_anew(tmp_path):
    file = tmp_path / "loro.toml"
    write(file, "one two three four five six seven eight", tokens_per_s=20)
    with gateway("--config", str(file)) as loro:
        streamed: list[str] = []
        begun = threading.Event()

        def stream() -> None:
            with httpx.stream("POST", f"{loro.url}/v1/chat/completions", json={**QUESTION, "stream": True}) as reply:
                for line in reply.iter_lines():
                    if line.startswith("data: {"):
                        delta = json.loads(line[6:])["choices"][0]["delta"]
                        streamed.append(delta.get("content") or "")
                        begun.set()

        reader = threading.Thread(target=stream)
        reader.start()
        assert begun.wait(10)
        write(file, "new")
        hang_up(loro, "loro.reloaded")
        assert said(loro.url) == "new"
        reader.join(10)
        assert "".join(streamed) == "one two three four five six seven eight"


def test_a_bad_file_changes_nothing_and_says_why(tmp_path):
    file = tmp_path / "loro.toml"
    write(file, "old")
    with gateway("--config", str(file)) as loro:
        assert said(loro.url) == "old"
        write(file, "new", more="[replies]\n")
        hang_up(loro, "loro.not_reloaded")
        assert any("replies" in line and "loro.toml:1" in line for line in loro.lines)
        assert said(loro.url) == "old"
        write(file, "new")
        hang_up(loro, "loro.reloaded")
        assert said(loro.url) == "new"


def test_all_workers_take_over_and_those_that_are_started_later_too(tmp_path):
    file = tmp_path / "loro.toml"
    write(file, "old")
    with gateway("--config", str(file), "--workers", "2") as loro:
        assert said(loro.url) == "old"
        write(file, "new")
        hang_up(loro, "loro.reloaded")
        wait_until(lambda: {said(loro.url) for _ in range(12)} == {"new"}, "a worker serves the old settings")
