"""The plugin pages name what there is, and their code runs. Other pages are held by the tests of what they describe."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from loro_core.decide import balance
from loro_core.plugin import api, hookspecs
from tests.building import EXAMPLE
from tests.documents import DOCS, anchors, blocks, headings, links, numbered_blocks, pages, tables
from tests.test_exports import FACES

PLUGINS = DOCS / "plugins"
TUTORIAL = PLUGINS / "tutorial.md"


def members(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


def asked_for(page: Path) -> list[str]:
    """Return the code with which the headings of `page` begin: "Provider.open(call)"."""
    return [found[1] for heading in headings(page) if (found := re.match(r"`([^`]+)`$", heading))]


def test_every_hook_has_a_heading_with_its_signature():
    hooks = {
        f"{name}({', '.join(hook.__code__.co_varnames[: hook.__code__.co_argcount])})"
        for name, hook in vars(hookspecs).items()
        if name.startswith("loro_")
    }
    assert set(asked_for(PLUGINS / "hooks.md")) == hooks
    assert len(blocks(PLUGINS / "hooks.md", "python")) == len(hooks), "each hook has an example"


@pytest.mark.parametrize(
    ("page", "protocols"),
    [
        (
            "provider.md",
            [
                api.Provider,
                api.ProviderSettings,
                api.Recogniser,
                api.Continues,
                api.Call,
                api.UpstreamHttp,
                api.UpstreamResponse,
            ],
        ),
        ("policy.md", [api.Policy]),
        ("balancer.md", [api.Balancer, api.Scorer]),
    ],
)
def test_every_member_of_a_protocol_has_a_heading(page, protocols):
    wanted = {f"{protocol.__name__}.{member}" for protocol in protocols for member in members(protocol)}
    assert {heading.partition("(")[0] for heading in asked_for(PLUGINS / page)} == wanted


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_has_a_line_in_the_reference(face):
    assert tables(PLUGINS / "reference.md")[face] == FACES[face]


def test_reference_has_no_other_section():
    assert set(tables(PLUGINS / "reference.md")) == set(FACES)


def test_the_page_on_balancers_has_a_row_for_each_of_loros_own_and_each_scorer():
    page = (PLUGINS / "balancer.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)`(?: \(default\))? \|", page, re.MULTILINE)
    named = [*balance.SCORERS, *balance.BUILT_IN]
    assert rows[-len(named) :] == named
    assert f"| `{balance.DEFAULT}` (default) |" in page


@pytest.fixture
def example_importable(monkeypatch):
    """What the pages tell the reader to copy or to install, as if that had been done."""
    for path in ("src", "tests"):
        monkeypatch.syspath_prepend(str(EXAMPLE / path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("loro_example", "line_bench"):
            del sys.modules[name]


def run_blocks(page: Path) -> types.ModuleType:
    """Return a module in which the page's Python blocks were run, in order."""
    module = types.ModuleType(page.stem)
    for line, block in numbered_blocks(page, "python"):
        code = compile("\n" * (line - 1) + block, str(page), "exec")  # so that a traceback names the page's line
        exec(code, module.__dict__)
    return module


@pytest.mark.usefixtures("example_importable")
def test_the_tutorials_code_runs():
    module = run_blocks(TUTORIAL)
    registered: list[object] = []
    module.loro_register_policies(registered.append)
    module.loro_register_providers(registered.append)
    module.loro_register_balancers(registered.append)
    assert [type(one).__name__ for one in registered] == ["LongQuestions", "EchoLines", "Fullest"]


@pytest.mark.usefixtures("example_importable")
@pytest.mark.parametrize("name", ["hooks.md", "provider.md", "balancer.md"])
def test_the_examples_in_the_contracts_run(name):
    run_blocks(PLUGINS / name)


def test_the_tutorial_begins_with_a_whole_plugin_of_a_dozen_lines():
    assert len([line for line in blocks(TUTORIAL, "python")[0].splitlines() if line.strip()]) <= 12
    assert len(blocks(TUTORIAL, "toml")[0].splitlines()) <= 5


RELATIVE = [(page, target) for page in pages() for target in links(page) if not urlsplit(target).scheme]


@pytest.mark.parametrize(("page", "target"), RELATIVE, ids=[f"{page.name}:{target}" for page, target in RELATIVE])
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = target.partition("#")
    linked = (page.parent / path).resolve() if path else page
    assert linked.exists(), f"{page}: no {target}"
    if anchor and linked.suffix == ".md":
        assert anchor in anchors(linked), f"{page}: {linked.name} has no heading for #{anchor}"


def test_there_are_links_to_look_at():
    assert len(RELATIVE) > 10
