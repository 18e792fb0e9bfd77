"""What a turn wants."""

from __future__ import annotations

import pytest

from loro_core.decide.category import Category, category_of
from loro_core.decide.languages import LANGUAGES

MISREAD = 0.03
"""Of the turns in tests/data, this share at most may be read for something else than they want (docs/words.md)."""


def test_turns_are_read_for_what_they_want(turns):
    wrong = [
        (t.text, found, t.category) for t in turns if (found := category_of(t.text, t.language).value) != t.category
    ]
    assert len(wrong) <= MISREAD * len(turns), wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_is_read_much_worse_than_the_others(turns, language):
    own = [t for t in turns if t.language == language]
    wrong = [t.text for t in own if category_of(t.text, language).value != t.category]
    assert len(wrong) <= 0.06 * len(own), wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_turns_of_every_category(turns, language):
    assert {t.category for t in turns if t.language == language} == {category.value for category in Category}
    assert len([t for t in turns if t.language == language]) >= 34


def test_no_turn_is_written_twice(turns):
    assert len({t.text for t in turns}) == len(turns) >= 200


def test_no_turn_is_greeted_that_does_not_greet(turns):
    """Whatever language it were taken for."""
    for t in turns:
        for tag in LANGUAGES:
            assert t.category == "greeting" or category_of(t.text, tag) is not Category.GREETING, (t.text, tag)


def test_a_turn_that_only_says_go_on_is_told_apart():
    for turn, tag in (
        ("okay", "en"),
        ("嗯嗯", "zh-CN"),
        ("うん", "ja"),
        ("네", "ko"),
        ("d'accord", "fr"),
        ("ठीक है", "hi"),
    ):
        assert category_of(turn, tag) is Category.BACKCHANNEL


@pytest.mark.parametrize(
    "turn", ["What is this?", "Which one is best?", "shipping", "history", "I think so", "something"]
)
def test_hi_inside_a_word_is_no_greeting(turn):
    assert category_of(turn, "en") is not Category.GREETING


@pytest.mark.parametrize("turn", ["他说你好像不开心", "你好像不开心", "早上好像下雨了", "晚上好冷", "喂猫", "嗨起来"])
def test_a_greeting_inside_a_chinese_word_is_no_greeting(turn):
    assert category_of(turn, "zh-CN") is not Category.GREETING


@pytest.mark.parametrize("turn", ["不可以", "我不可以去", "这样不可以吧", "这不可以接受"])
def test_a_refusal_that_holds_the_word_for_can_is_no_request(turn):
    assert category_of(turn, "zh-CN") is not Category.REQUEST


def test_a_greeting_before_a_question_does_not_hide_it():
    assert category_of("hello, what's the weather", "en") is Category.LOOKUP
    assert category_of("你好，这是什么", "zh-CN") is Category.QUESTION


def test_thanks_before_a_question_do_not_hide_it():
    assert category_of("thanks, and what about tomorrow", "en") is Category.QUESTION


def test_asking_for_help_with_a_question_mark_is_a_request():
    assert category_of("Can you help me?", "en") is Category.REQUEST
    assert category_of("你能帮我吗？", "zh-CN") is Category.REQUEST


@pytest.mark.parametrize(
    "turn", ["whats the time", "What’s the time", "WHAT'S THE TIME?", "ｗｈａｔ'ｓ ｔｈｅ ｔｉｍｅ"]
)
def test_marks_case_and_width_do_not_matter(turn):
    assert category_of(turn, "en") is Category.LOOKUP


def test_what_a_long_dictation_asks_at_its_end_counts():
    story = "We moved in last year and everything was fine until the winter. " * 60
    assert category_of(story + "Can you help me?", "en") is Category.REQUEST


def test_a_language_without_rules_is_other():
    assert category_of("che tempo fa oggi?", "it") is Category.OTHER
    assert category_of("hello", None) is Category.OTHER
