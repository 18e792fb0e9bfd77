"""What is not there of what models need is told, and stops nothing."""

from __future__ import annotations

import pytest

from loro_core.app.config import missing


@pytest.fixture
def told(files):
    def told(text):
        return [one.replace(str(files.directory), ".") for one in files.read(f"[[local_models]]\n{text}\n").warnings]

    return told


@pytest.fixture
def all_there(files, monkeypatch):
    """All programs that workers need, as empty files on the PATH, and our launcher."""
    for name in ("env", "llama-server", "ollama", "vllm", "wasmedge"):
        files.write(f"bin/{name}", "#!/bin/sh\n").chmod(0o755)
    monkeypatch.setenv("PATH", str(files.directory / "bin"))
    monkeypatch.setattr(missing, "find_spec", lambda name: object())


@pytest.mark.usefixtures("all_there")
def test_nothing_is_said_where_all_is_there(files, told):
    files.write("a.gguf", "x")
    files.write("a.wasm", "x")
    files.write("own.toml", '[server]\nsocket_addr = "127.0.0.1:8010"\n')
    assert told('model_path = "a.gguf"') == []
    assert told('model_path = "a.gguf"\nworker = "llama-server"') == []
    assert told('name = "o"\nworker = "ollama"\nmodel = "x"') == []
    assert told('name = "v"\nworker = "vllm"\nmodel = "x"') == []
    own = 'worker = "llama-api-server"\nmodel_path = "a.gguf"\nconfig_path = "own.toml"\nwasm_path = "a.wasm"'
    assert told(own) == []
    assert told('name = "a"\nbase_url = "http://127.0.0.1:9"') == []


@pytest.mark.usefixtures("all_there")
def test_files_that_are_not_there(files, told):
    files.write("qwen2.gguf", "x")
    assert told('model_path = "qwen.gguf"') == [
        "loro.toml:2: local_models[0].model_path names a file that is not there: ./qwen.gguf; did you mean qwen2.gguf?"
    ]
    assert told('model_path = "none/qwen.gguf"') == [
        "loro.toml:2: local_models[0].model_path names a file that is not there: ./none/qwen.gguf"
    ]


def test_programs_that_are_not_there(files, told, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(missing, "find_spec", lambda name: None)
    files.write("a.gguf", "x")
    assert told('model_path = "a.gguf"') == [
        "loro.toml:1: model a: loro_llamacpp or its llama.cpp is not installed: pip install 'loro-core[llamacpp]'"
    ]
    assert told('name = "v"\nworker = "vllm"\nmodel = "x"') == [
        "loro.toml:3: model v: its program vllm is not on the PATH"
    ]
    assert told('name = "o"\nworker = "ollama"\nmodel = "x"') == [
        "loro.toml:3: model o: its program ollama is not on the PATH"
    ]
    assert told('name = "c"\ncommand = "./serve {port}"\ndirectory = "none"') == [
        "loro.toml:1: model c: its program ./serve is not there, or cannot be run",
        "loro.toml:1: model c: there is no directory ./none to start it in",
    ]


def test_a_program_is_looked_for_where_its_process_would(files, told):
    files.write("bin/serve", "#!/bin/sh\n").chmod(0o755)
    assert told(f'name = "c"\ncommand = "serve {{port}}"\nenvironment = {{ PATH = "{files.directory / "bin"}" }}') == []
    assert told('name = "c"\ncommand = "./serve {port}"\ndirectory = "bin"') == []
    assert told('name = "c"\ncommand = "serve {port}"') == [
        "loro.toml:1: model c: its program serve is not on the PATH"
    ]
