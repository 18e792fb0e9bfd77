from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest

from loro_core import __version__
from loro_core.app import cli
from loro_core.app.config.sources import KEYS
from loro_core.errors import ConfigError, PluginError
from loro_core.plugin.registry import LoadedPlugin, Registry

SCRIPTED = {"scripted": object()}


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    """An empty directory and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch()
    for name in list(os.environ):
        if name.startswith(("LORO_", "SMALL_MODEL_", "LARGE_MODEL_")) or name in ("HOST", "PORT", "LOG_LEVEL"):
            monkeypatch.delenv(name)


@pytest.fixture
def registry(monkeypatch):
    """Let the command line find these plugins, whatever is installed."""
    asked = []

    def install(**kwargs):
        found = Registry(
            **{"providers": SCRIPTED, "policies": {"adaptive": object()}, "plugins": (), "broken": (), **kwargs}
        )

        def load_plugins(*args):
            asked.append(args)
            return found

        monkeypatch.setattr(cli, "load_plugins", load_plugins)
        return asked

    return install


@pytest.fixture
def served(monkeypatch):
    """Stand in for the server; the settings it was started with come in here."""
    started = []

    def main(settings, read):
        started.append(settings)
        return 0

    monkeypatch.setitem(sys.modules, "loro_core.app.serve", types.SimpleNamespace(main=main))
    return started


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "0", "--policy", "race"],
        ["serve", "--port", "0", "--policy", "race"],
        ["--port", "0", "serve", "--policy=race"],
        ["--port=0", "serve", "--policy=race"],
    ],
)
def test_serve_is_the_default_and_options_may_stand_anywhere(served, words):
    assert cli.main(words) == 0
    (settings,) = served
    assert (settings.server.port, settings.reply.policy) == (0, "race")


def test_the_status_of_the_server_is_the_exit_status(served, monkeypatch):
    monkeypatch.setattr(sys.modules["loro_core.app.serve"], "main", lambda *_: 3)
    assert cli.main([]) == 3


def test_all_options_reach_the_settings(served, tmp_path):
    (tmp_path / "x.toml").write_text("[server]\nport = 1\nhost = 'a'\n[plugins]\nmodules = ['m']\n")
    words = "--config x.toml --host b --policy race --plugin p --plugin q --log-level warn --log-format json"
    assert cli.main(words.split()) == 0
    settings = served[0]
    assert (settings.server.host, settings.server.port) == ("b", 1)
    assert settings.reply.policy == "race"
    assert settings.plugins.modules == ("m", "p", "q")
    assert (settings.log.level, settings.log.format) == ("warn", "json")


def test_problems_go_to_standard_error_all_of_them_with_status_2(served, capsys):
    assert cli.main(["--port", "x", "--log-level", "loud"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "loro: 2 problems in the settings",
        '  command line: --port is "x", needs a whole number from 0 to 65535',
        '  command line: --log-level is "loud", needs trace, debug, info, warn or error',
    ]
    assert served == []


@pytest.mark.parametrize("words", [["swerve"], ["--prot", "1"], ["serve", "--po", "1"], ["--port"]])
def test_a_command_line_that_cannot_be_understood_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_check_config_tells_every_setting_and_its_source(registry, capsys, monkeypatch):
    asked = registry()
    monkeypatch.setenv("PORT", "9000")
    assert cli.main(["check-config", "--plugin", "my_plugin"]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    unconfigured = {path for path in KEYS if path.startswith("models.fallback")}
    assert set(KEYS) - {"server.http_addr"} - unconfigured < set(rows)
    assert rows["server.port"].split(maxsplit=2) == ["server.port", "9000", "PORT (environment)"]
    assert "this is the demo" in out
    assert err == ""
    assert asked == [(("my_plugin",), ())]


def test_check_config_says_that_phrases_acknowledge(registry, capsys, monkeypatch):
    registry()
    monkeypatch.setenv("LARGE_MODEL_API_KEY", "sk-large-key")
    assert cli.main(["check-config"]) == 0
    out = capsys.readouterr().out
    assert "models.small is not configured: phrases acknowledge." in out
    assert "sk-large-key" not in out
    assert "[hidden]" in out


def test_check_config_asks_the_plugins_too(registry, capsys):
    registry(policies={"adaptive": object(), "instant": object()})
    assert cli.main(["check-config", "--policy", "instnat"]) == 2
    assert "did you mean instant?" in capsys.readouterr().err


def test_check_config_warns_of_broken_plugins(registry, capsys):
    registry(broken=(PluginError("it is broken", plugin="'x' (x-dist 1.0)"),))
    assert cli.main(["check-config"]) == 0
    assert capsys.readouterr().err == "warning: plugin 'x' (x-dist 1.0): it is broken\n"


def test_plugins_lists_what_there_is_and_whose_it_is(registry, capsys):
    registry(
        policies={"adaptive": object(), "mine": object()},
        plugins=(
            LoadedPlugin(name="s", distribution="s-dist", version="1.2", providers=("scripted",), policies=()),
            LoadedPlugin(
                name="my_plugin", distribution="", version="", providers=(), policies=("mine",), balancers=("ours",)
            ),
        ),
        balancers={"prefix": object(), "ours": object()},
    )
    assert cli.main(["plugins"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["provider", "scripted", "by", "s"],
        ["policy", "adaptive", "by", "loro-core"],
        ["policy", "mine", "by", "my_plugin"],
        ["balancer", "prefix", "by", "loro-core"],
        ["balancer", "ours", "by", "my_plugin"],
        [],
        ["plugin", "s", "s-dist", "1.2"],
        ["plugin", "my_plugin", "a", "module"],
    ]


def test_plugins_names_the_broken_ones_with_status_1(registry, capsys):
    registry(broken=(PluginError("ImportError: no such thing", plugin="'x' (x-dist 1.0)"),))
    assert cli.main(["plugins"]) == 1
    assert capsys.readouterr().err == "broken: plugin 'x' (x-dist 1.0): ImportError: no such thing\n"


def test_bench_has_options_of_its_own(monkeypatch):
    bench = types.SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--url"), run=lambda args: 5 if args.url == "http://x" else 0
    )
    monkeypatch.setitem(sys.modules, "loro_core.app.bench", bench)
    assert cli.main(["bench", "--url", "http://x"]) == 5


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version(words, capsys):
    try:
        assert cli.main(words) == 0
    except SystemExit as exit_:
        assert exit_.code == 0  # noqa: PT017 - argparse exits after --version
    assert capsys.readouterr().out.startswith(f"loro {__version__}, Python 3.")


def test_an_interrupt_is_tidy(monkeypatch, served):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["loro_core.app.serve"], "main", interrupted)
    assert cli.main([]) == 130


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    """`loro check-config | head -1` ends without a traceback, as a process of its own."""
    code = (
        "import sys\n"
        "from loro_core.app import cli\n"
        "cli.columns = lambda rows: 'x' * 1_000_000\n"
        "cli.plugin_problems = lambda *_: []\n"
        "sys.exit(cli.main(['check-config']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1) == "x"
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=30) == 141
    assert "Traceback" not in err
    assert "BrokenPipeError" not in err


def test_python_m_runs_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "loro_core", "serve", "--port", "x"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert '--port is "x"' in done.stderr


def test_config_errors_of_the_server_are_told_like_those_of_the_settings(served, monkeypatch, capsys):
    def refuse(*_):
        raise ConfigError(["reply.policy: no"])

    monkeypatch.setattr(sys.modules["loro_core.app.serve"], "main", refuse)
    assert cli.main([]) == 2
    assert capsys.readouterr().err == "loro: 1 problem in the settings\n  reply.policy: no\n"


# --- local models


LOCAL = """
[[local_models]]
name = "big"
model_path = "big.gguf"
aliases = ["llama"]
max_instances = 2
[[local_models]]
name = "cloud"
base_url = "http://127.0.0.1:9/v1"
kinds = ["chat", "embedding"]
[[remote_servers]]
name = "next"
grpc_addr = "10.0.0.2:50051"
enabled = false
[pairs.kitchen]
answer = ["big", "cloud"]
policy = "adaptive"
"""


def test_check_config_shows_models_workers_and_pairs(registry, tmp_path, capsys):
    registry(providers={**SCRIPTED, "openai": object()})
    (tmp_path / "loro.toml").write_text(LOCAL)
    assert cli.main(["check-config"]) == 0
    out, err = capsys.readouterr()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "big (llama) chat llama.cpp 4 slots 2 processes idle 600 s loro.toml:2" in lines
    assert "cloud chat+embedding at http://127.0.0.1:9/v1 64 slots loro.toml:7" in lines
    assert "kitchen phrases, then big else cloud policy adaptive loro.toml:15" in lines
    assert 'next "10.0.0.2:50051" weight 1 disabled' in lines
    (command,) = [line for line in lines if "--model" in line]
    assert command.endswith(f"--model {tmp_path / 'big.gguf'} --port {{port}} --host {{host}} --alias big --parallel 4")
    assert (
        f"warning: loro.toml:4: local_models[0].model_path names a file that is not there: {tmp_path}/big.gguf" in err
    )


def test_check_config_says_nothing_of_models_where_there_are_none(registry, capsys):
    registry()
    assert cli.main(["check-config"]) == 0
    assert "Models" not in capsys.readouterr().out.split()


def test_local_serves_one_file_as_the_large_model(served, tmp_path):
    (tmp_path / "qwen.gguf").touch()
    assert cli.main(["--local", "qwen.gguf", "--port", "0"]) == 0
    (settings,) = served
    assert (settings.large.provider, settings.large.model) == ("local", "qwen")
    assert [model.name for model in settings.models] == ["qwen"]


def test_init_config_prints_a_file_that_changes_nothing_and_writes_none(tmp_path, capsys):
    (tmp_path / "loro.toml").write_text("[server]\nport = 1\n")
    assert cli.main(["init-config"]) == 0
    assert capsys.readouterr().out.startswith("# loro's configuration.")
    assert (tmp_path / "loro.toml").read_text() == "[server]\nport = 1\n"


def test_model_config_prints_the_file_of_a_model(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--model-config"])
    assert not ended.value.code
    assert '\nmodel_path = "/path/to/model.gguf"\n' in capsys.readouterr().out
