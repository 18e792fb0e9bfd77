from __future__ import annotations

import pytest

from loro_core.decide.failover import MOST_PLACES, blames_instance, may_move
from loro_core.errors import (
    UpstreamBusy,
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnreachable,
)


def status(number: int | None) -> UpstreamStatus:
    return UpstreamStatus("it said so", upstream_status=number)


def rows() -> list[tuple[UpstreamError, bool, bool]]:
    """The table: (error, whether it speaks against the instance, whether another may be asked)."""
    return [
        (UpstreamUnreachable("refused"), True, True),
        (UpstreamTimeout("no connection", phase="connect"), True, True),
        (UpstreamClosed("closed"), True, True),
        (UpstreamProtocolError("gibberish"), True, True),
        (status(500), True, True),
        (status(503), True, True),
        (status(429), True, True),
        (status(None), True, True),
        (UpstreamTimeout("silent"), True, False),
        (status(400), False, False),
        (status(404), False, False),
        (UpstreamBusy("full", retry_after_s=1.0), False, False),
    ]


@pytest.mark.parametrize(("error", "blamed", "moves"), rows())
def test_the_table(error: UpstreamError, blamed: bool, moves: bool) -> None:
    assert blames_instance(error) is blamed
    assert may_move(error, asked=1) is moves


@pytest.mark.parametrize("error", [row[0] for row in rows()])
def test_nothing_moves_once_something_was_said(error: UpstreamError) -> None:
    error.phase = "decode"
    assert not may_move(error, asked=1)


def test_a_call_is_made_at_a_bounded_number_of_places() -> None:
    error = UpstreamClosed("closed")
    assert may_move(error, asked=MOST_PLACES - 1)
    assert not may_move(error, asked=MOST_PLACES)
