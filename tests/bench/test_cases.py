from __future__ import annotations

import pytest

from tests.bench.cases import _longest


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
