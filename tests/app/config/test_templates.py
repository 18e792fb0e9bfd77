"""The files that `init-config` and `--model-config` print: valid as they stand, and right in every commented line."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from loro_core.app.config.keys import keys_of
from loro_core.app.config.local_models import LocalModelSettings
from loro_core.app.config.settings import ARRAYS, NAMED, TABLES, all_keys
from loro_core.app.config.templates import MODEL_PATH, main_file, model_file

COMMENTED = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)
DIRECTORY = '[scheduler]\nconfig_dir = "models"\n'


def commented(text):
    """Return (name, the text with this line in force) for each key that stands in a comment."""
    for match in COMMENTED.finditer(text):
        name = text[match.end() :].split(" ", 1)[0]
        yield name, text[: match.start()] + text[match.end() :]


def test_the_file_of_a_model_loads_once_its_path_is_set(files):
    files.write("m.gguf", "x")
    files.write("models/m.toml", model_file().replace(MODEL_PATH, str(files.directory / "m.gguf")))
    with_all = files.model(DIRECTORY)
    files.write("models/m.toml", f'model_path = "{files.directory / "m.gguf"}"')
    assert with_all == files.model(DIRECTORY), "everything else is a default"


def test_the_file_of_a_model_has_every_key():
    said = set(re.findall(r"^#?([a-z_]+) = ", model_file(), re.MULTILINE))
    assert said == {key.name for key in keys_of("local_models", LocalModelSettings)}
    assert {"name", "model_path", "port", "ctx_size", "batch_size"} <= said


# Lines of the file of a model that belong to another worker than the one that it has as it stands.
OTHERS = ("model", "config_path", "embedding_model_path", "tts_model_path", "wasm_path")


@pytest.mark.parametrize("name", [name for name, _ in commented(model_file())])
def test_every_line_of_the_file_of_a_model_fits_its_key(files, name):
    files.write("models/m.toml", dict(commented(model_file()))[name])
    if name in OTHERS:
        (problem,) = files.problems(DIRECTORY)
        assert f": {name} says nothing to a worker of kind llama.cpp" in problem
    elif name == "base_url":
        (problem,) = files.problems(DIRECTORY)
        assert ": model_path says nothing to an address" in problem
    else:
        assert files.model(DIRECTORY).name == ("my-model" if name == "name" else "m")


def test_the_main_file_as_it_stands_changes_nothing(files):
    plain = files.read()
    with_file = files.read(main_file())
    assert replace(with_file, sources={}) == replace(plain, sources={})
    assert {source.where for source in with_file.sources.values()} <= {"default", "demo"}


def test_the_main_file_has_every_table_and_every_key_at_least_once():
    text = main_file()
    for header in (*(f"[{name}]" for name in TABLES), *(f"[[{name}]]" for name in ARRAYS), "[pairs.my-pair]"):
        assert re.search(rf"^#?{re.escape(header)}$", text, re.MULTILINE), header
    said = set(re.findall(r"^#?([a-z0-9_]+) = ", text, re.MULTILINE))
    several = (key for table, settings in (ARRAYS | NAMED).items() for key in keys_of(table, settings))
    assert {key.name for key in all_keys()} <= said
    assert {key.name for key in several if key.table != "local_models"} <= said


def test_every_table_of_the_main_file_is_right_with_all_its_lines_in_force(files):
    files.write("default.toml", '[server]\nsocket_addr = "127.0.0.1:8010"\n')
    head, *tables = re.split(r"^#?(?=\[)", main_file(), flags=re.MULTILINE)
    assert head.startswith("# loro's configuration")
    large = '[models.large]\napi_key = "none"\n'
    for table in tables:
        name = table.split("\n", 1)[0]
        text = COMMENTED.sub("", table)
        if name == "[server]":
            # It is short for two others that the table has, too.
            text = text.replace("http_addr =", "#http_addr =")
        elif name.startswith("[models.") and name != "[models.large]":
            text += large
        elif name == "[pairs.my-pair]":
            text += "".join(f'[[local_models]]\nmodel_path = "{model}.gguf"\n' for model in ("llama", "qwen"))
        assert files.read(text)
