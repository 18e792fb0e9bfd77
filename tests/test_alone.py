"""Whoever wants to be alone is, and gets in although others keep coming."""

from __future__ import annotations

import threading

from tests.alone import in_the_room

WITHIN_S = 5.0


class Visitor(threading.Thread):
    """In the room until it is told to go."""

    def __init__(self, locks, *, alone):
        super().__init__(daemon=True)
        self.locks, self.alone = locks, alone
        self.is_in, self.may_go = threading.Event(), threading.Event()
        self.start()

    def run(self):
        with in_the_room(self.locks, alone=self.alone):
            self.is_in.set()
            self.may_go.wait(WITHIN_S)

    def go(self):
        self.may_go.set()
        self.join(WITHIN_S)


def test_others_are_together(tmp_path):
    first, second = Visitor(tmp_path, alone=False), Visitor(tmp_path, alone=False)
    assert first.is_in.wait(WITHIN_S) and second.is_in.wait(WITHIN_S)
    first.go()
    second.go()


def test_one_alone_waits_for_those_inside_and_goes_before_those_who_come_later(tmp_path):
    inside = Visitor(tmp_path, alone=False)
    assert inside.is_in.wait(WITHIN_S)
    alone = Visitor(tmp_path, alone=True)
    assert not alone.is_in.wait(0.1)
    later = Visitor(tmp_path, alone=False)
    assert not later.is_in.wait(0.1)
    inside.go()
    assert alone.is_in.wait(WITHIN_S) and not later.is_in.wait(0.1)
    alone.go()
    assert later.is_in.wait(WITHIN_S)
    later.go()
