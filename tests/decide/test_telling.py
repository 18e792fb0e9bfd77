"""One reply's way down the ladder."""

from __future__ import annotations

import pytest

from loro_core.chat import ChatRequest, Delta, Message, ToolCallDelta
from loro_core.decide.hint import HINT
from loro_core.decide.prefill import FIRST_PAUSE_S, MISSES, Ladder, Rung, TakenUp
from loro_core.decide.telling import OWN_PREFILL, Telling, may_go_on
from loro_core.errors import UpstreamClosed, UpstreamStatus
from loro_core.fleet import Deployment

LARGE = Deployment(name="large", provider="scripted", model="l")
USER = Message.of("user", "Why is the sky blue?")
SYSTEM = Message.of("system", "Be brief.")
WORDS = "Let me think about that. So,"
SAYS_SO = UpstreamStatus("this model does not support assistant message prefill", upstream_status=400)
UNCLEAR = UpstreamStatus("bad request", upstream_status=400)


def request(*messages: Message, **parameters) -> ChatRequest:
    return ChatRequest(model="loro", messages=messages or (USER,), stream=True, parameters=parameters)


def telling(ladder: Ladder | None = None, asked: ChatRequest | None = None, *, native=True, words=WORDS) -> Telling:
    return Telling(ladder or Ladder(), LARGE, asked or request(), words, language="en", native=native, now=0.0)


def rungs(ladder: Ladder, asked: ChatRequest | None = None) -> Rung:
    return telling(ladder, asked).told.rung


def says(*texts: str) -> list[Delta]:
    return [Delta(content=text) for text in texts]


def test_natively_the_request_is_as_it_was_and_the_words_have_no_white_space_at_their_end():
    told = telling(words=f"{WORDS} ").told
    assert told.rung is Rung.NATIVE and told.request == request() and told.prefill == WORDS


def test_by_hint_the_system_message_says_so():
    told = telling(native=False, asked=request(SYSTEM, USER)).told
    assert told.rung is Rung.HINT and told.prefill == ""
    assert told.request.messages[0].text == f"Be brief.\n\n{HINT.format(words=WORDS)}"


TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        (request(), True),
        (request(SYSTEM, USER, Message.of("assistant", "It is not."), USER), True),
        (request(tools=TOOLS), False),
        (request(tools=TOOLS, tool_choice="none"), True),
        (request(functions=[{"name": "f"}]), False),
        (request(USER, Message.of("assistant", "Because")), False),
        (request(USER, Message.of("tool", "7")), False),
        (ChatRequest(model="loro", messages=(USER,), n=2), False),
        *((request(**{name: True}), False) for name in OWN_PREFILL),
    ],
)
def test_where_a_reply_can_be_gone_on_with(asked, may):
    assert may_go_on(asked) is may
    assert telling(asked=asked).told.rung is (Rung.NATIVE if may else Rung.HINT)


def test_a_refusal_that_says_so_steps_down_and_is_remembered_at_once():
    ladder = Ladder()
    reply = telling(ladder)
    told = reply.instead(SAYS_SO, 1.0)
    assert told is not None and told.rung is Rung.HINT and told is reply.told
    assert rungs(ladder) is Rung.HINT


def test_a_refusal_that_does_not_is_remembered_once_the_rung_below_is_answered():
    ladder = Ladder()
    reply = telling(ladder)
    assert reply.instead(UNCLEAR, 1.0) is not None
    assert rungs(ladder) is Rung.NATIVE, "it may be about anything"
    reply.hear(Delta(fields={"reasoning_content": "hm"}), 2.0)
    assert rungs(ladder) is Rung.NATIVE
    reply.hear(Delta(content="The sky"), 2.0)
    assert rungs(ladder) is Rung.HINT


def test_a_request_that_is_refused_either_way_says_nothing_about_the_telling():
    ladder = Ladder()
    reply = telling(ladder, request(SYSTEM, USER))
    assert reply.instead(UNCLEAR, 1.0) is not None
    assert reply.instead(UNCLEAR, 1.0) is None
    reply.ended(1.0)
    assert rungs(ladder) is Rung.NATIVE


def test_the_same_complaint_about_two_ways_is_about_neither():
    reply = telling()
    assert reply.instead(UNCLEAR, 1.0) is not None
    assert reply.instead(UpstreamStatus("bad request", upstream_status=400), 1.0) is None


