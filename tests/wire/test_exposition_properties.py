from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from loro_core.wire.exposition import Family, Sample, encode_exposition, wants_exposition

names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
samples = st.builds(
    Sample, value=st.floats(allow_nan=False) | st.integers(), labels=st.dictionaries(names, st.text(), max_size=3)
)

LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"]|"(?:\\.|[^"\\])*")*)\})? (\S+)')
PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:\\.|[^"\\])*)"')


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), value)


@given(names, st.text(), st.lists(samples, max_size=4))
def test_a_reader_gets_back_what_was_written(name: str, help_: str, written: list[Sample]) -> None:
    family = Family(name=name, kind="gauge", help=help_, samples=written)
    text = encode_exposition([family]).decode()
    assert text.endswith("\n")
    help_line, type_line, *lines = text[:-1].split("\n")
    assert unescaped(help_line.removeprefix(f"# HELP {name} ")) == help_
    assert type_line == f"# TYPE {name} gauge"
    read = []
    for line in lines:
        match = LINE.fullmatch(line)
        assert match
        assert match[1] == name
        labels = {key: unescaped(value) for key, value in PAIR.findall(match[2] or "")}
        read.append((float(match[3]), labels))
    assert read == [(float(sample.value), dict(sample.labels)) for sample in written]


@given(st.text() | st.text(alphabet="*/;,=q0.1 \ttexplaincjso-"))
def test_any_header_has_an_answer(accept: str) -> None:
    assert wants_exposition(accept) in (True, False)
