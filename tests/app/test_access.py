"""When access lines are written."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from loro_core.app.access import GATHERED_S, TOGETHER, Access
from loro_core.app.routes import Routes
from loro_core.wire.cors import CorsRules
from loro_core.wire.http1 import HttpRequest


class Reply:
    """One that is never begun."""

    status = None


async def nothing(request, reply, fields):
    fields["model"] = request.id
    fields.late = lambda: {"outcome": "finished"}
    await trio.lowlevel.checkpoint()


def request(name: str) -> HttpRequest:
    return HttpRequest(method="GET", target="/", path="/", id=name, client="::1", received_at=trio.current_time())


@asynccontextmanager
async def writing(access: Access):
    """Have lines gathered while the block runs."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(access.keep_writing)
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture
def access() -> Access:
    return Access(Routes({"/": {"GET": nothing}}, CorsRules()))


@pytest.fixture
def told(caplog):
    """Return a function that gives whose lines were written so far."""
    caplog.set_level("INFO", logger="loro.access")
    return lambda: [record.msg.fields["request_id"] for record in caplog.records]


async def test_a_line_is_written_at_once_where_nobody_gathers(access, told, caplog):
    await access(request("a"), Reply())
    assert told() == ["a"]
    fields = caplog.records[0].msg.fields
    assert (fields["model"], fields["outcome"], fields["status"]) == ("a", "finished", 499)


async def test_lines_are_gathered_for_a_moment(access, told, autojump_clock):
    async with writing(access):
        for _ in range(2):  # what comes after the first lines were written is written, too
            before = told()
            await access(request("a"), Reply())
            await trio.sleep(GATHERED_S / 2)
            await access(request("b"), Reply())
            assert told() == before
            await trio.sleep(GATHERED_S)
            assert told() == [*before, "a", "b"]


async def test_other_tasks_have_their_turn_between_many_lines(access, told):
    names = [str(number) for number in range(3 * TOGETHER)]
    async with writing(access):
        for name in names:
            await access(request(name), Reply())
        seen = set()
        while len(told()) < len(names):
            seen.add(len(told()))
            await trio.lowlevel.checkpoint()
    assert told() == names
    assert seen & {TOGETHER, 2 * TOGETHER}


async def test_at_the_end_what_was_gathered_is_written_and_later_lines_at_once(access, told, autojump_clock):
    async with writing(access):
        await access(request("a"), Reply())
        assert told() == []
    assert told() == ["a"]
    await access(request("b"), Reply())
    assert told() == ["a", "b"]
