"""A key is in nothing that anybody reads: no repr, no problem, no table, no error on the way."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app import config
from loro_core.app.config.resolve import resolve
from loro_core.app.config.sources import Document, Variable, document_layer, unknown_variables, variables_layer
from loro_core.errors import ConfigError
from loro_core.fleet import Secret

KEY = "sk-7f3a9c"
WRONG_KEY = "sk-7f3a9c with a blank"


@pytest.mark.parametrize("where", ["environment", "dotenv", "file"])
def test_a_key_is_not_in_the_settings_repr_or_sources(tmp_path, where):
    environ = {"LARGE_MODEL_API_KEY": KEY} if where == "environment" else {}
    (tmp_path / ".env").write_text(f"LARGE_MODEL_API_KEY={KEY}" if where == "dotenv" else "")
    (tmp_path / "loro.toml").write_text(f"[models.large]\napi_key = '{KEY}'" if where == "file" else "")
    settings = config.load(environ=environ, directory=tmp_path)
    assert settings.large.api_key == Secret(KEY)
    assert KEY not in repr(settings)
    assert settings.sources["models.large.api_key"].shown == "[hidden]"


def test_what_looks_like_a_key_among_a_providers_options_is_not_shown(tmp_path):
    (tmp_path / ".env").touch()
    (tmp_path / "loro.toml").write_text(
        f"[models.large]\nprovider = 'x'\nname = 'y'\noptions = {{ access_token = '{KEY}', speed = 1 }}"
    )
    source = config.load(environ={}, directory=tmp_path).sources["models.large.options"]
    assert source.shown == '{"access_token": "[hidden]", "speed": 1}'


@pytest.mark.parametrize(
    ("environ", "dotenv", "toml"),
    [
        ({"LARGE_MODEL_API_KEY": WRONG_KEY}, "", ""),
        ({"LARGE_MODEL_BASE_URL": KEY}, "", ""),
        ({"LARGE_MODEL_BASE_URL": f"https://user:{KEY}@host"}, "", ""),
        ({"LARGE_MODEL_BASE_URL": f"https://host/v1?key={KEY}"}, "", ""),
        ({"LORO_LARGE_MODEL_API_KEY": KEY}, "", ""),
        ({"LORO_MODELS_LARGE_OPTIONS": KEY}, "", ""),
        ({}, f"LARGE_MODEL_API_KEY='{WRONG_KEY}'", ""),
        ({}, f"LARGE_MODEL_API_KEY {KEY}", ""),
        ({}, f"LARGE_MODEL_API_KEY='{KEY}", ""),
        ({}, f"LARGE_MODEL_API_KEY='{KEY}'x", ""),
        ({}, "", f"[models.large]\napi_key = '{WRONG_KEY}'"),
        ({}, "", f"[models.large]\napi_key = ['{KEY}']"),
        ({}, "", f"[models.large]\napi_keyy = '{KEY}'"),
        ({}, "", f"[models]\nlarge = '{KEY}'"),
        ({}, "", f"[models.large]\napi_key = '{KEY}"),
        ({}, "", f"[models.large]\noptions = '{KEY}'"),
    ],
)
def test_a_key_is_in_no_problem(tmp_path, environ, dotenv, toml):
    (tmp_path / ".env").write_text(dotenv)
    (tmp_path / "loro.toml").write_text(toml)
    with pytest.raises(ConfigError) as caught:
        config.load(environ=environ, directory=tmp_path)
    assert caught.value.problems
    assert KEY not in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


# With a beginning that no name of ours has.
keys = st.text(alphabet=st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=20).map(
    "sk-7f".__add__
)


@given(keys, st.booleans())
def test_no_key_whatever_it_is_made_of_is_in_anything_shown(key, in_file):
    variable = Variable(place="environment", name="LARGE_MODEL_API_KEY", text=key)
    document = Document(name="loro.toml", values={"models": {"large": {"api_key": key}}} if in_file else {}, lines={})
    layer = variables_layer([] if in_file else [variable])
    file, _ = document_layer(document)
    settings = resolve([layer], file)
    assert settings.large.api_key == Secret(key)
    for text in (repr(settings), repr(variable), repr(layer), repr(file), *unknown_variables([variable])):
        assert key not in text
