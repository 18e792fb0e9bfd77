from __future__ import annotations

import pytest

from loro_core.app.config.dotenv import Assignment, Mistake, find, parse


def pairs(text):
    lines = parse(text)
    assert not [line for line in lines if isinstance(line, Mistake)]
    return [(line.name, line.value) for line in lines if isinstance(line, Assignment)]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("  export\tA=b", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=#b", "#b"),
        ("A=b c  d", "b c  d"),
        ("A=it's", "it's"),
        ("A=$HOME/${B}", "$HOME/${B}"),
        ("A=a=b", "a=b"),
        ("A=caf\u00e9\u2028x", "caf\u00e9\u2028x"),
        ("A=''", ""),
        ('A=""', ""),
        ("A='b # c' # d", "b # c"),
        (r"A='a\nb'", r"a\nb"),
        ("A='a\nb'", "a\nb"),
        (r'A="a\nb\t\"c\" \\ \$d \x"', 'a\nb\t"c" \\ $d \\x'),
        ('A = "two\nlines" ', "two\nlines"),
        ("A='b'\r", "b"),
    ],
)
def test_values(line, value):
    assert pairs(line.replace("\r", "\r\n")) == [("A", value)]


def test_line_ends_of_windows():
    assert pairs('A=b\r\nB="c\r\nd"\r\n\r\n# e\r\n') == [("A", "b"), ("B", "c\nd")]


def test_comments_and_blank_lines_say_nothing():
    assert parse("\n  \n# A=b\n\t# c") == []


def test_lines_are_numbered_from_one_across_values_of_many_lines():
    lines = parse("\nA='1\n2\n3'\n# x\nB=1\n")
    assert lines == [Assignment(name="A", value="1\n2\n3", line=2), Assignment(name="B", value="1", line=6)]


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("A", ["1 NAME=value"]),
        ("export A", ["1 NAME=value"]),
        ("1A=b", ["1 NAME=value"]),
        ("A B=c", ["1 NAME=value"]),
        ("=b", ["1 NAME=value"]),
        ("A='b", ["1 a closing '"]),
        ('A="b\\"', ['1 a closing "']),
        ("A='b'c", ["1 nothing but a comment after the closing quote, and a blank before that"]),
        ("A='b'#c", ["1 nothing but a comment after the closing quote, and a blank before that"]),
        ("A\nB=1\nC", ["1 NAME=value", "3 NAME=value"]),
    ],
)
def test_mistakes_are_told_with_their_lines(text, mistakes):
    assert [f"{m.line} {m.wants}" for m in parse(text) if isinstance(m, Mistake)] == mistakes


def test_what_follows_a_mistake_is_read():
    assert Assignment(name="B", value="1", line=2) in parse("A\nB=1")
    assert Assignment(name="B", value="1", line=2) in parse("A='x\nB=1")


def test_a_value_is_not_in_the_repr():
    assert "sk-secret" not in repr(parse("A=sk-secret\nsk-secret"))


def test_find_passes_over_what_is_no_file_or_out_of_reach(tmp_path, monkeypatch):
    below = tmp_path / "a" / "b"
    (below / ".env").mkdir(parents=True)
    (tmp_path / ".env").touch()
    is_file = type(tmp_path).is_file

    def guarded(path):
        if path.parent == tmp_path / "a":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(type(tmp_path), "is_file", guarded)
    assert find(below) == tmp_path / ".env"
