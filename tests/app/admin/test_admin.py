"""The admin API: who may come in, what it shows, what it does, and what it answers to nonsense."""

from __future__ import annotations

import json

import pytest
import trio

from loro_core.errors import UpstreamError
from loro_core.models import InstanceState, InstanceStatus, ModelStatus
from tests.app.admin.fakes import GIB, KEY, UPSTREAM_KEY, FakeFleet, administered, process, two_models, unreachable

EVERYTHING = [
    ("GET", "/-/models"),
    ("GET", "/-/models/qwen"),
    ("POST", "/-/models/qwen/load"),
    ("POST", "/-/models/qwen/unload"),
    ("POST", "/-/models/qwen/drain"),
    ("GET", "/-/models/qwen/log"),
    ("POST", "/-/upstreams"),
    ("DELETE", "/-/upstreams/qwen"),
    ("GET", "/-/events"),
    ("POST", "/-/reload"),
]


# --- the gate ---


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
async def test_without_a_key_in_the_settings_all_is_closed_and_it_is_said_how_to_open_it(autojump_clock, method, path):
    fleet = two_models()
    async with administered(fleet, key=None) as house:
        heard = await house.ask(method, path)
    assert heard.status == 403
    assert heard.json["error"]["code"] == "admin_closed"
    assert "LORO_ADMIN_KEY" in heard.json["error"]["message"]
    assert fleet.calls == [] and house.reloads == 0


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
@pytest.mark.parametrize("key", [None, "wrong", KEY[:-1], KEY + "x"])
async def test_without_the_key_nothing_is_told_or_done(autojump_clock, method, path, key):
    fleet = two_models()
    async with administered(fleet) as house:
        heard = await house.ask(method, path, key=key)
    assert heard.status == 401
    assert heard.json["error"]["code"] == "invalid_admin_key"
    assert heard.headers["www-authenticate"].startswith("Bearer")
    assert fleet.calls == [] and house.reloads == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"bearer   {KEY}"}, 200),
        ({"x-loro-admin-key": KEY}, 200),
        ({"x-loro-admin-key": KEY, "authorization": "Bearer another-for-the-chat"}, 200),
        ({"x-loro-admin-key": "wrong", "authorization": f"Bearer {KEY}"}, 401),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"authorization": KEY}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"cookie": f"key={KEY}"}, 401),
    ],
)
async def test_the_key_comes_in_a_header(autojump_clock, headers, status):
    async with administered(two_models()) as house:
        assert (await house.ask("GET", "/-/models", headers=headers, key=None)).status == status


async def test_the_key_in_an_address_opens_nothing(autojump_clock):
    async with administered(two_models()) as house:
        assert (await house.ask("GET", f"/-/models?key={KEY}&api_key={KEY}", key=None)).status == 401


async def test_a_page_of_another_origin_may_not_even_ask(autojump_clock):
    """Any page may call the chat; for what is below /-/ its preflight gets no permission."""
    preflight = {"origin": "https://else.example", "access-control-request-method": "POST"}
    async with administered(two_models()) as house:
        chat = await house.ask("OPTIONS", "/v1/chat/completions", headers=preflight)
        admin = await house.ask("OPTIONS", "/-/models/qwen/load", headers=preflight)
    assert "access-control-allow-methods" in chat.headers
    assert "access-control-allow-methods" not in admin.headers
    assert admin.headers["allow"] == "OPTIONS, POST"


async def test_the_chat_has_no_admin_paths_where_no_models_run(autojump_clock):
    from tests.app.serving import serving
    from tests.runtime.fakes import PlayingProvider

    async with serving(None, PlayingProvider([])) as client:
        assert (await client.get("/-/models")).status == 404


# --- looking ---


async def test_the_list_says_how_every_model_stands(autojump_clock):
    fleet = two_models()
    running = InstanceStatus(
        id="qwen-1",
        model="qwen",
        state=InstanceState.READY,
        since=1_800_000_000.0,
        in_flight=3,
        slots=4,
        pid=99,
        memory_bytes=3 * GIB,
        tokens_per_s=41.5,
        served=10,
        restarts=1,
    )
    starting = InstanceStatus(id="qwen-2", model="qwen", state=InstanceState.LOADING, since=1_800_000_005.0, slots=4)
    (qwen, _) = fleet.models()
    fleet.put(ModelStatus(model=qwen.model, instances=(starting, running), waiting=2, queue_p95_s=0.25))
    async with administered(fleet) as house:
        heard = await house.get("/-/models")
    assert heard.headers["cache-control"] == "no-store"
    first, second = heard.json["models"]
    assert (first["name"], first["state"], first["since"], first["aliases"]) == (
        "qwen",
        "ready",
        1_800_000_000.0,
        ["small"],
    )
    # What is loading takes no calls yet, and its memory is what was declared.
    assert (first["in_flight"], first["slots"], first["load"]) == (3, 4, 0.75)
    assert first["memory_bytes"] == 5 * GIB
    assert (first["waiting"], first["queue_p95_s"], first["tokens_per_s"]) == (2, 0.25, 41.5)
    assert [i["id"] for i in first["instances"]] == ["qwen-2", "qwen-1"]
    assert (second["state"], second["kinds"], second["load"], second["memory_bytes"]) == (
        "stopped",
        ["embedding"],
        None,
        None,
    )
    assert heard.json["total"] == {
        "models": 2,
        "processes": 2,
        "max_processes": 3,
        "in_flight": 3,
        "slots": 4,
        "waiting": 2,
        "memory_bytes": 5 * GIB,
        "memory_limit_bytes": 8 * GIB,
        "tokens_per_s": 41.5,
    }


