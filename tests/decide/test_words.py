"""The phrase book, and the choice from it."""

from __future__ import annotations

import random

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.category import Category
from loro_core.decide.words import Phrasebook, choose, is_silent
from loro_core.errors import ConfigError


def conversation(*texts: str) -> ChatRequest:
    """The user speaks first, then the assistant, and so on."""
    messages = (Message.of("assistant" if i % 2 else "user", text) for i, text in enumerate(texts))
    return ChatRequest(model="loro", messages=tuple(messages))


def table(*sentences: str, lead_ins: tuple[str, ...] = ()) -> dict[str, object]:
    return {"phrases": list(sentences), "lead_ins": list(lead_ins)}


def small_book(*questions: str, lead_ins: tuple[str, ...] = ()) -> Phrasebook:
    english: dict[str, object] = {"join": " ", "question": table(*questions, lead_ins=lead_ins)}
    for category in ("greeting", "request", "closing", "other"):
        english[category] = table(f"One for {category}.")
    return Phrasebook.from_tables({"en": english})


# --- choosing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "language", "category", "join"),
    [
        ("Hello!", "en", Category.GREETING, " "),
        ("what's the weather like", "en", Category.QUESTION, " "),
        ("turn off the light", "en", Category.REQUEST, " "),
        ("thanks, bye", "en", Category.CLOSING, " "),
        ("I had a really bad day", "en", Category.OTHER, " "),
        ("今天天气怎么样", "zh", Category.QUESTION, ""),
        ("帮我关灯", "zh", Category.REQUEST, ""),
        ("谢谢", "zh", Category.CLOSING, ""),
    ],
)
def test_the_words_fit_the_turn(book, turn, language, category, join):
    words = choose(book, conversation(turn), random.Random(1))
    assert words is not None
    assert (words.language, words.category, words.join) == (language, category, join)
    assert any(words.text.startswith(s) for s in book.chapters[language].phrases[category].sentences)


def test_an_english_user_never_hears_chinese(book):
    for seed in range(50):
        words = choose(book, conversation("what is this"), random.Random(seed))
        assert words is not None
        assert words.text.isascii()


@pytest.mark.parametrize(
    "turn",
    ["", "   ", "...", "[silence]", "(inaudible)", "【静音】", "¿Qué tiempo hace?", "今日の天気は", "42", "👍", "ok"],
)
def test_nothing_is_said_to_silence_or_in_a_language_that_is_not_known(book, turn):
    assert choose(book, conversation(turn), random.Random(1)) is None


def test_nothing_is_said_to_silence_after_an_english_turn(book):
    assert choose(book, conversation("what's the weather", "Sunny.", "..."), random.Random(1)) is None


def test_a_bare_number_is_acknowledged_in_the_language_of_the_conversation(book):
    words = choose(book, conversation("book a table please", "For how many?", "4"), random.Random(1))
    assert words is not None
    assert (words.language, words.category) == ("en", Category.OTHER)


def test_a_message_of_pictures_alone_is_silent():
    assert is_silent("")
    assert not is_silent("👍")
    assert not is_silent("٤")


def test_a_language_that_the_book_does_not_hold_is_not_spoken():
    assert choose(small_book("Let me see."), conversation("今天天气怎么样"), random.Random(1)) is None


def test_the_same_chance_gives_the_same_words(book):
    request = conversation("what is this")
    assert choose(book, request, random.Random(7)) == choose(book, request, random.Random(7))
    assert len({choose(book, request, random.Random(seed)) for seed in range(40)}) > 8


def test_a_lead_in_follows_the_sentence():
    book = small_book("Let me see.", lead_ins=("So,",))
    words = choose(book, conversation("what is this"), random.Random(1))
    assert words is not None
    assert words.text == "Let me see. So,"


# --- no repeat -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "returned",
    [
        "Let me look. So, it is a parrot.",
        "Let me look.",
        "let me look so it is a parrot",
        " Let me look.\nSo, it is...",
        "Let me lo",  # the user spoke over it
    ],
)
def test_words_that_the_returned_history_begins_with_are_not_said_again(returned):
    book = small_book("Let me look.", "Hmm, thinking.", lead_ins=("So,",))
    request = conversation("what is this", returned, "and what is that")
    for seed in range(20):
        words = choose(book, request, random.Random(seed))
        assert words is not None
        assert words.text == "Hmm, thinking. So,"


def test_words_in_the_middle_of_an_answer_do_not_count():
    book = small_book("Let me look.")
    request = conversation("what is this", "It says: let me look.", "and that, what is it")
    words = choose(book, request, random.Random(1))
    assert words is not None
    assert words.text == "Let me look."


def test_when_all_were_used_the_one_longest_ago_is_said():
    book = small_book("First one.", "Second one.", "Third one.")
    request = conversation("what", "Second one. A", "what", "First one. B", "what", "Third one. C", "what is that")
    for seed in range(20):
        words = choose(book, request, random.Random(seed))
        assert words is not None
        assert words.text == "Second one."


@pytest.mark.parametrize(("replies_since", "said"), [(5, "Second one."), (6, "First one.")])
def test_words_may_come_again_after_six_replies(replies_since, said):
    book = small_book("First one.", "Second one.")
    replies = ["Second one. A", "First one. B", *["It is a parrot."] * replies_since]
    texts = [text for reply in replies for text in ("what is it", reply)]
    spoken = {choose(book, conversation(*texts, "what is that"), random.Random(seed)) for seed in range(20)}
    assert said in {words.text for words in spoken if words}
    assert (len(spoken) == 1) == (replies_since < 6)


def test_a_tool_call_without_text_is_no_reply():
    book = small_book("First one.", "Second one.")
    texts = ["what is it", "First one. A"] + ["why is it", ""] * 6
    words = choose(book, conversation(*texts, "what is that"), random.Random(1))
    assert words is not None
    assert words.text == "Second one."


# --- the book ------------------------------------------------------------------------------------------------------


def test_all_problems_are_reported_by_key_path(phrase_tables):
    english = dict(phrase_tables["en"])
    english |= {
        "join": "-",
        "greting": {},
        "question": {"phrases": ["Let me see.", "let me see", "", " Hm.", 4, "Two\nlines."], "lead_in": ["So,"]},
        "request": {"phrases": "Let me see."},
        "closing": {"phrases": []},
    }
    del english["other"]
    with pytest.raises(ConfigError) as error:
        Phrasebook.from_tables({"en": english, "English": {}, "zh": phrase_tables["zh"], "fr": 3})
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
        "en.closing.phrases",
        "en.other",
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
    assert choose(Phrasebook.from_tables({}), conversation("hello"), random.Random(1)) is None
