"""The table of moves in decide/merge.py, row by row."""

from __future__ import annotations

from loro_core.chat import Delta, LastDeltas, ReplyUsage, ToolCallDelta, Usage
from loro_core.decide.announce import Announcement
from loro_core.decide.category import Category
from loro_core.decide.merge import (
    Abort,
    Acknowledged,
    Action,
    Answered,
    AnswerEnded,
    AnswerFailed,
    CancelLeg,
    Emit,
    Event,
    Finish,
    Merge,
    State,
    Ticked,
)
from loro_core.errors import UpstreamClosed
from loro_core.fleet import Leg

WORDS = Acknowledged(words="Let me see.", language="en")
LOST = AnswerFailed(error=UpstreamClosed("gone", deployment="large", phase="decode"))


GREETING = Acknowledged(words="Hello there!", language="en", category=Category.GREETING)
CALL = Answered(delta=Delta(tool_calls=(ToolCallDelta(index=0, id="c1", name="look"),)))


def says(text: str, now: float = 0.0) -> Answered:
    return Answered(delta=Delta(content=text), now=now)


def ends(reason: str = "stop") -> Answered:
    return Answered(delta=Delta(finish_reason=reason))


def run(merge: Merge, *events: Event) -> list[Action]:
    return [action for event in events for action in merge.receive(event)]


def state(merge: Merge) -> State:
    return merge.state  # a call: mypy would take the state for the one asserted before


def text_of(actions: list[Action]) -> str:
    return "".join(a.delta.content or "" for a in actions if isinstance(a, Emit))


def test_words_first_then_the_answer_joined_by_one_space():
    actions = run(Merge(acknowledging=True), WORDS, says("Paris"), says("."), ends(), AnswerEnded())
    assert text_of(actions) == "Let me see. Paris."
    assert [a.leg for a in actions if isinstance(a, Emit)] == [Leg.ACK, Leg.ANSWER, Leg.ANSWER]
    assert [a.role for a in actions if isinstance(a, Emit)] == [True, False, False]
    assert isinstance(actions[-1], Finish)


def test_an_answer_that_is_first_drops_the_acknowledgement_and_cancels_its_leg():
    actions = run(Merge(acknowledging=True), says("Paris"), WORDS, ends(), AnswerEnded())
    assert actions[0] == CancelLeg(leg=Leg.ACK)
    assert text_of(actions) == "Paris"


def test_without_an_acknowledging_leg_nothing_is_cancelled():
    assert not [a for a in run(Merge(acknowledging=False), says("Paris")) if isinstance(a, CancelLeg)]


def test_reasoning_is_passed_on_and_does_not_count_as_the_answer():
    thinking = Answered(delta=Delta(fields={"reasoning_content": "hm"}))
    actions = run(Merge(acknowledging=True), thinking, WORDS, says("Paris"))
    assert [type(a) for a in actions] == [Emit, Emit, Emit]
    assert text_of(actions) == "Let me see. Paris"


def test_an_answer_that_brings_its_own_space_gets_no_second_one():
    assert text_of(run(Merge(acknowledging=True), WORDS, says(" Paris"))) == "Let me see. Paris"


def test_a_tool_call_is_not_joined():
    call = Answered(delta=Delta(tool_calls=(ToolCallDelta(index=0, id="c1", name="look"),)))
    actions = run(Merge(acknowledging=True), WORDS, call, ends("tool_calls"), AnswerEnded())
    assert isinstance(actions[1], Emit) and actions[1].delta == call.delta
    assert isinstance(actions[-1], Finish) and actions[-1].endings[0][0].finish_reason == "tool_calls"


def test_a_finish_reason_in_the_same_chunk_as_text_gets_a_delta_of_its_own():
    both = Answered(
        delta=Delta(content="Paris", finish_reason="length", usage=Usage(prompt_tokens=1, completion_tokens=1))
    )
    emit, finish = run(Merge(acknowledging=False), both, AnswerEnded())
    assert isinstance(emit, Emit) and emit.delta == Delta(content="Paris")
    assert isinstance(finish, Finish)
    assert finish.endings == ((Delta(finish_reason="length"), False),)
    assert finish.usage == ReplyUsage(answer=Usage(prompt_tokens=1, completion_tokens=1))


