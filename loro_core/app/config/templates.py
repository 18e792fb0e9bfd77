"""Configuration files to begin with: every key with what it says and its default, in a comment.

Both are valid as they stand. The file of a model wants the path of that model, the main one nothing.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from loro_core.app.config.keys import Key, keys_of
from loro_core.app.config.kinds_models import NONE
from loro_core.app.config.local_models import LocalModelSettings
from loro_core.app.config.settings import ARRAYS, NAMED, TABLES, all_keys

WIDTH = 110

MODEL_PATH = "/path/to/model.gguf"

MODEL_TABLES = ("models.small", "models.large", "models.fallback", "models.fallback2")
_WHICH_MODEL = ("provider", "base_url", "name", "api_key")
_FIRST_KEYS = ("name", "aliases", "kinds", "worker", "model_path", "ctx_size", "slots", "max_instances")

# What stands in a comment for a key that has no default of its own.
_EXAMPLES: Mapping[str, Any] = {
    "acknowledge": "qwen",
    "admin.key": "some-long-random-text",
    "api_key": "sk-...",
    "base_url": "http://127.0.0.1:11434",
    "client": "pipecat",
    "local_models.base_url": "http://127.0.0.1:8081/v1",
    "command": "my-server --port {port}",
    "config_dir": "models",
    "config_path": "default.toml",
    "directory": "/srv/models",
    "embedding_model_path": "embedding.gguf",
    "environment": {"OMP_NUM_THREADS": "4"},
    "grpc_addr": "0.0.0.0:50051",
    "http_addr": "0.0.0.0:8000",
    "answer": "llama",
    "chat_model_path": "chat.gguf",
    "health_path": "/health",
    "base_path": "/v1",
    "ctx_size": 4096,
    "batch_size": 512,
    "threads": 4,
    "gpu_layers": 99,
    "slots": 4,
    "local_models.memory": "4GiB",
    "name": "my-model",
    "model_path": MODEL_PATH,
    "model": "Qwen/Qwen3-8B",
    "worker": "llama.cpp",
    "pinned": False,
    "policy": "adaptive",
    "provider": "openai",
    "tts_model_path": "speech.gguf",
    "unknown_model": "refuse",
    "words_prompt": "Say only a few words that show you are listening.",
    "words_deadline_s": 5.0,
    "quick_deadline_s": 0.18,
    "slack_s": 0.3,
    "floor_s": 0.0,
    "first_turn": True,
    "apology": "Sorry, I lost my thread.",
    "balance_weights": {"prefix": 2, "busy": 1},
}


def model_file() -> str:
    """Return a file that configures one model, for `[scheduler] config_dir`."""
    lines = [
        "# A model that loro serves: one such file for each, in the directory that [scheduler] config_dir names.",
        "# Set model_path; the rest may stay as it is: lines that begin with #KEY show defaults or examples.",
        "# A relative path begins where this file is. A [[local_models]] table of the main file takes the same keys.",
        "",
    ]
    for key in keys_of("local_models", LocalModelSettings):
        lines += _row(key, active=key.name == "model_path")
    return "\n".join(lines).rstrip() + "\n"


def main_file() -> str:
    """Return a main configuration file; as it stands it changes nothing."""
    lines = [
        "# loro's configuration. As it stands it changes nothing: lines that begin with #KEY or #[TABLE] show defaults",
        "# or examples. What it says is overridden by environment variables and the command line.",
        "# `python -m loro_core check-config` shows what is in force.",
        "",
    ]
    seen: dict[type, str] = {}
    for table, settings in TABLES.items():
        shown = [key for key in all_keys() if key.table == table]
        # A table that is there for others to build on is one that a model is configured by.
        like = next((name for other, name in seen.items() if issubclass(settings, other)), None)
        lines += _head(settings, f"[{table}]", active=table not in MODEL_TABLES)
        if like is not None:
            lines += [f"# It takes the keys of [{like}].", ""]
            shown = [key for key in shown if key.name in _WHICH_MODEL]
        for key in shown:
            lines += _row(key)
        seen.setdefault(settings, table)
    for table, settings in ARRAYS.items():
        lines += _head(settings, f"[[{table}]]")
        shown = list(keys_of(table, settings))
        if settings is LocalModelSettings:
            lines += ["# It takes more keys: those of the file that `python -m loro_core --model-config` prints.", ""]
            shown = [key for key in shown if key.name in _FIRST_KEYS]
        for key in shown:
            lines += _row(key)
    for table, settings in NAMED.items():
        lines += _head(settings, f"[{table}.my-pair]")
        for key in keys_of(table, settings):
            lines += _row(key)
    return "\n".join(lines).rstrip() + "\n"


def _head(settings: type, header: str, *, active: bool = False) -> list[str]:
    (first, *_) = (settings.__doc__ or "").split("\n")
    title = first.rstrip(".").replace("`", "").partition(": ")[2] or first.rstrip(".").replace("`", "")
    return ["", f"# --- {title}", "", f"{'' if active else '#'}{header}", ""]


def _row(key: Key, *, active: bool = False) -> list[str]:
    """Return the lines of `key`: what it says, what it takes, what is so without it, and the key with a value."""
    value = _shown(key)
    lines = [*_wrapped(key.row.doc, ""), *_wrapped(f"takes {key.kind.wants}", "  ")]
    if key.row.shown_default:
        lines += _wrapped(f"default: {key.row.shown_default}", "  ")
    return [*lines, f"{'' if active else '#'}{key.name} = {_toml(value)}", ""]


def _wrapped(text: str, indent: str) -> list[str]:
    begin = f"# {indent}"
    return textwrap.wrap(
        text.replace("`", ""),
        WIDTH,
        initial_indent=begin,
        subsequent_indent=begin + "  " * bool(indent),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _shown(key: Key) -> Any:
    """Return what stands in the comment: the default, or an example where there is none to write."""
    if key.default not in (None, (), {}):
        return key.default
    for name in (key.path, key.name):
        if name in _EXAMPLES:
            return _EXAMPLES[name]
    return (getattr(key.kind, "off", None) or NONE) if key.default is None else key.default


def _toml(value: Any) -> str:
    """Return `value` as TOML spells it, on one line."""
    if isinstance(value, Mapping):
        members = ", ".join(f"{json.dumps(name)} = {_toml(member)}" for name, member in value.items())
        return f"{{ {members} }}" if members else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
