"""The command line of bench."""

from __future__ import annotations

import argparse

import pytest

from loro_core.app import cli
from loro_core.app.bench.options import Address, add_arguments, options_of
from loro_core.app.bench.scenarios import NAMES


def parse(*words, environ=None):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_of(parser.parse_args(words), environ or {})


def test_defaults():
    options = parse()
    assert options.address == Address(root="http://127.0.0.1:8000", api="http://127.0.0.1:8000/v1")
    assert options.policies == ("quick", "direct")
    assert (options.rounds, options.max_tokens, options.timeout_s, options.pause_s) == (3, 150, 60.0, 0.2)
    assert (options.model, options.api_key, options.as_json, options.reset) == (None, None, False, False)
    assert tuple(scenario.name for scenario in options.scenarios) == NAMES
    assert {scenario.language for scenario in options.scenarios} == {"en"}
    assert options.planned == 3 * 2 * 7


@pytest.mark.parametrize(
    ("url", "root", "api"),
    [
        ("http://h:1", "http://h:1", "http://h:1/v1"),
        ("http://h:1/", "http://h:1", "http://h:1/v1"),
        ("http://h:1/v1", "http://h:1", "http://h:1/v1"),
        ("http://h:1/v1/", "http://h:1", "http://h:1/v1"),
        ("https://h/openai/v1", "https://h/openai", "https://h/openai/v1"),
        ("https://h/api/v3", "https://h/api", "https://h/api/v3"),
        ("https://h/v1/chat/completions", "https://h", "https://h/v1"),
        ("https://h/v1beta/openai/chat/completions", "https://h/v1beta/openai", "https://h/v1beta/openai"),
        ("http://[::1]:8000", "http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_urls_with_and_without_v1(url, root, api):
    assert parse("--url", url).address == Address(root=root, api=api)


def test_scenarios_repeat_and_languages():
    options = parse(
        "--scenario", "three-turns", "--scenario", "greeting", "--scenario", "greeting", "--language", "all"
    )
    assert [(s.name, s.language) for s in options.scenarios] == [
        ("three-turns", "en"),
        ("three-turns", "zh"),
        ("greeting", "en"),
        ("greeting", "zh"),
    ]
    assert len(options.scenarios[0].turns) == 3


def test_key_of_the_command_line_goes_before_the_environments():
    environ = {"OPENAI_API_KEY": "from-environ"}
    assert parse("--api-key", "given", environ=environ).api_key.reveal() == "given"
    assert parse(environ=environ).api_key.reveal() == "from-environ"
    assert parse(environ={"OPENAI_API_KEY": ""}).api_key is None
    assert "from-environ" not in repr(parse(environ=environ))


@pytest.mark.parametrize(
    "words",
    [
        ("--url", "127.0.0.1:8000"),
        ("--url", "ftp://h"),
        ("--url", "http://"),
        ("--url", "http://h:port"),
        ("--url", "http://h:99999"),
        ("--url", "http://[::1"),
        ("--url", "http://user:pass@h"),
        ("--url", "http://h/v1?key=1"),
        ("--rounds", "0"),
        ("--rounds", "-1"),
        ("--rounds", "3.5"),
        ("--rounds", "100001"),
        ("--max-tokens", "0"),
        ("--timeout", "0"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--pause", "-0.1"),
        ("--pause", "soon"),
        ("--policies", ""),
        ("--policies", "quick,,direct"),
        ("--policies", "quick,quick"),
        ("--policies", "Quick"),
        ("--scenario", "farewell"),
        ("--language", "fr"),
        ("surplus",),
    ],
)
def test_bad_arguments_exit_with_2(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["bench", *words])
    assert caught.value.code == 2
    assert "pass@" not in capsys.readouterr().err
