from __future__ import annotations

import pytest

from loro_core.decide.launching import base_url_of, command_of, environment_of, inherited
from loro_core.models import Launch


@pytest.mark.parametrize(
    ("part", "filled"),
    [
        ("{port}", "81"),
        ("--port={port}", "--port=81"),
        ("{host}:{port}", "127.0.0.1:81"),
        ("{{port}}", "{port}"),
        ('{"a": 1}', '{"a": 1}'),
        ("{other}", "{other}"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_places_are_filled_anywhere_and_braces_stay(part, filled):
    launch = Launch(kind="command", command=("serve", part), environment={"A": part})
    assert command_of(launch, "127.0.0.1", 81) == ("serve", filled)
    assert environment_of(launch, "127.0.0.1", 81) == {"A": filled}


@pytest.mark.parametrize(
    ("path", "url"), [("/v1", "http://h:81/v1"), ("", "http://h:81"), ("api/v1/", "http://h:81/api/v1")]
)
def test_the_face_is_below_its_base_path(path, url):
    assert base_url_of(Launch(kind="command", command=("a",), base_path=path), "h", 81) == url


def test_a_server_inherits_all_but_the_keys():
    kept = {"PATH": "/bin", "HF_TOKEN": "t", "LORO_SERVER_PORT": "1", "LARGE_MODEL_NAME": "m", "OPENAI_API_KEY": "k"}
    keys = {
        "LARGE_MODEL_API_KEY": "k",
        "FALLBACK2_MODEL_API_KEY": "k",
        "LORO_ADMIN_KEY": "k",
        "LORO_MODELS_SMALL_API_KEY": "k",
    }
    assert inherited({**kept, **keys}) == kept
