"""Any text has a language or none, and wants something; nothing raises."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.category import Category, category_of
from loro_core.decide.language import language_of_text, may_be
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.tone import Tone, tone_of

SCRIPTS = "abc ?!.,'’你好吗帮我今日はオ안녕привет مرحبا नमस्ते ๑สว ñüß 12٣ 👍🏽\u200d\u0301\n\ud800"
texts = st.text() | st.text(alphabet=SCRIPTS)


@given(texts)
def test_any_text_has_a_language_or_none(text):
    found = language_of_text(text)
    assert found is None or re.fullmatch("[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?", found)


@given(texts)
def test_any_text_may_be_in_the_language_that_it_shows(text):
    found = language_of_text(text)
    assert found is None or may_be(text, found)


@given(texts, st.sampled_from([*LANGUAGES, "und", None]))
def test_any_text_is_more_or_less_grave(text, language):
    assert isinstance(tone_of(text, language), Tone)


@given(texts, st.sampled_from([*LANGUAGES, "und", None]))
def test_any_text_wants_something(text, language):
    assert isinstance(category_of(text, language), Category)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6), st.sampled_from(["hi", "hey", "hello"]))
def test_letters_before_a_greeting_make_another_word(before, greeting):
    word = before + greeting
    assert category_of(f"{word} is here", "en") is not Category.GREETING


@given(st.text(alphabet=" \n\t.,!?…。，！？、'\"-", max_size=20))
def test_marks_alone_show_no_language_and_want_nothing(marks):
    assert language_of_text(marks) is None
    assert {category_of(marks, tag) for tag in LANGUAGES} == {Category.OTHER}
