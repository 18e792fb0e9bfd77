"""What a request is to its conversation."""

from __future__ import annotations

import pytest

from loro_core.chat import ChatRequest, Message, Role, Turn, TurnKind
from loro_core.decide.identity import Caller
from loro_core.decide.turn import RESENT_WITHIN_S, REVISED_WITHIN_S, CallMemory, Note, classify

CALL = Caller(key="c1", certain=True)
SKY = "Why is the sky blue?"
REPLY = "Let me think. So, the air scatters blue light more than red. It is that simple."


def request(*turns: str, then: tuple[Message, ...] = (), system: str = "", **changes) -> ChatRequest:
    """Return a conversation of the user's and the assistant's turns, by turns, and what follows."""
    roles: tuple[Role, ...] = ("user", "assistant")
    messages = [Message.of(roles[i % 2], text) for i, text in enumerate(turns)] + list(then)
    if system:
        messages.insert(0, Message.of("system", system))
    return ChatRequest(**{"model": "loro", "messages": tuple(messages), "stream": True, **changes})


class Calls:
    """A memory, and requests that come to it. Each is begun, as the gateway does."""

    def __init__(self, caller: Caller = CALL) -> None:
        self.memory, self.caller = CallMemory(), caller
        self.note: Note | None = None

    def ask(self, asked: ChatRequest, at: float = 0.0, *, says: str = "", **options) -> Turn:
        turn = classify(asked, self.memory, at, caller=self.caller, **options)
        self.note = self.memory.begin(turn, asked, at)
        self.note.say(says)
        return turn


def kinds(*asked: ChatRequest, caller: Caller = CALL) -> list[str]:
    calls = Calls(caller)
    return [calls.ask(one, float(at), says=REPLY).kind.value for at, one in enumerate(asked)]


# --- re-sent -----------------------------------------------------------------------------------------------------


def test_the_same_request_again_is_re_sent():
    assert kinds(request(SKY), request(SKY)) == ["new", "resent"]


def test_after_some_seconds_the_same_request_is_a_new_one():
    calls = Calls()
    calls.ask(request(SKY), 0.0)
    assert calls.ask(request(SKY), RESENT_WITHIN_S + 0.1).kind is TurnKind.NEW
    assert calls.ask(request(SKY), RESENT_WITHIN_S + 0.2, resent_within_s=0.0).kind is TurnKind.NEW


@pytest.mark.parametrize(
    "changes",
    [{"model": "other"}, {"include_usage": True}, {"n": 2}, {"stream": False}, {"parameters": {"temperature": 0.1}}],
)
def test_a_request_whose_reply_would_differ_is_not_re_sent(changes):
    assert kinds(request(SKY), request(SKY, **changes)) == ["new", "new"]


def test_nor_is_one_with_other_headers_that_decide():
    calls = Calls()
    calls.ask(request(SKY), options=("race",))
    assert calls.ask(request(SKY), options=("direct",)).kind is TurnKind.NEW
    assert calls.ask(request(SKY), options=("direct",)).kind is TurnKind.RESENT


def test_a_platforms_own_fields_may_differ():
    again = request(SKY, platform={"call": {"id": "c1", "updatedAt": "later"}})
    assert kinds(request(SKY), again) == ["new", "resent"]


def test_a_re_sent_turn_knows_whether_it_was_acknowledged():
    calls = Calls()
    calls.ask(request(SKY))
    assert calls.note is not None
    assert not calls.ask(request(SKY)).acknowledged
    calls.note.acknowledged = True
    assert calls.ask(request(SKY)).acknowledged and calls.ask(request(SKY)).acknowledged


def test_a_re_sent_tool_follow_up_is_re_sent():
    called = Message(role="assistant", text="", fields={"role": "assistant", "tool_calls": [{"id": "t"}]})
    asked = request(SKY, then=(called, Message.of("tool", "21 C")))
    assert kinds(request(SKY), asked, asked) == ["new", "tool_follow_up", "resent"]


# --- strangers ---------------------------------------------------------------------------------------------------


