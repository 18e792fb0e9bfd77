from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.config.toml_lines import KeyPath, key_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VALUES = [
    "1",
    '"""\nz = 1\n[z]\n"""',
    "'''\n'''",
    "[\n\n1,\n]",
    "{ y = 1, x.w = '#' }",
    "'[a]'",
    '"\\"" # z = 1',
    "[[\n1]]",
    "2026-01-31T12:00:00Z",
]
FILLERS = ["", "\n", "# [a]\n# b = 1\n", "  \n\n"]


@given(
    st.lists(
        st.tuples(st.sampled_from(FILLERS), st.booleans(), st.sampled_from(VALUES), st.sampled_from(["", "  ", "\t"])),
        max_size=8,
    )
)
def test_each_key_is_found_on_the_line_where_it_was_written(statements):
    text = ""
    expected: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, (filler, header, value, indent) in enumerate(statements):
        text += filler
        line = text.count("\n") + 1
        if header:
            table = (f"t{number}",)
            text += f"{indent}[{table[0]}]\n"
            expected[table] = line
        else:
            expected[(*table, f"k{number}")] = line
            text += f"{indent}k{number} = {value}\n"
    tomllib.loads(text)
    found = key_lines(text, tomllib.loads)
    assert {path: found[path] for path in expected} == expected
    assert all(path in expected or path[:-1] in found for path in found)
