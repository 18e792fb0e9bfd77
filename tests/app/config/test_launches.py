"""The commands of workers, word by word, and what stands for the names in them."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.config.launches import (
    FILLED_AT_START,
    WORKER_KINDS,
    fill_command,
    fill_words,
    shown_command,
)
from loro_core.app.config.local_models import WORKERS
from loro_core.errors import ConfigError
from loro_core.models import ModelKind


def started(command, port=9001, host="127.0.0.1"):
    """Return `command` as whoever starts the process fills it in (`loro_core.models.Launch`)."""
    return [word.format(port=port, host=host) for word in command]


def model_of(files, text):
    return files.model(f'[[local_models]]\nname = "m"\n{text}\n')


def test_every_worker_has_its_kind():
    assert tuple(WORKER_KINDS) == WORKERS


def test_llama_cpp_is_our_launcher(files):
    model = model_of(
        files,
        'model_path = "/a.gguf"\nkinds = ["chat", "embedding"]\nctx_size = 4096\nslots = 2\nthreads = 3\n'
        'gpu_layers = 99\nbatch_size = 256\nargs = "--mlock"',
    )
    assert started(model.launch.command) == [
        *(sys.executable, "-m", "loro_llamacpp", "--model", "/a.gguf", "--port", "9001", "--host", "127.0.0.1"),
        *("--alias", "m", "--ctx-size", "4096", "--parallel", "2", "--embedding", "--threads", "3"),
        *("--gpu-layers", "99", "--batch-size", "256", "--mlock"),
    ]
    assert (model.launch.health_path, model.launch.base_path, model.launch.port) == ("/health", "/v1", 0)
    assert model.context_tokens == 4096


def test_llama_server_is_told_only_what_is_said(files):
    model = model_of(files, 'model_path = "/a.gguf"\nworker = "llama-server"')
    assert started(model.launch.command) == [
        *("llama-server", "--model", "/a.gguf", "--alias", "m", "--host", "127.0.0.1", "--port", "9001"),
        *("--parallel", "4"),
    ]
    sized = model_of(files, 'model_path = "/a.gguf"\nworker = "llama-server"\nctx_size = 4096\nslots = 2')
    assert started(sized.launch.command)[-4:] == ["--ctx-size", "8192", "--parallel", "2"], "it shares its context out"
    assert sized.context_tokens == 4096, "what one call has, not all slots together"
    both = model_of(files, 'model_path = "/a.gguf"\nworker = "llama-server"\nkinds = ["chat", "embedding"]')
    assert started(both.launch.command)[-3:] == ["--embedding", "--pooling", "mean"]
    one = model_of(files, 'model_path = "/a.gguf"\nworker = "llama-server"\nkinds = ["embedding"]')
    assert started(one.launch.command)[-1] == "--embedding", "an embedding model knows its own pooling"


def test_vllm(files):
    model = model_of(files, 'worker = "vllm"\nmodel = "Qwen/Qwen3-8B"\nctx_size = 8192')
    assert started(model.launch.command) == [
        *("vllm", "serve", "Qwen/Qwen3-8B", "--host", "127.0.0.1", "--port", "9001", "--served-model-name", "m"),
        *("--max-model-len", "8192", "--max-num-seqs", "64"),
    ]
    assert model.deployment.model == "m"


def test_ollama(files):
    model = model_of(files, 'worker = "ollama"\nmodel = "qwen3:0.6b"\nslots = 2')
    assert model.launch.command == ("ollama", "serve")
    assert model.launch.environment == {
        "OLLAMA_HOST": "{host}:{port}",
        "OLLAMA_NUM_PARALLEL": "2",
        "OLLAMA_KEEP_ALIVE": "-1",
    }
    assert (model.launch.base_path, model.launch.health_path) == ("", "/api/version")
    assert (model.deployment.provider, model.deployment.model) == ("ollama", "qwen3:0.6b")


def test_a_command_of_ones_own(files):
    model = model_of(
        files,
        """command = 'serve --at {host}:{port} "{name} {model}" --json {"a":{}} {{x}} --ctx={ctx_size}'
