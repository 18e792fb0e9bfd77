"""The shipped phrase files and the hand-written turns, read once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from loro_core.decide.phrasebook import Phrasebook
from tests.decide.seam_figures import Opening, load_openings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PHRASES = Path(__file__).parent.parent.parent / "loro_core" / "phrases"
TURNS = Path(__file__).parent.parent / "data" / "turns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A row of tests/data/turns, which says what the fields are."""

    text: str
    language: str
    category: str
    tone: str
    acknowledge: bool


@pytest.fixture(scope="session")
def phrase_tables() -> Mapping[str, object]:
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(PHRASES.glob("*.toml"))}


@pytest.fixture(scope="session")
def book(phrase_tables: Mapping[str, object]) -> Phrasebook:
    return Phrasebook.from_tables(phrase_tables)


@pytest.fixture(scope="session")
def turns() -> list[Turn]:
    files = sorted(TURNS.glob("*.toml"))
    rows = [row for path in files for row in tomllib.loads(path.read_text(encoding="utf-8"))["turns"]]
    names = [field.name for field in fields(Turn)]
    return [Turn(**dict(zip(names, row, strict=True))) for row in rows]


@pytest.fixture(scope="session")
def seam_openings() -> list[Opening]:
    return load_openings()
