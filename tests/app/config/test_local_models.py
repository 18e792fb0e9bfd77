"""Local models: what their tables and files amount to, and what is said of those that amount to nothing."""

from __future__ import annotations

import sys

import pytest

from loro_core.app.config.kinds_models import Size
from loro_core.models import ModelKind

ADDRESSED = '[[local_models]]\nname = "a"\nbase_url = "http://127.0.0.1:9/v1"\n'


def table(text: str) -> str:
    return f"[[local_models]]\n{text}\n"


# --- where a model may be written


def test_the_shortest_model_is_a_path(files):
    files.write("m/qwen.gguf", "x" * 10)
    model = files.model(table('model_path = "m/qwen.gguf"'))
    assert model.name == "qwen"
    assert model.kinds == {ModelKind.CHAT}
    assert (model.size_bytes, model.memory_bytes, model.slots) == (10, None, 4)
    assert (model.min_instances, model.max_instances, model.idle_ttl_s, model.pinned) == (0, 1, 600, False)
    assert (model.deployment.provider, model.deployment.base_url, model.deployment.model) == ("openai", "", "qwen")
    assert model.source == "loro.toml:1"
    assert model.launch.command[:3] == (sys.executable, "-m", "loro_llamacpp")


def test_a_relative_path_begins_where_the_file_is_that_says_it(files):
    files.write("etc/loro.toml", '[scheduler]\nconfig_dir = "models"\n' + table('model_path = "../a.gguf"'))
    files.write("etc/models/b.toml", 'model_path = "b.gguf"')
    a, b = files.read(file="etc/loro.toml").models
    assert str(files.directory / "etc/../a.gguf") in a.launch.command
    assert str(files.directory / "etc/models/b.gguf") in b.launch.command


def test_a_directory_that_a_variable_names_begins_where_loro_is(files):
    files.write("here/b.toml", 'model_path = "/b.gguf"')
    files.write("etc/loro.toml", "")
    assert files.model(file="etc/loro.toml", LORO_SCHEDULER_CONFIG_DIR="here").name == "b"


def test_each_file_of_the_directory_is_a_model_called_after_its_file(files):
    files.write("models/b.toml", 'model_path = "b.gguf"')
    files.write("models/a.toml", 'name = "first"\nmodel_path = "a.gguf"\nport = 9001\n[environment]\nA = "1"\n')
    for name in (".c.toml", "d.toml~", "e.txt", "f.toml.off"):
        files.write(f"models/{name}", "not = toml = at all")
    first, b = files.read('[scheduler]\nconfig_dir = "models"').models
    assert (first.name, first.launch.port, first.launch.environment) == ("first", 9001, {"A": "1"})
    assert (b.name, b.source) == ("b", "models/b.toml")


def test_a_broken_file_of_the_directory_names_itself_and_does_not_hide_the_others(files):
    files.write("models/a.toml", "model_path = \n")
    files.write("models/b.toml", 'model_path = "b.gguf"\nctx_sise = 4096')
    files.write("models/c.toml", 'model_path = "c.gguf"\nport = "x"')
    first, second, third = files.problems('[scheduler]\nconfig_dir = "models"')
    assert first.startswith("models/a.toml:1: not TOML: ")
    assert second == "models/b.toml:2: ctx_sise is not a key of a model; did you mean ctx_size?"
    assert third == 'models/c.toml:2: port is "x", needs a whole number from 0 to 65535'


def test_a_directory_that_is_not_there_is_a_warning(files):
    settings = files.read('[scheduler]\nconfig_dir = "/nonexistent/models"')
    assert settings.models == ()
    assert settings.warnings == (
        "loro.toml:2: scheduler.config_dir: /nonexistent/models is not there, so it configures no model",
    )


def test_a_file_in_the_place_of_the_directory_is_a_problem(files):
    files.write("models", "")
    (problem,) = files.problems('[scheduler]\nconfig_dir = "models"')
    assert problem == f"loro.toml:2: scheduler.config_dir: {files.directory / 'models'} cannot be read: Not a directory"


