"""docs/config.md and docs/cli.md say what the code says: every key has its row, every help text stands as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loro_core.app import cli
from loro_core.app.config import DEFAULT_FILE, load
from loro_core.app.config.keys import keys_of
from loro_core.app.config.settings import ARRAYS, NAMED, TABLES, all_keys
from loro_core.app.phrases import phrasebook
from loro_core.decide.category import Category

DOCS = Path(__file__).parents[3] / "docs"
MANUAL = (DOCS / "config.md").read_text(encoding="utf-8")
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
HEAD = "| key | what it says | takes | default | variables |\n| --- | --- | --- | --- | --- |\n"


def row(key):
    """Return the row of `key` in docs/config.md."""
    shown = key.shown_default
    default = shown if key.row.shown_default else f"`{shown}`"
    variables = ", ".join(f"`{name}`" for name, _ in key.variables)
    narrower = "".join(f"; `{name}`: {kind.wants}" for name, kind in key.variables if kind.wants != key.kind.wants)
    return f"| `{key.name}` | {key.row.doc} | {key.kind.wants}{narrower} | {default} | {variables} |\n"


@pytest.mark.parametrize("table", TABLES)
def test_every_table_stands_in_the_manual_as_the_code_has_it(table):
    rows = HEAD + "".join(row(key) for key in all_keys() if key.table == table)
    assert f"### `[{table}]`\n" in MANUAL
    section = MANUAL.split(f"### `[{table}]`\n")[1].split("\n#")[0]
    assert rows in section, f"docs/config.md, [{table}] must hold:\n{rows}"


SEVERAL = {**{f"[[{name}]]": name for name in ARRAYS}, **{f"[{name}.NAME]": name for name in NAMED}}


@pytest.mark.parametrize("header", SEVERAL)
def test_every_table_of_which_there_may_be_several_stands_in_the_manual(header):
    table = SEVERAL[header]
    rows = "| key | what it says | takes | default |\n| --- | --- | --- | --- |\n"
    for key in keys_of(table, (ARRAYS | NAMED)[table]):
        default = key.shown_default if key.row.shown_default else f"`{key.shown_default}`"
        rows += f"| `{key.name}` | {key.row.doc} | {key.kind.wants} | {default} |\n"
    section = MANUAL.split(f"### `{header}`\n")[1].split("\n#")[0]
    assert rows in section, f"docs/config.md, {header} must hold:\n{rows}"


def test_the_manual_has_no_table_that_the_code_has_not():
    single = [f"[{name}]" for name in TABLES]
    assert re.findall(r"^### `(\[.+\])`$", MANUAL, re.MULTILINE) == [*single, *SEVERAL]


def test_the_manuals_example_file_is_one(tmp_path):
    example, *_ = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    (tmp_path / ".env").touch()
    (tmp_path / DEFAULT_FILE).write_text(example, encoding="utf-8")
    settings = load(environ={}, directory=tmp_path)
    assert not settings.demo
    assert settings.small is not None


def test_the_manuals_example_words_are_taken_as_they_are_meant(tmp_path):
    _, example = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    (tmp_path / ".env").touch()
    (tmp_path / "my-words.toml").write_text('[it]\njoin = " "\nother = { phrases = ["Ci penso."] }\n', encoding="utf-8")
    (tmp_path / DEFAULT_FILE).write_text(example, encoding="utf-8")
    book = phrasebook(load(environ={}, directory=tmp_path).words, tmp_path)
    assert book.chapters["en"].phrases[Category.GREETING].sentences[0] == "Welcome to the Blue Hotel."
    assert book.chapters["en"].phrases[Category.CLOSING].sentences == ()
    assert book.chapters["de"].phrases[Category.QUESTION].lead_ins == ("Also,",)
    assert "it" in book.languages


def test_the_manuals_example_dotenv_is_one(tmp_path):
    (example,) = re.findall(r"```sh\n(LARGE_MODEL.*?)```", MANUAL, re.DOTALL)
    (tmp_path / ".env").write_text(example, encoding="utf-8")
    assert not load(environ={}, directory=tmp_path).demo


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["serve"],
        ["check-config"],
        ["plugins"],
        ["bench"],
        ["models"],
        *(["models", action] for action in ("ls", "load", "unload", "drain", "add", "rm", "log", "reload")),
        ["phrases"],
        ["init-config"],
        ["version"],
    ],
    ids=" ".join,
)
def test_every_help_text_stands_in_the_manual_as_printed(words, capsys):
    with pytest.raises(SystemExit):
        cli.main([*words, "--help"])
    text = capsys.readouterr().out
    assert f"```text\n{text}```\n" in CLI, f"docs/cli.md must hold:\n{text}"
