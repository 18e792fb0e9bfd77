"""Laws of turn classes, over conversations of any shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import ROLES, ChatRequest, Message, TurnKind
from loro_core.decide.identity import Caller
from loro_core.decide.turn import CallMemory, classify

CALL = Caller(key="c1", certain=True)
MESSAGES = st.lists(
    st.builds(
        Message.of, st.sampled_from(ROLES), st.text(max_size=30) | st.sampled_from(("Hi.", "so it", "and then?"))
    ),
    min_size=1,
    max_size=8,
)


def asked(messages: list[Message]) -> ChatRequest:
    return ChatRequest(model="loro", messages=tuple(messages), stream=True)


@given(MESSAGES, st.booleans())
def test_any_conversation_has_a_turn_and_sent_again_it_is_re_sent(messages, named):
    memory, request = CallMemory(), asked(messages)
    caller = CALL if named else Caller()
    first = classify(request, memory, 0.0, caller=caller)
    memory.begin(first, request, 0.0)
    again = classify(request, memory, 1.0, caller=caller)
    assert first.kind is not TurnKind.RESENT and first.number >= 0
    assert (again.key, again.digest, again.number, again.sure) == (first.key, first.digest, first.number, first.sure)
    assert (again.kind is TurnKind.RESENT) is again.sure
    assert again.sure or not named


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40), MESSAGES)
def test_a_transcript_that_grows_is_revised_and_keeps_its_key(begun, rest, history):
    before, after = (
        asked([*history, Message.of("assistant", "Yes?"), Message.of("user", t)]) for t in (begun, begun + rest)
    )
    memory = CallMemory()
    first = classify(before, memory, 0.0, caller=CALL)
    memory.begin(first, before, 0.0)
    second = classify(after, memory, 0.5, caller=CALL)
    assert second.key == first.key
    if any(map(str.isalnum, begun)) and any(map(str.isalnum, rest.casefold())) and first.kind is not TurnKind.SILENCE:
        assert second.kind is TurnKind.REVISED


@given(MESSAGES, MESSAGES)
def test_the_same_words_in_another_call_are_never_revised_or_re_sent(messages, others):
    memory = CallMemory()
    for key, request in (("a", asked(messages)), ("b", asked(messages)), ("c", asked(others))):
        turn = classify(request, memory, 0.0, caller=Caller(key=key, certain=True))
        assert turn.kind not in (TurnKind.RESENT, TurnKind.REVISED)
        memory.begin(turn, request, 0.0)
