"""The table of keys: every row can be set by file and by variable, and holds its range."""

from __future__ import annotations

import dataclasses

import pytest

from loro_core.app import config
from loro_core.app.config.kinds import Number, Unfit, Whole
from loro_core.app.config.settings import HTTP_ADDR, TABLES, all_keys
from loro_core.app.config.sources import KEYS, VARIABLES
from loro_core.decide.launching import inherited
from loro_core.errors import ConfigError

RANGED = [
    pytest.param(name, kind, id=name)
    for key in all_keys()
    for name, kind in key.variables
    if isinstance(kind, (Whole, Number))
]

SEEDS_RANGES = {
    "HTTP_TIMEOUT_SECS": (5, 300, 30),
    "SMALL_MODEL_TIMEOUT_SECS": (1, 30, 5),
    "MAX_RETRIES": (0, 10, 3),
    "STATS_MAX_ENTRIES": (100, 100000, 10000),
    "PORT": (0, 65535, 8000),
}


@pytest.fixture
def accepts(tmp_path):
    """Return a function that tells whether a variable may have a value, with all models configured."""
    (tmp_path / ".env").touch()

    def accepts(name, text):
        environ = {f"{table}_MODEL_API_KEY": "none" for table in ("LARGE", "SMALL", "FALLBACK", "FALLBACK2")}
        for table in ("FALLBACK", "FALLBACK2"):
            environ |= {f"{table}_MODEL_BASE_URL": "http://127.0.0.1/v1", f"{table}_MODEL_NAME": "m"}
        environ[name] = text
        problems: tuple[str, ...] = ()
        try:
            config.load(environ=environ, directory=tmp_path)
        except ConfigError as error:
            problems = error.problems
        assert all(f"environment: {name} is " in problem for problem in problems)
        return not problems

    return accepts


@pytest.mark.parametrize(("name", "kind"), RANGED)
def test_both_ends_of_a_range_fit_and_what_is_beyond_does_not(accepts, name, kind):
    step = 1 if isinstance(kind, Whole) else 0.001
    assert accepts(name, str(kind.low))
    assert accepts(name, str(kind.high))
    assert not accepts(name, f"{kind.low - step:.3f}" if step < 1 else str(kind.low - 1))
    assert not accepts(name, f"{kind.high + step:.3f}" if step < 1 else str(kind.high + 1))


@pytest.mark.parametrize("name", SEEDS_RANGES)
def test_the_seeds_ranges_and_defaults_hold(accepts, name):
    low, high, default = SEEDS_RANGES[name]
    assert accepts(name, str(low))
    assert accepts(name, str(high))
    assert not accepts(name, str(low - 1))
    assert not accepts(name, str(high + 1))
    assert {key.default for key in all_keys() if name in dict(key.variables)} == {default}


@pytest.mark.parametrize("level", ["trace", "debug", "info", "warn", "error", "Info", "ERROR"])
def test_the_seeds_log_levels_hold(accepts, level):
    assert accepts("LOG_LEVEL", level)


def test_variables_follow_the_rule():
    assert KEYS["reply.policy"].variables[0][0] == "LORO_REPLY_POLICY"
    assert KEYS["server.drain_s"].variables[0][0] == "LORO_SERVER_DRAIN_S"
    assert KEYS["models.large.idle_timeout_s"].variables[0][0] == "LORO_MODELS_LARGE_IDLE_TIMEOUT_S"


def test_no_two_keys_share_a_variable_of_the_rule():
    own = [key.variables[0][0] for key in all_keys()]
    assert len(own) == len(set(own))
    assert set(own) < VARIABLES


@pytest.mark.parametrize("key", [k for k in all_keys() if k.default is not None], ids=lambda k: k.path)
def test_a_default_fits_its_own_key(key):
    default = list(key.default) if isinstance(key.default, tuple) else key.default
    assert key.kind.accept(default) == key.default


@pytest.mark.parametrize("settings", dict.fromkeys(TABLES.values()), ids=lambda s: s.__name__)
def test_every_field_of_the_settings_is_a_key(settings):
    tables = [table for table, cls in TABLES.items() if cls is settings]
    for table in tables:
        keys = {key.name for key in all_keys() if key.table == table and key.path != HTTP_ADDR.path}
        assert keys == {field.name for field in dataclasses.fields(settings)}


def test_a_number_may_be_whole_and_a_whole_number_may_not_be_broken():
    assert Number(0, 10).accept(5) == 5.0
    for bad in (5.0, True, "5", None):
        with pytest.raises(Unfit):
            Whole(0, 10).accept(bad)


def test_no_variable_that_holds_a_key_is_inherited_by_a_models_server():
    names = {name for key in all_keys() if key.name in ("key", "api_key") for name, _ in key.variables}
    assert {"LORO_ADMIN_KEY", "LARGE_MODEL_API_KEY"} <= names
    assert inherited(dict.fromkeys(names, "sk")) == {}
