"""Where settings come from, and what is said about those that cannot be used."""

from __future__ import annotations

import runpy
import sys

import pytest

from loro_core.app import config
from loro_core.app.config.kinds import Url
from loro_core.app.config.sources import Option
from loro_core.errors import ConfigError
from loro_core.fleet import Deployment, Secret


@pytest.fixture
def read(tmp_path):
    """Return a function that reads settings from a directory of its own."""

    def read(environ=None, *, toml=None, dotenv="", options=(), file=None):
        (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
        if toml is not None:
            (tmp_path / "loro.toml").write_text(toml, encoding="utf-8")
        return config.load(environ=environ or {}, directory=tmp_path, file=file, options=options)

    return read


@pytest.fixture
def problems(read):
    def problems(*args, **kwargs):
        with pytest.raises(ConfigError) as caught:
            read(*args, **kwargs)
        return list(caught.value.problems)

    return problems


LARGE = {"LARGE_MODEL_API_KEY": "sk-large"}


# --- precedence


def test_each_source_overrides_the_ones_below_it(read):
    toml, dotenv, environ = "[server]\nport = 1", "PORT=2", {"PORT": "3"}
    option = [Option(flag="--port", path="server.port", text="4")]
    assert read().server.port == 8000
    assert read(toml=toml).server.port == 1
    assert read(toml=toml, dotenv=dotenv).server.port == 2
    assert read(environ, toml=toml, dotenv=dotenv).server.port == 3
    assert read(environ, toml=toml, dotenv=dotenv, options=option).server.port == 4


def test_sources_say_where_each_setting_comes_from(read):
    settings = read(
        {"LORO_REPLY_SLACK_S": "0.5"},
        toml="[server]\n\nport = 1\n",
        dotenv="# a comment\nLOG_LEVEL=debug\n",
        options=[Option(flag="--policy", path="reply.policy", text="race")],
    )
    where = {path: settings.sources[path].where for path in settings.sources}
    assert where["server.port"] == "loro.toml:3"
    assert where["log.level"] == "LOG_LEVEL (.env:2)"
    assert where["reply.slack_s"] == "LORO_REPLY_SLACK_S (environment)"
    assert where["reply.policy"] == "--policy (command line)"
    assert where["server.host"] == "default"


def test_the_name_of_the_rule_is_stronger_than_the_older_one(read):
    assert read({"PORT": "1", "LORO_SERVER_PORT": "2"}).server.port == 2
    assert read({"PORT": "1"}, dotenv="LORO_SERVER_PORT=2").server.port == 1, "but the environment beats .env"


def test_a_blank_variable_counts_as_not_set(read):
    assert read({"PORT": " "}, toml="[server]\nport = 1").server.port == 1
    assert read({"LARGE_MODEL_API_KEY": ""}).demo


def test_a_blank_variable_hides_the_line_of_dotenv(read):
    assert read({"LARGE_MODEL_API_KEY": ""}, dotenv="LARGE_MODEL_API_KEY=sk-old").demo


def test_dotenv_is_found_in_a_directory_above(tmp_path):
    (tmp_path / ".env").write_text("PORT=1")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings = config.load(environ={}, directory=below)
    assert settings.server.port == 1
    assert settings.sources["server.port"].where == "PORT (../../.env:1)"


def test_the_nearest_dotenv_is_the_only_one(tmp_path):
    (tmp_path / ".env").write_text("PORT=1\nLOG_LEVEL=debug")
    below = tmp_path / "a"
    below.mkdir()
    (below / ".env").write_text("PORT=2")
    settings = config.load(environ={}, directory=below)
    assert (settings.server.port, settings.log.level) == (2, "info")


def test_a_virtual_environment_called_dotenv_is_passed_over(tmp_path):
    (tmp_path / ".env").write_text("PORT=1")
    (tmp_path / "a" / ".env").mkdir(parents=True)
    assert config.load(environ={}, directory=tmp_path / "a").server.port == 1


def test_the_last_of_two_dotenv_lines_holds(read):
    assert read(dotenv="PORT=1\nPORT=2").server.port == 2


def test_plugins_of_the_command_line_are_added(read):
    settings = read(
        toml='[plugins]\nmodules = ["a", "b"]',
        options=[Option(flag="--plugin", path="plugins.modules", text=["c", "a"])],
    )
    assert settings.plugins.modules == ("a", "b", "c")
    assert settings.sources["plugins.modules"].where == "loro.toml:2, --plugin (command line)"


# --- the file


def test_the_file_is_named_by_option_then_by_variable(read, tmp_path):
    for number, name in enumerate(["by_option.toml", "by_variable.toml", "by_dotenv.toml", "loro.toml"], 1):
        (tmp_path / name).write_text(f"[server]\nport = {number}")
    environ, dotenv = {"LORO_CONFIG": "by_variable.toml"}, "LORO_CONFIG=by_dotenv.toml"
    assert read(environ, dotenv=dotenv, file="by_option.toml").server.port == 1
    assert read(environ, dotenv=dotenv).server.port == 2
    assert read(dotenv=dotenv).server.port == 3
    assert read().server.port == 4


def test_a_file_that_was_asked_for_must_be_there(problems):
    assert problems(file="gone.toml") == ["gone.toml: cannot be read: No such file or directory"]
    assert problems({"LORO_CONFIG": "gone.toml"}) == ["gone.toml: cannot be read: No such file or directory"]


def test_a_file_that_is_not_toml_is_named_with_its_line(problems):
    (problem,) = problems(toml="[server]\nport = \n")
    assert problem.startswith("loro.toml:2: not TOML: ")
    assert "at line" not in problem


def test_a_file_that_is_not_utf_8_is_named(problems, tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert problems(file="latin.toml") == ["latin.toml: byte 6 is not UTF-8"]


def test_a_file_nested_beyond_reason_is_a_problem_not_a_crash(problems):
    (problem,) = problems(toml="a = " + "[" * 100_000)
    assert problem.startswith("loro.toml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(read):
    assert read(toml="\ufeff[server]\nport = 1").server.port == 1
    assert read(toml="", dotenv="\ufeffPORT=1").server.port == 1


def test_files_are_never_written(read, tmp_path):
    read(toml="[server]\nport = 1", dotenv="LOG_LEVEL=debug")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "loro.toml"]
    assert (tmp_path / "loro.toml").read_text() == "[server]\nport = 1"
    assert (tmp_path / ".env").read_text() == "LOG_LEVEL=debug"


def test_python_3_10_reads_toml_with_tomli(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setitem(sys.modules, "tomli", vars(config)["tomllib"])
    monkeypatch.setitem(sys.modules, "tomllib", None)
    module = runpy.run_path(config.__file__)
    (tmp_path / "phrases.toml").write_text('greeting = ["Hello,"]')
    assert module["read_toml"](tmp_path / "phrases.toml") == {"greeting": ["Hello,"]}


def test_read_toml_names_file_and_line(tmp_path):
    path = tmp_path / "en.toml"
    path.write_text("a = 1\nb = = 2")
    with pytest.raises(ConfigError) as caught:
        config.read_toml(path)
    assert caught.value.problems[0].startswith(f"{path}:2: not TOML: ")


# --- what is refused


def test_all_problems_are_told_at_once(problems):
    found = problems(
        {"LOG_LEVEL": "warnn", "LORO_REPLY_POLICE": "x"},
        dotenv="LARGE_MODEL_API_KEY='sk\nHTTP_TIMEOUT_SECS=301\n",
        toml='[server]\nport = 70000\nprot = 1\n\n[models.large]\nbase_url = "ftp://x"\n\n[model]\n',
        options=[Option(flag="--policy", path="reply.policy", text="Race!")],
    )
    assert sorted(found) == sorted(
        [
            'command line: --policy is "Race!", needs lower-case letters, digits and hyphens',
            'environment: LOG_LEVEL is "warnn", needs trace, debug, info, warn or error; did you mean warn?',
            "environment: LORO_REPLY_POLICE is not a variable that loro knows; did you mean LORO_REPLY_POLICY?",
            ".env:1: needs a closing '",
            '.env:2: HTTP_TIMEOUT_SECS is "301", needs a number from 5 to 300',
            "loro.toml:2: server.port is 70000, needs a whole number from 0 to 65535",
            "loro.toml:3: server.prot is not a key or table that loro knows; did you mean server.port?",
            f'loro.toml:6: models.large.base_url is "ftp://x", needs {Url.wants}',
            "loro.toml:8: model is not a key or table that loro knows; did you mean models?",
            "models.large.api_key is missing: set LARGE_MODEL_API_KEY; for a service without keys, to `none`",
        ]
    )


def test_one_variable_that_sets_two_keys_is_one_problem(problems):
    found = problems({**LARGE, "HTTP_TIMEOUT_SECS": "1"})
    assert found == ['environment: HTTP_TIMEOUT_SECS is "1", needs a number from 5 to 300']


@pytest.mark.parametrize(
    ("toml", "meant"),
    [
        ("[sever]\nport = 1", "did you mean server?"),
        ("[models.larg]\nname = 'x'", "did you mean models.large?"),
        ("[server]\nhots = 'x'", "did you mean server.host?"),
        ("port = 1", "did you mean server.port?"),
        ("[large]\nname = 'x'", "loro.toml:1: large is not a key or table that loro knows"),
        ("[reply]\nmax_retries = 1", "did you mean models.small.max_retries or models.large.max_retries or "),
        ("[[models.large]]\nname = 'x'", "loro.toml:1: models.large is no table, needs to be one: [models.large]"),
        ("server = 5", "loro.toml:1: server is no table, needs to be one: [server]"),
        ("models = { large = { nam = 'x' } }", "loro.toml:1: models.large.nam is not"),
    ],
)
def test_what_is_no_key_is_told_with_what_was_meant(problems, toml, meant):
    assert any(meant in problem for problem in problems(LARGE, toml=toml))


def test_a_value_in_the_file_is_judged_even_when_overridden(problems):
    assert problems({"PORT": "1"}, toml="[server]\nport = -1") == [
        "loro.toml:2: server.port is -1, needs a whole number from 0 to 65535"
    ]


def test_a_variable_that_something_stronger_overrides_is_not_judged(read):
    assert read({"LOG_LEVEL": "verbose", "LORO_LOG_LEVEL": "warn"}).log.level == "warn"


def test_a_value_of_many_lines_is_told_on_one(problems):
    (problem,) = problems({"LOG_LEVEL": "a\nloro: all is well\u2028" + "x" * 1000})
    assert len(problem.splitlines()) == 1
    assert len(problem) < 200


@pytest.mark.parametrize(
    "name",
    ["LORO_PORT", "LORO_SERVICE_HOST", "LORO_SERVICE_PORT", "LORO_SERVICE_PORT_HTTP", "LORO_PORT_8000_TCP_ADDR"],
)
def test_a_kubernetes_service_named_loro_does_not_stop_the_start(read, name):
    value = "tcp://10.0.0.11:8000" if name.endswith("_PORT") else "10.0.0.11"
    assert read({name: value}).demo


def test_a_kubernetes_service_named_loro_server_does_not_move_the_port(read):
    assert read({"LORO_SERVER_PORT": "tcp://10.0.0.11:8000"}).server.port == 8000


def test_a_port_of_ones_own_is_no_kubernetes_service(problems):
    (problem,) = problems({"LORO_PORT": "9000"})
    assert "LORO_PORT is not a variable that loro knows" in problem


def test_credentials_for_any_origin_are_refused(problems, read):
    assert "cors_credentials is true" in problems(toml="[server]\ncors_credentials = true")[0]
    toml = '[server]\ncors_credentials = true\ncors_origins = ["https://a.example"]'
    assert read(toml=toml).server.cors_credentials


# --- http_addr


def test_http_addr_sets_host_and_port(read):
    settings = read(toml='[server]\nhttp_addr = "127.0.0.1:9000"')
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 9000)
    assert settings.sources["server.port"].where == "loro.toml:2"


def test_http_addr_takes_ipv6(read):
    settings = read({"LORO_SERVER_HTTP_ADDR": "[::]:0"})
    assert (settings.server.host, settings.server.port) == ("::", 0)


def test_http_addr_gives_way_to_stronger_sources_and_the_seeds_names_to_it(read):
    toml = '[server]\nhttp_addr = "127.0.0.1:9000"'
    assert read({"PORT": "1"}, toml=toml).server.port == 1
    assert read({"PORT": "1"}, toml=toml).server.host == "127.0.0.1"
    assert read({"PORT": "1", "LORO_SERVER_HTTP_ADDR": "127.0.0.1:2"}).server.port == 2


def test_http_addr_beside_the_same_said_otherwise_is_a_problem(problems):
    assert problems(toml='[server]\nhttp_addr = "127.0.0.1:9000"\nport = 1') == [
        "loro.toml:2: server.http_addr and server.port (loro.toml:3) say the same; keep one"
    ]


@pytest.mark.parametrize("value", ["9000", ":9000", "host:", "host:65536", "::1:80", "[::1]", "a b:1"])
def test_http_addr_that_is_none(problems, value):
    (problem,) = problems({"LORO_SERVER_HTTP_ADDR": value})
    assert "needs HOST:PORT" in problem


# --- models


def test_no_model_at_all_is_the_demo(read):
    settings = read({"MAX_RETRIES": "1", "HTTP_TIMEOUT_SECS": "10", "PORT": "0"})
    assert settings.demo
    assert (settings.small.provider, settings.large.provider) == ("scripted", "scripted")
    assert settings.small.options != settings.large.options
    assert settings.sources["models.large.provider"].where == "demo"
    assert settings.large.first_token_timeout_s == 10


def test_the_seeds_variables_make_the_seeds_deployments(read):
    settings = read({"SMALL_MODEL_API_KEY": "sk-small", "LARGE_MODEL_API_KEY": "sk-large"})
    assert not settings.demo
    assert settings.small == Deployment(
        name="small",
        provider="auto",
        base_url="https://api.siliconflow.cn/v1",
        model="Qwen/Qwen2-1.5B-Instruct",
        api_key=Secret("sk-small"),
    )
    assert settings.large == Deployment(
        name="large",
        provider="auto",
        base_url="https://api.siliconflow.cn/v1",
        model="deepseek-ai/DeepSeek-V2.5",
        api_key=Secret("sk-large"),
    )


def test_every_variable_of_the_seeds_has_its_effect(read):
    settings = read(
        {
            "SMALL_MODEL_API_KEY": "none",
            "SMALL_MODEL_BASE_URL": "http://127.0.0.1:11434/",
            "SMALL_MODEL_NAME": "qwen3:0.6b",
            "SMALL_MODEL_PROVIDER": "ollama",
            "LARGE_MODEL_API_KEY": " sk-large\n",
            "LARGE_MODEL_BASE_URL": "https://api.example.com/v1//",
            "LARGE_MODEL_NAME": "big",
            "LARGE_MODEL_PROVIDER": "openai",
            "HOST": "127.0.0.1",
            "PORT": "0",
            "LOG_LEVEL": "WARN",
            "HTTP_TIMEOUT_SECS": "60",
            "SMALL_MODEL_TIMEOUT_SECS": "2",
            "MAX_RETRIES": "1",
            "STATS_MAX_ENTRIES": "100",
        }
    )
    small, large = settings.small, settings.large
    assert (small.provider, small.base_url, small.model, small.api_key) == (
        "ollama",
        "http://127.0.0.1:11434",
        "qwen3:0.6b",
        None,
    )
    assert (large.provider, large.base_url, large.model) == ("openai", "https://api.example.com/v1", "big")
    assert large.api_key.reveal() == "sk-large"
    assert (large.first_token_timeout_s, large.idle_timeout_s, large.max_retries) == (60, 60, 1)
    assert (small.first_token_timeout_s, small.idle_timeout_s, small.max_retries) == (30, 30, 1)
    assert settings.reply.words_deadline_s == 2
    assert settings.metrics.window == 100
    assert (settings.server.host, settings.server.port, settings.log.level) == ("127.0.0.1", 0, "warn")


def test_a_model_in_the_file(read):
    settings = read(
        toml="""
        [models.large]
        provider = "ollama"
        base_url = "http://127.0.0.1:11434"
        name = "llama3"
        connect_timeout_s = 1
        first_token_timeout_s = 2.5
        idle_timeout_s = 3
        reply_timeout_s = 4
        max_retries = 0
        drop_fields = ["user"]
        extra_fields = { keep_alive = "10m" }
        options = { think = false, stop = ["a", "b"] }
        """
    )
    assert settings.small is None
    assert settings.large == Deployment(
        name="large",
        provider="ollama",
        base_url="http://127.0.0.1:11434",
        model="llama3",
        connect_timeout_s=1,
        first_token_timeout_s=2.5,
        idle_timeout_s=3,
        reply_timeout_s=4,
        max_retries=0,
        drop_fields=frozenset({"user"}),
        extra_fields={"keep_alive": "10m"},
        options={"think": False, "stop": ["a", "b"]},
    )


def test_the_large_model_alone_leaves_the_acknowledging_to_phrases(read):
    settings = read(LARGE)
    assert settings.small is None
    assert not [path for path in settings.sources if path.startswith("models.small")]


def test_the_small_model_alone_is_a_problem(problems):
    assert problems({"SMALL_MODEL_API_KEY": "sk"}) == [
        "the large model is missing: set LARGE_MODEL_API_KEY, or write [models.large]"
    ]


@pytest.mark.parametrize("provider", ["auto", "openai"])
def test_a_model_without_a_key_is_a_problem_that_says_what_to_set(problems, provider):
    assert problems({"LARGE_MODEL_NAME": "big", "LARGE_MODEL_PROVIDER": provider}) == [
        "models.large.api_key is missing: set LARGE_MODEL_API_KEY; for a service without keys, to `none`"
    ]


def test_tuning_a_model_in_the_file_configures_it(problems):
    (problem,) = problems(toml="[models.large]\nidle_timeout_s = 5")
    assert "models.large.api_key is missing" in problem


def test_another_provider_needs_a_model_and_no_key(problems, read):
    assert problems({"LARGE_MODEL_PROVIDER": "ollama"}) == [
        "models.large.name is missing: set LARGE_MODEL_NAME; provider ollama has no default model"
    ]
    large = read({"LARGE_MODEL_PROVIDER": "ollama", "LARGE_MODEL_NAME": "llama3"}).large
    assert (large.base_url, large.api_key) == ("", None)


@pytest.mark.parametrize("word", ["none", "None", " none "])
def test_the_key_none_sends_no_key(read, word):
    assert read({"LARGE_MODEL_API_KEY": word}).large.api_key is None


# --- fallbacks -----------------------------------------------------------------------------------------------------

LARGE = {"LARGE_MODEL_API_KEY": "none"}
FALLBACK = {
    "FALLBACK_MODEL_BASE_URL": "http://b/v1",
    "FALLBACK_MODEL_NAME": "b",
    "FALLBACK_MODEL_API_KEY": "sk-b",
}


def test_a_fallback_by_three_variables(read):
    settings = read({**LARGE, **FALLBACK})
    assert [d.name for d in settings.answering] == ["large", "fallback"]
    (fallback,) = settings.fallbacks
    assert (fallback.base_url, fallback.model) == ("http://b/v1", "b")
    assert "sk-b" in [secret.reveal() for secret in settings.secrets]
    assert settings.sources["models.fallback.api_key"].shown == "[hidden]"


def test_fallbacks_stand_in_their_order_whatever_the_files(read):
    toml = """
    [models.fallback2]
    provider = "scripted"
    name = "c"
    first_token_timeout_s = 4
    [models.fallback]
    provider = "scripted"
    name = "b"
    """
    settings = read(LARGE, toml=toml)
    assert [(d.name, d.model) for d in settings.answering[1:]] == [("fallback", "b"), ("fallback2", "c")]
    assert [d.first_token_timeout_s for d in settings.answering] == [6.0, 6.0, 4.0]


def test_a_model_with_a_fallback_behind_it_has_a_deadline_that_leaves_it_time(read):
    settings = read({**LARGE, **FALLBACK})
    assert [d.first_token_timeout_s for d in settings.answering] == [6.0, 30.0]
    where = settings.sources["models.large.first_token_timeout_s"].where
    assert where == "default, as models.fallback is behind it"
    said = read({**LARGE, **FALLBACK, "HTTP_TIMEOUT_SECS": "20"})
    assert [d.first_token_timeout_s for d in said.answering] == [20.0, 30.0]
    assert read(LARGE).large.first_token_timeout_s == 30.0


def test_nothing_is_guessed_of_a_fallback(problems):
    assert problems({**LARGE, "FALLBACK_MODEL_PROVIDER": "auto", "FALLBACK2_MODEL_PROVIDER": "ollama"}) == [
        "models.fallback.base_url is missing: set FALLBACK_MODEL_BASE_URL",
        "models.fallback.name is missing: set FALLBACK_MODEL_NAME",
        "models.fallback.api_key is missing: set FALLBACK_MODEL_API_KEY; for a service without keys, to `none`",
        "models.fallback2.name is missing: set FALLBACK2_MODEL_NAME; provider ollama has no default model",
    ]


def test_a_fallback_needs_something_to_fall_back_from(problems):
    (problem,) = problems(FALLBACK)
    assert problem.startswith("the large model is missing")


def test_what_tunes_all_models_makes_no_fallback(read):
    assert read({**LARGE, "MAX_RETRIES": "1"}).fallbacks == ()
    assert read({"MAX_RETRIES": "1"}).fallbacks == ()


def test_every_problem_of_a_fallback_is_told_with_its_place(problems):
    toml = '[models.fallback]\nname = "b"\nbase_url = "b"\nidle_timeout_s = 0\n[hedge]\nshare = 2\nafter_s = "soon"'
    told = problems({**LARGE, "FALLBACK_MODEL_API_KEY": "none"}, toml=toml)
    assert [problem.split(" is ")[0] for problem in told] == [
        "loro.toml:3: models.fallback.base_url",
        "loro.toml:4: models.fallback.idle_timeout_s",
        "loro.toml:7: hedge.after_s",
        "loro.toml:6: hedge.share",
    ]


def test_hedging_is_as_it_is_said(read):
    assert (read().hedge.after_s, read().hedge.share) == (None, 0.05)
    hedge = read({"LORO_HEDGE_AFTER_S": "0.8"}, toml="[hedge]\nshare = 0").hedge
    assert (hedge.after_s, hedge.share) == (0.8, 0.0)
