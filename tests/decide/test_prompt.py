"""The small call that asks a model for an acknowledgement."""

from __future__ import annotations

from loro_core.chat import ChatRequest, Message
from loro_core.decide.prompt import words_prompt, words_request

CONVERSATION = (
    Message.of("system", "You are Bella, who books hotels. The key is 1234."),
    Message.of("user", "hello"),
    Message.of("assistant", "Hello there! How can I help?"),
    Message.of("user", "find me a room in Paris"),
)


def request(*messages: Message, **fields: object) -> ChatRequest:
    return ChatRequest(model="loro", messages=messages, parameters=fields)  # type: ignore[arg-type]  # test data


def test_the_call_is_small():
    call = words_request(request(*CONVERSATION, tools=[{}], temperature=2, max_tokens=4000, response_format={}))
    assert call.parameters == {"max_tokens": 24, "temperature": 0.3}
    assert (call.stream, call.include_usage, call.n) == (True, True, 1)
    assert [m.role for m in call.messages] == ["system", "user"]
    assert call.messages[1].text == "find me a room in Paris"


def test_the_clients_own_prompt_stays_out():
    call = words_request(request(*CONVERSATION))
    assert not any("1234" in message.text for message in call.messages)


def test_the_last_reply_is_told_so_that_the_next_begins_differently():
    assert "Hello there! How can I help?" in words_request(request(*CONVERSATION)).messages[0].text
    assert words_request(request(CONVERSATION[3])).messages[0].text == words_prompt("en")


def test_long_texts_are_cut_to_their_ends():
    story = "Once upon a time. " + "la " * 5000 + "What do you think?"
    call = words_request(
        request(Message.of("user", "hi"), Message.of("assistant", "word " * 5000), Message.of("user", story))
    )
    assert sum(len(m.text) for m in call.messages) < 1600
    assert call.messages[1].text.startswith("Once upon")
    assert call.messages[1].text.endswith("What do you think?")


def test_a_chinese_user_is_met_in_chinese():
    call = words_request(request(Message.of("user", "今天天气怎么样")))
    assert call.messages[0].text == words_prompt("zh-CN") != words_prompt("en")


def test_a_language_without_a_prompt_gets_the_english_one():
    assert words_prompt("it") == words_prompt("en")


def test_the_operators_own_prompt_takes_the_place_of_ours():
    call = words_request(request(CONVERSATION[3]), "Grunt.")
    assert call.messages[0].text == "Grunt."


def test_no_switch_of_one_model_family_is_sent_to_all():
    call = words_request(request(*CONVERSATION))
    assert "no_think" not in repr(call)
    assert "thinking" not in call.parameters
