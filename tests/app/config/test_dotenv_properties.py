from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.config.dotenv import Assignment, parse

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
values = st.text(max_size=20).filter(lambda v: "\r\n" not in v)
fillers = st.sampled_from(["", "\n", "# a comment = 'x\n", "  \t\n"])


def spellings(value):
    """All the ways in which `value` can be written."""
    escaped = re.sub(r'([\\"$])', r"\\\1", value).replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    ways = [f'"{escaped}"']
    if "'" not in value:
        ways.append(f"'{value}'")
    if value == value.strip() and not re.search(r"^['\"]|\n|[ \t]#", value):
        ways.append(value)
    return st.sampled_from(ways)


assignments = st.tuples(names, values).flatmap(lambda pair: st.tuples(st.just(pair), spellings(pair[1])))


written = st.tuples(fillers, st.sampled_from(["", "export ", "  "]), assignments, st.sampled_from(["", " # x"]))


@given(st.lists(written, max_size=4))
def test_what_is_written_in_any_spelling_is_read_back_with_its_line(lines):
    text, expected = "", []
    for filler, lead, ((name, value), spelling), comment in lines:
        text += filler
        expected.append(Assignment(name=name, value=value, line=text.count("\n") + 1))
        text += f"{lead}{name}={spelling}{comment}\n"
    assert parse(text) == expected


@given(st.text(alphabet=st.sampled_from("A=b'\"\\ #\n\r\texport$"), max_size=40) | st.text())
def test_any_text_is_read_with_rising_line_numbers_inside_it(text):
    lines = [line.line for line in parse(text)]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)
