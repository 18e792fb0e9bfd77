"""Local models as a user configures them, served by the real llama.cpp: one file, a directory of files, a reload."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway import Gateway, gateway
from tests.e2e.test_workers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("llamacpp")]

LOADED_WITHIN_S = 60.0


def ask(loro: Gateway, model: str) -> httpx.Response:
    body = {"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": "Who are you?"}]}
    headers = {"x-loro-policy": "direct"}
    return httpx.post(f"{loro.url}/v1/chat/completions", json=body, headers=headers, timeout=LOADED_WITHIN_S)


def answer(loro: Gateway, model: str) -> str:
    reply = ask(loro, model)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["choices"][0]["message"]["content"])


def state(loro: Gateway, model: str) -> str:
    found = {entry["id"]: entry for entry in httpx.get(f"{loro.url}/v1/models", timeout=10).json()["data"]}
    return str(found[model]["state"])


def children(pid: int) -> list[int]:
    """Return the processes that came from `pid`, at any depth."""
    of_threads = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for file in of_threads for child in file.read_text().split()]
    return [*found, *(one for child in found for one in children(child))]


def test_one_file_on_the_command_line_is_served_and_nothing_is_left_of_it(gguf_models):
    path = gguf_models("Alpha")
    with gateway("--local", str(path)) as loro:
        wait_until(lambda: state(loro, path.stem) == "ready", "the model was not loaded at the start")
        assert answer(loro, "loro").startswith("Alpha")
        assert answer(loro, path.stem).startswith("Alpha")
        assert ask(loro, "alfa").status_code == 404
        started = children(loro.pid)
        assert started
        assert loro.stop() == 0
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def test_a_directory_of_models_changes_while_loro_serves(gguf_models, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    for name in ("Alpha", "Beta"):
        (models / f"{name.lower()}.toml").write_text(f'model_path = "{gguf_models(name)}"\naliases = ["either"]\n')
    file = tmp_path / "loro.toml"
    file.write_text('[scheduler]\nconfig_dir = "models"\n[pairs.talk]\nanswer = "beta"\n')

    def reload(loro: Gateway, word: str) -> str:
        before = len(loro.lines)
        loro.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any(word in line for line in loro.lines[before:]), f"no {word}")
        return next(line for line in loro.lines[before:] if word in line)

    with gateway("--config", str(file)) as loro:
        assert answer(loro, "alpha").startswith("Alpha")
        assert answer(loro, "talk").startswith("Beta")
        assert answer(loro, "either").startswith(("Alpha", "Beta"))

        (models / "gamma.toml").write_text("model_path = \n")
        assert "models/gamma.toml:1: not TOML" in reload(loro, "loro.not_reloaded")
        assert answer(loro, "alpha").startswith("Alpha"), "a broken file changes nothing"

        (models / "gamma.toml").unlink()
        (models / "alpha.toml").rename(models / "first.toml")
        line = reload(loro, "loro.reloaded")
        assert "added=first" in line and "removed=alpha" in line
        assert ask(loro, "alpha").status_code == 404
