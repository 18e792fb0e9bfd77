from __future__ import annotations

import pytest

from tests.bench.cases import House, Round, Side, _longest, in_turn
from tests.bench.findings import Finding
from tests.bench.load import Ask, Outcome, closed
from tests.bench.processes import Running, upstream
from tests.bench.reader import Reply
from tests.bench.shapes import Shape


@pytest.mark.parametrize(
    ("through", "straight", "verdict"),
    [
        (150.0, 60.0, "PASS"),
        (150.0, 190.0, "PASS"),  # on a busy machine all the more
        (250.0, 60.0, "MISS"),
        (250.0, 150.0, "-"),  # perhaps the machine's doing
    ],
)
def test_a_gap_that_the_machine_makes_by_itself_is_not_held_against_the_gateway(through, straight, verdict):
    assert _longest("longest gap", [through], [straight]).verdict == verdict


@pytest.mark.slow
def test_sides_are_taken_in_turn_and_a_peer_that_gives_no_reply_is_left_out():
    asked: list[int] = []

    def drive(ask):
        asked.append(ask.port)
        good = Reply(0.0, 0.0, status=200, complete=True)
        return Outcome(replies=[good if ask.port == service.port else Reply(0.0, 0.0)])

    with upstream() as service, upstream() as other:
        running = {name: Running(name=name, port=service.port, pid=1, version="1") for name in ("loro", "nginx")}
        house = House(upstream=service, loro=running["loro"], peers={"nginx": running["nginx"]}, rounds=2)
        sides = [Side(name="straight", port=service.port), Side(name="nginx", port=other.port)]
        other.play(large=Shape())
        finding = Finding("burst", "A reply", "so")
        closed_once = _asking_once(drive, service)
        rounds = in_turn(house, sides, {"large": Shape()}, closed_once, finding)
        assert list(rounds) == ["straight"] and isinstance(rounds["straight"][0], Round)
        assert asked == [service.port, other.port] * 2
        with pytest.raises(AssertionError, match="other: a round without a good reply"):
            in_turn(house, [Side(name="other", port=other.port)], {"large": Shape()}, closed_once, finding)


def _asking_once(drive, service):
    """Have the upstream see as many calls as there are good replies."""

    def asks(ask):
        closed(Ask(port=service.port), connections=1, replies=1)
        return drive(ask)

    return asks
