"""The operator's own words, and the command that proofreads them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from loro_core.app import cli
from loro_core.app.config import load
from loro_core.app.config.settings import WordsSettings
from loro_core.app.phrases import phrasebook, shipped_tables, tool_lines
from loro_core.decide.category import Category
from loro_core.errors import ConfigError

ITALIAN = """
[it]
join = " "
lead_ins = ["Allora,"]
other = { phrases = ["Ci penso un momento."] }
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_adds_a_language_and_replaces_a_category(tmp_path):
    written(tmp_path / "own.toml", ITALIAN + '[en.greeting]\nphrases = ["Welcome to Acme."]\n')
    book = phrasebook(WordsSettings(files=("own.toml",)), tmp_path)
    assert book.chapters["it"].phrases[Category.OTHER].lead_ins == ("Allora,",)
    assert book.chapters["en"].phrases[Category.GREETING].sentences == ("Welcome to Acme.",)
    assert len(book.chapters["en"].phrases[Category.QUESTION].sentences) >= 8


def test_a_file_in_the_form_of_ours_is_the_language_that_it_is_named_for(tmp_path):
    written(tmp_path / "it.toml", 'join = " "\n[other]\nphrases = ["Ci penso."]\n')
    book = phrasebook(WordsSettings(files=("it.toml",)), tmp_path)
    assert book.chapters["it"].phrases[Category.OTHER].sentences == ("Ci penso.",)


def test_later_files_and_single_lines_come_over_earlier_ones(tmp_path):
    written(tmp_path / "one.toml", '[en.greeting]\nphrases = ["One."]\n[de.greeting]\nphrases = ["Eins."]\n')
    written(tmp_path / "two.toml", '[en.greeting]\nphrases = ["Two."]\n')
    words = WordsSettings(files=("one.toml", "two.toml"), override={"de.greeting": ["Drei."]})
    book = phrasebook(words, tmp_path)
    sentences = [book.chapters[tag].phrases[Category.GREETING].sentences for tag in ("en", "de")]
    assert sentences == [("Two.",), ("Drei.",)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[en.greting]\nphrases = ["Hi."]', "own.toml: en.greting: no such key"),
        ('[en.greeting]\nphrases = "Hi."', "own.toml: en.greeting.phrases: needs a list"),
        ("[it.other]\nphrases = []", 'own.toml: it.join: needs " " or ""'),
        ("en = = 3", "own.toml:1: not TOML"),
    ],
)
def test_a_problem_is_told_with_the_file_that_has_it(tmp_path, text, problem):
    written(tmp_path / "own.toml", text)
    with pytest.raises(ConfigError, match=re.escape(problem)) as error:
        phrasebook(WordsSettings(files=("own.toml",)), tmp_path)
    assert len(error.value.problems) == 1


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        phrasebook(WordsSettings(files=("none.toml",)), tmp_path)


def test_the_settings_are_read_from_file_and_variables(tmp_path):
    (tmp_path / ".env").touch()
    written(
        tmp_path / "loro.toml",
        '[words]\nfiles = ["a.toml"]\n[words.override]\n"en.greeting" = ["Hi."]\nen.grave = []\n',
    )
    words = load(environ={}, directory=tmp_path).words
    assert words.files == ("a.toml",)
    assert words.override == {"en.greeting": ["Hi."], "en": {"grave": []}}
    environ = {"LORO_WORDS_FILES": "b.toml, c.toml", "LORO_WORDS_OVERRIDE": '{"en.greeting": ["Ho."]}'}
    words = load(environ=environ, directory=tmp_path).words
    assert (words.files, words.override) == (("b.toml", "c.toml"), {"en.greeting": ["Ho."]})


def test_check_config_reads_the_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch()
    written(tmp_path / "loro.toml", '[words.override]\n"en.greting" = ["Hi."]\n')
    assert cli.main(["check-config"]) == cli.UNUSABLE
    assert "words.override: en.greting: no such key" in capsys.readouterr().err


def test_lines_before_tool_calls_come_from_the_file_and_every_problem_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch()
    config = tmp_path / "loro.toml"
    written(config, '[words.tools.get_weather]\nen = "Let me look outside."\n[words.tools.beep]\n"*" = ""\n')
    lines = tool_lines(load(environ={}, directory=tmp_path).words)
    assert (lines.line("get_weather", "en"), lines.line("beep", "en"), lines.line("f", "en")) == (
        "Let me look outside.",
        "",
        None,
    )
    written(config, '[words.override]\n"en.greting" = ["Hi."]\n[words.tools]\nf = { en = "" , d = "x" }\ng = 1\n')
    assert cli.main(["check-config"]) == cli.UNUSABLE
    told = capsys.readouterr().err
    assert "words.override: en.greting: no such key" in told
    assert "words.tools.f.d: a language is named like" in told and "words.tools.g: needs a table" in told


# --- the proofreader -----------------------------------------------------------------------------------------------


def test_the_shipped_phrases_have_no_problems(capsys):
    assert cli.main(["phrases"]) == cli.OK
    out = capsys.readouterr().out
    assert out.endswith(" phrases, 0 problems\n") and out.count("\n") == 1
    assert all(tag in out for tag in shipped_tables())


def test_a_file_is_judged_as_it_will_be_used(tmp_path, capsys):
    path = written(tmp_path / "own.toml", ITALIAN + '[en.greeting]\nphrases = ["Hi there, yes."]\n')
    assert cli.main(["phrases", str(path)]) == cli.BROKEN
    assert capsys.readouterr().out.splitlines() == [
        "en.greeting.phrases: 1, needs 8 never to repeat within 6 turns",
        "en, it: 97 phrases, 1 problems",
    ]


def test_a_file_without_problems_is_fine(tmp_path, capsys):
    assert cli.main(["phrases", str(written(tmp_path / "own.toml", ITALIAN))]) == cli.OK
    assert capsys.readouterr().out == "it: 1 phrases, 0 problems\n"


def test_a_file_of_another_form_cannot_be_proofread(tmp_path, capsys):
    path = written(tmp_path / "own.toml", "[en]\ngreeting = 3\n")
    assert cli.main(["phrases", str(path)]) == cli.UNUSABLE
    assert "own.toml: en.greeting: needs a table" in capsys.readouterr().err


def test_no_pattern_is_compiled_before_a_turn_in_its_language_is_read():
    """Those of all languages would cost a start a third of a second, and megabytes."""
    program = """
import gc, random
import loro_core.app.serve, loro_core.app.build
from loro_core.app.phrases import phrasebook
from loro_core.app.config.settings import WordsSettings
from loro_core.chat import ChatRequest, Message
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.rules import Pattern
from loro_core.decide.words import choose
from pathlib import Path
book = phrasebook(WordsSettings(), Path.cwd())
patterns = [o for o in gc.get_objects() if isinstance(o, Pattern)]
print(len(patterns) > 250, sum(p._compiled is not None for p in patterns))
choose(book, ChatRequest(model="m", messages=(Message.of("user", "wie wird das Wetter"),)), random.Random(1))
german = LANGUAGES["de"].turns
print(german.question._compiled is not None, LANGUAGES["en"].turns.question._compiled is None)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30).stdout
    assert out.split() == ["True", "0", "True", "True"]
