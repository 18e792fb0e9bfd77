"""The phrase book's form, and the operator's tables over ours."""

from __future__ import annotations

import random

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.category import Category
from loro_core.decide.phrasebook import Phrasebook, Phrases, merged, override_tables
from loro_core.decide.words import choose
from loro_core.errors import ConfigError


def asked(text: str) -> ChatRequest:
    return ChatRequest(model="loro", messages=(Message.of("user", text),))


def test_all_problems_are_reported_by_key_path(phrase_tables):
    english = dict(phrase_tables["en"])
    english |= {
        "join": "-",
        "greting": {},
        "question": {"phrases": ["Let me see.", "let me see", "", " Hm.", 4, "Two\nlines."], "lead_in": ["So,"]},
        "request": {"phrases": "Let me see."},
    }
    with pytest.raises(ConfigError) as error:
        Phrasebook.from_tables({"en": english, "English": {}, "zh-CN": phrase_tables["zh-CN"], "fr": 3})
    paths = [problem.split(":")[0] for problem in error.value.problems]
    assert {
        "en.join",
        "en.greting",
        "en.question.lead_in",
        "en.question.phrases[1]",
        "en.question.phrases[2]",
        "en.question.phrases[3]",
        "en.question.phrases[4]",
        "en.question.phrases[5]",
        "en.request.phrases",
        "English",
        "fr",
    } <= set(paths)
    assert not [path for path in paths if path.startswith("zh")]


def test_a_phrase_stands_in_one_category_only(phrase_tables):
    english = dict(phrase_tables["en"])
    english["closing"] = {"phrases": ["Let me look into this properly."]}
    with pytest.raises(ConfigError, match=r"en\.closing\.phrases\[0\].*en\.question\.phrases\[1\] again"):
        Phrasebook.from_tables({"en": english})


def test_a_book_without_languages_has_nothing_to_say():
    assert choose(Phrasebook.from_tables({}), asked("hello"), random.Random(1)) is None


def test_a_language_is_named_by_a_tag_with_or_without_its_region(phrase_tables):
    chapter = {"join": " ", "other": {"phrases": ["Va bene, ci penso."]}}
    assert Phrasebook.from_tables({"it": chapter, "pt-BR": chapter}).languages == {"it", "pt-BR"}
    for tag in ("italiano", "IT", "it_IT", ""):
        with pytest.raises(ConfigError):
            Phrasebook.from_tables({tag: chapter})


def test_a_language_without_rules_speaks_from_its_last_table():
    book = Phrasebook.from_tables({"it": {"join": " ", "other": {"phrases": ["Ci penso un po'."]}}})
    words = choose(book, asked("che tempo fa oggi"), random.Random(1))
    assert words is not None
    assert (words.text, words.language) == ("Ci penso un po'.", "it")


@pytest.mark.parametrize("table", [{}, {"greeting": {"phrases": []}}])
def test_nothing_is_said_to_a_category_without_phrases(table):
    book = Phrasebook.from_tables({"en": {"join": " ", "other": {"phrases": ["I see."]}, **table}})
    assert choose(book, asked("hello"), random.Random(1)) is None
    assert choose(book, asked("I like it here"), random.Random(1)) is not None


def test_lead_ins_and_tails_of_the_language_hold_where_a_category_has_none():
    own = {"phrases": ["Let me see."], "lead_ins": ["Right,"], "tails": []}
    shared = {"phrases": ["Let me look."]}
    book = Phrasebook.from_tables(
        {
            "en": {
                "join": " ",
                "lead_ins": ["So,"],
                "tails": ["I want to."],
                "question": own,
                "lookup": shared,
                "closing": {"phrases": ["Bye."]},
            }
        }
    )
    phrases = book.chapters["en"].phrases
    assert phrases[Category.QUESTION] == Phrases(sentences=("Let me see.",), lead_ins=("Right,",))
    assert phrases[Category.LOOKUP] == Phrases(sentences=("Let me look.",), lead_ins=("So,",), tails=("I want to.",))
    assert phrases[Category.CLOSING] == Phrases(sentences=("Bye.",))


def test_no_words_can_be_given_to_a_turn_that_only_says_go_on():
    with pytest.raises(ConfigError, match=r"en\.backchannel: no such key"):
        Phrasebook.from_tables({"en": {"join": " ", "backchannel": {"phrases": ["Yes."]}}})


def test_tables_are_merged_and_lists_replaced():
    ours: dict[str, object] = {"en": {"join": " ", "greeting": {"phrases": ["Hi."], "lead_ins": ["So,"]}}}
    assert merged(ours, {"en": {"greeting": {"phrases": ["Hey."]}}, "it": {"join": " "}}) == {
        "en": {"join": " ", "greeting": {"phrases": ["Hey."], "lead_ins": ["So,"]}},
        "it": {"join": " "},
    }
    assert ours["en"] == {"join": " ", "greeting": {"phrases": ["Hi."], "lead_ins": ["So,"]}}


@pytest.mark.parametrize(
    "lines",
    [
        {"en.greeting": ["Hi."], "en.question.lead_ins": [], "zh-CN.tails": ["嗯。"], "en.grave": []},
        {
            "en": {"greeting": ["Hi."], "question": {"lead_ins": []}, "grave": {"phrases": []}},
            "zh-CN": {"tails": ["嗯。"]},
        },
    ],
)
def test_single_lines_are_named_by_their_path_quoted_or_not(lines):
    assert override_tables(lines) == {
        "en": {"greeting": {"phrases": ["Hi."]}, "question": {"lead_ins": []}, "grave": {"phrases": []}},
        "zh-CN": {"tails": ["嗯。"]},
    }


def test_an_override_of_nothing_that_exists_is_a_problem(phrase_tables):
    lines = {"en.greting": ["Hi."], "en": ["Hi."], "fr.greeting": "Bonjour."}
    for path, value in lines.items():
        with pytest.raises(ConfigError):
            Phrasebook.from_tables(merged(phrase_tables, override_tables({path: value})))
