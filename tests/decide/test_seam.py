"""What the seam takes off, what it leaves, and how long it holds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from loro_core.decide.category import Category
from loro_core.decide.seam import Seam, SeamLimits
from loro_core.decide.verdict import Kind
from tests.decide.seam_figures import figures

LEADS_IN = "Let me think about that one. So,"
SENTENCE = "Let me think about that one."
GREETS = "Hello there!"
DENKT = "Lass mich kurz nachdenken. Also,"
CHINESE = "让我想一想。嗯，"
LIMITS = SeamLimits(characters=48, hold_s=0.04, likely_hold_s=0.4)


def joined(words: str, answer: str, language: str | None = "en", category: Category | None = None) -> str:
    seam = Seam(words, language, category=category)
    return words + "".join(seam.feed(character, 0.0) for character in answer) + seam.end()


def kinds(words: str, answer: str, language: str | None = "en") -> list[str]:
    seam = Seam(words, language)
    seam.feed(answer, 0.0)
    seam.end()
    return [edit.kind.value for edit in seam.edits]


# --- over everything shipped ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_no_greeting_is_doubled_no_space_is_wrong_and_hardly_a_word_is_lost(book, seam_openings, every):
    found = figures(book, seam_openings[::every])
    assert len(seam_openings) >= 60 and found.pairs > 5000
    assert found.doubled == [] and found.spaces == []
    assert found.false_cut_share <= 0.005, found.false_cuts[:5]
    assert len(found.missed) <= found.pairs // 200, found.missed[:5]
    assert found.cases == []


def test_the_figures_would_show_a_seam_that_does_nothing(book, seam_openings, monkeypatch):
    monkeypatch.setattr("loro_core.decide.opening.Openings.judge", lambda *_: None)
    english = replace(book, chapters={"en": book.chapters["en"]})
    found = figures(english, seam_openings)
    assert found.doubled and found.missed and not found.false_cuts


# --- repetitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "Let me think about that one. So, the sky is blue.",
        "let me think about that one so, the sky is blue.",
        "Let me think about that one, so the sky is blue.",
        "Let me think about that one! The sky is blue.",
        "LET ME  THINK about that one...\nthe sky is blue.",
        "So, the sky is blue.",
        "So the sky is blue.",
        "the sky is blue.",
        " the sky is blue.",
    ],
)
def test_an_echoed_prefill_is_said_once(answer):
    assert joined(LEADS_IN, answer).endswith("So, the sky is blue.")


@pytest.mark.parametrize(
    "answer",
    [
        "Let me think about that one more time: it is blue.",
        "Let me think about that one? It is blue.",
        "So far, three people came.",
        "So much depends on it.",
        "Solar panels last for decades.",
        "Let me.",
    ],
)
def test_what_only_begins_like_our_words_stays(answer):
    assert joined(LEADS_IN, answer) == f"{LEADS_IN} {answer}"


def test_the_end_of_our_sentence_said_again_is_dropped():
    assert joined("Okay, let me see about that.", "Let me see about that. You have two.", "en").endswith(
        "that. You have two."
    )


def test_thanks_with_another_name_are_no_repetition():
    answer = "Thank you, Anna, for waiting."
    assert joined("Thank you, and take care.", answer) == f"Thank you, and take care. {answer}"


# --- spaces -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "answer", "whole"),
    [
        ("So,", "yes", "So, yes"),
        ("So,", "  yes", "So, yes"),
        ("So,", "\n\nyes", "So, yes"),
        ("So,", "\u00a0yes", "So, yes"),
        ("So, ", " yes", "So, yes"),
        ("Let me think... ", "Yes", "Let me think... Yes"),
        ("Let me think...", "Yes", "Let me think... Yes"),
        ("So", ", yes", "So, yes"),
        ("So,", "...yes", "So, ...yes"),
        ("So,", "你好 means hello", "So, 你好 means hello"),
        ("嗯，", " Python 很好", "嗯，Python 很好"),
        ("嗯", "Python", "嗯Python"),
        ("嗯……", "天", "嗯……天"),
        ("Hmm…", "it", "Hmm… it"),
        ("ええと、", " 空", "ええと、空"),
        ("음,", "하늘", "음, 하늘"),
        ("네", " 하늘", "네 하늘"),
        ("Итак,", "небо", "Итак, небо"),
        ("حسنًا،", "السماء", "حسنًا، السماء"),
        ("ठीक है।", "आकाश", "ठीक है। आकाश"),
        ("Hi 👋", "You", "Hi 👋 You"),
        ("So,", "   ", "So,"),
        ("So,", "", "So,"),
    ],
)
def test_one_space_between_spaced_scripts_and_none_between_others(words, answer, whole):
    assert joined(words, answer, None) == whole


# --- emoji, marks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("Hello! 👋🏽 How", "How"),
        ("👋 Hello! How", "How"),
        ("Hello! 👨‍👩‍👧 are", "👨‍👩‍👧 are"),
        ("Hello! 👋\u200d🔥 x", "👋\u200d🔥 x"),
        ("Hello! 🇩🇪 is", "🇩🇪 is"),
        ("Hello!\u0301 How", "How"),
        ("Hello ☺️! How", "How"),
    ],
)
def test_a_cluster_is_cut_whole_or_not_at_all(answer, left):
    assert joined(GREETS, answer) == f"{GREETS} {left}"


def test_a_mark_that_comes_after_its_letter_was_cut_does_not_stand_alone():
    seam = Seam(GREETS, "en", LIMITS)
    assert seam.feed("Hello!", 0.0) == "" and seam.tick(0.4) == "" and seam.edits
    assert seam.feed("\u0301 How", 0.5) + seam.end() == " How"


# --- the case of the first letter -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "language", "answer", "begins"),
    [
        (LEADS_IN, "en", "The sky", "the sky"),
        (LEADS_IN, "en", "There's a way", "there's a way"),
        (LEADS_IN, "en", "The Hague is", "The Hague is"),
        (LEADS_IN, "en", "Theodore is", "Theodore is"),
        (LEADS_IN, "en", "IT is", "IT is"),
        (LEADS_IN, "en", "I am", "I am"),
        (LEADS_IN, "en", "A. Smith", "A. Smith"),
        (SENTENCE, "en", "The sky", "The sky"),
        (DENKT, "de", "Der Himmel", "Der Himmel"),  # a noun follows: it may be a name
        (DENKT, "de", "Das ist", "das ist"),
        (DENKT, "de", "Sie können", "Sie können"),
        (DENKT, "de", "Wasser ist", "Wasser ist"),
        ("Alors,", "fr", "L'eau est", "l'eau est"),
        ("Alors,", "fr", "L'Europe est", "L'Europe est"),
        ("Итак,", "ru", "Это синее", "это синее"),
        ("Итак,", "ru", "Москва далеко", "Москва далеко"),
        ("Well,", None, "The sky", "the sky"),
    ],
)
def test_a_small_letter_after_a_comma_and_never_in_a_name(words, language, answer, begins):
    assert joined(words, answer, language) == f"{words} {begins}"


def test_a_cut_at_a_comma_leaves_a_sentence_with_a_capital():
    assert joined(GREETS, "Hi Anna, your order is on its way") == f"{GREETS} Your order is on its way"
    assert joined(GREETS, "Hi Anna, iPhone screens break") == f"{GREETS} iPhone screens break"
    assert joined(GREETS, "hi, your order") == f"{GREETS} your order"


def test_an_inverted_mark_is_not_left_without_its_partner():
    assert joined("¡Hola!", "¡Hola, estoy aquí para ayudarte!", "es") == "¡Hola! ¡Estoy aquí para ayudarte!"


# --- what passes as it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    ["✓ done", "○ wait", "[[calm]] Hello", "<speak>Hello</speak>", '{"a": 1}', "**Hello!** You", "`so`", "#1 is", "-5"],
)
def test_a_marker_passes_untouched(answer):
    assert joined(GREETS, answer) == f"{GREETS} {answer}"


@pytest.mark.parametrize("answer", ["```py\n1\n```", "- a\n- b", "# Head", "> quote", "| a |", "\n1. Wash"])
def test_what_is_laid_out_in_lines_begins_a_paragraph_of_its_own(answer):
    assert joined(LEADS_IN, answer) == f"{LEADS_IN}\n\n{answer.lstrip()}"


def test_a_date_is_no_list():
    assert joined("Also,", "1. Mai ist frei", "de") == "Also, 1. Mai ist frei"


# --- greetings --------------------------------------------------------------------------------------------------------


def test_a_greeting_is_cut_only_where_one_was_said():
    assert joined(SENTENCE, "Hello! is English for bonjour") == f"{SENTENCE} Hello! is English for bonjour"
    assert joined(SENTENCE, "Hello! It is.") == f"{SENTENCE} Hello! It is."


def test_words_that_greet_without_a_word_of_greeting_are_known_by_their_category():
    assert joined("Schön, dass du da bist!", "Hallo! Wie geht's?", "de", Category.GREETING).endswith(
        "bist! Wie geht's?"
    )
    assert joined("Schön, dass du da bist!", "Hallo! Wie geht's?", "de").endswith("bist! Hallo! Wie geht's?")


def test_a_whole_answer_goes_only_where_it_says_nothing_new():
    assert joined(GREETS, "Hello!") == GREETS
    assert joined(LEADS_IN, "Sure!") == f"{LEADS_IN} Sure!"
    assert joined(LEADS_IN, "Let me check.") == f"{LEADS_IN} Let me check."


@pytest.mark.parametrize(
    "answer", ["Hello.py is a file", "Hello? Are you there", "Hello Dolly! is a musical", "Hello, hi"]
)
def test_hello_may_mean_something(answer):
    assert joined(GREETS, f"{answer} and more").endswith(f"{answer} and more")


# --- holding ----------------------------------------------------------------------------------------------------------


def test_text_that_can_be_nothing_else_is_not_held():
    seam = Seam(SENTENCE, "en", LIMITS)
    assert seam.feed("Paris", 0.0) == " Paris" and seam.done
    assert seam.deadline is None and seam.edits == (seam.edits[0],) and seam.edits[0].kind is Kind.SPACE


def test_a_seam_that_is_done_returns_its_argument():
    seam = Seam(SENTENCE, "en", LIMITS)
    seam.feed("Paris", 0.0)
    text = "Sure! " * 100
    assert seam.feed(text, 1.0) is text and seam.end() == "" and seam.tick(9.0) == ""


def test_an_unlikely_opening_is_let_go_after_the_hold():
    seam = Seam(GREETS, "en", LIMITS)
    assert seam.feed("He", 1.0) == "" and seam.deadline == pytest.approx(1.04)
    assert seam.tick(1.03) == "" and seam.held == "He"
    assert seam.tick(1.04) == " He" and seam.done


def test_a_likely_opening_is_held_longer():
    seam = Seam(GREETS, "en", LIMITS)
    assert seam.feed("Hello", 1.0) == "" and seam.deadline == pytest.approx(1.4)
    assert seam.feed("!", 1.2) == "" and seam.feed(" What", 1.3) == " What"


def test_a_greeting_with_its_mark_is_cut_when_time_is_up():
    seam = Seam(GREETS, "en", LIMITS)
    seam.feed("Hello!", 1.0)
    assert seam.tick(1.4) == "" and seam.deadline is None and not seam.done
    assert seam.feed(" What", 2.0) == " What"


def test_a_word_without_its_mark_is_let_go_when_time_is_up():
    seam = Seam(GREETS, "en", LIMITS)
    seam.feed("Hello", 1.0)
    assert seam.tick(1.4) == " Hello" and seam.feed("!", 1.5) == "!"


def test_text_that_comes_after_the_deadline_is_looked_at_before_it_is_let_go():
    seam = Seam(GREETS, "en", LIMITS)
    seam.feed("He", 1.0)
    assert seam.feed("llo! What", 1.2) == " What"


def test_each_hold_has_its_own_time():
    seam = Seam(LEADS_IN, "en", LIMITS)
    assert seam.feed("Great question!", 0.0) == ""
    assert seam.feed(" S", 0.3) == "" and seam.deadline == pytest.approx(0.34)


def test_white_space_alone_is_waited_with():
    seam = Seam(GREETS, "en", LIMITS)
    assert seam.feed("\n\n", 0.0) == "" and seam.deadline is None
    assert seam.feed("Hello! You", 5.0) == " You"


def test_an_echo_longer_than_the_limit_is_let_go():
    words = "Let me think " + "very " * 20 + "well. So,"
    seam = Seam(words, "en", LIMITS)
    assert seam.feed(words, 0.0) == f" {words}" and len(seam.held) == 0


def test_four_cuts_and_no_more():
    assert joined(GREETS, "Hello! " * 5 + "You") == f"{GREETS} Hello! You"


def test_what_was_cut_and_why_is_recorded():
    assert kinds(LEADS_IN, "Sure! Great question! Well, the sky") == ["opener", "opener", "lead_in"]
    assert kinds(LEADS_IN, "So, so, the sky") == ["repeat", "repeat"]
    assert kinds(GREETS, "Hello!") == ["greeting"]
    assert kinds("My pleasure.", "You're welcome! Bye") == ["welcome"]
    assert kinds(LEADS_IN, "The sky") == ["space", "case"]
