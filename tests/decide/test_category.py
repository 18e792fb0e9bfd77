"""What a turn wants."""

from __future__ import annotations

import pytest

from loro_core.decide.category import Category, category_of

MISREAD = {
    # A name between verb and participle; "we" asks for a favour here, and more often does not.
    "was Einstein born in Germany": "other",
    "Could we move the meeting to Friday?": "question",
}


def test_turns_are_read_for_what_they_want(turns):
    read = {text: category_of(text, language).value for text, language, _ in turns}
    wrong = {text: read[text] for text, _, category in turns if read[text] != category}
    assert wrong == MISREAD
    assert len(wrong) <= 0.03 * len(turns)


def test_there_are_enough_turns(turns):
    assert len(turns) >= 120
    assert len({text for text, _, _ in turns}) == len(turns)


def test_no_turn_is_greeted_that_does_not_greet(turns):
    for text, language, category in turns:
        for tag in (language, "en", "zh"):
            assert category == "greeting" or category_of(text, tag) is not Category.GREETING, text


@pytest.mark.parametrize(
    "turn", ["What is this?", "Which one is best?", "shipping", "history", "I think so", "something"]
)
def test_hi_inside_a_word_is_no_greeting(turn):
    assert category_of(turn, "en") is not Category.GREETING


@pytest.mark.parametrize("turn", ["他说你好像不开心", "你好像不开心", "早上好像下雨了", "晚上好冷", "喂猫", "嗨起来"])
def test_a_greeting_inside_a_chinese_word_is_no_greeting(turn):
    assert category_of(turn, "zh") is not Category.GREETING


@pytest.mark.parametrize("turn", ["不可以", "我不可以去", "这样不可以吧", "这不可以接受"])
def test_a_refusal_that_holds_the_word_for_can_is_no_request(turn):
    assert category_of(turn, "zh") is not Category.REQUEST


def test_a_greeting_before_a_question_does_not_hide_it():
    assert category_of("hello, what's the weather", "en") is Category.QUESTION
    assert category_of("你好，今天天气怎么样", "zh") is Category.QUESTION


def test_thanks_before_a_question_do_not_hide_it():
    assert category_of("thanks, and what about tomorrow", "en") is Category.QUESTION


def test_asking_for_help_with_a_question_mark_is_a_request():
    assert category_of("Can you help me?", "en") is Category.REQUEST
    assert category_of("你能帮我吗？", "zh") is Category.REQUEST


@pytest.mark.parametrize(
    "turn", ["whats the time", "What’s the time", "WHAT'S THE TIME?", "ｗｈａｔ'ｓ ｔｈｅ ｔｉｍｅ"]
)
def test_marks_case_and_width_do_not_matter(turn):
    assert category_of(turn, "en") is Category.QUESTION


def test_what_a_long_dictation_asks_at_its_end_counts():
    story = "We moved in last year and everything was fine until the winter. " * 60
    assert category_of(story + "Can you help me?", "en") is Category.REQUEST


def test_a_language_without_rules_is_other():
    assert category_of("¿Qué tiempo hace hoy?", "es") is Category.OTHER
    assert category_of("hello", None) is Category.OTHER
