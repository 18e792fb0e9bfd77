"""What a user gets: the sdist and the wheel that is built from it hold what belongs into them, and nothing else."""

from __future__ import annotations

import email
import email.message
import re
import tarfile
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

import loro_core
from tests.building import ROOT, build, copy_of_loro

PLUGINS = {"loro_openai", "loro_ollama", "loro_scripted"}
PROGRAMS = {"loro_llamacpp"}
PACKAGES = {"loro_core", *PLUGINS, *PROGRAMS}
INFO = f"loro_core-{loro_core.__version__}.dist-info"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """The sdist and the wheel; the wheel is built from what the sdist holds."""
    wheel, sdist = build(copy_of_loro(tmp_path_factory.mktemp("packaging") / "loro"))
    return sdist, wheel


@pytest.fixture(scope="module")
def wheel(built) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(built[1]) as opened:
        yield opened


def metadata(wheel) -> email.message.Message:
    return email.message_from_bytes(wheel.read(f"{INFO}/METADATA"))


def test_both_are_named_for_the_version(built):
    assert [path.name for path in built] == [
        f"loro_core-{loro_core.__version__}.tar.gz",
        f"loro_core-{loro_core.__version__}-py3-none-any.whl",
    ]


def test_wheel_holds_our_packages_and_no_other(wheel):
    assert {name.split("/")[0] for name in wheel.namelist()} == {*PACKAGES, INFO}


def test_wheel_holds_every_module(wheel):
    sources = [ROOT / "loro_core", *(ROOT / "providers").glob("loro_*"), *(ROOT / "contrib").glob("loro_*")]
    modules = {str(path.relative_to(source.parent)) for source in sources for path in source.rglob("*.py")}
    assert modules == {name for name in wheel.namelist() if name.endswith(".py")}


def test_wheel_says_that_it_is_typed(wheel):
    assert "loro_core/py.typed" in wheel.namelist()


def test_wheel_holds_the_phrases(wheel):
    shipped = {name for name in wheel.namelist() if name.startswith("loro_core/phrases/")}
    assert shipped == {f"loro_core/phrases/{path.name}" for path in (ROOT / "loro_core" / "phrases").glob("*.toml")}
    assert "loro_core/phrases/en.toml" in shipped


def test_wheel_holds_no_file_of_another_kind(wheel):
    kinds = {Path(name).suffix for name in wheel.namelist() if not name.startswith(INFO)}
    assert kinds == {".py", ".toml", ".typed", ".html"}


def test_metadata_says_the_version_and_the_pythons(wheel):
    told = metadata(wheel)
    assert told["Name"] == "loro-core"
    assert told["Version"] == loro_core.__version__
    assert told["Requires-Python"] == ">=3.10"


def test_what_only_tests_need_is_not_asked_of_users(wheel):
    lines = metadata(wheel).get_all("Requires-Dist", [])
    asked, extra = (
        {re.split(r"[^\w.-]", line)[0] for line in lines if ("extra ==" in line) is wanted} for wanted in (False, True)
    )
    assert {"trio", "h11"} <= asked
    assert {"pytest", "mypy"} <= extra
    assert not asked & extra


def test_providers_are_entry_points_as_a_strangers_are(wheel):
    points = ConfigParser()
    points.read_string(wheel.read(f"{INFO}/entry_points.txt").decode())
    assert dict(points["loro"]) == {name: name for name in PLUGINS}
    assert dict(points["console_scripts"]) == {"loro": "loro_core.app.cli:main"}


def test_sdist_holds_what_the_wheel_is_built_from(built, wheel):
    with tarfile.open(built[0]) as opened:
        paths = {name.partition("/")[2] for name in opened.getnames()}
    names = {path.removeprefix("providers/").removeprefix("contrib/") for path in paths}
    assert {name for name in wheel.namelist() if not name.startswith(INFO)} <= names
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
