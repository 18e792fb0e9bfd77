"""The public face, name by name. A name that is added here is a promise; one that is taken away breaks plugins."""

from __future__ import annotations

import ast
import importlib
import types
from pathlib import Path

import pytest

FACES = {
    "loro_core": [
        "Acknowledge",
        "Balancer",
        "Call",
        "Candidate",
        "ChatRequest",
        "Continues",
        "Delta",
        "Deployment",
        "Expectation",
        "JoinedText",
        "Json",
        "LastDeltas",
        "Leg",
        "Load",
        "LoroError",
        "Message",
        "Plan",
        "Policy",
        "Provider",
        "ProviderSettings",
        "ROLES",
        "Recogniser",
        "Role",
        "Scorer",
        "Secret",
        "Snapshot",
        "Ticket",
        "ToolCallDelta",
        "Turn",
        "TurnKind",
        "UpstreamClosed",
        "UpstreamError",
        "UpstreamHttp",
        "UpstreamProtocolError",
        "UpstreamResponse",
        "UpstreamStatus",
        "UpstreamTimeout",
        "UpstreamUnreachable",
        "Usage",
        "__version__",
        "hookimpl",
        "text_delta",
    ],
    "loro_core.wire.lines": ["LineDecoder", "WireFormatError"],
    "loro_core.wire.sse": [
        "DONE",
        "KEEP_ALIVE",
        "MAX_EVENT_BYTES",
        "SSEDecoder",
        "ServerSentEvent",
        "encode_comment",
        "encode_event",
    ],
    "loro_core.wire.ndjson": ["MAX_LINE_BYTES", "NdjsonDecoder", "encode_line"],
    "loro_core.wire.json_text": ["MAX_DEPTH", "decode_json", "encode_json"],
    "loro_core.wire.refusal": [
        "MAX_MESSAGE_CHARS",
        "MAX_REFUSAL_BYTES",
        "read_error",
        "read_refusal",
        "retry_after_s",
    ],
    "loro_core.testing": [
        "Ask",
        "CannotPlay",
        "Moment",
        "ProviderBench",
        "Record",
        "Script",
        "ScriptError",
        "ScriptedToolCall",
        "Stage",
        "Upstream",
        "UpstreamProcess",
        "ask_of",
        "check_balancer",
        "check_policy",
        "check_provider",
        "model_of",
        "ollama_bench",
        "open_upstream",
        "openai_bench",
        "options_of",
        "parse_model",
        "parse_script",
        "performance",
        "serve_upstream",
        "tokenise",
        "upstream_process",
    ],
}
EVERY_NAME = [(face, name) for face, names in FACES.items() for name in names]


def syntax(module: str) -> tuple[ast.Module, list[str]]:
    path = importlib.import_module(module).__file__
    assert path is not None
    source = Path(path).read_text(encoding="utf-8")
    return ast.parse(source), source.splitlines()


def documented(module: str) -> dict[str, str | None]:
    """Return what `module` defines at its top level, each with its docstring, or the comment above a constant."""
    tree, lines = syntax(module)
    found: dict[str, str | None] = {}
    for statement, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[statement.name] = ast.get_docstring(statement)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            text = after.value if isinstance(after, ast.Expr) else None
            below = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
            above = lines[statement.lineno - 2]
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                if isinstance(target, ast.Name):
                    found[target.id] = below or (above if above.startswith("# ") else None)
    return found


def public_names(face: str) -> list[str]:
    """Return `__all__`, or else what the module itself defines without an underscore."""
    listed = getattr(importlib.import_module(face), "__all__", None)
    return sorted(name for name in documented(face) if not name.startswith("_")) if listed is None else sorted(listed)


def docstring(face: str, name: str) -> str | None:
    """Return what is said of `name` where it is defined."""
    for statement in syntax(face)[0].body:
        if isinstance(statement, ast.ImportFrom) and name in [alias.name for alias in statement.names]:
            assert statement.module is not None
            value = getattr(importlib.import_module(face), name)
            return value.__doc__ if isinstance(value, types.ModuleType) else docstring(statement.module, name)
    return documented(face)[name]


@pytest.mark.parametrize("face", FACES)
def test_the_public_names_are_those_listed_here(face):
    assert public_names(face) == FACES[face]
    module = importlib.import_module(face)
    assert [name for name in FACES[face] if not hasattr(module, name)] == []


@pytest.mark.parametrize(("face", "name"), EVERY_NAME)
def test_every_public_name_says_what_it_is(face, name):
    said = docstring(face, name)
    assert said, f"{face}.{name} has no docstring"
    assert len(said) > 10


def test_a_public_name_is_the_thing_and_not_a_module_of_that_name():
    testing = importlib.import_module("loro_core.testing")
    modules = [name for name in FACES["loro_core.testing"] if isinstance(getattr(testing, name), types.ModuleType)]
    assert modules == ["performance"]
