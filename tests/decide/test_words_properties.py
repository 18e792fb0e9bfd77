"""What holds of the choice in any conversation."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import ROLES, ChatRequest, Message
from loro_core.decide.history import WINDOW, recent, replies_since
from loro_core.decide.phrasebook import Phrasebook
from loro_core.decide.words import choose

TURNS = (
    *("hello", "what is this", "turn off the light", "thanks", "I had a bad day"),
    *("你好", "今天天气怎么样", "帮我关灯", "谢谢", "我今天心情不好"),
)
messages = st.lists(st.builds(Message.of, st.sampled_from(ROLES), st.text(max_size=30)), min_size=1, max_size=8)


def sentence_of(book: Phrasebook, text: str) -> str:
    return next(
        sentence
        for chapter in book.chapters.values()
        for phrases in chapter.phrases.values()
        for sentence in phrases.sentences
        if text.startswith(sentence)
    )


@given(turns=st.lists(st.sampled_from(TURNS), min_size=2, max_size=14), seed=st.integers(0, 2**32))
def test_no_phrase_comes_back_within_the_window(book, turns, seed):
    rng = random.Random(seed)
    said: list[str] = []
    conversation: list[Message] = []
    for turn in turns:
        conversation.append(Message.of("user", turn))
        words = choose(book, ChatRequest(model="loro", messages=tuple(conversation)), rng)
        assert words is not None
        sentence = sentence_of(book, words.text)
        assert sentence not in said[-WINDOW:]
        said.append(sentence)
        conversation.append(Message.of("assistant", words.text + words.join + "the answer"))


@given(messages, st.integers(0, 2**32))
def test_any_conversation_gets_words_from_the_book_or_none(book, messages, seed):
    request = ChatRequest(model="loro", messages=tuple(messages))
    words = choose(book, request, random.Random(seed))
    assert words == choose(book, request, random.Random(seed))
    if words is not None:
        assert words.language in book.languages
        assert sentence_of(book, words.text) in book.chapters[words.language].phrases[words.category].sentences


@given(words=st.text(min_size=1), answer=st.text(), join=st.sampled_from(["", " ", "\n"]))
def test_a_reply_that_begins_with_the_words_is_recognised(words, answer, join):
    request = ChatRequest(model="loro", messages=(Message.of("assistant", words + join + answer),))
    said = any(c.isalnum() for c in words)
    assert (replies_since(words, recent(request)) == 0) or not said or not recent(request)