def test_a_server_s_own_file_in_the_directory_is_no_model_of_its_own(files):
    files.write("models/own.toml", '[server]\nsocket_addr = "0.0.0.0:8010"\n')
    files.write("models/a.toml", 'worker = "llama-api-server"\nmodel_path = "a.gguf"\nconfig_path = "own.toml"')
    assert files.model('[scheduler]\nconfig_dir = "models"').name == "a"
    files.write("models/a.toml", 'model_path = "a.gguf"')
    (problem,) = files.problems('[scheduler]\nconfig_dir = "models"')
    assert problem.startswith("models/own.toml: this is a llama-api-server's own file")


def test_files_are_never_written(files):
    files.write("models/b.toml", 'model_path = "b.gguf"')
    before = {path: path.read_bytes() for path in files.directory.rglob("*.toml")}
    files.read('[scheduler]\nconfig_dir = "models"\nmax_instances = 3\n')
    files.problems('[scheduler]\nconfig_dir = "models"\nmax_instances = 0\n')
    after = {
        path: path.read_bytes()
        for path in files.directory.rglob("*")
        if path.name not in (".env", "loro.toml") and path.is_file()
    }
    assert after == before


# --- names


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("qwen2.5-0.5b-instruct-q4_k_m.gguf", "qwen2.5-0.5b-instruct-q4_k_m"),
        ("big-00001-of-00003.gguf", "big"),
        ("My Model (1).gguf", "My-Model-1"),
        ("模型.gguf", "model"),
    ],
)
def test_a_model_is_called_after_its_file(files, path, name):
    assert files.model(table(f'model_path = "{path}"')).name == name


@pytest.mark.parametrize("name", ["a/b", "", "a b", "ä", "-a", "x" * 121])
def test_names_that_do_not_fit_a_path(files, name):
    found = files.problems(table(f'name = "{name}"'))
    assert any("needs letters" in one or "name is missing" in one for one in found)


@pytest.mark.parametrize("name", ["small", "large", "fallback", "loro"])
def test_names_that_are_spoken_for(files, name):
    (problem,) = files.problems(table(f'name = "{name}"\nmodel_path = "a.gguf"'))
    assert problem.startswith(f'loro.toml:2: local_models[0].name is "{name}", which stands for ')


def test_a_name_that_comes_twice_is_told_with_both_places(files):
    files.write("models/a.toml", 'model_path = "a.gguf"')
    toml = '[scheduler]\nconfig_dir = "models"\n' + table('name = "a"\nmodel_path = "x.gguf"')
    assert files.problems(toml) == ['models/a.toml: name is "a", which is taken already (loro.toml:4)']


def test_an_alias_may_be_shared_but_is_no_name(files):
    toml = table('name = "a"\nmodel_path = "a.gguf"\naliases = ["x"]')
    a, b = files.read(toml + table('name = "b"\nmodel_path = "b.gguf"\naliases = ["x", "b"]')).models
    assert (a.aliases, b.aliases) == (("x",), ("x",))
    assert files.problems(toml + table('name = "b"\nmodel_path = "b.gguf"\naliases = ["a"]')) == [
        'loro.toml:8: local_models[1].aliases has "a", which is the name of another model (loro.toml:2)'
    ]


# --- ports, counts and sizes


def test_ports_that_meet_are_told_with_both_places(files):
    toml = "[server]\nport = 9001\n" + table('name = "a"\nmodel_path = "a.gguf"\nport = 9001')
    toml += table('name = "b"\nmodel_path = "b.gguf"\nport = 9001')
    assert files.problems(toml) == [
        "loro.toml:10: local_models[1].port is 9001, which is taken already (loro.toml:6)",
        "loro.toml:6: local_models[0].port is 9001, where loro itself listens",
        "loro.toml:10: local_models[1].port is 9001, where loro itself listens",
    ]


def test_one_port_is_for_one_process(files):
    (problem,) = files.problems(table('model_path = "a.gguf"\nport = 9001\nmax_instances = 2'))
    assert problem.startswith(
        "loro.toml:4: local_models[0].max_instances is 2, but all of them would listen at port 9001"
    )


def test_fewer_than_the_least(files):
    (problem,) = files.problems(table('model_path = "a.gguf"\nmin_instances = 3\nmax_instances = 2'))
    assert problem == "loro.toml:3: local_models[0].min_instances is 3, needs at most max_instances: 2"