async def test_one_model_with_its_reason(autojump_clock):
    fleet = two_models()
    fleet.instance("qwen", InstanceState.FAILED, reason="exited with status 1: no such file")
    async with administered(fleet) as house:
        model = (await house.get("/-/models/qwen")).json["model"]
    assert (model["state"], model["reason"]) == ("failed", "exited with status 1: no such file")
    assert model["memory_bytes"] is None


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("qwne", "did you mean qwen?"),
        ("small", "it is an alias of qwen"),
        ("zzzzzz", "there are qwen, bge"),
    ],
)
async def test_an_unknown_name_is_404_with_the_nearest(autojump_clock, asked, hint):
    async with administered(two_models()) as house:
        for heard in (await house.get(f"/-/models/{asked}"), await house.post(f"/-/models/{asked}/load")):
            assert heard.status == 404
            assert heard.json["error"]["code"] == "model_not_found"
            assert hint in heard.json["error"]["message"]


@pytest.mark.parametrize("path", ["Qwen/Qwen3-8B:Q4", "Qwen%2FQwen3-8B%3AQ4", "Qwen/Qwen3-8B:Q4/"])
async def test_names_may_have_slashes(autojump_clock, path):
    async with administered(FakeFleet(process("Qwen/Qwen3-8B:Q4"))) as house:
        assert (await house.get(f"/-/models/{path}")).json["model"]["name"] == "Qwen/Qwen3-8B:Q4"


async def test_a_model_called_like_a_verb_is_reached_by_its_escape(autojump_clock):
    async with administered(FakeFleet(process("a"), process("a/log"))) as house:
        assert (await house.get("/-/models/a%2Flog")).json["model"]["name"] == "a/log"
        assert (await house.get("/-/models/a/log")).headers["content-type"].startswith("text/plain")


# --- loading and unloading ---


async def test_load_answers_once_the_model_is_ready(autojump_clock):
    fleet = two_models(load_s=7)
    async with administered(fleet) as house:
        start = trio.current_time()
        heard = await house.post("/-/models/qwen/load")
        assert trio.current_time() - start == pytest.approx(7)
    assert (heard.status, heard.json["model"]["state"]) == (200, "ready")
    assert fleet.calls == [("load", "qwen")]


async def test_a_load_that_fails_says_why(autojump_clock):
    fleet = two_models()
    fleet.failure = UpstreamError("model 'qwen' could not be loaded: out of memory", deployment="qwen")
    async with administered(fleet) as house:
        heard = await house.post("/-/models/qwen/load")
    assert heard.status == 502
    assert "out of memory" in heard.json["error"]["message"]


@pytest.mark.parametrize(("body", "drain"), [(b"", True), (b"{}", True), (b'{"drain": false}', False)])
async def test_unload_lets_calls_end_unless_told_otherwise(autojump_clock, body, drain):
    fleet = two_models()
    async with administered(fleet) as house:
        heard = await house.post("/-/models/qwen/unload", body)
    assert heard.status == 200
    assert heard.json["model"]["state"] == ("draining" if drain else "stopping")
    assert fleet.calls == [("unload", "qwen", drain)]