def test_each_choice_has_its_own_end_and_its_own_role():
    merge = Merge(acknowledging=False, choices=2)
    actions = run(
        merge,
        Answered(delta=Delta(index=1, content="b")),
        Answered(delta=Delta(index=0, content="a")),
        Answered(delta=Delta(index=1, finish_reason="length")),
        Answered(delta=Delta(index=0, finish_reason="stop")),
        AnswerEnded(),
    )
    assert [a.role for a in actions if isinstance(a, Emit)] == [True, True]
    finish = actions[-1]
    assert isinstance(finish, Finish)
    assert [(d.index, d.finish_reason) for d, _ in finish.endings] == [(0, "stop"), (1, "length")]


def test_an_answer_without_a_finish_reason_ends_with_stop():
    finish = run(Merge(acknowledging=False), says("Paris"), AnswerEnded())[-1]
    assert isinstance(finish, Finish) and finish.endings == ((Delta(finish_reason="stop"), False),)


def test_the_last_deltas_of_a_stream_end_the_answer_and_what_follows_changes_nothing():
    merge = Merge(acknowledging=False)
    actions = merge.receive_deltas(LastDeltas([Delta(content="Paris."), Delta(finish_reason="stop")]), 0.0)
    assert actions == [*run(Merge(acknowledging=False), says("Paris."), ends(), AnswerEnded())]
    assert run(merge, AnswerEnded()) == run(merge, LOST) == []


def test_an_empty_answer_still_opens_its_choice_in_its_end():
    (finish,) = run(Merge(acknowledging=False), ends(), AnswerEnded())
    assert isinstance(finish, Finish) and finish.endings == ((Delta(finish_reason="stop"), True),)


def test_a_failure_before_anything_was_said_aborts_and_cancels_the_acknowledgement():
    assert run(Merge(acknowledging=True), LOST) == [CancelLeg(leg=Leg.ACK), Abort(error=LOST.error)]


def test_a_failure_in_the_middle_aborts_without_an_end():
    actions = run(Merge(acknowledging=True), WORDS, says("Pa"), LOST)
    assert actions[-1] == Abort(error=LOST.error)
    assert not [a for a in actions if isinstance(a, Finish)]


def test_a_failure_after_the_finish_reason_is_an_end():
    actions = run(Merge(acknowledging=False), says("Paris"), ends(), LOST)
    assert isinstance(actions[-1], Finish)


def test_a_failure_after_one_of_two_choices_ended_is_no_end():
    merge = Merge(acknowledging=False, choices=2)
    assert run(merge, ends(), LOST) == [Abort(error=LOST.error)]


def test_the_apology_is_said_only_after_something_was_said():
    early = run(Merge(acknowledging=False, apology="Sorry."), LOST)
    late = run(Merge(acknowledging=True, apology="Sorry."), WORDS, LOST)
    assert text_of(early) == ""
    assert text_of(late) == "Let me see. Sorry."
    assert isinstance(late[-1], Abort)


def test_a_chinese_apology_is_not_set_apart_by_a_space():
    assert text_of(run(Merge(acknowledging=False, apology="抱歉。"), says("因为"), LOST)) == "因为抱歉。"


def test_what_the_acknowledging_model_spent_is_counted_when_its_words_came_too_late():
    spent = Usage(prompt_tokens=9, completion_tokens=3)
    merge = Merge(acknowledging=True)
    finish = run(merge, says("Paris"), Acknowledged(words="Hm.", usage=spent), ends(), AnswerEnded())[-1]
    assert isinstance(finish, Finish) and finish.usage.acknowledgement == spent


def test_a_leg_without_words_says_nothing():
    assert run(Merge(acknowledging=True), Acknowledged(), says("Paris")) == [
        Emit(delta=Delta(content="Paris"), leg=Leg.ANSWER, role=True)
    ]


def test_tool_calls_are_numbered_from_zero_with_id_and_name_together():
    """Pipecat makes a phantom call of a first call that is not number 0 (pipecat-ai/pipecat #4987)."""
    early = Answered(delta=Delta(tool_calls=(ToolCallDelta(index=1, id="c1"),)))
    late = Answered(delta=Delta(tool_calls=(ToolCallDelta(index=1, name="look", arguments="{}"),)))
    actions = run(Merge(acknowledging=False), early, late, ends("tool_calls"), AnswerEnded())
    assert [a.delta.tool_calls for a in actions if isinstance(a, Emit)] == [
        (ToolCallDelta(index=0, id="c1", name="look", arguments="{}"),)
    ]


