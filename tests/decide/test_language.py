"""Which language a turn is in."""

from __future__ import annotations

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.language import UNDETERMINED, language_of, language_of_text, may_be
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.lexicon import ENGLISH, OTHERS


def request(*messages: Message) -> ChatRequest:
    return ChatRequest(model="loro", messages=messages)


def user(text: str) -> Message:
    return Message.of("user", text)


def assistant(text: str) -> Message:
    return Message.of("assistant", text)


def test_turns_are_read_in_their_language(turns):
    wrong = [(t.text, found, t.language) for t in turns if (found := language_of_text(t.text) or "") != t.language]
    assert len(wrong) <= 0.01 * len(turns), wrong


def test_no_turn_is_taken_for_a_language_with_phrases_that_is_in_another(turns):
    """The wrong phrase is worse than none."""
    for t in turns:
        found = language_of_text(t.text)
        assert found == t.language or found not in LANGUAGES, (t.text, found)


def test_the_words_of_other_languages_are_not_english():
    for tag, words in OTHERS.items():
        assert not words & ENGLISH, tag


@pytest.mark.parametrize("turn", ["42", "👍", "ok", "Johannesburg", "...", "no"])
def test_a_turn_that_shows_nothing_is_in_the_language_of_the_turn_before(turn):
    said = [user("What's the weather in Paris?"), assistant("It is sunny."), user(turn)]
    assert language_of(request(*said)) == "en"
    said = [user("今天天气怎么样"), assistant("晴天。"), user(turn)]
    assert language_of(request(*said)) == "zh-CN"
    assert language_of(request(user(turn))) is None


def test_the_latest_turn_that_shows_a_language_counts():
    said = [user("What's the weather?"), assistant("Sunny."), user("好的，谢谢"), assistant("不客气。"), user("42")]
    assert language_of(request(*said)) == "zh-CN"


def test_only_the_users_words_count():
    said = [Message.of("system", "Du bist ein hilfreicher Assistent."), assistant("Guten Tag."), user("hello there")]
    assert language_of(request(*said)) == "en"
    assert language_of(request(Message.of("system", "You are a helpful assistant."), user("42"))) is None


def test_a_conversation_without_a_user_has_no_language():
    assert language_of(request(assistant("Hello, how can I help?"))) is None


def test_an_english_turn_in_a_spanish_conversation_is_english():
    assert language_of(request(user("¿Qué tiempo hace?"), user("what's the weather like"))) == "en"


def test_japanese_of_chinese_characters_only_is_told_by_the_turn_before():
    assert language_of_text("日本語") == "zh-TW"  # undecidable by itself
    assert language_of(request(user("日本語"))) == "zh-TW"
    assert language_of(request(user("天気はどうですか"), user("日本語"))) == "ja"
    assert language_of(request(user("天気はどうですか"), user("你会说日语吗"))) == "zh-CN"


def test_full_width_letters_are_letters():
    assert language_of_text("ｗｈａｔ　ｉｓ　ｔｈｉｓ") == "en"


def test_an_english_word_in_another_language_is_no_english():
    assert language_of_text("ano ba yung meeting natin bukas kasama sina kuya") is None
    assert language_of_text("le meeting est quand") == "fr"


def test_a_chinese_sentence_with_a_japanese_brand_is_chinese():
    assert language_of_text("鲜の美味餐厅在哪里") == "zh-CN"


def test_traditional_characters_are_those_of_taiwan():
    assert language_of_text("請問現在幾點") == "zh-TW"


def test_only_the_beginning_of_a_long_text_is_looked_at():
    assert language_of_text("what is this " * 200 + "это русский текст " * 2000) == "en"


def test_simplified_and_traditional_are_told_by_their_characters():
    assert language_of_text("这个问题怎么办") == "zh-CN"
    assert language_of_text("這個問題怎麼辦") == "zh-TW"
    assert language_of_text("裡面有什麼") == "zh-TW"


def test_characters_of_both_ways_of_writing_are_those_of_the_earlier_turns():
    assert language_of_text("你好") == language_of(request(user("你好"))) == "zh-CN"
    assert language_of(request(user("請問你是誰"), user("你好"))) == "zh-TW"
    assert language_of(request(user("請問你是誰"), user("what is this"), user("42"), user("早安"))) == "zh-TW"
    assert language_of(request(user("请问你是谁"), user("你好"))) == "zh-CN"


def test_simplified_and_traditional_forms_together_are_japanese():
    assert language_of_text("会議室予約") == "ja"
    assert language_of_text("国語辞書") == "ja"


@pytest.mark.parametrize(
    ("turn", "language"),
    [
        ("onde fica a estação", "pt"),
        ("dónde está la estación", "es"),
        ("quero um café com leite", "pt"),
        ("quiero un café con leche", "es"),
        ("não sei", "pt"),
        ("no sé", "es"),
        ("wo ist der Bahnhof", "de"),
        ("waar is het station", "nl"),
        ("où est la gare", "fr"),
    ],
)
def test_neighbours_in_latin_letters_are_told_apart(turn, language):
    assert language_of_text(turn) == language


@pytest.mark.parametrize(
    "turn",
    [
        "سلام چطوری",  # Persian
        "این چه کتابی است",  # Persian without a letter that Arabic has not
        "کیا حال ہے",  # Urdu
        "мен қазақша сөйлеймін",  # Kazakh
        "здравейте, какво правите",  # Bulgarian, which has Russian's letters
        "मला मदत हवी आहे",  # Marathi
        "मलाई सहयोग चाहिन्छ, तपाईं को हो",  # Nepali
    ],
)
def test_neighbours_in_other_scripts_are_not_taken_for_one_with_phrases(turn):
    assert language_of_text(turn) == UNDETERMINED


def test_a_word_of_another_language_does_not_make_it_that_one():
    """A wrong phrase is worse than none: of nine words of Tagalog one is a Portuguese word, too."""
    assert language_of_text("ano ba yung meeting natin bukas kasama sina kuya") is None


def test_hindi_in_latin_letters_is_neither_hindi_nor_english():
    assert language_of_text("mujhe kal ka weather batao") == "hi-Latn"


def test_a_short_text_may_be_in_several_languages():
    assert may_be("Bem, bom", "pt")
    assert may_be("Hmm.", "en") and may_be("Hmm.", "de") and not may_be("Hmm.", "ja")
    assert may_be("我看看。", "zh-CN") and may_be("我看看。", "zh-TW")
    assert may_be("了解。", "ja")
    assert not may_be("讓我看看。", "zh-CN") and not may_be("让我看看。", "zh-TW")
    assert not may_be("Let me see.", "de")
