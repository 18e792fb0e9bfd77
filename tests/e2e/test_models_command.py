"""`models ...` against a gateway that runs processes: what is said is what the processes do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gateway import Gateway, gateway
from tests.e2e.test_workers import wait_until

pytestmark = pytest.mark.slow

KEY = "a-key-of-sixteen-and-more"
SERVER = Path(__file__).parents[1] / "runtime" / "fleet" / "child_server.py"
DONE_WITHIN_S = 30.0


def configure(file: Path, *, more: str = "") -> None:
    def model(name: str, *words: str) -> str:
        command = json.dumps([sys.executable, "-I", "-S", str(SERVER), "--port", "{port}", *words])
        return f'[[local_models]]\nname = "{name}"\ncommand = {command}\n'

    file.write_text(
        f'[admin]\nkey = "{KEY}"\n{more}'
        + model("quick", "say=hello|there")
        + model("broken", "exit=3")
        + model("slow", "load=60")
    )


def ask(loro: Gateway, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loro_core", "models", *words, "--url", loro.url],
        env={"LORO_ADMIN_KEY": KEY, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=DONE_WITHIN_S,
        check=False,
    )


def standing(loro: Gateway, name: str) -> dict[str, Any]:
    done = ask(loro, "ls", name, "--json")
    (model,) = json.loads(done.stdout)["models"]
    return dict(model)


def test_a_model_is_loaded_watched_and_unloaded(tmp_path):
    configure(tmp_path / "loro.toml")
    with gateway("--config", str(tmp_path / "loro.toml")) as loro:
        assert standing(loro, "quick")["state"] == "stopped"
        loaded = ask(loro, "load", "quick")
        assert loaded.returncode == 0, loaded.stderr
        assert loaded.stdout.startswith("quick: ready after")
        (instance,) = standing(loro, "quick")["instances"]
        # The process that is told of is the one that answers.
        assert int(httpx.get(instance["url"].removesuffix("/v1") + "/health").text) == instance["pid"]
        assert "hello" in ask(loro, "log", "quick").stdout
        numbers = httpx.get(f"{loro.url}/metrics", headers={"accept": "text/plain"}).text
        assert 'loro_model_instances{model="quick",state="ready"} 1\n' in numbers
        assert 'loro_model_starts_total{model="quick"} 1\n' in numbers
        unloaded = ask(loro, "unload", "quick")
        assert unloaded.returncode == 0
        wait_until(lambda: standing(loro, "quick")["state"] == "stopped", "it does not stop")
        with pytest.raises(ProcessLookupError):
            os.kill(instance["pid"], 0)


def test_a_model_that_cannot_be_loaded_says_why_and_its_log_is_there(tmp_path):
    configure(tmp_path / "loro.toml")
    with gateway("--config", str(tmp_path / "loro.toml")) as loro:
        done = ask(loro, "load", "broken")
        assert done.returncode == 1
        assert "status 3" in done.stderr
        assert "cannot go on" in ask(loro, "log", "broken").stdout
        assert "broken" in ask(loro, "ls").stdout


def test_a_load_that_is_interrupted_is_given_up_and_leaves_no_process(tmp_path):
    configure(tmp_path / "loro.toml")
    with gateway("--config", str(tmp_path / "loro.toml")) as loro:
        with subprocess.Popen(
            [sys.executable, "-m", "loro_core", "models", "load", "slow", "--url", loro.url],
            env={"LORO_ADMIN_KEY": KEY, "PATH": os.environ["PATH"]},
            stderr=subprocess.PIPE,
            text=True,
        ) as loading:
            wait_until(lambda: bool(standing(loro, "slow")["instances"]), "it does not start")
            (instance,) = standing(loro, "slow")["instances"]
            loading.send_signal(2)
            assert loading.stderr is not None
            assert "Traceback" not in loading.stderr.read()
            assert loading.wait(DONE_WITHIN_S) == 130
        wait_until(lambda: not Path(f"/proc/{instance['pid']}").exists(), "its process is left")


def test_an_address_is_registered_asked_first_and_taken_out(tmp_path):
    configure(tmp_path / "loro.toml")
    with gateway("--config", str(tmp_path / "loro.toml")) as loro:
        # Another model's own process is an address like any other.
        ask(loro, "load", "quick")
        url = standing(loro, "quick")["instances"][0]["url"]
        nobody = ask(loro, "add", "far", "http://127.0.0.1:9/v1")
        assert nobody.returncode == 1 and "cannot reach" in nobody.stderr
        added = ask(loro, "add", "far", url, "--no-check", "--slots", "3")
        assert added.returncode == 0, added.stderr
        assert standing(loro, "far")["slots"] == 3
        listed = httpx.get(f"{loro.url}/v1/models").json()["data"]
        assert "far" in [model["id"] for model in listed]
        assert ask(loro, "rm", "far", "quick").returncode == 1  # the second is a configured one
        assert "far" not in ask(loro, "ls").stdout


def test_reload_takes_what_changed_and_refuses_what_is_wrong(tmp_path):
    file = tmp_path / "loro.toml"
    configure(file)
    with gateway("--config", str(file)) as loro:
        assert loro.url  # it has read the file
        configure(file, more='[[local_models]]\nname = "new"\nbase_url = "http://127.0.0.1:9/v1"\n')
        assert "added: new" in ask(loro, "reload").stdout
        assert "new" in ask(loro, "ls").stdout
        configure(file, more="[server]\nprot = 1\n")
        refused = ask(loro, "reload")
        assert refused.returncode == 1 and "server.prot" in refused.stderr
        assert "new" in ask(loro, "ls").stdout


def test_streams_end_with_the_gateway_and_the_key_is_in_no_line_of_its_log(tmp_path):
    configure(tmp_path / "loro.toml")
    with gateway("--config", str(tmp_path / "loro.toml")) as loro:
        with httpx.stream("GET", f"{loro.url}/-/events", headers={"x-loro-admin-key": KEY}) as events:
            assert events.status_code == 200
            lines = events.iter_lines()
            assert next(lines) == ": ok"
            loro.process.send_signal(15)
            rest = list(lines)  # ends whole, or httpx raises
        assert loro.stop() == 0
        assert all(not line or line.startswith((":", "data: ")) for line in rest)
        assert not [line for line in loro.lines if KEY in line]
