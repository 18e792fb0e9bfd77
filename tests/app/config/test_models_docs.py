"""docs/models/configuration.md says what the code does: its examples load, its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loro_core.app.config.launches import WORKER_KINDS
from loro_core.app.config.settings import ARRAYS, NAMED
from tests.documents import blocks

PAGE = Path(__file__).parents[3] / "docs/models/configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = blocks(PAGE, "toml")
WHOLE = [example for example in EXAMPLES if not example.startswith("# models/")]


@pytest.fixture
def read(files):
    files.write("default.toml", '[server]\nsocket_addr = "127.0.0.1:8010"\n')
    return files.read


@pytest.mark.parametrize("example", WHOLE, ids=lambda example: example.split("\n", 1)[0])
def test_every_example_is_a_whole_file(read, example):
    settings = read(example)
    assert settings.models or settings.scheduler.config_dir


def test_the_example_of_a_model_s_file_is_one(files):
    (own,) = set(EXAMPLES) - set(WHOLE)
    files.write("models/qwen.toml", own)
    model = files.model('[scheduler]\nconfig_dir = "models"\n')
    assert (model.name, model.launch.port, model.launch.environment) == ("qwen", 9001, {"OMP_NUM_THREADS": "4"})
    assert model.source == "models/qwen.toml"


def test_the_example_of_workers_amounts_to_what_it_says(read):
    (example,) = [one for one in WHOLE if 'worker = "vllm"' in one]
    models = {model.name: model for model in read(example).models}
    assert {name: None if model.launch is None else model.launch.kind for name, model in models.items()} == {
        "qwen3-here": "vllm",
        "gemma": "ollama",
        "bge": "llama-server",
        "voice": "command",
        "cloud": None,
    }
    command = models["voice"].launch.command
    assert command == ("my-tts", "--listen", "{host}:{port}", "--voice", "Anna B", "--json", '{{"rate": 22050}}')
    assert models["voice"].launch.environment == {"TTS_THREADS": "4"}


def test_the_table_of_workers_is_the_code_s():
    rows = re.findall(r"^\| `([a-z.-]+)` \| .* \| ([0-9]+) \|$", TEXT, re.MULTILINE)
    assert rows == [(name, str(kind.slots)) for name, kind in WORKER_KINDS.items()]


def test_every_table_of_which_there_may_be_several_has_an_example():
    for table in ARRAYS:
        assert any(f"[[{table}]]" in example or f"{table} = []" in example for example in WHOLE), table
    for table in NAMED:
        assert any(f"[{table}." in example for example in WHOLE), table
