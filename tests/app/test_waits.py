from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loro_core.app.waits import Wait
from loro_core.wire.sse import KEEP_ALIVE


@dataclass
class Place:
    position: int
    state: Literal["loading", "queued"]


def test_a_comment_says_what_the_answer_waits_for_as_long_as_it_waits():
    wait, place = Wait(), Place(2, "loading")
    assert wait.comment() == KEEP_ALIVE
    wait.told(place)
    assert wait.comment() == b": loro loading position=2\n\n"
    place.position, place.state = 1, "queued"
    assert wait.comment() == b": loro queued position=1\n\n"
    place.position = 0
    assert wait.comment() == KEEP_ALIVE


def test_the_place_at_the_arrival_is_told_once_to_whoever_asks_before_or_after():
    wait, before, after = Wait(), list[int](), list[int]()
    wait.when_known(before.append)
    assert before == []
    wait.told(Place(3, "queued"))
    wait.told(Place(1, "queued"))  # the second try of the same answer
    wait.when_known(after.append)
    assert before == after == [3]
    assert wait.comment() == b": loro queued position=1\n\n"
