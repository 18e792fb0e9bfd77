"""`models ...` on a terminal, against a gateway on loopback."""

from __future__ import annotations

import io
import json

import pytest
import trio

from loro_core.app import cli
from loro_core.app.admin.commands import run_action
from loro_core.app.admin.options import options_of, registration
from loro_core.app.admin.tables import amount, duration, plain
from loro_core.errors import ConfigError, UpstreamError
from loro_core.models import InstanceState
from tests.app.admin.fakes import GIB, KEY, UPSTREAM_KEY, two_models, unreachable
from tests.page.showing import shown

ENVIRON = {"LORO_ADMIN_KEY": KEY}


class Ran:
    def __init__(self) -> None:
        self.out, self.err, self.status = io.StringIO(), io.StringIO(), -1

    @property
    def printed(self) -> str:
        return self.out.getvalue()

    @property
    def told(self) -> str:
        return self.err.getvalue()


def parsed(*words: str):
    return cli.build_parser("models").parse_args(["models", *words])


async def run(url: str, *words: str, environ=ENVIRON, ran: Ran | None = None) -> Ran:
    ran = ran or Ran()
    args = parsed(*words, "--url", url)
    body = registration(args, environ) if args.action == "add" else {}
    ran.status = await run_action(args, options_of(args, environ), body, ran.out, ran.err)
    return ran


async def test_ls_is_a_table_with_reasons_below_it():
    fleet = two_models()
    fleet.instance("qwen", InstanceState.READY, in_flight=3, memory_bytes=3 * GIB, tokens_per_s=41.5)
    fleet.instance("bge", InstanceState.FAILED, reason="exited with status 1\x1b[2J")
    async with shown(fleet) as (url, _):
        ran = await run(url, "ls")
        one = await run(url, "ls", "qwen")
    lines = ran.printed.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "CALLS", "QUEUE", "MEMORY", "TOKENS/S", "FOR", "KINDS", "RUNS"]
    assert lines[1].split()[:7] == ["qwen", "ready", "(pinned)", "3/4", "0", "3.0", "GiB"]
    assert "bge: exited with status 1\\x1b[2J" in ran.printed
    assert lines[-1] == "1 of 3 processes, 3 of 4 slots in use, 0 waiting, 3.0 GiB of 8.0 GiB of memory"
    assert (ran.status, ran.told) == (0, "")
    assert len(one.printed.splitlines()) == 2


async def test_ls_of_a_name_that_is_not_there_says_what_was_meant():
    async with shown(two_models()) as (url, _):
        ran = await run(url, "ls", "qwne", "bge")
    assert ran.status == 1
    assert "did you mean qwen?" in ran.told
    assert "bge" in ran.printed


async def test_ls_for_programs():
    async with shown(two_models()) as (url, _):
        ran = await run(url, "ls", "--json")
    told = json.loads(ran.printed)
    assert [m["name"] for m in told["models"]] == ["qwen", "bge"] and told["total"]["max_processes"] == 3


async def test_load_tells_how_far_it_is_and_goes_on_after_a_failure():
    fleet = two_models(load_s=0.2)
    async with shown(fleet) as (url, _):
        ran = await run(url, "load", "nope", "qwen")
    assert ran.status == 1
    assert "There is no model" in ran.told
    assert "qwen-1: starting\n" in ran.told and "qwen-1: loading\n" in ran.told
    assert ran.printed.startswith("qwen: ready after 0.")
    assert fleet.calls == [("load", "qwen")]


async def test_a_load_that_fails_is_status_1_with_the_reason():
    fleet = two_models(load_s=0)
    fleet.failure = UpstreamError("model 'qwen' could not be loaded: out of memory", deployment="qwen")
    async with shown(fleet) as (url, _):
        ran = await run(url, "load", "qwen")
    assert (ran.status, ran.printed) == (1, "")
    assert "loro: model 'qwen' could not be loaded: out of memory\n" in ran.told


async def test_unload_drain_and_reload():
    fleet = two_models(load_s=0)
    async with shown(fleet) as (url, house):
        gone = await run(url, "unload", "qwen", "--now")
        await run(url, "drain", "bge")
        reloaded = await run(url, "reload")
        house.problems = ["loro.toml:3: no", "loro.toml:4: no"]
        refused = await run(url, "reload")
    assert fleet.calls == [("unload", "qwen", False), ("drain", "bge")]
    assert gone.printed == "qwen: stopping\n"
    assert reloaded.printed == "added: new\nchanged: qwen\nsettings: reply.policy\nat the next start: server.port\n"
    assert refused.status == 1
    assert refused.told.splitlines()[1:] == ["  loro.toml:3: no", "  loro.toml:4: no"]


async def test_add_and_rm(tmp_path):
    fleet = two_models()
    (tmp_path / "key").write_text(f"{UPSTREAM_KEY}\n")
    words = "far http://10.0.0.7/v1 --provider large --kind chat --kind embedding --slots 8 --alias big --model gpt"
    async with shown(fleet) as (url, house):
        added = await run(url, "add", *words.split(), "--api-key-file", str(tmp_path / "key"))
        model = fleet.models()[-1].model
        twice = await run(url, "add", *words.split())
        removed = await run(url, "rm", "far", "qwen")
        house.absent = unreachable("far")
        absent = await run(url, "add", *words.split())
        unasked = await run(url, "add", *words.split(), "--no-check")
    assert added.printed == "far: registered, ready, at http://10.0.0.7/v1\n"
    assert (model.slots, model.aliases, model.deployment.model) == (8, ("big",), "gpt")
    assert model.deployment.api_key is not None and model.deployment.api_key.reveal() == UPSTREAM_KEY
    assert twice.status == 1 and "already" in twice.told
    assert removed.printed == "far: unregistered\n" and "loro.toml:12" in removed.told and removed.status == 1
    assert absent.status == 1 and "connection refused" in absent.told
    assert unasked.status == 0