async def test_drain_answers_once_it_is_done(autojump_clock):
    async with administered(two_models()) as house:
        assert (await house.post("/-/models/qwen/drain")).json["model"]["state"] == "stopped"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/-/models/qwen/unload", b'{"drain": "no"}', "drain"),
        ("/-/models/qwen/unload", b'{"darin": false}', "darin"),
        ("/-/models/qwen/unload", b"[]", None),
        ("/-/models/qwen/unload", b"{", None),
        ("/-/models/qwen/drain", b'{"x": 1}', "x"),
        ("/-/reload", b'{"x": 1}', "x"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_and_nothing_done(autojump_clock, path, body, param):
    fleet = two_models()
    async with administered(fleet) as house:
        heard = await house.post(path, body)
    assert (heard.status, heard.json["error"]["param"]) == (400, param)
    assert fleet.calls == [] and house.reloads == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "hint"),
    [
        ("POST", "/-/models/qwen/lod", 405, "did you mean /-/models/qwen/load?"),
        ("GET", "/-/models/qwen/load", 404, "There is no model"),
        ("GET", "/-/model", 404, "did you mean /-/models?"),
        ("DELETE", "/-/models/qwen", 405, "only GET, HEAD, OPTIONS"),
        ("GET", "/-/upstreams/qwen", 405, "only DELETE, OPTIONS"),
        ("GET", "/-/reload", 405, "only OPTIONS, POST"),
    ],
)
async def test_what_is_not_there_is_told_with_what_is(autojump_clock, method, path, status, hint):
    async with administered(two_models()) as house:
        heard = await house.ask(method, path)
    assert heard.status == status
    assert hint in heard.json["error"]["message"]


# --- registering ---

GOOD = {"name": "far", "url": "http://10.0.0.7:8080/v1", "api_key": UPSTREAM_KEY, "provider": "large"}


async def test_an_address_is_registered_listed_and_unregistered_and_its_key_never_shown(autojump_clock):
    fleet = two_models()
    body = {**GOOD, "kinds": ["chat", "embedding"], "aliases": ["large"], "slots": 8, "context_tokens": 32768}
    async with administered(fleet) as house:
        heard = await house.post("/-/upstreams", json.dumps(body).encode())
        listed = await house.get("/-/models")
        gone = await house.ask("DELETE", "/-/upstreams/far")
        after = await house.get("/-/models/far")
    assert heard.status == 201
    model = heard.json["model"]
    assert (model["name"], model["url"], model["kinds"], model["aliases"], model["slots"]) == (
        "far",
        "http://10.0.0.7:8080/v1",
        ["chat", "embedding"],
        ["large"],
        8,
    )
    assert (model["source"], model["runs"]) == ("registered", "at an address")
    assert model in listed.json["models"]
    for page in (heard, listed, gone, after):
        assert UPSTREAM_KEY.encode() not in page.body
    assert gone.json == {"name": "far", "unregistered": True}
    assert after.status == 404


