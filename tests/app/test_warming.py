"""After the start, patterns are compiled one at a time, and everything else runs in between."""

from __future__ import annotations

import gc
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import trio

from loro_core.app.config import load
from loro_core.app.serve import warm
from loro_core.app.warming import PAUSE_S, warm_up
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.rules import Language, Pattern


def fresh(language: Language) -> Language:
    """Return `language` as it is at the start: nothing compiled."""

    def anew(rules):
        patterns = {f.name: getattr(rules, f.name) for f in fields(rules)}
        return replace(rules, **{n: Pattern(p.source) for n, p in patterns.items() if isinstance(p, Pattern)})

    return replace(language, turns=anew(language.turns), words=anew(language.words))


def compiled(language: Language) -> tuple[int, int, int, int]:
    """Return how many patterns for turns are compiled, and of how many; the same for words."""
    turns = list(language.patterns(with_words=False))
    words = list(language.patterns(with_words=True))[len(turns) :]
    return sum(p.is_compiled for p in turns), len(turns), sum(p.is_compiled for p in words), len(words)


def test_every_pattern_of_every_language_is_named() -> None:
    for language in LANGUAGES.values():
        turns, words = ([getattr(rules, f.name) for f in fields(rules)] for rules in (language.turns, language.words))
        assert list(language.patterns(with_words=False)) == [v for v in turns if isinstance(v, Pattern)]
        assert list(language.patterns(with_words=True)) == [v for v in (*turns, *words) if isinstance(v, Pattern)]
        assert len(list(language.patterns(with_words=False))) > 10


async def test_it_compiles_what_is_needed_and_no_more(autojump_clock: trio.testing.MockClock) -> None:
    with_words, without = fresh(LANGUAGES["de"]), fresh(LANGUAGES["ja"])
    await warm_up([with_words], with_words=True)
    await warm_up([without], with_words=False)
    done, turns, words_done, words = compiled(with_words)
    assert (done, words_done) == (turns, words)
    assert compiled(without)[0] == compiled(without)[1]
    assert compiled(without)[2] == 0


async def test_others_run_between_any_two_patterns(autojump_clock: trio.testing.MockClock) -> None:
    language = fresh(LANGUAGES["en"])
    seen: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: warm_up([language], with_words=True))
        for _ in range(60):
            await trio.sleep(PAUSE_S / 2)
            done, _, words_done, _ = compiled(language)
            seen.append(done + words_done)
    assert seen[-1] == len(set(language.patterns(with_words=True)))
    assert max(after - before for before, after in pairwise(seen)) == 1


async def test_it_ends_at_once_when_it_is_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    language = fresh(LANGUAGES["en"])
    with trio.move_on_after(PAUSE_S * 3.5) as scope:
        await warm_up([language], with_words=True)
    assert scope.cancelled_caught
    assert compiled(language)[0] == 3


async def test_what_a_turn_has_compiled_meanwhile_takes_no_time(autojump_clock: trio.testing.MockClock) -> None:
    language = fresh(LANGUAGES["en"])
    for pattern in language.patterns(with_words=True):
        pattern.compile()
    begun = trio.current_time()
    await warm_up([language], with_words=True)
    assert trio.current_time() == begun


async def test_what_the_start_has_made_is_not_walked_by_the_collector(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    kept: list[list[int]] = [[] for _ in range(10)]
    before = gc.get_freeze_count()
    try:
        with trio.move_on_after(0):
            await warm(load(environ={}, directory=tmp_path))
        assert gc.get_freeze_count() > before
        assert not {id(one) for one in kept} & {id(one) for one in gc.get_objects()}
    finally:
        gc.unfreeze()