def test_a_call_without_an_id_is_said_before_the_end_with_one_made_up():
    call = Answered(delta=Delta(tool_calls=(ToolCallDelta(index=0, name="look", arguments="{}"),)))
    emit, finish = run(Merge(acknowledging=False), call, ends("tool_calls"), AnswerEnded())
    assert isinstance(emit, Emit) and emit.delta.tool_calls[0].id and isinstance(finish, Finish)


def test_nothing_comes_out_of_a_closed_merge():
    merge = Merge(acknowledging=True)
    run(merge, says("Paris"), AnswerEnded())
    assert state(merge) is State.CLOSED
    assert run(merge, WORDS, says("more"), ends(), AnswerEnded(), LOST) == []


# --- the seam ---------------------------------------------------------------------------------------------------------


def test_a_second_greeting_is_held_back_and_not_said():
    merge = Merge(acknowledging=True)
    assert len(run(merge, GREETING, says("Hel"), says("lo!"))) == 1
    assert state(merge) is State.JOINING
    assert text_of(run(merge, says(" What can I do?"))) == " What can I do?"
    assert state(merge) is State.ANSWERING and [e.before for e in merge.seam_edits] == ["Hello!"]


def test_a_tick_says_what_may_be_held_no_longer():
    merge = Merge(acknowledging=True)
    run(merge, GREETING, says("Hel", now=5.0))
    due = merge.deadline
    assert due is not None and 5.0 < due < 5.1
    assert run(merge, Ticked(now=due - 0.01)) == [] and state(merge) is State.JOINING
    assert text_of(run(merge, Ticked(now=due))) == " Hel"
    assert state(merge) is State.ANSWERING and merge.deadline is None


def test_a_tick_where_nothing_is_held_says_nothing():
    assert run(Merge(acknowledging=True), Ticked(now=9.0), WORDS, Ticked(now=9.0))[1:] == []


def test_a_tool_call_lets_out_what_is_held_before_it():
    actions = run(Merge(acknowledging=True), GREETING, says("Hel"), CALL)
    said = [a.delta for a in actions if isinstance(a, Emit)]
    assert said == [Delta(content="Hello there!"), Delta(content=" Hel"), CALL.delta]


def test_a_second_greeting_before_a_tool_call_is_not_said():
    actions = run(Merge(acknowledging=True), GREETING, says("Hello!"), CALL)
    assert [a.delta for a in actions if isinstance(a, Emit)][1:] == [CALL.delta]


def test_reasoning_passes_by_what_is_held():
    thinking = Answered(delta=Delta(fields={"reasoning_content": "hm"}))
    merge = Merge(acknowledging=True)
    actions = run(merge, GREETING, says("Hel"), thinking, says("p is on its way"))
    assert [a.delta.content for a in actions if isinstance(a, Emit)] == ["Hello there!", None, " Help is on its way"]


def test_the_finish_reason_lets_out_what_is_held():
    actions = run(Merge(acknowledging=True), GREETING, says("Hel"), ends())
    assert text_of(actions) == "Hello there! Hel"


def test_an_end_without_a_finish_reason_lets_out_what_is_held():
    actions = run(Merge(acknowledging=True), GREETING, says("Hel"), AnswerEnded())
    assert text_of(actions) == "Hello there! Hel" and isinstance(actions[-1], Finish)


def test_a_failure_lets_out_what_is_held_and_then_apologises():
    actions = run(Merge(acknowledging=True, apology="Sorry."), GREETING, says("Hel"), LOST)
    assert text_of(actions) == "Hello there! Hel Sorry." and isinstance(actions[-1], Abort)


def test_an_answer_that_was_said_already_leaves_the_acknowledgement_alone():
    actions = run(Merge(acknowledging=True), GREETING, says("Hello!"), ends(), AnswerEnded())
    assert text_of(actions) == "Hello there!"
    assert isinstance(actions[-1], Finish) and actions[-1].endings == ((Delta(finish_reason="stop"), False),)


def test_without_an_acknowledgement_nothing_is_held():
    assert text_of(run(Merge(acknowledging=False), says("Hello"))) == "Hello"
    assert text_of(run(Merge(acknowledging=True), Acknowledged(), says("Hello"))) == "Hello"


