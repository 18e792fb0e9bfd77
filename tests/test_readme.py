"""What the README says can be typed, can be typed."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

from loro_core.app.config import load
from loro_core.app.config.settings import all_keys
from loro_core.decide.schedule import BUILT_IN
from loro_core.plugin.registry import Found, load_plugins

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_parts_come_in_the_promised_order():
    wanted = ["Two commands", "One request", "Settings", "Plugins", "How to measure"]
    assert [h for h in re.findall(r"^## (.+)$", README, re.MULTILINE) if h in wanted] == wanted


def test_every_make_target_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_variable_is_one():
    variables = {name for key in all_keys() for name, _ in key.variables}
    for name in re.findall(r"`((?:SMALL|LARGE|LORO|HTTP|MAX|HOST|PORT|LOG)[A-Z_]*)`", README):
        assert name in variables, name


def test_its_local_models_are_a_configuration(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "loro.toml").write_text(example, encoding="utf-8")
    (tmp_path / ".env").touch()
    settings = load(environ={}, directory=tmp_path)
    assert [model.name for model in settings.models] == ["tiny", "big"]
    assert settings.pairs["kitchen"].deployments == settings.deployments, "the first pair is the default one"


def test_the_policies_are_the_built_in_ones():
    table = README.split("| policy | what it does |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE) == [policy.name for policy in BUILT_IN]


def test_its_plugin_is_a_plugin():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    namespace: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), namespace)
    plugin = SimpleNamespace(**{name: namespace[name] for name in namespace if name.startswith("loro_")})
    registry = load_plugins(installed=[Found(name="readme", distribution="", version="", load=lambda: plugin)])
    assert registry.broken == () and "long-questions" in registry.policies


def test_the_environment_example_is_one_that_loro_can_read():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").replace("_API_KEY=\n", "_API_KEY=none\n")
    variables = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", lines, re.MULTILINE))
    settings = load(environ=variables, directory=Path("/nonexistent"))
    assert settings.small is not None and not settings.demo
