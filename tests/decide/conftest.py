"""The shipped phrase files and the hand-written turns, read once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from loro_core.decide.phrasebook import Phrasebook
from tests.decide.seam_figures import Opening, load_openings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PHRASES = Path(__file__).parent.parent.parent / "loro_core" / "phrases"
TURNS = Path(__file__).parent / "turns.toml"

Turn = tuple[str, str, str]
"""What is said, the language it is in ("" if nothing shows one), what it wants."""


@pytest.fixture(scope="session")
def phrase_tables() -> Mapping[str, object]:
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(PHRASES.glob("*.toml"))}


@pytest.fixture(scope="session")
def book(phrase_tables: Mapping[str, object]) -> Phrasebook:
    return Phrasebook.from_tables(phrase_tables)


@pytest.fixture(scope="session")
def turns() -> list[Turn]:
    rows = tomllib.loads(TURNS.read_text(encoding="utf-8"))["turns"]
    return [(text, language, category) for text, language, category in rows]


@pytest.fixture(scope="session")
def seam_openings() -> list[Opening]:
    return load_openings()
