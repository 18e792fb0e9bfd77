"""What holds of every text that the screen lets through, and of every text at all."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide import screen as screen_module
from loro_core.decide.screen import DEFAULT_LIMITS, Rejection, screen

PIECES = (
    *(
        "Let me see",
        "Okay",
        "Hmm",
        "let me check",
        "So",
        "well",
        "looking at",
        "Paris",
        "that",
        "yes",
        "no",
        "42",
        "one moment",
    ),
    *("我看一下", "好的", "嗯", "让我想想", "北京", "稍等", "是", "三", "ok", "い", "é", "e\u0301", "по"),
    *(
        " ",
        ", ",
        ". ",
        ".",
        "...",
        "…",
        "，",
        "。",
        "！",
        "?",
        "\n",
        '"',
        "**",
        "`",
        "'",
        "’",
        "-",
        "—",
        ":",
        "<think>",
        "</think>",
    ),
    *("\u200b", "\u2028", "\x00", "😊", "Assistant:", "https://a.b", "\u3000", "\xa0", "Ｌｅｔ　ｍｅ"),
)
written = st.text() | st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
spoken = st.lists(
    st.sampled_from(PIECES[:8] + PIECES[13:17] + (" ", " ", ", ", ". ", "，", "。", '"')), max_size=7
).map("".join)
languages = st.sampled_from(["en", "zh-CN"])


@given(written | spoken, languages, st.sampled_from(["", "what about Paris", "北京怎么样"]))
def test_what_is_let_through_is_fit_to_be_spoken(text, language, user_text):
    words = screen(text, language=language, user_text=user_text)
    if isinstance(words, Rejection):
        return
    assert words == words.strip() != ""
    assert words.isprintable()
    assert len(words) <= (DEFAULT_LIMITS.words if language == "en" else DEFAULT_LIMITS.characters)
    assert not any(unicodedata.category(c)[0] in "NSC" for c in words)
    assert not set(words) & set('?？<>:`*"')
    assert words[-1] in ".!,…。！，、-–—’'"


@given(written | spoken, languages, st.text(max_size=20))
def test_what_was_let_through_once_is_let_through_unchanged(text, language, user_text):
    words = screen(text, language=language, user_text=user_text)
    if isinstance(words, str):
        assert screen(words, language=language, user_text=user_text) == words


@given(spoken)
def test_some_of_it_is_let_through_in_one_language_at_most(text):
    assert isinstance(screen(text, language="en"), Rejection) or isinstance(screen(text, language="zh-CN"), Rejection)


@given(spoken)
def test_words_of_plain_letters_are_judged_like_all_others(text):
    """They are told by one look, and what the others are looked at for would find the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen_module, "_PLAIN_WORDS", re.compile("(?!)"))
        looked_at = screen(text, language="en")
    assert screen(text, language="en") == looked_at
