"""What the first turns would wait for, done right after the start, while nobody waits.

The patterns of a language are compiled when they are first used (`decide.rules.Pattern`): some 25, a millisecond each.
The first turn in a language would pay for them with its acknowledgement. So they are compiled beforehand, one at a
time, with pauses in which everything else runs: a stream that is open meanwhile waits for one of them at most. A turn
that comes before its language's turn compiles what it needs itself, and less the later it comes.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio

from loro_core.decide.rules import Language

PAUSE_S = 0.01
"""Between two patterns: several times what one takes, so that a process which is asked at once has most of its time."""


async def warm_up(languages: Iterable[Language], *, with_words: bool) -> None:
    """Compile the patterns of `languages`, in their order: English, which is heard most, comes first in ours.

    with_words: those for an acknowledging model's words, too, which only a gateway with such a model reads.
    """
    for language in languages:
        for pattern in language.patterns(with_words=with_words):
            if not pattern.is_compiled:
                await trio.sleep(PAUSE_S)
                pattern.compile()