# --- 11: a line before a tool call ---------------------------------------------------------------------------------

LINE = Announcement(text="Let me look. ", source="named")


def announcing(*, acknowledging: bool = False) -> Merge:
    return Merge(acknowledging=acknowledging, announce=lambda tool: LINE if tool == "look" else None)


def emits(actions: list[Action]) -> list[Emit]:
    return [a for a in actions if isinstance(a, Emit)]


def piece(index: int = 0, **more: str) -> Answered:
    return Answered(delta=Delta(tool_calls=(ToolCallDelta(index=index, **more),)))  # type: ignore[arg-type]


def test_a_call_behind_silence_has_its_line_before_it_and_opens_nothing_twice():
    merge = announcing(acknowledging=True)
    cancel, line, call = run(merge, CALL)
    assert cancel == CancelLeg(leg=Leg.ACK)
    assert line == Emit(delta=Delta(content="Let me look. "), leg=Leg.ACK, role=True, announces=True)
    assert isinstance(call, Emit) and call.delta.tool_calls[0].id == "c1" and not call.role and not call.announces
    assert merge.announced == LINE and run(merge, WORDS) == []


def test_several_calls_have_one_line():
    both = Delta(tool_calls=(ToolCallDelta(index=0, id="a", name="look"), ToolCallDelta(index=1, id="b", name="look")))
    actions = run(announcing(), Answered(delta=both), piece(2, id="c", name="look"), AnswerEnded())
    assert [e.announces for e in emits(actions)] == [True, False, False]


def test_the_first_call_decides():
    merge = announcing()
    actions = run(merge, piece(0, id="a", name="beep"), piece(1, id="b", name="look"), AnswerEnded())
    assert not [e for e in emits(actions) if e.announces] and merge.announced is None


def test_what_was_said_before_the_call_makes_its_line_needless():
    for merge, before in (
        (announcing(), [says("I will look.")]),
        (announcing(acknowledging=True), [WORDS]),
        (announcing(), [Answered(delta=Delta(fields={"refusal": "No."}))]),
        (announcing(), [Answered(delta=Delta(content="Well, ", tool_calls=CALL.delta.tool_calls))]),
    ):
        assert not [e for e in emits(run(merge, *before, CALL, AnswerEnded())) if e.announces]


def test_blank_text_reasoning_and_an_acknowledgement_without_words_say_nothing():
    thinks = Answered(delta=Delta(fields={"reasoning_content": "hm"}))
    merge = announcing(acknowledging=True)
    actions = run(merge, Acknowledged(words=""), thinks, says("\n\n"), CALL)
    assert [e.announces for e in emits(actions)] == [False, False, True, False]


def test_text_that_comes_in_batches_makes_the_line_needless_too():
    merge = announcing()
    for text in ("\n", "I will", " look."):
        merge.receive_deltas([Delta(content=text)], 0.0)
    assert not [e for e in emits(merge.receive_deltas([CALL.delta], 0.0)) if e.announces]


def test_the_line_waits_for_the_calls_name():
    merge = announcing()
    assert run(merge, piece(id="a"), piece(arguments="{")) == []
    line, call = emits(run(merge, piece(name="look", arguments="}")))
    assert line.announces and call.delta.tool_calls[0].arguments == "{}"


def test_a_call_that_is_held_to_the_end_has_its_line_too():
    line, call = emits(run(announcing(), piece(name="look", arguments="{}"), AnswerEnded()))
    assert line.announces and call.delta.tool_calls[0].name == "look"


def test_without_a_call_there_is_no_line():
    for last in (AnswerEnded(), LOST):
        actions = run(announcing(), piece(id="a"), last)
        assert not [e for e in emits(actions) if e.announces]


def test_another_choices_call_has_none():
    call = Delta(index=1, tool_calls=CALL.delta.tool_calls)
    merge = Merge(acknowledging=False, choices=2, announce=lambda _: LINE)
    assert not [e for e in emits(run(merge, Answered(delta=call), AnswerEnded())) if e.announces]


def test_an_answer_that_breaks_off_behind_its_line_apologises():
    merge = Merge(acknowledging=False, apology="Sorry.", announce=lambda _: LINE)
    actions = run(merge, CALL, LOST)
    assert text_of(actions).split() == ["Let", "me", "look.", "Sorry."] and isinstance(actions[-1], Abort)