ctx_size = 2048
model = "upstream/name"
directory = "srv"
environment = { A = "{B} {host}", C = "{ctx_size}" }
health_path = "/ready"
base_path = "/"
slots = 3""",
    )
    assert started(model.launch.command) == [
        *("serve", "--at", "127.0.0.1:9001", "m upstream/name", "--json", "{a:{}}", "{{x}}", "--ctx=2048")
    ]
    assert (model.launch.kind, model.launch.environment, model.slots) == (
        "command",
        {"A": "{{B}} {host}", "C": "2048"},
        3,
    )
    assert model.launch.directory == str(files.directory / "srv")
    assert (model.launch.health_path, model.launch.base_path) == ("/ready", "")
    assert model.deployment.model == "upstream/name"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('command = ""', "model_path is missing, a worker of kind llama.cpp needs it"),
        ('command = "serve"', "names no {port}, and port is not set"),
        ('command = "serve {prot}"', "names {prot}, which stands for nothing; did you mean {port}?"),
        ('command = "serve {port} {when_chat}"', "names {when_chat}, which stands for nothing"),
        ('command = "serve {port} {model_path}"', "names {model_path}, but model_path is not set"),
        ("command = 'serve \"{port}'", "it has no closing quotation"),
        ("command = [1]", "needs a list of texts"),
        ('command = ["", "{port}"]', "needs a list of texts"),
        ('worker = "command"', "command is missing, a worker of kind command needs it"),
        ('worker = "vllm"', "model is missing, a worker of kind vllm needs it"),
        ('worker = "ollama"\nmodel = "x"\ngpu_layers = 3', "gpu_layers says nothing to a worker of kind ollama"),
        ('worker = "vllm"\nmodel = "x"\nmodel_path = "x.gguf"', "model_path says nothing to a worker of kind vllm"),
        ('model_path = "a.gguf"\nkinds = ["speech"]', 'kinds has "speech", which a worker of kind llama.cpp does not'),
        ('model_path = "a.gguf"\nargs = "{prot}"', "args names {prot}"),
        ('model_path = "a.gguf"\nenvironment = { A = "{prot}" }', "environment names {prot}"),
    ],
)
def test_commands_that_cannot_be(files, text, said):
    found = files.problems(f'[[local_models]]\nname = "m"\n{text}\n')
    assert any(said in problem for problem in found), found


def test_a_port_may_be_told_by_a_variable(files):
    model = model_of(files, 'command = "serve"\nenvironment = { PORT = "{port}" }')
    assert model.launch.environment == {"PORT": "{port}"}


def test_a_command_with_a_port_of_its_own_need_not_name_it(files):
    assert model_of(files, 'command = "serve"\nport = 9001').launch.port == 9001


# --- the older system's

README = """
remote_servers = []  # Remote server list

[server]
grpc_addr = "0.0.0.0:50051"  # gRPC service address
http_addr = "0.0.0.0:8080"  # HTTP service address

[scheduler]
config_dir = "/etc/assistant/models"  # Model configuration directory
max_instances = 10  # Maximum number of instances
max_load = 0.800000011920929  # Maximum load

