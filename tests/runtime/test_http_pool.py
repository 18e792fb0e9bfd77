from __future__ import annotations

import trio

from loro_core.runtime.http_pool import Pool

HERE = ("http", "a", 80)
THERE = ("https", "b", 443)


class Fake:
    """A connection of which `said` is what can be read now: None for nothing."""

    def __init__(self, said: bytes | OSError | None = None) -> None:
        self.said = said
        self.closed = False

    async def send_all(self, data: bytes) -> None:
        raise AssertionError

    async def receive(self) -> bytes:
        raise AssertionError

    def receive_nowait(self) -> bytes | None:
        if isinstance(self.said, OSError):
            raise self.said
        return self.said

    def close(self) -> None:
        self.closed = True


async def test_the_latest_is_used_first_and_only_for_its_origin():
    pool = Pool()
    first, second = Fake(), Fake()
    pool.give(HERE, first)
    pool.give(HERE, second)
    assert pool.take(THERE) is None
    assert pool.take(HERE) is second
    assert pool.take(HERE) is first
    assert pool.take(HERE) is None
    assert not first.closed and not second.closed


async def test_what_has_ended_or_speaks_unasked_is_closed_and_the_next_one_tried():
    pool = Pool()
    alive = Fake()
    dead = [Fake(b""), Fake(b"HTTP/1.1 408 Request Timeout\r\n"), Fake(ConnectionResetError())]
    for stream in (alive, *dead):
        pool.give(HERE, stream)
    assert pool.take(HERE) is alive
    assert all(stream.closed for stream in dead) and not alive.closed


async def test_nobody_waits_longer_than_the_pool_or_the_server_says(autojump_clock):
    pool = Pool(keep_s=60)
    patient, hasty = Fake(), Fake()
    pool.give(HERE, patient, 300)
    pool.give(HERE, hasty, 5)
    await trio.sleep(6)
    assert pool.take(HERE) is patient and hasty.closed
    pool.give(HERE, patient, 300)
    await trio.sleep(61)
    assert pool.take(HERE) is None and patient.closed


async def test_no_more_than_so_many_wait_the_oldest_leave():
    pool = Pool(keep=2)
    streams = [Fake() for _ in range(5)]
    for stream in streams:
        pool.give(HERE, stream)
    assert [stream.closed for stream in streams] == [True, True, True, False, False]
    assert len(pool) == 2


async def test_expiring_closes_what_nobody_would_get(autojump_clock):
    pool = Pool(keep_s=60)
    old, dead, alive = Fake(), Fake(b""), Fake()
    pool.give(THERE, old)
    await trio.sleep(59)
    pool.give(HERE, dead)
    pool.give(HERE, alive)
    await trio.sleep(2)
    pool.expire()
    assert (old.closed, dead.closed, alive.closed) == (True, True, False)
    assert len(pool) == 1


async def test_closing_closes_all():
    pool = Pool()
    streams = [Fake(), Fake()]
    pool.give(HERE, streams[0])
    pool.give(THERE, streams[1])
    pool.close()
    assert all(stream.closed for stream in streams) and len(pool) == 0