def test_what_is_always_kept_has_to_fit(files):
    toml = "[scheduler]\nmax_instances = 2\nmemory = '4GiB'\n"
    toml += table('name = "a"\nmodel_path = "a.gguf"\nmin_instances = 2\nmax_instances = 2')
    toml += table('name = "b"\nmodel_path = "b.gguf"\npinned = true\nmemory = "5GiB"')
    assert files.problems(toml) == [
        "loro.toml:13: local_models[1].memory is 5GiB, more than scheduler.memory has for all of them: 4GiB",
        "loro.toml:2: scheduler.max_instances is 2, but min_instances and pinned ask for 3 processes",
    ]


def test_the_size_of_a_model_in_several_files_is_that_of_all(files):
    for part in (1, 2, 3):
        files.write(f"big-0000{part}-of-00003.gguf", "x" * part)
    assert files.model(table('model_path = "big-00001-of-00003.gguf"')).size_bytes == 6
    (files.directory / "big-00002-of-00003.gguf").unlink()
    assert files.model(table('model_path = "big-00001-of-00003.gguf"')).size_bytes is None


@pytest.mark.parametrize(
    ("said", "count"),
    [("8GiB", 8 << 30), ("8 GB", 8 * 10**9), ("1.5G", 3 << 29), ("512m", 512 << 20), (4096, 4096), ("7", 7)],
)
def test_sizes_as_people_write_them(said, count):
    kind = Size(("auto", "none"))
    assert kind.accept(said) == count
    assert kind.accept(kind.show(count).strip('"')) == count


@pytest.mark.parametrize("said", ["8 gigs", "-1GiB", "GiB", 0, True, 1.5, "", "1e9", "99999999999G"])
def test_sizes_that_are_none(files, said):
    text = f'"{said}"' if isinstance(said, str) else str(said).lower()
    (problem,) = files.problems(f"[scheduler]\nmemory = {text}")
    assert problem.startswith("loro.toml:2: scheduler.memory is ")
    assert 'or "auto", or "none"' in problem


def test_one_process_has_to_own_the_models(files):
    toml = "[server]\nworkers = 2\n" + table('model_path = "a.gguf"')
    assert files.problems(toml) == [
        "loro.toml:2: server.workers is 2, needs 1 with local models: one process has to own theirs and the queue"
    ]
    assert "server.workers is auto" in files.problems(table('model_path = "a.gguf"'), LORO_WORKERS="auto")[0]


# --- addresses


def test_an_address_in_the_place_of_a_worker(files):
    model = files.model(
        table(
            'name = "cloud"\nbase_url = "https://api.example.com/v1/"\napi_key = "sk-1"\nmodel = "big"\nslots = 3\n'
            'ctx_size = 8192\nkinds = "embedding"\nweight = 2\npriority = 1\nprovider = "openai"'
        )
    )
    deployment = model.deployment
    assert model.launch is None
    assert (deployment.base_url, deployment.model, deployment.provider) == (
        "https://api.example.com/v1",
        "big",
        "openai",
    )
    assert deployment.api_key.reveal() == "sk-1"
    assert (model.kinds, model.slots, model.context_tokens) == ({ModelKind.EMBEDDING}, 3, 8192)
    assert (model.weight, model.priority, model.idle_ttl_s) == (2, 1, None)


def test_what_says_nothing_at_an_address(files):
    keys = 'worker = "vllm"\nmodel_path = "a.gguf"\nport = 9\nmax_instances = 2\nidle_ttl_s = 5\ncommand = "x"'
    found = files.problems(ADDRESSED + keys)
    assert [one.split(" says nothing")[0] for one in found] == [
        f"loro.toml:{line}: local_models[0].{key}"
        for line, key in enumerate(("worker", "model_path", "port", "max_instances", "idle_ttl_s", "command"), 4)
    ]


def test_keys_of_models_are_secrets_of_the_settings(files):
    settings = files.read(ADDRESSED + 'api_key = "sk-secret"\n[admin]\nkey = "own-secret-of-the-admin"')
    assert {secret.reveal() for secret in settings.secrets} == {"sk-secret", "own-secret-of-the-admin"}
    assert "secret" not in repr(settings).replace("Secret('[hidden]')", "")


# --- what is refused


