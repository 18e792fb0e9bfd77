"""When the built-in policies acknowledge."""

from __future__ import annotations

import random

import pytest

from loro_core.chat import ChatRequest, Message, Turn, TurnKind
from loro_core.decide.contract import forbids_acknowledgement, hold_to_contract
from loro_core.decide.schedule import BUILT_IN, Adaptive, Direct, Instant, Race
from loro_core.fleet import Acknowledge, Deployment, Expectation, Leg, Plan, Snapshot

SMALL = Deployment(name="small", provider="scripted", model="s")
LARGE = Deployment(name="large", provider="scripted", model="l")
BOTH = {Leg.ACK: (SMALL,), Leg.ANSWER: (LARGE,)}
ASKED = ChatRequest(model="loro", messages=(Message.of("user", "Why is the sky blue?"),), stream=True)


def plan(policy, **snapshot) -> Plan:
    return policy.plan(ASKED, Snapshot(**{"deployments": BOTH, **snapshot}), 0.0, random.Random(1))


def answers_after(*seconds: float) -> dict[str, Expectation]:
    shares = tuple((after_s, 1.0 / len(seconds)) for after_s in sorted(seconds))
    return {"large": Expectation(points=shares, measured=1.0)}


def test_direct_never_acknowledges():
    assert plan(Direct()).acknowledge is None


def test_race_gives_the_small_model_its_whole_time():
    assert plan(Race(), words_deadline_s=3.0).acknowledge == Acknowledge(ask_model=True, deadline_s=3.0)


def test_race_without_a_small_model_takes_a_phrase_at_once():
    assert plan(Race(), deployments={Leg.ANSWER: (LARGE,)}).acknowledge == Acknowledge(ask_model=False, deadline_s=0.0)


def test_instant_tells_the_answering_model_what_was_said():
    acknowledge = plan(Instant()).acknowledge
    assert acknowledge is not None and acknowledge.tell_answer and not acknowledge.ask_model


def test_adaptive_holds_the_words_of_a_model_it_has_not_measured():
    planned = plan(Adaptive(), slack_s=0.3)
    assert planned.acknowledge is not None and 0.0 < planned.acknowledge.not_before_s <= 0.3
    assert planned.reason == "unmeasured_model"


@pytest.mark.parametrize(("after_s", "acknowledges"), [(0.05, False), (0.3, False), (0.7, True), (1.2, True)])
def test_adaptive_acknowledges_where_the_answer_comes_after_the_slack(after_s, acknowledges):
    planned = plan(Adaptive(), slack_s=0.3, expectations=answers_after(after_s))
    assert (planned.acknowledge is not None) is acknowledges
    assert planned.reason == ("slow_model" if acknowledges else "quick_model")


def test_adaptive_waits_for_better_words_only_a_short_while():
    slow = answers_after(2.0)
    acknowledge = plan(Adaptive(), quick_deadline_s=0.2, words_deadline_s=5.0, expectations=slow).acknowledge
    assert acknowledge == Acknowledge(ask_model=True, deadline_s=0.2)


def test_adaptive_lets_the_model_think_while_the_words_are_held_anyway():
    acknowledge = plan(Adaptive(), quick_deadline_s=0.1, slack_s=0.3, expectations=answers_after(0.25, 2.0)).acknowledge
    assert acknowledge is not None and acknowledge.deadline_s == acknowledge.not_before_s == 0.3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("call an ambulance he's not breathing", "urgent"),
        ("my father died this morning what do i do", "slow_model"),
        ("why is the sky blue", "slow_model"),
    ],
)
def test_adaptive_says_nothing_in_an_emergency(said, reason):
    asked = ChatRequest(model="loro", messages=(Message.of("user", said),), stream=True)
    planned = Adaptive().plan(asked, Snapshot(deployments=BOTH, expectations=answers_after(2.0)), 0.0, random.Random(1))
    assert planned.reason == reason and (planned.acknowledge is None) == (reason == "urgent")


def test_adaptive_knows_the_clients_floor_and_the_first_turn():
    acknowledge = plan(Adaptive(), floor_s=0.4, expectations=answers_after(2.0)).acknowledge
    assert acknowledge is not None and acknowledge.not_before_s == 0.4
    assert plan(Adaptive(), first_turn=False).reason == "first_turn"
    assert plan(Adaptive(), turn=Turn(kind=TurnKind.AFTER_BARGE_IN, number=2)).reason == "barge_in"


def test_adaptive_tells_the_answering_model_where_no_other_can_change_the_words():
    alone = plan(Adaptive(), deployments={Leg.ANSWER: (LARGE,)}).acknowledge
    both = plan(Adaptive()).acknowledge
    assert alone is not None and alone.tell_answer
    assert both is not None and not both.tell_answer


def test_every_policy_names_itself_in_its_plan():
    assert {p.name for p in BUILT_IN} == {plan(p).policy for p in BUILT_IN}


def request(**changes) -> ChatRequest:
    return ChatRequest(**{"model": "loro", "messages": ASKED.messages, "stream": True, **changes})


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(stream=False), "not_streaming"),
        (request(disable_quick_response=True), "disabled"),
        (request(n=2), "several_choices"),
        (request(parameters={"logprobs": True}), "logprobs"),
        (request(parameters={"response_format": {"type": "json_object"}}), "response_format"),
        (request(parameters={"tool_choice": "required"}), "tool_choice"),
        (request(parameters={"tool_choice": {"type": "function", "function": {"name": "f"}}}), "tool_choice"),
        (request(messages=(*ASKED.messages, Message.of("tool", "21 C"))), "tool_result"),
        (request(parameters={"logprobs": False, "tool_choice": "auto", "response_format": {"type": "text"}}), None),
        (request(parameters={"tools": [{"type": "function"}], "tool_choice": "none"}), None),
    ],
)
def test_what_an_acknowledgement_would_break(asked, reason):
    found = forbids_acknowledgement(asked)
    assert (None if found is None else found.value) == reason
    wanted = Plan(policy="theirs", acknowledge=Acknowledge(words="Sure."), reason="policy")
    held = hold_to_contract(wanted, asked)
    assert (held.acknowledge is None) is (reason is not None)
    assert held.reason == (reason or "policy")
