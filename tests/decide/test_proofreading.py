"""The proofreader of phrase files finds what is wrong."""

from __future__ import annotations

import pytest

from loro_core.decide.phrasebook import Phrasebook, merged, override_tables
from loro_core.decide.proofreading import problems_in


@pytest.mark.parametrize(
    ("path", "phrase", "problem"),
    [
        ("en.question", "Sure, let me look at that one.", "yes_no"),
        ("en.question", "Let me look, one second please.", "promise"),
        ("en.question", "The answer is known to everybody.", "answer"),
        ("en.question", "Let me look at these 25 things.", "digits"),
        ("en.question", "Let me look at it: so it goes.", "markup"),
        ("en.question", "Let me look at that for you?", "question"),
        ("en.question", "Let me look at all that there may be to look at for you here.", "too_long"),
        ("en.question", "Déjeme ver eso con calma ahora.", "wrong_language"),
        ("en.question", "I cannot do that, let me see.", "refusal"),
        ("en.question", "Let me look at that for you", "does not end as a sentence"),
        ("zh-CN.question", "好的，可以，我来看看。", "yes_no"),
        ("zh-CN.question", "請讓我想一想這個。", "wrong_language"),
        ("zh-TW.question", "让我想一想这个。", "wrong_language"),
        ("ja.question", "はい、考えてみますね。", "yes_no"),
        ("ja.question.lead_ins", "ええと、", "does not end with a comma"),
        ("de.request", "Gerne, ich schaue mir das an.", "yes_no"),
        ("ru.lookup", "Секунду, давайте посмотрим на это.", "promise"),
        ("hi.tails", "हाँ, हम इस बात पर अच्छे से सोच लेते हैं।", "yes_no"),
        ("en.grave", "I'm sorry, one moment please.", "promise"),
        ("de.progress", "Das dauert nur noch einen Moment.", "promise"),
        ("ja.progress", "はい、まだ見ているところです。", "yes_no"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(phrase_tables, path, phrase, problem):
    book = Phrasebook.from_tables(merged(phrase_tables, override_tables({path: [phrase]})))
    language, table = path.split(".")[:2]
    told = list(problems_in(book, [language]))
    assert [line for line in told if line.startswith(f"{language}.{table}") and problem in line], told


def test_words_that_a_client_would_hold_are_a_problem(phrase_tables):
    """Vapi would let the flush mark help, Home Assistant holds what is below 60 characters."""
    short = {"en.question": {"phrases": ["Let me look."], "tails": ["I want to see."]}}
    found = list(problems_in(Phrasebook.from_tables(merged(phrase_tables, override_tables(short))), ["en"]))
    assert "en.question: 'Let me look.' is held by homeassistant" in found


def test_words_for_grave_news_may_say_that_they_are_sorry(phrase_tables):
    book = Phrasebook.from_tables(phrase_tables)
    grave = dict(book.chapters["en"].tables())["grave"]
    assert any("sorry" in phrase for phrase in grave.sentences) and not list(problems_in(book, ["en"]))


@pytest.mark.parametrize("name", ["explain", "grave", "progress"])
def test_a_language_with_rules_needs_every_table(phrase_tables, name):
    german = {key: value for key, value in phrase_tables["de"].items() if key != name}
    assert list(problems_in(Phrasebook.from_tables({"de": german}))) == [f"de.{name}: missing"]


def test_a_language_with_rules_needs_lines_that_fit_any_tool(phrase_tables):
    tables = merged(phrase_tables, override_tables({"de.tool": ["Gut, ich fange damit an."]}))
    assert list(problems_in(Phrasebook.from_tables(tables), ["de"])) == ["de.tool.phrases: fewer than 3"]
    tables = merged(phrase_tables, override_tables({"en.tool": ["Sure, I will do that for you.", "Hm", "Okay then."]}))
    found = list(problems_in(Phrasebook.from_tables(tables), ["en"]))
    assert "en.tool: 'Sure, I will do that for you.': yes_no" in found
    assert "en.tool: 'Hm' does not end as a sentence" in found


def test_nothing_leads_on_from_a_line_before_a_tool_but_a_tail_may_follow(book):
    for tag, chapter in book.chapters.items():
        assert chapter.tool is not None and chapter.tool.lead_ins == () and chapter.tool.tails, tag


@pytest.mark.parametrize("what", ["phrases", "tails"])
def test_too_few_to_choose_from_is_a_problem(phrase_tables, what):
    few = {
        "de.other.phrases": ["Ich höre Ihnen dabei gut zu."],
        "de.other.tails": ["Ich möchte mir das in Ruhe ansehen."],
    }
    tables = merged(phrase_tables, override_tables({f"de.other.{what}": few[f"de.other.{what}"]}))
    (problem,) = [line for line in problems_in(Phrasebook.from_tables(tables), ["de"]) if "needs 8" in line]
    assert problem.startswith(f"de.other.{what}: 1,")


def test_too_few_lines_for_an_answer_that_does_not_come_are_a_problem(phrase_tables):
    lines = {"de.progress": ["Das sehe ich mir noch an."], "de.progress.lead_ins": []}
    found = list(problems_in(Phrasebook.from_tables(merged(phrase_tables, override_tables(lines))), ["de"]))
    assert "de.progress.lead_ins: missing" in found
    assert "de.progress.phrases: 1, needs 6, for none is said twice" in found


def test_a_sentence_that_is_the_beginning_of_another_counts_as_the_other(phrase_tables):
    tables = merged(phrase_tables, override_tables({"en.grave": ["I'm so sorry.", "I'm so sorry to hear that."]}))
    assert any("is the beginning of" in line for line in problems_in(Phrasebook.from_tables(tables), ["en"]))


def test_a_language_without_rules_is_judged_for_its_form_only():
    italian = {"join": " ", "other": {"phrases": ["Certo, subito.", "Ci penso"]}}
    assert list(problems_in(Phrasebook.from_tables({"it": italian}))) == [
        "it.other: 'Ci penso' does not end as a sentence"
    ]


def test_only_the_languages_asked_for_are_read(phrase_tables):
    tables = merged(phrase_tables, override_tables({"en.other": ["Sure."]}))
    book = Phrasebook.from_tables(tables)
    assert list(problems_in(book, ["en"])) and not list(problems_in(book, ["de"]))
