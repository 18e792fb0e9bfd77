"""Which language a turn is in."""

from __future__ import annotations

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.language import language_of, language_of_text
from loro_core.decide.lexicon import ENGLISH, OTHERS

MISREAD = {
    # French and Portuguese, but of words that no list holds: no phrase either way.
    "il y a du monde ce soir ?": "und",
    "quanto custa a passagem": "und",
}


def request(*messages: Message) -> ChatRequest:
    return ChatRequest(model="loro", messages=messages)


def user(text: str) -> Message:
    return Message.of("user", text)


def assistant(text: str) -> Message:
    return Message.of("assistant", text)


def test_turns_are_read_in_their_language(turns):
    read = {text: language_of_text(text) or "" for text, _, _ in turns}
    wrong = {text: read[text] for text, language, _ in turns if read[text] != language}
    assert wrong == MISREAD


def test_no_turn_is_taken_for_english_or_chinese_that_is_not(turns):
    """The wrong phrase is worse than none."""
    for text, language, _ in turns:
        found = language_of_text(text)
        assert found == language or found not in ("en", "zh"), text


def test_the_words_of_other_languages_are_not_english():
    for tag, words in OTHERS.items():
        assert not words & ENGLISH, tag


@pytest.mark.parametrize("turn", ["42", "👍", "ok", "Johannesburg", "...", "no"])
def test_a_turn_that_shows_nothing_is_in_the_language_of_the_turn_before(turn):
    said = [user("What's the weather in Paris?"), assistant("It is sunny."), user(turn)]
    assert language_of(request(*said)) == "en"
    said = [user("今天天气怎么样"), assistant("晴天。"), user(turn)]
    assert language_of(request(*said)) == "zh"
    assert language_of(request(user(turn))) is None


def test_the_latest_turn_that_shows_a_language_counts():
    said = [user("What's the weather?"), assistant("Sunny."), user("好的，谢谢"), assistant("不客气。"), user("42")]
    assert language_of(request(*said)) == "zh"


def test_only_the_users_words_count():
    said = [Message.of("system", "Du bist ein hilfreicher Assistent."), assistant("Guten Tag."), user("hello there")]
    assert language_of(request(*said)) == "en"
    assert language_of(request(Message.of("system", "You are a helpful assistant."), user("42"))) is None


def test_a_conversation_without_a_user_has_no_language():
    assert language_of(request(assistant("Hello, how can I help?"))) is None


def test_an_english_turn_in_a_spanish_conversation_is_english():
    assert language_of(request(user("¿Qué tiempo hace?"), user("what's the weather like"))) == "en"


def test_japanese_of_chinese_characters_only_is_told_by_the_turn_before():
    assert language_of_text("日本語") == "zh"  # undecidable by itself
    assert language_of(request(user("日本語"))) == "zh"
    assert language_of(request(user("天気はどうですか"), user("日本語"))) == "ja"
    assert language_of(request(user("天気はどうですか"), user("你会说日语吗"))) == "zh"


def test_full_width_letters_are_letters():
    assert language_of_text("ｗｈａｔ　ｉｓ　ｔｈｉｓ") == "en"


def test_an_english_word_in_another_language_is_no_english():
    assert language_of_text("ano ba yung meeting natin bukas kasama sina kuya") is None
    assert language_of_text("le meeting est quand") == "fr"


def test_a_chinese_sentence_with_a_japanese_brand_is_chinese():
    assert language_of_text("鲜の美味餐厅在哪里") == "zh"


def test_traditional_characters_are_chinese():
    assert language_of_text("請問現在幾點") == "zh"


def test_only_the_beginning_of_a_long_text_is_looked_at():
    assert language_of_text("what is this " * 200 + "это русский текст " * 2000) == "en"
