"""The garbage collector of a process that serves for weeks: it looks where garbage may be, and not too often."""

from __future__ import annotations

import gc

MOST_NEW_OBJECTS = 10_000
"""So many objects may be made, more than have gone, before the collector looks at the new ones: after some ten replies.
Its own 700 have it look several times in each."""


def keep_what_stays() -> None:
    """Have the collector not look again at what is there by now and stays: modules, phrases, patterns, settings."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MOST_NEW_OBJECTS, 20, 20)
