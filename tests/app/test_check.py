from __future__ import annotations

from typing import Any

import pytest

from loro_core.app import check, config
from loro_core.app.check import plugin_problems
from loro_core.errors import PluginError
from loro_core.plugin.registry import Registry


class Choosy:
    """A provider that checks its deployments."""

    name = "choosy"

    def problems(self, deployment):
        return [f"options.speed: {deployment.options['speed']} is too fast"] if "speed" in deployment.options else []


PROVIDERS: Any = {"choosy": Choosy(), "scripted": object()}
POLICIES: Any = {"adaptive": object(), "direct": object()}
REGISTRY = Registry(
    providers=PROVIDERS,
    policies=POLICIES,
    plugins=(),
    broken=(PluginError("ImportError: gone", plugin="'x'"),),
)


@pytest.fixture
def found(tmp_path):
    def found(toml="", **environ):
        (tmp_path / ".env").touch()
        (tmp_path / "loro.toml").write_text(toml)
        return list(plugin_problems(config.load(environ=environ, directory=tmp_path), REGISTRY))

    return found


def test_what_the_plugins_bring_is_fine(found):
    assert found() == []
    assert found(LARGE_MODEL_API_KEY="none") == []
    assert found('[models.large]\nprovider = "choosy"\nname = "m"') == []


def test_names_that_no_plugin_brings(found):
    needs = "needs one of auto, local, choosy, scripted; did you mean choosy?"
    assert found('[models.large]\nprovider = "chosy"\nname = "m"', LORO_REPLY_POLICY="quick") == [
        'LORO_REPLY_POLICY (environment): reply.policy is "quick", needs one of adaptive, direct',
        f'loro.toml:2: models.large.provider is "chosy", {needs}',
    ]


def test_what_a_provider_says_of_its_deployments(found):
    assert found('[models.large]\nprovider = "choosy"\nname = "m"\noptions = { speed = 11 }') == [
        "loro.toml:2: models.large: options.speed: 11 is too fast"
    ]


def test_balancing_policies_and_scorers_are_looked_up(found):
    assert found("[scheduler]\nbalance = 'least-busy'") == found("[scheduler]\nbalance_weights = { busy = 1 }") == []
    (problem,) = found("[scheduler]\nbalance = 'prefx'")
    assert problem.startswith("loro.toml:2: scheduler.balance: 'prefx' is unknown, did you mean 'prefix'? Known are ")
    (problem,) = found("[scheduler]\nbalance_weights = { busy = 1, prefx = 2 }")
    assert problem.startswith(
        "loro.toml:2: scheduler.balance_weights.prefx: 'prefx' is unknown, did you mean 'prefix'?"
    )
    assert found("[scheduler]\nbalance = 'latency'\nbalance_weights = { busy = 1 }") == [
        "loro.toml:2: scheduler.balance: is 'latency' beside balance_weights, needs one of the two"
    ]


def test_strict_makes_a_broken_plugin_a_problem(found):
    assert found("[plugins]\nstrict = true") == [
        "loro.toml:2: plugins.strict is true, but plugin 'x': ImportError: gone"
    ]


def test_http2_needs_its_packages(found, monkeypatch):
    toml = '[models.large]\nprovider = "choosy"\nname = "m"\nhttp2 = true'
    assert found(toml) == []
    monkeypatch.setattr(check, "find_spec", lambda name: None if name == "h2" else object())
    assert found(toml) == [
        "loro.toml:4: models.large.http2 is true, needs packages that are not installed: pip install 'loro-core[http2]'"
    ]


def test_local_models_and_pairs_name_what_the_plugins_bring(found):
    toml = """
[[local_models]]
name = "a"
model_path = "a.gguf"
provider = "choosy"
options = { speed = 11 }
[[local_models]]
name = "b"
base_url = "http://127.0.0.1:9"
provider = "chosy"
[[local_models]]
name = "c"
base_url = "http://127.0.0.1:9"
[pairs.x]
answer = "a"
policy = "dirct"
[models.large]
provider = "local"
name = "a"
"""
    assert found(toml) == [
        'loro.toml:14: pairs.x.policy is "dirct", needs one of adaptive, direct; did you mean direct?',
        "loro.toml:2: model a: options.speed: 11 is too fast",
        'loro.toml:7: provider of model b is "chosy", needs one of auto, choosy, scripted; did you mean choosy?',
    ]


def test_balancing_names_what_there_is(found):
    assert found("[scheduler]\nbalance = 'two_choices'") == []
    assert found("[scheduler]\nbalance_weights = { prefix = 2, busy = 1 }") == []
    (unknown,) = found("[scheduler]\nbalance = 'latncy'")
    assert unknown.startswith("loro.toml:2: scheduler.balance: 'latncy' is unknown, did you mean 'latency'?")
    (scorer,) = found("[scheduler]\nbalance_weights = { prefx = 2 }")
    assert scorer.startswith("loro.toml:2: scheduler.balance_weights.prefx: 'prefx' is unknown, did you mean 'prefix'?")
    (both,) = found("[scheduler]\nbalance = 'latency'\nbalance_weights = { prefix = 2 }")
    assert both == "loro.toml:2: scheduler.balance: is 'latency' beside balance_weights, needs one of the two"