def test_strangers_who_open_alike_are_not_taken_for_one():
    assert kinds(request(SKY), request(SKY), request(f"{SKY} And the sea?"), caller=Caller()) == ["new"] * 3


def test_one_persons_two_calls_are_not_taken_for_one():
    assert kinds(request(SKY), request(SKY), caller=Caller(key="anna")) == ["new", "new"]


def test_once_the_assistant_has_answered_the_history_is_a_name():
    asked = request(SKY, REPLY, "And the sea?")
    assert kinds(asked, asked, caller=Caller()) == ["new", "resent"]


def test_a_fixed_greeting_is_no_answer():
    asked = request(then=(Message.of("assistant", "Hello! How can I help?"), Message.of("user", SKY)))
    assert kinds(asked, asked, caller=Caller()) == ["new", "new"]


def test_two_calls_with_names_do_not_meet():
    memory = CallMemory()
    for key in ("c1", "c2"):
        caller = Caller(key=key, certain=True)
        turn = classify(request(SKY), memory, 0.0, caller=caller)
        assert turn.kind is TurnKind.NEW
        memory.begin(turn, request(SKY), 0.0)


# --- revised -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("what's the", "what's the weather in Paris"),
        ("what's the whether in", "What's the weather in Paris?"),
        ("book a table for too", "Book a table for two tonight"),
        ("今天天气", "今天天气怎么样"),
        ("quiero reservar una", "Quiero reservar una mesa para dos."),
    ],
)
def test_a_longer_or_corrected_transcript_is_revised(before, after):
    assert kinds(request(before), request(after)) == ["new", "revised"]


def test_each_longer_transcript_revises_the_one_before_under_one_key():
    calls = Calls()
    turns = [calls.ask(request(text), at * 0.3) for at, text in enumerate(["what", "what is", "what is the time"])]
    assert [turn.kind.value for turn in turns] == ["new", "revised", "revised"]
    assert len({turn.key for turn in turns}) == 1 and len({turn.digest for turn in turns}) == 3


def test_a_transcript_in_two_messages_is_one():
    parts = (Message.of("user", "I want to"), Message.of("user", "book a table"))
    assert kinds(request("I want to"), request(then=parts)) == ["new", "revised"]


@pytest.mark.parametrize("other", ["Give this conversation a title of four words.", "Bye!", ""])
def test_another_request_with_the_same_history_is_not_a_revision(other):
    """Some frontends ask for titles and tags beside the answer; those must not end it."""
    assert kinds(request(SKY), request(other))[1] != "revised"


def test_a_while_later_it_is_a_question_of_its_own():
    calls = Calls()
    calls.ask(request("what is"), 0.0)
    assert calls.ask(request("what is the time"), REVISED_WITHIN_S + 0.1).kind is TurnKind.NEW


# --- tools, silence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["tool", "function"])
def test_a_tools_result_makes_a_follow_up_of_the_same_turn(role):
    calls = Calls()
    turn = calls.ask(request(SKY))
    called = Message(role="assistant", text="", fields={"role": "assistant", "tool_calls": [{"id": "t"}]})
    followed = calls.ask(request(SKY, then=(called, Message.of(role, "21 C"))))
    assert followed.kind is TurnKind.TOOL_FOLLOW_UP
    assert (followed.key, followed.number) == (turn.key, turn.number)


@pytest.mark.parametrize("text", ["", " ", "...", "…", "[silence]", "(inaudible)"])
def test_silence(text):
    assert kinds(request(SKY), request(SKY, REPLY, text)) == ["new", "silence"]


def test_a_call_that_the_assistant_opens():
    opening = request(system="Greet the caller.")
    turn = classify(opening, CallMemory(), 0.0)
    assert (turn.kind, turn.number) == (TurnKind.SILENCE, 0)


# --- barge-in ----------------------------------------------------------------------------------------------------


def after(heard: str, *, said: str = REPLY, cut: bool = False, caller: Caller = CALL) -> str:
    """Return the kind of the turn after a reply of which `heard` came back."""
    calls = Calls(caller)
    calls.ask(request(SKY), 0.0, says=said)
    assert calls.note is not None
    calls.note.cut = cut
    return calls.ask(request(SKY, heard, "No, wait, tell me about the sea."), 6.0).kind.value