[[llama_servers]]
name = "default"  # Model name
chat_model_path = "/home/hu/code/assistant/models/qwen1_5-0_5b-chat-q2_k.gguf"  # Chat model path
embedding_model_path = ""  # Embedding model path
tts_model_path = ""  # TTS model path
port = 8000  # Service port
config_path = "CONFIG"  # Configuration file path
"""
CHAT = "default:GGML:AUTO:/home/hu/code/assistant/models/qwen1_5-0_5b-chat-q2_k.gguf"
WASM = "/etc/assistant/bin/llama-api-server.wasm"


def readme(files, socket_addr="127.0.0.1:8000", more=""):
    path = files.write("own/default.toml", f'[server]\nsocket_addr = "{socket_addr}"\n{more}')
    return README.replace("CONFIG", str(path))


def test_the_older_system_s_file_is_taken_as_it_is_meant(files):
    settings = files.read(readme(files, more='[chat]\nmodel_name = "qwen"\nctx_size = 4096\n'))
    (model,) = settings.models
    assert model.launch.command == (
        *("wasmedge", "--dir", ".:.", "--nn-preload", CHAT),
        *(WASM, "config", "--file", "default.toml", "--chat"),
    )
    assert model.launch.directory == str(files.directory / "own")
    assert (model.launch.port, model.launch.health_path, model.slots) == (8000, "/v1/models", 1)
    assert (model.name, model.deployment.model, model.context_tokens) == ("default", "qwen", 4096)
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 8080)
    assert settings.server.grpc_addr == ("0.0.0.0", 50051)
    assert (settings.scheduler.max_instances, settings.scheduler.max_load) == (10, 0.800000011920929)
    assert settings.remotes == ()
    assert settings.large.model == "default", "it is the default pair's"


def test_all_three_models_of_an_older_server_in_the_order_of_its_command(files):
    toml = readme(files).replace('embedding_model_path = ""', 'embedding_model_path = "/e.gguf"')
    (model,) = files.read(toml.replace('tts_model_path = ""', 'tts_model_path = "/t.gguf"')).models
    assert model.launch.command == (
        *("wasmedge", "--dir", ".:.", "--nn-preload", CHAT),
        *("--nn-preload", "embedding:GGML:AUTO:/e.gguf", "--nn-preload", "tts:GGML:AUTO:/t.gguf"),
        *(WASM, "config", "--file", "default.toml", "--chat", "--embedding", "--tts"),
    )
    assert model.kinds == set(ModelKind)


def test_what_an_older_server_cannot_do_without(files):
    toml = readme(files)
    own = files.directory / "own/default.toml"
    assert files.problems(toml.replace("port = 8000", "port = 8001")) == [
        "loro.toml:18: llama_servers[0].port is 8001, but own/default.toml:2 has it listen at 8000; keep one"
    ]
    (problem,) = files.problems(toml.replace(str(own), ""))
    assert problem == (
        "loro.toml:13: llama_servers[0].config_path is missing, a worker of kind llama-api-server needs it"
    )
    (problem,) = files.problems(toml.replace(str(own), "gone.toml"))
    assert problem == (
        "loro.toml:19: llama_servers[0].config_path: gone.toml: cannot be read: No such file or directory"
    )
    assert files.problems(readme(files, "10.0.0.1:8000"))[0].startswith(
        'own/default.toml:2: server.socket_addr is "10.0.0.1:8000", needs to be reachable at 127.0.0.1'
    )
    files.write("own/default.toml", "[chat]\nmodel_name = 'x'\n")
    assert files.problems(toml) == [
        "own/default.toml: server.socket_addr is missing, needs HOST:PORT, like 127.0.0.1:8010"
    ]


def test_the_default_file_of_the_older_system_names_no_model(files):
    toml = readme(files).replace("/home/hu/code/assistant/models/qwen1_5-0_5b-chat-q2_k.gguf", "")
    assert files.problems(toml) == ["loro.toml:13: llama_servers[0] names no model's file"]


def test_remote_servers_are_judged(files):
    toml = '[[remote_servers]]\nname = "a"\ngrpc_addr = "10.0.0.2:50051"\nweight = 2\nenabled = false\n'
    (remote,) = files.read(toml).remotes
    assert (remote.name, remote.grpc_addr, remote.weight, remote.enabled) == ("a", ("10.0.0.2", 50051), 2, False)
    assert files.problems(f'{toml}[[remote_servers]]\nname = "a"\nweight = 0\n') == [
        "loro.toml:8: remote_servers[1].weight is 0, needs a whole number from 1 to 1000",
        "loro.toml:6: remote_servers[1].grpc_addr is missing",
        'loro.toml:7: remote_servers[1].name is "a", which is taken already (loro.toml:2)',
    ]


# --- laws of filling in

words = st.text(alphabet='{}ab_"\\ ', max_size=20)


@given(st.lists(words, max_size=4))
def test_an_operator_s_words_arrive_as_they_were_written(said):
    names = {"a": "{1}", "b": None}
    try:
        filled = fill_words(said, names)
    except ConfigError:
        return
    # Where a brace stands beside another, nothing is a name: who writes {{a}} means it.
    assert started(filled) == [re.sub(r"(?<!\{)\{a\}(?!\})", "{1}", word) for word in said]


@given(st.text(max_size=20))
def test_a_value_is_never_read_as_a_name(value):
    filled = fill_command(["{model_path}", ("--ctx", "{ctx_size}"), "{port}"], {"model_path": value, "ctx_size": None})
    assert started(filled) == [value, "9001"]


@pytest.mark.parametrize("kind", WORKER_KINDS)
def test_every_name_in_a_command_is_one(files, kind):
    """Filling in raises KeyError for a name that stands for nothing."""
    own = files.write("own.toml", '[server]\nsocket_addr = "127.0.0.1:8010"\n')
    values = {"model_path": "a.gguf", "model": "m", "command": "x {port}", "config_path": own.name}
    needs = {
        name: values[name] for name in ("model_path", *WORKER_KINDS[kind].needs) if name in WORKER_KINDS[kind].takes
    }
    text = "\n".join(f'{name} = "{value}"' for name, value in needs.items())
    command = model_of(files, f'worker = "{kind}"\n{text}').launch.command
    assert command
    assert not any("{" in word for word in started(command))
    assert FILLED_AT_START == ("port", "host")


def test_a_command_is_shown_without_secrets():
    command = (
        "serve",
        "--api-key",
        "sk-1",
        "--token=sk-2",
        "API_KEY=sk-3",
        "--max-num-batched-tokens",
        "5",
        "a b",
        "{port}",
    )
    shown = shown_command(command)
    assert "sk-" not in shown
    assert shown.endswith('--max-num-batched-tokens 5 "a b" {port}')
