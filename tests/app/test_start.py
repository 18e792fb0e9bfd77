"""What a plain start imports: each module here costs milliseconds that only some gateways have a use for."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_IMPORT = """
import json, os, sys
import loro_core.__main__
import loro_core.app.serve
from loro_core.app import build, cli
from loro_core.plugin.registry import load_plugins
args = cli.build_parser().parse_args(["serve"])
settings = cli.load_settings(args)
registry = load_plugins(settings.plugins.modules, settings.plugins.disabled)
build.check(settings, registry)
print(json.dumps(sorted(sys.modules)))
"""

MODELS = {
    "LARGE_MODEL_BASE_URL": "http://127.0.0.1:9/v1",
    "LARGE_MODEL_API_KEY": "large",
    "LARGE_MODEL_NAME": "large",
    "SMALL_MODEL_BASE_URL": "http://127.0.0.1:9/v1",
    "SMALL_MODEL_API_KEY": "small",
    "SMALL_MODEL_NAME": "small",
}


def imported(directory: str, variables: dict[str, str]) -> set[str]:
    """Return the modules that are there when a gateway with these variables is about to listen."""
    environment = {name: value for name, value in os.environ.items() if "_MODEL_" not in name and "LORO_" not in name}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        env=environment | variables,
        cwd=directory,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "module",
    [
        "httpx",
        "certifi",
        "asyncio",
        "loro_core.runtime.http2_client",
        "loro_core.app.bench",
        "loro_core.app.processes.worker",
        "loro_core.testing",
        "loro_scripted.play",
    ],
)
def test_a_start_with_models_in_plain_http_does_not_import(module, modules_of_a_plain_start):
    assert "loro_core.app.serve" in modules_of_a_plain_start
    assert module not in modules_of_a_plain_start


def test_a_demo_has_its_scripts_at_hand_before_the_first_call(tmp_path):
    assert "loro_scripted.play" in imported(str(tmp_path), {})


@pytest.fixture(scope="module")
def modules_of_a_plain_start(tmp_path_factory):
    return imported(str(tmp_path_factory.mktemp("start")), MODELS)
