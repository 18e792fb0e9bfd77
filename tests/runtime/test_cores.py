from __future__ import annotations

import pytest

from loro_core.runtime.cores import quota_cores, usable_cores


@pytest.mark.parametrize(
    ("cpu_max", "cores"),
    [
        ("max 100000\n", None),
        ("200000 100000\n", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("", None),
        ("5", None),
        ("5 0", None),
    ],
)
def test_a_quota_is_rounded_up_to_whole_processors(cpu_max, cores):
    assert quota_cores(cpu_max) == cores


def test_there_is_one_to_use():
    assert usable_cores() >= 1
