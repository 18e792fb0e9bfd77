"""How much memory there is to use."""

from __future__ import annotations

import pytest

from loro_core.runtime.memory import usable_memory

GIB = 1 << 30


@pytest.mark.parametrize(
    ("limit", "total", "usable"),
    [
        ("max\n", "MemTotal:       2097152 kB\n", 2 * GIB),
        (f"{GIB}\n", "MemTotal:       2097152 kB\n", GIB),
        (f"{4 * GIB}\n", "Foo: 1 kB\nMemTotal:       2097152 kB\nMemFree: 3 kB\n", 2 * GIB),
        (None, "MemTotal:       2097152 kB\n", 2 * GIB),
        (f"{GIB}\n", None, GIB),
        (None, None, None),
    ],
)
def test_the_smaller_of_the_machine_and_the_container(tmp_path, limit, total, usable):
    for name, text in (("limit", limit), ("total", total)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert usable_memory(tmp_path / "limit", tmp_path / "total") == usable
