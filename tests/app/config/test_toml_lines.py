from __future__ import annotations

import sys

from loro_core.app.config.toml_lines import key_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def lines(text):
    tomllib.loads(text)
    return {".".join(path): line for path, line in key_lines(text, tomllib.loads).items()}


def test_keys_and_tables():
    assert lines("a = 1\n\n# [c]\n[b]\nc = 2 # d = 3\n[b.d]\ne = 1") == {
        "a": 1,
        "b": 4,
        "b.c": 5,
        "b.d": 6,
        "b.d.e": 7,
    }


def test_what_looks_like_a_key_inside_a_string_is_none():
    assert lines("a = \"\"\"\n[b]\nc = 1\n\"\"\"\nd = '''\nb = 2\n'''\nb = 3") == {"a": 1, "d": 5, "b": 8}


def test_arrays_of_many_lines():
    assert lines("a = [\n  1, # ]\n  2,\n]\nb = 1") == {"a": 1, "a.0": 1, "a.1": 1, "b": 5}


def test_dotted_and_quoted_keys_and_inline_tables():
    assert lines("[x]\na.b = 1\n\"c d\" = 2\n'e.f' = { g = 3, h.i = 4 }") == {
        "x": 1,
        "x.a": 2,
        "x.a.b": 2,
        "x.c d": 3,
        "x.e.f": 4,
        "x.e.f.g": 4,
        "x.e.f.h": 4,
        "x.e.f.h.i": 4,
    }


def test_arrays_of_tables():
    assert lines("[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\nf = 4") == {
        "a": 1,
        "a.0": 1,
        "a.0.b": 2,
        "a.1": 3,
        "a.1.b": 4,
        "a.1.c": 5,
        "a.1.c.d": 6,
        "a.1.e": 7,
        "a.1.e.0": 7,
        "a.1.e.0.f": 8,
    }


def test_inline_arrays_of_tables():
    assert lines("a = [\n{ b = 1 },\n{ b = 2 }]")["a.1.b"] == 1


def test_line_ends_of_windows_and_of_nobody():
    assert lines("a = 1\r\n# \u2028 \u0085\r\nb = 2\r\n") == {"a": 1, "b": 3}


def test_an_empty_text():
    assert lines("") == {}