def test_all_problems_of_all_tables_come_at_once(files):
    toml = (
        "local_models = 5\nremote_servers = [1]\n[pairs]\nx = 2\n[[llama_servers]]\n"
        'nmae = "x"\nchat_model_path = ""\nport = 70000\n'
    )
    assert files.problems(toml) == [
        "loro.toml:1: local_models is no array of tables, needs to be one: [[local_models]]",
        "loro.toml:2: remote_servers[0] is no table, needs to be one: [[remote_servers]]",
        "loro.toml:4: pairs.x is no table, needs to be one: [pairs.x]",
        "loro.toml:6: llama_servers[0].nmae is not a key of [[llama_servers]]; did you mean llama_servers[0].name?",
        "loro.toml:8: llama_servers[0].port is 70000, needs a whole number from 0 to 65535",
        "loro.toml:5: llama_servers[0].name is missing",
        "loro.toml:5: llama_servers[0].config_path is missing, a worker of kind llama-api-server needs it",
        "loro.toml:5: llama_servers[0] names no model's file",
    ]


@pytest.mark.parametrize(
    ("toml", "meant"),
    [
        ("[[local_model]]\nname = 'x'", "did you mean local_models?"),
        ("[[llama_server]]\nname = 'x'", "did you mean llama_servers?"),
        ("[pair.x]\nanswer = 'x'", "did you mean pairs?"),
        ("[[local_models]]\nmodel_pth = 'x'", "did you mean local_models[0].model_path?"),
        ("[[local_models]]\nmodel_path = 'x.gguf'\nworker = 'lama.cpp'", "did you mean llama.cpp?"),
        ("[[local_models]]\nmodel_path = 'x.gguf'\nkinds = ['chats']", "did you mean chat?"),
        ("[scheduler]\nmax_instance = 1", "did you mean scheduler.max_instances?"),
        ("[schedule]\nmax_instances = 1", "did you mean scheduler?"),
        ("[pairs.x]\nanswr = 'y'", "did you mean pairs.x.answer?"),
    ],
)
def test_what_is_no_key_is_told_with_what_was_meant(files, toml, meant):
    assert any(meant in problem for problem in files.problems(toml))


def test_a_misspelt_secret_is_not_shown(files):
    found = files.problems(ADDRESSED + 'api_kee = "sk-secret"\nenvironment = { KEY = 5, X = "sk-secret" }')
    assert "sk-secret" not in "\n".join(found)


# --- what holds for all models


def test_weights_of_ones_own_take_the_place_of_the_policy(files):
    assert files.read().scheduler.balance == "prefix"
    own = files.read("[scheduler]\nbalance_weights = { prefix = 2, busy = 1 }").scheduler
    assert (own.balance, own.balance_weights) == ("", {"prefix": 2, "busy": 1})
    both = files.read('[scheduler]\nbalance = "latency"\nbalance_weights = { busy = 1 }').scheduler
    assert both.balance == "latency", "what is wrong with having both, the policies tell"


@pytest.mark.parametrize("weights", ["{ busy = -1 }", "{ busy = true }", '{ busy = "1" }', "{ busy = 0 }", "5"])
def test_weights_that_are_none(files, weights):
    (problem,) = files.problems(f"[scheduler]\nbalance_weights = {weights}")
    assert "needs a table of numbers from 0 to 1000" in problem


def test_the_fleet_can_be_set_by_variables(files):
    settings = files.read(
        LORO_SCHEDULER_MEMORY="auto",
        LORO_SCHEDULER_MAX_INSTANCES="3",
        LORO_SCHEDULER_BALANCE_WEIGHTS='{"busy": 1}',
        LORO_ADMIN_KEY="sk-admin-of-sixteen",
        LORO_SERVER_GRPC_ADDR="[::1]:50051",
    )
    assert (settings.scheduler.memory, settings.scheduler.max_instances) == ("auto", 3)
    assert settings.scheduler.balance_weights == {"busy": 1}
    assert settings.admin.key.reveal() == "sk-admin-of-sixteen"
    assert settings.server.grpc_addr == ("::1", 50051)
    assert settings.sources["server.grpc_addr"].shown == '"[::1]:50051"'
    assert settings.sources["admin.key"].shown == "[hidden]"


def test_without_a_key_administration_is_closed(files):
    assert files.read().admin.key is None
    assert files.read('[admin]\nkey = "none"').admin.key is None
