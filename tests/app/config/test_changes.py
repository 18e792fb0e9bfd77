"""What differs between two settings, and what a reload can do about it."""

from __future__ import annotations

import pytest

from loro_core.app.config.changes import Changes, changes

ONE = '[[local_models]]\nname = "a"\nmodel_path = "a.gguf"\n'
TWO = '[[local_models]]\nname = "b"\nmodel_path = "b.gguf"\nslots = 2\n'
PAIR = '[pairs.p]\nanswer = "a"\n'


@pytest.fixture
def differ(files):
    def differ(before, after):
        return changes(files.read(before or "\n"), files.read(after or "\n"))

    return differ


def test_the_same_settings_do_not_differ(files):
    settings = files.read(ONE + TWO + PAIR)
    assert changes(settings, settings) == Changes()
    assert not changes(settings, settings)


def test_a_line_that_moves_is_no_change(differ):
    assert not differ(ONE + PAIR, f"# a comment\n\n{ONE}\n\n{PAIR}")


def test_models_that_come_change_and_go(differ):
    found = differ(ONE + TWO, TWO.replace("slots = 2", "slots = 3") + ONE.replace('"a"', '"c"'))
    assert (found.added, found.changed, found.removed) == (("c",), ("b",), ("a",))
    assert found.restarted == ("b",), "its command says how many slots there are"
    assert found.waits == ()


def test_what_no_process_was_told_needs_no_new_process(differ):
    found = differ(TWO, TWO + "idle_ttl_s = 5\nweight = 3\naliases = ['x']\n")
    assert (found.changed, found.restarted) == (("b",), ())


def test_another_file_under_the_same_name_needs_a_new_process(files):
    files.write("a.gguf", "x")
    before = files.read(ONE)
    files.write("a.gguf", "xx")
    assert changes(before, files.read(ONE)).restarted == ("a",)


def test_pairs_that_come_change_and_go(differ):
    assert differ(ONE, ONE + PAIR).pairs == ("p",)
    assert differ(ONE + PAIR, ONE + PAIR + "slack_s = 1\n").pairs == ("p",)
    assert differ(ONE + PAIR, ONE).pairs == ("p",)
    assert differ(ONE + PAIR, ONE + PAIR + "[reply]\nslack_s = 1\n").pairs == ("p",), "it has this from [reply]"


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ("[server]\nport = 1\n", "server.port"),
        ("[scheduler]\nbalance = 'latency'\n", "scheduler.balance"),
        ("[admin]\nkey = 'a-key-of-sixteen'\n", "admin.key"),
        ("[metrics]\nwindow = 100\n", "metrics.window"),
        ("[plugins]\nmodules = ['x']\n", "plugins.modules"),
        ("[[remote_servers]]\nname = 'r'\ngrpc_addr = 'h:1'\n", "remote_servers"),
    ],
)
def test_what_waits_for_the_next_start(differ, toml, path):
    assert differ(ONE, ONE + toml) == Changes(waits=(path,))
    assert differ(ONE + toml, ONE) == Changes(waits=(path,))


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ("[scheduler]\nmax_instances = 3\n", "scheduler.max_instances"),
        ("[scheduler]\nunknown_model = 'default'\n", "scheduler.unknown_model"),
        ("[reply]\npolicy = 'race'\n", "reply.policy"),
        ("[log]\nformat = 'json'\n", "log.format"),
        ("[hedge]\nshare = 0\n", "hedge.share"),
        ("[words]\nfiles = ['x.toml']\n", "words.files"),
    ],
)
def test_other_keys_take_effect(differ, toml, path):
    assert differ(ONE, ONE + toml) == Changes(keys=(path,))


def test_the_models_of_the_default_pair_take_effect(files):
    before = files.read(LARGE_MODEL_API_KEY="a", LARGE_MODEL_NAME="x")
    after = files.read(LARGE_MODEL_API_KEY="b", LARGE_MODEL_NAME="y", SMALL_MODEL_API_KEY="c")
    assert changes(before, after).keys == ("models.small", "models.large.name", "models.large.api_key")


def test_the_log_tells_each_kind_of_change_that_there_is(differ):
    assert str(differ(ONE, TWO + "[log]\nformat = 'json'\n")) == "added=b removed=a keys=models.large.name,log.format"
    assert str(differ(ONE, ONE)) == "nothing_changed"


def test_no_secret_is_told(files):
    before, after = (files.read(ONE + f"[admin]\nkey = 'sk-of-the-operator-{n}'\n") for n in (1, 2))
    assert "sk-" not in repr(changes(before, after))