async def test_log_and_following_it():
    fleet = two_models()
    for i in range(5):
        fleet.log("qwen").write(f"line {i}")
    async with shown(fleet) as (url, _):
        ran = await run(url, "log", "qwen", "--lines", "2")
        as_json = await run(url, "log", "qwen", "--lines", "1", "--json")
        followed = Ran()
        async with trio.open_nursery() as nursery:

            async def follow() -> None:
                await run(url, "log", "qwen", "-f", "--lines", "1", ran=followed)

            nursery.start_soon(follow)
            with trio.fail_after(5):
                while not fleet.log("qwen").followers:  # noqa: ASYNC110 - it is the server that begins to follow
                    await trio.sleep(0.01)
                fleet.log("qwen").write("new \x07")
                while "new" not in followed.printed:  # noqa: ASYNC110 - and the printing that shows it
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    assert [line.split("qwen-1 ")[1] for line in ran.printed.splitlines()] == ["line 3", "line 4"]
    assert json.loads(as_json.printed)["lines"][0]["text"] == "line 4"
    assert [line.split("qwen-1 ")[1] for line in followed.printed.splitlines()] == ["line 4", "new \\x07"]


async def test_a_wrong_key_a_closed_door_and_nobody_there_are_told():
    async with shown(two_models()) as (url, _):
        wrong = await run(url, "ls", environ={"LORO_ADMIN_KEY": "not-the-key-of-this-gateway"})
    async with shown(two_models(), key=None) as (url, _):
        closed = await run(url, "ls")
    nobody = await run(url, "ls")
    assert [wrong.status, closed.status, nobody.status] == [1, 1, 1]
    assert "not the key" in wrong.told
    assert "LORO_ADMIN_KEY" in closed.told
    assert "cannot reach" in nobody.told and "deployment" not in nobody.told


async def test_a_gateway_without_models_of_its_own_is_told():
    from loro_core.runtime.http_server import open_listeners, serve
    from tests.app.serving import serving
    from tests.runtime.fakes import PlayingProvider

    async with serving(None, PlayingProvider([])) as client, trio.open_nursery() as nursery:
        listeners = await open_listeners("127.0.0.1", 0)
        ((_, port),) = await nursery.start(serve, listeners, client.service)
        ran = await run(f"http://127.0.0.1:{port}", "ls")
        nursery.cancel_scope.cancel()
    assert ran.status == 1
    assert "has no admin API" in ran.told


def test_without_a_key_it_is_status_2_and_said_how_to_give_one(monkeypatch, capsys):
    monkeypatch.delenv("LORO_ADMIN_KEY", raising=False)
    assert cli.main(["models", "ls"]) == 2
    assert "--key-file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://h:1", "http://h:1"),
        ("http://h:1/", "http://h:1"),
        ("http://h:1/v1", "http://h:1"),
        ("https://h/loro/-/", "https://h/loro"),
    ],
)
def test_the_address_may_be_that_of_the_api_or_of_the_page(url, root):
    assert options_of(parsed("ls", "--url", url), ENVIRON).root == root


@pytest.mark.parametrize("url", ["h:1", "ftp://h", "http://", "http://u:p@h", "http://h:x"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ConfigError, match="--url"):
        options_of(parsed("ls", "--url", url), ENVIRON)


def test_a_key_file_that_cannot_be_read_is_told_and_its_text_is_not(tmp_path):
    (tmp_path / "two").write_text(f"{KEY}\n{UPSTREAM_KEY}\n")
    for name, told in (("none", "cannot be read"), ("two", "on one line")):
        with pytest.raises(ConfigError, match=told) as caught:
            options_of(parsed("ls", "--key-file", str(tmp_path / name)), {})
        assert KEY not in str(caught.value)
    (tmp_path / "one").write_text(f"{KEY}\n")
    options = options_of(parsed("ls", "--key-file", str(tmp_path / "one")), {})
    assert options.key.reveal() == KEY and KEY not in repr(options)


def test_the_services_key_comes_from_a_variable_that_is_set():
    args = parsed("add", "far", "http://h/v1", "--api-key-env", "FAR_KEY")
    assert registration(args, {"FAR_KEY": UPSTREAM_KEY})["api_key"] == UPSTREAM_KEY
    with pytest.raises(ConfigError, match="FAR_KEY"):
        registration(args, {})


@pytest.mark.parametrize("words", [[], ["lod"], ["load"], ["log", "x", "--lines", "0"], ["add", "x"], ["ls", "--now"]])
def test_a_command_line_that_cannot_be_understood_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["models", *words])
    assert caught.value.code == 2
    assert "usage: python -m loro_core" in capsys.readouterr().err


def test_amounts_and_durations():
    assert [amount(n) for n in (None, 0, 1023, 1536 * 1024, 3 * GIB)] == ["-", "0 B", "1023 B", "2 MiB", "3.0 GiB"]
    assert [duration(s) for s in (-1, 59.9, 60, 3700, 90000, 180000)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h 1 min",
        "1 day",
        "2 days",
    ]
    assert plain("a\x1b[31mb\nc") == "a\\x1b[31mb\nc"