def test_a_reply_that_came_back_whole_was_heard():
    assert after(REPLY) == "new"
    assert after(REPLY.replace("It is that simple.", "It is that simple")) == "new"
    assert after(REPLY, cut=False, caller=Caller()) == "new"


@pytest.mark.parametrize("heard", ["Let me think.", "Let me think. So, the air scatters", "Let me thi"])
@pytest.mark.parametrize("caller", [CALL, Caller()])
def test_a_reply_of_which_less_came_back_was_cut_short(heard, caller):
    assert after(heard, caller=caller) == "after_barge_in"


def test_a_reply_that_the_client_left_was_cut_short():
    said = "Let me think. So, the air scatters blue light."
    assert after(said, said=said) == "new"
    assert after(said, said=said, cut=True) == "after_barge_in"


def test_a_reply_that_came_back_in_other_words_tells_nothing():
    assert after("The air scatters blue light.") == "new"


@pytest.mark.parametrize(
    ("heard", "kind"),
    [
        ("The air scatters light. And that is why—", "after_barge_in"),
        ("The air scatters light. [interrupted]", "after_barge_in"),
        ("The air scatters light. And that is", "after_barge_in"),
        ("空气散射蓝光。所以我们", "after_barge_in"),
        ("The air scatters light. And that is why!", "new"),
        ("Steps:\n1. Look up. 2. See\n3. Wonder", "new"),
        ("sure thing", "new"),
        ("The air scatters light. 😊", "new"),
    ],
)
def test_without_a_memory_the_text_itself_may_tell(heard, kind):
    assert classify(request(SKY, heard, "And the sea?"), None, 0.0).kind.value == kind


def test_a_flag_of_the_platforms_tells_too():
    flagged = Message(role="assistant", text=REPLY, fields={"role": "assistant", "interrupted": True})
    asked = request(SKY, then=(flagged, Message.of("user", "And the sea?")))
    assert classify(asked, None, 0.0).kind is TurnKind.AFTER_BARGE_IN


# --- numbers, keys, memory ---------------------------------------------------------------------------------------


def test_turns_are_counted_by_the_users_words():
    assert classify(request(SKY), None, 0.0).number == 1
    assert classify(request(SKY, REPLY, "And the sea?"), None, 0.0).number == 2


def test_a_key_survives_a_history_that_lost_its_beginning():
    turns = [f"{who} {number}." for number in range(8) for who in ("question", "reply")]
    whole = classify(request(*turns, "and now?"), None, 0.0)
    tail = classify(request(*turns[4:], "and now?"), None, 0.0)
    assert whole.key == tail.key


def test_a_system_prompt_with_a_clock_does_not_change_the_key():
    first, second = (classify(request(SKY, REPLY, "Hm?", system=f"It is {t}."), None, 0.0) for t in ("9:41", "9:42"))
    assert first.key == second.key and first.digest != second.digest


def test_the_next_turn_has_another_key():
    assert len({classify(request(*[SKY, REPLY] * n, SKY), None, 0.0).key for n in range(2)}) == 2


def test_the_memory_is_bounded_in_number_and_in_time():
    memory = CallMemory(most=10, ttl_s=60.0)
    turns = []
    for n in range(100):
        asked = request(f"question {n}")
        turns.append(classify(asked, memory, float(n), caller=Caller(key=str(n), certain=True)))
        memory.begin(turns[-1], asked, float(n))
        assert len(memory) <= 10
    assert memory.get(turns[-1].key, 100.0) is not None and memory.get(turns[0].key, 100.0) is None
    assert memory.get(turns[-1].key, 200.0) is None
    memory.begin(turns[0], request(SKY), 500.0)
    assert len(memory) == 1


def test_a_note_stays_small_however_much_is_said():
    note = Note("x" * 400, "d", 0.0)
    for _ in range(10_000):
        note.say("many words, and a few more. ")
    assert sum(len(getattr(note, name)) for name in ("_said", "transcript")) <= 600
