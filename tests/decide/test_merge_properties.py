"""What holds of a merged reply however the events of its legs fall."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loro_core.chat import Delta, ToolCallDelta, Usage
from loro_core.decide.announce import Announcement
from loro_core.decide.merge import (
    Abort,
    Acknowledged,
    Action,
    AnswerBegun,
    Answered,
    AnswerEnded,
    AnswerFailed,
    CancelLeg,
    Emit,
    Finish,
    Merge,
    State,
    Ticked,
)
from loro_core.decide.seam import applied
from loro_core.errors import UpstreamClosed
from loro_core.fleet import Leg

texts = st.text(alphabet="ab 好\n", max_size=4) | st.sampled_from(["Hello", "Hi", "! ", "So,", " the", "Sure"])
usages = st.none() | st.builds(Usage, prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9))


class MergedReply(RuleBasedStateMachine):
    """Any order of events that two legs can produce: the acknowledgement reports once, the answer ends once."""

    @initialize(acknowledging=st.booleans(), choices=st.integers(1, 2), announcing=st.booleans())
    def start(self, acknowledging: bool, choices: int, announcing: bool) -> None:
        self.merge = Merge(acknowledging=acknowledging, choices=choices, announce=self.announce if announcing else None)
        self.asked_for: list[str] = []
        self.choices = choices
        self.now = 0.0
        self.ack_pending = acknowledging
        self.words = ""
        self.said: dict[int, list[str]] = {i: [] for i in range(choices)}
        self.calls: dict[int, list[ToolCallDelta]] = {i: [] for i in range(choices)}
        self.reasons: dict[int, str] = {}
        self.usage: Usage | None = None
        self.over = False
        self.out: list[Action] = []

    def announce(self, tool: str) -> Announcement | None:
        """Know a line for one tool and none for the other."""
        self.asked_for.append(tool)
        return Announcement(text="Looking. ", source="named") if tool == "f" else None

    def feed(self, event: Acknowledged | Answered | Ticked | AnswerEnded | AnswerFailed | AnswerBegun) -> None:
        self.out += self.merge.receive(event)

    @precondition(lambda self: self.ack_pending)
    @rule(words=texts, usage=usages)
    def the_acknowledgement_is_ready(self, words: str, usage: Usage | None) -> None:
        self.ack_pending = False
        self.words = words
        self.feed(Acknowledged(words=words, language="en", usage=usage))

    @precondition(lambda self: not self.over and len(self.reasons) < self.choices)
    @rule(
        data=st.data(),
        text=texts,
        call=st.sampled_from([None, None, "f", "g"]),
        reason=st.sampled_from([None, None, "stop", "length"]),
        usage=usages,
    )
    def the_answer_goes_on(
        self, data: st.DataObject, text: str, call: str | None, reason: str | None, usage: Usage | None
    ) -> None:
        open_choices = [i for i in range(self.choices) if i not in self.reasons]
        index = data.draw(st.sampled_from(open_choices))
        number = len(self.calls[index])
        calls = (ToolCallDelta(index=number, id=f"c{number}", name=call, arguments=text),) if call else ()
        self.said[index].append(text)
        self.calls[index] += calls
        if reason is not None:
            self.reasons[index] = reason
        self.usage = usage or self.usage
        delta = Delta(index=index, content=text, tool_calls=calls, finish_reason=reason, usage=usage)
        self.feed(Answered(delta=delta, now=self.now))

    @rule(wait_s=st.sampled_from([0.01, 0.05, 0.5]))
    def time_passes(self, wait_s: float) -> None:
        self.now += wait_s
        self.feed(Ticked(now=self.now))

    @precondition(lambda self: not self.over)
    @rule()
    def the_answer_thinks(self) -> None:
        self.feed(Answered(delta=Delta(fields={"reasoning_content": "hm"})))

    @precondition(lambda self: not self.over and self.merge.state is not State.ANSWERING)
    @rule()
    def another_deployment_answers(self) -> None:
        """Nothing of the answer is written, so nothing of the first one may come out."""
        self.said = {i: [] for i in range(self.choices)}
        self.calls = {i: [] for i in range(self.choices)}
        self.reasons = {}
        self.feed(AnswerBegun())

    @precondition(lambda self: not self.over)
    @rule()
    def the_answer_ends(self) -> None:
        self.over = True
        self.feed(AnswerEnded())

    @precondition(lambda self: not self.over)
    @rule()
    def the_answer_fails(self) -> None:
        self.over = True
        self.feed(AnswerFailed(error=UpstreamClosed("gone")))

    @precondition(lambda self: self.over)
    @rule(text=texts)
    def something_comes_after_the_end(self, text: str) -> None:
        assert self.merge.receive(Answered(delta=Delta(content=text))) == []

    def emitted(self, index: int) -> list[Emit]:
        return [a for a in self.out if isinstance(a, Emit) and a.delta.index == index]

    @invariant()
    def a_call_is_announced_at_most_once_right_before_it_and_only_behind_silence(self) -> None:
        assert len(self.asked_for) <= 1
        for at, action in enumerate(self.out):
            if isinstance(action, Emit) and action.announces:
                assert action.delta == Delta(content="Looking. ") and self.asked_for == ["f"]
                following = self.out[at + 1]
                assert isinstance(following, Emit) and following.delta.tool_calls[0].name == "f"
                before = [a.delta.content or "" for a in self.out[:at] if isinstance(a, Emit) and a.delta.index == 0]
                assert not "".join(before).strip()
                assert not [
                    a for a in self.out[:at] if isinstance(a, Emit) and a.delta.index == 0 and a.delta.tool_calls
                ]

    @invariant()
    def legs_do_not_interleave(self) -> None:
        spoken = [a.leg for a in self.out if isinstance(a, Emit) and a.delta.answers and not a.announces]
        assert spoken == sorted(spoken, key=lambda leg: leg is Leg.ANSWER)
        assert spoken.count(Leg.ACK) <= 1

    @invariant()
    def one_terminal_event_and_it_is_last(self) -> None:
        terminals = [i for i, a in enumerate(self.out) if isinstance(a, (Finish, Abort))]
        assert len(terminals) == (1 if self.over else 0)
        assert not terminals or terminals[0] == len(self.out) - 1

    @invariant()
    def no_text_is_lost_or_invented(self) -> None:
        for index in range(self.choices):
            answer = "".join(self.said[index])
            out = "".join(a.delta.content or "" for a in self.emitted(index) if not a.announces)
            acknowledged = [a for a in self.emitted(index) if a.leg is Leg.ACK and not a.announces]
            if acknowledged and index == 0:
                joined = self.merge.state in (State.ANSWERING, State.CLOSED)
                assert out == self.words + (applied(self.merge.seam_edits, answer) if joined else "")
            else:
                assert out == answer
            assert [c for a in self.emitted(index) for c in a.delta.tool_calls] == self.calls[index]

    @invariant()
    def each_choice_opens_once_and_before_it_says_anything(self) -> None:
        for index in range(self.choices):
            opened = [a.role for a in self.emitted(index)]
            opened += [r for a in self.out if isinstance(a, Finish) for d, r in a.endings if d.index == index]
            assert opened[:1] in ([], [True]) and not any(opened[1:])

    @invariant()
    def finish_reasons_come_once_a_choice_and_only_at_the_end(self) -> None:
        assert not [a for a in self.out if isinstance(a, Emit) and a.delta.finish_reason is not None]
        for finish in (a for a in self.out if isinstance(a, Finish)):
            reasons = {d.index: d.finish_reason for d, _ in finish.endings}
            assert reasons == {i: self.reasons.get(i, "stop") for i in range(self.choices)}
            assert finish.usage.answer == self.usage

    @invariant()
    def usage_is_never_inside_the_text(self) -> None:
        assert not [a for a in self.out if isinstance(a, Emit) and a.delta.usage is not None]

    @invariant()
    def the_acknowledging_leg_is_cancelled_at_most_once_and_only_while_it_runs(self) -> None:
        cancels = [a for a in self.out if isinstance(a, CancelLeg)]
        assert len(cancels) <= 1
        if cancels:
            assert not [a for a in self.out if isinstance(a, Emit) and a.leg is Leg.ACK and not a.announces]

    @invariant()
    def a_failure_is_never_dressed_as_an_end(self) -> None:
        for i, a in enumerate(self.out):
            if isinstance(a, Abort):
                assert len(self.reasons) < self.choices, i


# A machine of this many rules needs more than the everyday number of examples to meet each of them in each state.
MergedReply.TestCase.settings = settings(max_examples=max(250, settings().max_examples))
TestMergedReply = MergedReply.TestCase
