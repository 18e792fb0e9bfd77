"""Our acknowledgements are taken out of the history, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import Json, Message
from loro_core.decide.hygiene import KnownWords, without_acknowledgements
from tests.decide.seam_figures import load_book, sayings

BOOK = load_book()
KNOWN = KnownWords.of(BOOK)
SAYINGS = tuple(sayings(BOOK))


def left(text: str, known: KnownWords = KNOWN) -> str:
    (message,) = without_acknowledgements([Message.of("assistant", text)], known)
    assert message.fields == {"role": "assistant", "content": message.text}
    return message.text


def test_everything_the_book_says_is_taken_off():
    for saying in SAYINGS:
        join = "" if saying.words[-1] in "。！，" else " "
        assert left(f"{saying.words}{join}Paris is far.") == "Paris is far.", saying


LOOKING_AT_ALL = KnownWords.of(BOOK)
object.__setattr__(LOOKING_AT_ALL, "starts", frozenset({""}))


@given(
    st.text(" .,'\n\u0301Lé", max_size=14),
    st.sampled_from([saying.words for saying in SAYINGS]) | st.text(max_size=20),
    st.integers(0, 12),
    st.text(max_size=10),
)
def test_the_first_look_at_a_message_changes_nothing(before, words, cut, after):
    for text in (before + words + " " + after, words[cut:] + after, words[:cut] + after):
        assert left(text) == left(text, LOOKING_AT_ALL)


def test_the_letter_the_seam_made_small_is_a_capital_again():
    assert left("Let me think about that one. So, the sky is blue.") == "The sky is blue."
    assert left("Let me think about that one. So, iPhones break.") == "iPhones break."


@pytest.mark.parametrize(
    "text",
    [
        "The sky is blue.",
        "Hello there, how are you?",
        "Hello there is what he said.",
        "Let me think about that one more time.",
        "He said: Hello there! So, it was nice.",
        "So, the sky is blue.",
        "",
        "!!!",
    ],
)
def test_what_is_not_ours_stays(text):
    message = Message.of("assistant", text)
    assert without_acknowledgements([message], KNOWN)[0] is message


@pytest.mark.parametrize("text", ["Let me think about that one. So,", "Let me think about that one.", "Let me thi"])
def test_a_reply_that_was_cut_short_in_its_acknowledgement_stays(text):
    """The user spoke over it: the model needs to know what was heard."""
    message = Message.of("assistant", text)
    assert without_acknowledgements([message], KNOWN)[0] is message


def test_only_the_assistants_messages_are_touched():
    text = "Hello there! What is this?"
    messages = [Message.of(role, text) for role in ("system", "user", "assistant", "user")]
    out = without_acknowledgements(messages, KNOWN)
    assert [new is old for new, old in zip(out, messages, strict=True)] == [True, True, False, True]
    assert out[2].text == "What is this?"


def test_case_spaces_and_marks_may_have_changed_on_the_way():
    assert left("let me think  about that one! So — the sky") == "The sky"
    assert left("Let me think about that one.\nThe sky") == "The sky"


def test_another_languages_lead_in_is_the_answers():
    assert left("Let me think about that one. 嗯，天空") == "嗯，天空"


def test_words_remembered_for_the_call_are_taken_off():
    known = KNOWN.also(["Okay, checking the garden lights. So,", "Still checking."])
    assert left("Okay, checking the garden lights. So, they are on.", known) == "They are on."
    assert left("Let me think about that one. Still checking. It is on.", known) == "It is on."
    assert (
        left("Okay, checking the garden lights. So, they are on.")
        == "Okay, checking the garden lights. So, they are on."
    )


def test_a_message_that_calls_tools_loses_its_words_and_keeps_its_calls():
    calls: list[Json] = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    fields: dict[str, Json] = {"role": "assistant", "content": "Let me think about that one. So,", "tool_calls": calls}
    (message,) = without_acknowledgements(
        [Message(role="assistant", text="Let me think about that one. So,", fields=fields)], KNOWN
    )
    assert message.fields == {**fields, "content": None} and message.text == ""


def parts(*texts: str) -> Message:
    content = [{"type": "text", "text": text} for text in texts]
    return Message(role="assistant", text="\n".join(texts), fields={"role": "assistant", "content": content})


def test_the_first_text_of_a_list_of_parts_counts():
    (message,) = without_acknowledgements([parts("Hello there! It is five.", "Hello there! Bye.")], KNOWN)
    assert message.fields == parts("It is five.", "Hello there! Bye.").fields
    assert message.text == "It is five.\nHello there! Bye."


def test_a_part_that_is_nothing_but_ours_goes_if_something_is_left():
    (message,) = without_acknowledgements([parts("Hello there!", "It is five.")], KNOWN)
    assert message.fields == parts("It is five.").fields and message.text == "It is five."
    alone = parts("Hello there!")
    assert without_acknowledgements([alone], KNOWN)[0] is alone


@pytest.mark.parametrize("content", [None, [], [{"type": "image_url"}], [5], [{"type": "text", "text": 5}]])
def test_contents_without_text_stay(content):
    message = Message(role="assistant", text="", fields={"role": "assistant", "content": content})
    assert without_acknowledgements([message], KNOWN)[0] is message


texts = st.text(max_size=40) | st.builds(
    "{} {}".format, st.sampled_from([s.words for s in SAYINGS]), st.text(max_size=9)
)


@given(st.lists(texts, max_size=4))
def test_what_is_left_is_the_end_of_what_was_there(contents):
    messages = [Message.of("assistant", text) for text in contents]
    for old, new in zip(messages, without_acknowledgements(messages, KNOWN), strict=True):
        assert new is old or (0 < len(new.text) < len(old.text) and old.text.endswith(new.text[1:]))
        assert new is old or new.text.strip()
