"""Plugins as their authors ship them: wheels beside loro's own, in an environment that has never seen the sources.

Three are installed: the example of contrib/, the tutorial's first one as it is printed there, and one that does not
import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from loro_core import __version__
from tests.building import build_wheel, copy_of_example, copy_of_loro, package
from tests.documents import DOCS, blocks
from tests.e2e.environment import Environment, fresh_environment
from tests.e2e.gateway import gateway
from tests.e2e.line_service import LineService, line_service

# Three wheels are built and a fresh environment is made: ten seconds.
pytestmark = pytest.mark.slow

SHORT = "Is it late?"
LONG = "Tell me please why the sky over the sea is so very blue on a summer evening"
ASK = {"model": "loro", "stream": True, "stream_options": {"include_usage": True}}

BROKEN = {
    "pyproject.toml": """\
[project]
name = "loro-broken"
version = "3.1"
[project.entry-points.loro]
broken = "loro_broken"
""",
    "loro_broken.py": "import a_library_that_nobody_has\n",
}

LIST_PLUGINS = """\
import json, loro_core
from loro_core.plugin.registry import load_plugins
registry = load_plugins()
print(json.dumps({
    "file": loro_core.__file__,
    "plugins": [[p.name, p.distribution, p.version, p.providers, p.policies, p.balancers] for p in registry.plugins],
    "broken": [str(error) for error in registry.broken],
}))
"""


def tutorials_first_plugin() -> dict[str, str]:
    tutorial = DOCS / "plugins" / "tutorial.md"
    renamed = blocks(tutorial, "python")[0].replace('"long-questions"', '"long-questions-of-the-tutorial"')
    return {"long_questions.py": renamed, "pyproject.toml": blocks(tutorial, "toml")[0]}


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Environment:
    at = tmp_path_factory.mktemp("stranger")
    sources = (
        copy_of_loro(at / "loro"),
        copy_of_example(at / "example"),
        package(at / "first", tutorials_first_plugin()),
        package(at / "broken", BROKEN),
    )
    with ThreadPoolExecutor(max_workers=len(sources)) as builders:
        return fresh_environment(at, list(builders.map(build_wheel, sources)))


@pytest.fixture(scope="module")
def service() -> Iterator[LineService]:
    with line_service() as running:
        yield running


def test_they_are_found_with_their_distributions_and_the_broken_one_is_named(environment):
    found = json.loads(environment.run("python", "-c", LIST_PLUGINS))
    assert found["file"].startswith(str(environment.site))
    plugins = {name: rest for name, *rest in found["plugins"]}
    assert plugins["example"] == ["loro-example-plugin", "0.1.0", ["echo-lines"], ["long-questions"], ["fullest"]]
    assert plugins["long_questions"] == ["loro-long-questions", "0.1", [], ["long-questions-of-the-tutorial"], []]
    assert plugins["loro_openai"] == ["loro-core", __version__, ["openai"], [], []]
    (broken,) = found["broken"]
    assert "'broken' (loro-broken 3.1)" in broken
    assert "a_library_that_nobody_has" in broken


def test_the_command_line_lists_them(environment):
    listed = environment.run("loro", "plugins", status=1)
    assert "echo-lines" in listed
    assert "loro-example-plugin 0.1.0" in listed
    assert "broken: plugin 'broken' (loro-broken 3.1)" in listed
    assert "broken" not in environment.run("loro", "plugins", LORO_PLUGINS_DISABLED="broken")


def test_a_module_is_tried_out_where_it_stands(environment, tmp_path):
    (tmp_path / "tried_out.py").write_text(tutorials_first_plugin()["long_questions.py"].replace("tutorial", "author"))
    arguments = ("plugins", "--plugin", "tried_out")
    listed = environment.run("python", "-m", "loro_core", *arguments, cwd=tmp_path, LORO_PLUGINS_DISABLED="broken")
    assert re.search(r"policy +long-questions-of-the-author +by tried_out", listed)


def test_nothing_is_missing_that_they_need(environment):
    assert "No broken requirements" in environment.run("python", "-m", "pip", "check")


def test_the_examples_own_tests_pass_where_it_is_installed(environment, tmp_path):
    copy = copy_of_example(tmp_path / "example")
    (copy / "src").rename(copy / "not-to-be-imported")
    said = environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=copy)
    assert " passed" in said
    assert "failed" not in said


def serve(environment: Environment, **settings: str):
    """Start loro there. The upstream is asked once only: the tests' own patience is not what is tested."""
    return gateway(python=str(environment.python), LARGE_MODEL_NAME="parrot one", MAX_RETRIES="0", **settings)


def said(url: str, text: str, **headers: str) -> tuple[str, httpx.Response, dict[str, int]]:
    """Return the text of a streamed reply, its response and the usage it told."""
    body = {**ASK, "messages": [{"role": "user", "content": text}]}
    response = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=10.0)
    assert response.status_code == 200, response.text
    assert response.text.endswith("data: [DONE]\n\n")
    chunks = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    words = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    return "".join(words), response, chunks[-1]["usage"]


def test_requests_are_served_through_them(environment, service):
    settings = {
        "LARGE_MODEL_PROVIDER": "echo-lines",
        "LARGE_MODEL_BASE_URL": service.url,
        "LORO_REPLY_POLICY": "long-questions",
    }
    with serve(environment, **settings) as loro:
        text, response, usage = said(loro.url, SHORT)
        assert text == SHORT
        assert response.headers["x-loro-policy"] == "long-questions"
        assert usage["total_tokens"] == 6
        assert service.heard[-1] == ("/say?model=parrot%20one", SHORT)

        service.thinks_s = 0.3  # an answer that is there at once needs no acknowledgement
        text, _, _ = said(loro.url, LONG)
        service.thinks_s = 0.0
        assert text.endswith(LONG)
        assert text != LONG, "a long question was not acknowledged"

        text, response, _ = said(loro.url, LONG, **{"x-loro-policy": "direct"})
        assert text == LONG

        body = {"model": "loro", "messages": [{"role": "user", "content": "Fail, please"}]}
        response = httpx.post(f"{loro.url}/v1/chat/completions", json=body, timeout=10.0)
        assert response.status_code == 503
        assert response.json()["error"]["message"] == "out of breath"
    skipped = [line for line in loro.lines if "plugin.skipped" in line]
    assert len(skipped) == 1
    assert "loro-broken 3.1" in skipped[0]


def test_its_service_is_recognised_where_no_provider_is_named(environment, service):
    with serve(environment, LARGE_MODEL_BASE_URL=service.url, LARGE_MODEL_API_KEY="none") as loro:
        text, _, _ = said(loro.url, SHORT, **{"x-loro-policy": "direct"})
    assert text == SHORT


def test_its_settings_are_checked_before_anything_starts(environment):
    settings = {
        "LARGE_MODEL_PROVIDER": "echo-lines",
        "LARGE_MODEL_NAME": "parrot",
        "LARGE_MODEL_BASE_URL": "http://127.0.0.1:1",
        "LORO_MODELS_LARGE_OPTIONS": '{"paht": "/say"}',
    }
    told = environment.run("loro", "check-config", status=2, **settings)
    assert "options.paht: is unknown, known is path" in told
