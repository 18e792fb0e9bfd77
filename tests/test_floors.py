"""The walls of the house: who may import whom (docs/architecture.md).

Imports under `if TYPE_CHECKING:` do not count; everything else does, at any depth of a function.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOTS = {"loro_core": ROOT, "providers": ROOT / "providers", "contrib": ROOT / "contrib"}

VOCABULARY = ("loro_core.chat", "loro_core.fleet", "loro_core.models", "loro_core.errors", "loro_core._version")
FACE = "loro_core"
CLOCKS_AND_CHANCE = ("time", "random", "logging", "socket")
IO_LIBRARIES = ("trio", "httpx", "httpcore")
# What makes values, and decodes nothing (docs/decisions/0010): not what `msgspec` stands for below.
VALUES = ("msgspec.Struct", "msgspec.field", "msgspec.structs")

# floor -> (what of ours it may import, what of the outside it must not import)
FLOORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "vocabulary": (VOCABULARY, (*IO_LIBRARIES, "h11", "msgspec", "pluggy", *CLOCKS_AND_CHANCE)),
    "wire": ((*VOCABULARY, "loro_core.wire"), (*IO_LIBRARIES, "pluggy", *CLOCKS_AND_CHANCE)),
    "decide": (
        (*VOCABULARY, "loro_core.decide"),
        (*IO_LIBRARIES, "h11", "msgspec", "pluggy", "time", "logging", "socket"),
    ),
    "plugin": (
        (*VOCABULARY, "loro_core.decide", "loro_core.plugin"),
        (*IO_LIBRARIES, "h11", "msgspec", "time", "socket"),
    ),
    "runtime": (
        (*VOCABULARY, "loro_core.wire", "loro_core.decide", "loro_core.plugin", "loro_core.runtime"),
        ("pluggy",),
    ),
    "testing": (
        (
            FACE,
            *VOCABULARY,
            "loro_core.wire",
            "loro_core.decide",
            "loro_core.plugin",
            "loro_core.runtime",
            "loro_core.testing",
        ),
        (),
    ),
    "app": (("loro_core",), ()),
    "main": (("loro_core.app.cli",), ()),
    "face": ((*VOCABULARY, "loro_core.plugin"), (*IO_LIBRARIES, "h11", "msgspec")),
}
PLUGIN_FACE = (
    FACE,
    "loro_core.wire.lines",
    "loro_core.wire.sse",
    "loro_core.wire.ndjson",
    "loro_core.wire.json_text",
    "loro_core.wire.refusal",
    "loro_core.testing",
)
EVERYWHERE_FORBIDDEN = ("asyncio", "anyio", "uvicorn", "starlette", "fastapi", "aiohttp", "requests", "flask")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "loro_core").rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path
    for root in ("providers", "contrib"):
        for path in sorted((ROOT / root).glob("loro_*/**/*.py")):
            yield ".".join(path.relative_to(ROOT / root).with_suffix("").parts).removesuffix(".__init__"), path
    for source in sorted((ROOT / "contrib" / "examples").glob("*/src")):
        for path in sorted(source.rglob("*.py")):
            yield ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"), path


ALL = list(modules())


def imports(path: Path, module: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything that `path` imports when it is run.

    `from a import b` gives "a.b" when a.b is a module of ours, else "a".
    """
    ours = {name for name, _ in ALL}

    def visit(node: ast.AST) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for statement in node.orelse:
                yield from visit(statement)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in VALUES:
                    continue
                yield node.lineno, full if full in ours else node.module
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")))


def floor_of(module: str) -> str:
    if module in VOCABULARY:
        return "vocabulary"
    if module == FACE:
        return "face"
    if module == "loro_core.__main__":
        return "main"
    match = re.match(r"loro_core\.(\w+)", module)
    assert match, module
    return match.group(1)


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    """Whether `name` is one of `prefixes` or inside one; the face admits only itself."""
    return any(name == p or (p != FACE and name.startswith(p + ".")) for p in prefixes)


@pytest.mark.parametrize(("module", "path"), [m for m in ALL if m[0].startswith("loro_core")], ids=str)
def test_core_module_stays_on_its_floor(module: str, path: Path) -> None:
    floor = floor_of(module)
    allowed, forbidden = FLOORS[floor]
    for line, name in imports(path, module):
        top = name.split(".")[0]
        if top == "loro_core":
            if floor != "app":
                assert within(name, allowed), f"{module}:{line}: {floor} may not import {name}"
            assert floor == "app" or floor == "main" or not name.startswith("loro_core.app"), f"{module}:{line}"
        assert not top.startswith("loro_") or top == "loro_core", f"{module}:{line}: the core imports plugin {name}"
        assert top not in EVERYWHERE_FORBIDDEN, f"{module}:{line}: {name}"
        if floor != "testing":
            assert top not in ("pytest", "hypothesis"), f"{module}:{line}: {name}"
        assert top not in forbidden, f"{module}:{line}: {floor} may not import {name}"


@pytest.mark.parametrize(("module", "path"), [m for m in ALL if not m[0].startswith("loro_core")], ids=str)
def test_plugin_sees_only_the_public_face(module: str, path: Path) -> None:
    own = module.split(".")[0]
    for line, name in imports(path, module):
        top = name.split(".")[0]
        if top == "loro_core":
            assert within(name, PLUGIN_FACE), f"{module}:{line}: a plugin may not import {name}"
        assert not top.startswith("loro_") or top in ("loro_core", own), (
            f"{module}:{line}: plugin imports plugin {name}"
        )
        assert top not in (*EVERYWHERE_FORBIDDEN, "httpx", "httpcore"), f"{module}:{line}: {name}"


def test_only_the_transport_for_http2_imports_httpx() -> None:
    importers = {module for module, path in ALL for _, name in imports(path, module) if name.split(".")[0] == "httpx"}
    assert importers == {"loro_core.runtime.http2_client"}


def test_only_config_reads_toml() -> None:
    readers = {module for module, path in ALL for _, name in imports(path, module) if name in ("tomllib", "tomli")}
    assert readers <= {"loro_core.app.config"}


def test_json_is_decoded_on_the_wire_floor_or_in_a_plugin() -> None:
    """`msgspec` or `json` in a decision or at a socket would mean raw payloads past `wire`."""
    for module, path in ALL:
        if module.startswith("loro_core.runtime") or module.startswith("loro_core.decide"):
            assert not [name for _, name in imports(path, module) if name.split(".")[0] in ("json", "msgspec")], module
