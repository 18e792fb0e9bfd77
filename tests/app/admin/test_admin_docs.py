"""The manual has every path of the admin API, and its example has the fields of a real answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from loro_core.app.admin.pages import Admin, House
from loro_core.app.admin.registering import FIELDS
from loro_core.app.admin.standing import listing
from loro_core.app.admin.tables import model_table, total_line
from loro_core.app.config.settings import ModelSettings
from loro_core.models import InstanceState
from loro_core.runtime.http_service import Drain
from tests.app.admin.fakes import Gatehouse, two_models

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "http-api.md").read_text(encoding="utf-8")
ADMIN = TEXT.split("## The admin API\n")[1].split("\n## ")[0]


def test_every_path_has_a_heading_and_no_other_has():
    async def there(_) -> None:
        return None

    fleet = two_models()
    admin = Admin(None, House(fleet=fleet, drain=Drain(), reload=Gatehouse(fleet).reload), {}, there)
    paths = {**admin.table(), **admin.named()}
    served = {
        f"{method} {'/-/' if path == '/-' else path.replace('{name}', 'NAME')}"
        for path, methods in paths.items()
        for method in methods
    }
    assert set(re.findall(r"^### (\w+ /\S+)$", ADMIN, re.MULTILINE)) == served


def shape(value):
    """Return `value` with its keys alone."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_the_example_of_the_list_has_the_fields_of_a_real_one():
    (shown,) = re.findall(r"```json\n(.*?)```", ADMIN, re.DOTALL)
    fleet = two_models()
    fleet.instance("qwen", InstanceState.READY)
    real = listing(fleet.models()[:1], fleet.limits)
    assert shape(json.loads(shown)) == shape(real)


def test_the_table_in_the_manual_is_as_it_would_be_printed():
    """What differs from the example of the HTTP API is told here, model by model."""
    example = json.loads(re.findall(r"```json\n(.*?)```", ADMIN, re.DOTALL)[0])["models"][0]
    now, mib = 1_800_100_000.0, 1 << 20
    changes: list[dict[str, Any]] = [
        {"name": "qwen3-0.6b", "pinned": True, "memory_bytes": 900 * mib, "tokens_per_s": 184.0, "waiting": 0},
        {"state": "loading", "in_flight": 0, "slots": 0, "tokens_per_s": None, "since": now - 12},
        {
            "name": "mistral-nemo",
            "state": "failed",
            "in_flight": 0,
            "slots": 0,
            "memory_bytes": None,
            "tokens_per_s": None,
            "waiting": 0,
            "since": now - 8000,
            "reason": "exited with status 1, 5 times within 60 s\nerror: unable to load model",
        },
        {
            "name": "gpt-far",
            "in_flight": 9,
            "slots": 48,
            "memory_bytes": None,
            "tokens_per_s": 402.0,
            "waiting": 0,
            "since": now - 190,
            "url": "http://10.0.0.7:8080/v1",
        },
    ]
    printed = model_table([{**example, **change} for change in changes], now)
    total = total_line(
        {
            "processes": 2,
            "max_processes": 6,
            "in_flight": 12,
            "slots": 52,
            "waiting": 2,
            "memory_bytes": 7044 * mib,
            "memory_limit_bytes": 16384 * mib,
        }
    )
    assert f"models ls\n{printed}\n{total}" in (DOCS / "models" / "operations.md").read_text(encoding="utf-8")


def test_every_field_of_a_registration_stands_in_the_table():
    table = ADMIN.split("### POST /-/upstreams\n")[1].split("### ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert named == list(FIELDS)
    defaults = ModelSettings()
    assert (defaults.connect_timeout_s, defaults.first_token_timeout_s, defaults.idle_timeout_s) == (5, 30, 30)