def test_two_complaints_go_down_to_the_last_rung():
    ladder = Ladder()
    reply = telling(ladder)
    assert reply.instead(UNCLEAR, 1.0) is not None
    told = reply.instead(UpstreamStatus("System role not supported", upstream_status=400), 1.0)
    assert told is not None and told.rung is Rung.NONE
    reply.hear(Delta(content="The"), 2.0)
    assert rungs(ladder) is Rung.NONE


def test_a_hint_that_brought_its_own_system_message_may_be_what_is_refused():
    ladder = Ladder()
    reply = telling(ladder, native=False)
    told = reply.instead(UNCLEAR, 1.0)
    assert told is not None and told.rung is Rung.NONE and told.request == request()
    assert reply.instead(UNCLEAR, 1.0) is None
    reply.hear(Delta(content="The"), 2.0)
    assert telling(ladder, native=False).told.rung is Rung.NONE
    assert telling(ladder, request(SYSTEM, USER), native=False).told.rung is Rung.HINT


def test_a_hint_that_is_answered_again_is_given_again():
    ladder = Ladder()
    ladder.refused(LARGE, Rung.HINT, now=0.0)
    again = Telling(ladder, LARGE, request(), WORDS, language="en", native=False, now=FIRST_PAUSE_S)
    assert again.told.rung is Rung.HINT
    again.hear(Delta(content="The sky"), FIRST_PAUSE_S)
    assert telling(ladder, native=False).told.rung is Rung.HINT


@pytest.mark.parametrize(
    "error",
    [
        UpstreamStatus("no such key", upstream_status=401),
        UpstreamStatus("slow down", upstream_status=429),
        UpstreamStatus("too long", upstream_status=400, code="context_length_exceeded"),
        UpstreamStatus("temperature is 9", upstream_status=400, param="temperature"),
        UpstreamClosed("gone"),
    ],
    ids=str,
)
def test_errors_that_are_about_something_else_stand(error):
    ladder = Ladder()
    assert telling(ladder, request(temperature=9)).instead(error, 1.0) is None
    assert rungs(ladder) is Rung.NATIVE


def test_an_answer_without_a_word_is_asked_for_by_hint_and_counts_if_that_is_answered():
    ladder = Ladder()
    for _ in range(MISSES):
        reply = telling(ladder)
        assert reply.instead(None, 1.0) is not None and reply.taken_up is TakenUp.SAID_NOTHING
        reply.ended(1.0)
    assert rungs(ladder) is Rung.NATIVE, "a hint was not answered either: there is nothing to say"
    for _ in range(MISSES):
        reply = telling(ladder)
        assert reply.instead(None, 1.0) is not None
        reply.hear(Delta(content="The sky"), 1.0)
    assert rungs(ladder) is Rung.HINT


def test_below_the_first_rung_an_empty_answer_is_an_answer():
    assert telling(native=False).instead(None, 1.0) is None


@pytest.mark.parametrize(
    ("deltas", "how"),
    [
        (says(" the", " sky", " is blue, because of the air"), TakenUp.WENT_ON),
        (says(" air."), TakenUp.WENT_ON),
        (says("Let me think", " about that.", " So,", " the sky"), TakenUp.ECHOED),
        (says("Hel", "lo", "!", " The sky"), TakenUp.BEGAN_ANEW),
        ([Delta(content="Hello! ", index=1), *says(" the sky is blue, because")], TakenUp.WENT_ON),
        ([Delta(fields={"refusal": "no"})], None),
        ([Delta(tool_calls=(ToolCallDelta(index=0, name="f"),))], None),
        ([Delta(finish_reason="stop")], None),
    ],
)
def test_what_the_answer_makes_of_the_words_is_heard(deltas, how):
    reply = telling()
    for delta in deltas:
        reply.hear(delta, 1.0)
    reply.ended(1.0)
    assert reply.taken_up is how


def test_an_answer_that_was_hinted_is_not_judged():
    reply = telling(native=False)
    reply.hear(Delta(content="Hello! The sky is blue."), 1.0)
    reply.ended(1.0)
    assert reply.taken_up is None


def test_three_that_begin_anew_are_enough():
    ladder = Ladder()
    for _ in range(MISSES):
        assert rungs(ladder) is Rung.NATIVE
        telling(ladder).hear(Delta(content="Hello! The sky"), 1.0)
    assert rungs(ladder) is Rung.HINT
