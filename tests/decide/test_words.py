"""The phrase book, and the choice from it."""

from __future__ import annotations

import random

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.category import Category
from loro_core.decide.phrasebook import Phrasebook
from loro_core.decide.tone import Tone
from loro_core.decide.words import choose, is_silent


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
        ("what's the weather like", "en", Category.LOOKUP, " "),
        ("turn off the light", "en", Category.REQUEST, " "),
        ("thanks, bye", "en", Category.CLOSING, " "),
        ("I had a really bad day", "en", Category.OTHER, " "),
        ("今天天气怎么样", "zh-CN", Category.LOOKUP, ""),
        ("帮我关灯", "zh-CN", Category.REQUEST, ""),
        ("谢谢", "zh-CN", Category.CLOSING, ""),
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
    [
        "",
        "   ",
        "...",
        "[silence]",
        "(inaudible)",
        "【静音】",
        "che tempo fa oggi",
        "วันนี้อากาศเป็นอย่างไร",
        "42",
        "👍",
        "ok",
    ],
)
def test_nothing_is_said_to_silence_or_in_a_language_that_is_not_known(book, turn):
    assert choose(book, conversation(turn), random.Random(1)) is None


def test_nothing_is_said_to_silence_after_an_english_turn(book):
    assert choose(book, conversation("what's the weather", "Sunny.", "..."), random.Random(1)) is None


def test_a_bare_number_is_acknowledged_in_the_language_of_the_conversation(book):
    words = choose(book, conversation("book a table please", "For how many?", "4"), random.Random(1))
    assert words is not None
    assert (words.language, words.category) == ("en", Category.CHOICE)


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


# --- the tone ------------------------------------------------------------------------------------------------------


def test_grave_news_get_sober_words(book):
    words = choose(book, conversation("my dad passed away this morning"), random.Random(1))
    assert words is not None
    assert words.tone is Tone.GRAVE
    assert words.phrasing.sentence in book.chapters["en"].grave.sentences
    assert words.phrasing.lead_in == "" and words.long is None and words.progress == ()


def test_nothing_is_said_to_an_emergency_and_to_the_turns_after_it(book):
    turns = ["call an ambulance he's not breathing", "Help is near.", "he's on the floor", "Stay.", "what do I do now"]
    for count in (1, 3, 5):
        assert choose(book, conversation(*turns[:count]), random.Random(1)) is None
    words = choose(book, conversation(*turns, "Press.", "what's the weather like"), random.Random(1))
    assert words is not None


def test_nothing_is_said_to_a_turn_that_only_says_go_on(book):
    assert choose(book, conversation("tell me a story", "Once upon a time", "okay"), random.Random(1)) is None


# --- the same words for the same turn ------------------------------------------------------------------------------


def test_a_re_send_gets_the_same_words_with_no_store(book):
    request = conversation("what is this", "A parrot.", "and what is that")
    said = {choose(book, request, random.Random(seed), key="call-7/2") for seed in range(20)}
    assert len(said) == 1
    assert len({choose(book, request, random.Random(1), key=f"call-{n}/2") for n in range(40)}) > 8


def test_a_key_gives_the_same_words_in_any_process():
    """Not what hash() gives, which is salted anew in each."""
    book = small_book("First one.", "Second one.", "Third one.")
    said = [choose(book, conversation("what is this"), random.Random(1), key=key) for key in ("a/1", "a/2", "b/1")]
    assert [words and words.text for words in said] == ["Third one.", "First one.", "Second one."]


def test_with_a_key_words_are_not_repeated_either(book):
    turns: list[str] = []
    said = []
    for number in range(6):
        turns.append("what is this")
        words = choose(book, conversation(*turns), random.Random(1), key=f"call/{number}")
        assert words is not None
        said.append(words.phrasing.sentence)
        turns.append(f"{words.text} An answer.")
    assert len(set(said)) == 6


def test_a_line_added_to_the_book_changes_few_choices():
    some = [f"Line {name}." for name in "abcdefgh"]
    before, after = small_book(*some), small_book(*some, "Line i.")
    same = 0
    for number in range(200):
        one, other = (
            choose(b, conversation("what is this"), random.Random(1), key=str(number)) for b in (before, after)
        )
        same += one == other
    assert same >= 160


# --- the long form -------------------------------------------------------------------------------------------------


def test_the_long_form_has_a_tail_between_sentence_and_lead_in(book):
    words = choose(book, conversation("why is the sky blue"), random.Random(1))
    assert words is not None and words.long is not None
    assert words.long.sentence.startswith(words.phrasing.sentence + " ")
    assert words.long.lead_in == words.phrasing.lead_in
    assert words.candidates == (words.phrasing, words.long)
    assert len(words.long.sentence) >= 60


def test_tails_are_not_repeated_either(book):
    turns: list[str] = []
    tails = []
    for _ in range(6):
        turns.append("what is this")
        words = choose(book, conversation(*turns), random.Random(3))
        assert words is not None and words.long is not None
        tails.append(words.long.sentence.removeprefix(words.phrasing.sentence))
        turns.append(f"{words.long.sentence} {words.long.lead_in} an answer.")
    assert len(set(tails)) == 6


def test_each_progress_line_has_a_tail_of_its_own(book):
    words = choose(book, conversation("why is the sky blue"), random.Random(1))
    assert words is not None and words.long is not None and len(words.progress) == 6
    tails = [long.sentence.removeprefix(short.sentence).strip() for short, long in words.progress]
    tails.append(words.long.sentence.removeprefix(words.phrasing.sentence).strip())
    assert "" not in tails and len(set(tails)) == 7
