"""What comes with loro is read and folded once: every gateway of these tests would do it again, for 0.1 s."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from loro_core.app import build, phrases
from loro_core.app.config.settings import WordsSettings
from loro_core.decide.hygiene import KnownWords
from loro_core.decide.phrasebook import Phrasebook

read_tables = lru_cache(phrases.shipped_tables)
read_book = phrases.phrasebook
fold_book = KnownWords.of


@lru_cache
def shipped_book() -> Phrasebook:
    return read_book(WordsSettings(), Path("/nonexistent"))


@lru_cache
def shipped_words() -> KnownWords:
    return fold_book(shipped_book())


def book_of(words: WordsSettings, directory: Path) -> Phrasebook:
    own = words.files or words.override
    return read_book(words, directory) if own else shipped_book()


def words_of(book: Phrasebook) -> KnownWords:
    return shipped_words() if book is shipped_book() else fold_book(book)


@pytest.fixture(scope="module", autouse=True)
def what_comes_with_loro_is_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrases, "shipped_tables", read_tables)
        patch.setattr(build, "phrasebook", book_of)
        patch.setattr(KnownWords, "of", words_of)
        yield
