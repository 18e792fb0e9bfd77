"""Any text has a language or none, and wants something; nothing raises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.category import Category, category_of
from loro_core.decide.language import language_of_text

SCRIPTS = "abc ?!.,'’你好吗帮我今日はオ안녕привет مرحبا नमस्ते ๑สว ñüß 12٣ 👍🏽\u200d\u0301\n\ud800"
texts = st.text() | st.text(alphabet=SCRIPTS)


@given(texts)
def test_any_text_has_a_language_or_none(text):
    found = language_of_text(text)
    assert found is None or (found.isascii() and found.islower() and 2 <= len(found) <= 3)


@given(texts, st.sampled_from(["en", "zh", "ja", "und", None]))
def test_any_text_wants_something(text, language):
    assert isinstance(category_of(text, language), Category)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6), st.sampled_from(["hi", "hey", "hello"]))
def test_letters_before_a_greeting_make_another_word(before, greeting):
    word = before + greeting
    assert category_of(f"{word} is here", "en") is not Category.GREETING


@given(st.text(alphabet=" \n\t.,!?…。，！？、'\"-", max_size=20))
def test_marks_alone_show_no_language_and_want_nothing(marks):
    assert language_of_text(marks) is None
    assert category_of(marks, "en") is category_of(marks, "zh") is Category.OTHER