async def test_the_key_reaches_the_deployment_and_a_name_at_the_service_may_differ(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house:
        await house.post("/-/upstreams", json.dumps({**GOOD, "model": "gpt-x", "idle_timeout_s": 5}).encode())
    deployment = fleet.models()[-1].model.deployment
    assert deployment.api_key is not None and deployment.api_key.reveal() == UPSTREAM_KEY
    assert (deployment.model, deployment.name, deployment.idle_timeout_s) == ("gpt-x", "far", 5)


@pytest.mark.parametrize(
    ("change", "param", "says"),
    [
        ({"name": None}, "name", "name is missing"),
        ({"url": None}, "url", "url is missing"),
        ({"name": "-x"}, "name", 'name is "-x"'),
        ({"name": "a b"}, "name", "letters, digits"),
        ({"url": "ftp://x"}, "url", "needs http://HOST"),
        ({"url": f"http://user:{UPSTREAM_KEY}@host/v1"}, "url", "needs http://HOST"),
        ({"kinds": ["video"]}, "kinds", "chat, embedding and speech"),
        ({"kinds": []}, "kinds", "at least one"),
        ({"slots": 0}, "slots", "from 1 to 10000"),
        ({"slots": True}, "slots", "from 1 to 10000"),
        ({"api_key": f"{UPSTREAM_KEY} and a blank"}, "api_key", "api_key is [hidden]"),
        ({"provider": "lrage"}, "provider", "did you mean large?"),
        ({"slotss": 3}, "slotss", "did you mean slots?"),
        ({"check": "no"}, "check", "needs true or false"),
    ],
)
async def test_what_cannot_be_registered_is_told_by_field(autojump_clock, change, param, says):
    fleet = two_models()
    async with administered(fleet) as house:
        heard = await house.post("/-/upstreams", json.dumps({**GOOD, **change}).encode())
    assert (heard.status, heard.json["error"]["param"]) == (400, param)
    assert says in heard.json["error"]["message"]
    assert UPSTREAM_KEY.encode() not in heard.body
    assert fleet.calls == []


async def test_all_problems_of_a_registration_come_at_once(autojump_clock):
    async with administered(two_models()) as house:
        heard = await house.post("/-/upstreams", b'{"nmae": "x", "slots": 0, "weight": -1}')
    message = heard.json["error"]["message"]
    for said in ("did you mean name?", "name is missing", "url is missing", "slots is 0", "weight is -1"):
        assert said in message


@pytest.mark.parametrize(
    ("second", "param"),
    [
        ({**GOOD, "url": "http://10.0.0.8/v1"}, "name"),
        ({**GOOD, "name": "qwen", "url": "http://10.0.0.8/v1"}, "name"),
        ({**GOOD, "name": "other", "url": GOOD["url"] + "/", "model": "far"}, "url"),
    ],
)
async def test_the_same_name_or_address_twice_is_409(autojump_clock, second, param):
    fleet = two_models()
    async with administered(fleet) as house:
        await house.post("/-/upstreams", json.dumps(GOOD).encode())
        heard = await house.post("/-/upstreams", json.dumps(second).encode())
    assert (heard.status, heard.json["error"]["param"]) == (409, param)
    assert [call[0] for call in fleet.calls] == ["register"]


async def test_another_model_at_the_same_address_is_fine(autojump_clock):
    async with administered(two_models()) as house:
        await house.post("/-/upstreams", json.dumps({**GOOD, "model": "one"}).encode())
        heard = await house.post("/-/upstreams", json.dumps({**GOOD, "name": "far2", "model": "two"}).encode())
    assert heard.status == 201


async def test_an_address_that_is_not_there_is_not_registered_unless_asked_to(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house:
        house.absent = unreachable("far")
        refused = await house.post("/-/upstreams", json.dumps(GOOD).encode())
        taken = await house.post("/-/upstreams", json.dumps({**GOOD, "check": False}).encode())
    assert (refused.status, refused.json["error"]["code"]) == (422, "upstream_check_failed")
    assert "connection refused" in refused.json["error"]["message"]
    assert taken.status == 201
    assert fleet.calls == [("register", "far")]


async def test_two_registrations_of_one_name_at_once_are_one(autojump_clock):
    fleet = two_models()
    statuses = []
    async with administered(fleet) as house, trio.open_nursery() as nursery:

        async def register() -> None:
            statuses.append((await house.post("/-/upstreams", json.dumps(GOOD).encode())).status)

        nursery.start_soon(register)
        nursery.start_soon(register)
    assert sorted(statuses) == [201, 409]


async def test_a_configured_model_is_not_unregistered(autojump_clock):
    fleet = two_models()
    async with administered(fleet) as house:
        heard = await house.ask("DELETE", "/-/upstreams/qwen")
    assert heard.status == 409
    assert "loro.toml:12" in heard.json["error"]["message"]
    assert fleet.calls == []


# --- reloading ---


async def test_reload_tells_what_changed(autojump_clock):
    async with administered(two_models()) as house:
        heard = await house.post("/-/reload")
    assert heard.json == {
        "added": ["new"],
        "changed": ["qwen"],
        "restarted": ["qwen"],
        "removed": [],
        "pairs": [],
        "settings": ["reply.policy"],
        "next_start": ["server.port"],
    }


async def test_a_bad_file_is_422_with_every_problem(autojump_clock):
    async with administered(two_models()) as house:
        house.problems = ['loro.toml:3: server.port is "x"', "loro.toml:9: modles is no table"]
        heard = await house.post("/-/reload")
    error = heard.json["error"]
    assert (heard.status, error["code"], error["problems"]) == (422, "configuration_invalid", house.problems)
    assert "2 problems" in error["message"] and "Nothing was changed" in error["message"]


# --- the log ---


async def test_the_log_is_text_the_last_lines_first_to_last(autojump_clock):
    fleet = two_models()
    for i in range(300):
        fleet.log("qwen").write(f"line {i}", at=1_800_000_000.5)
    async with administered(fleet) as house:
        usual = (await house.get("/-/models/qwen/log")).body.decode().splitlines()
        few = await house.get("/-/models/qwen/log?lines=2")
    assert len(usual) == 200 and usual[-1].endswith("line 299")
    assert few.body.decode() == "".join(f"2027-01-15T08:00:00.500Z qwen-1 line {i}\n" for i in (298, 299))
    assert few.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_log_cannot_drive_the_terminal_that_shows_it(autojump_clock):
    fleet = two_models()
    fleet.log("qwen").write("\x1b[2Jgone\u202e 愛\tx")
    async with administered(fleet) as house:
        text = (await house.get("/-/models/qwen/log")).body.decode()
    assert text.endswith("qwen-1 \\x1b[2Jgone\\x202e 愛\tx\n")


@pytest.mark.parametrize("query", ["lines=0", "lines=x", "lines=-1", "lines=", "lines=²", "follow=maybe", "tail=3"])
async def test_a_log_asked_for_badly_is_400(autojump_clock, query):
    async with administered(two_models()) as house:
        heard = await house.get("/-/models/qwen/log?" + query.replace("²", "%C2%B2"))
    assert heard.status == 400
    assert heard.json["error"]["param"] == query.partition("=")[0]
