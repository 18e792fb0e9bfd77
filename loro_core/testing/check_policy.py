"""Whether a policy keeps the contract of `loro_core.Policy`: a pure function that answers every valid request.

    def test_my_policy_keeps_the_contract():
        check_policy(MyPolicy())

The requests and fleets that it is asked about are fixed, so a failure comes again; `requests` and `snapshots` are there
for property tests of one's own.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

from loro_core.chat import ChatRequest, Json, Message, Turn, TurnKind
from loro_core.fleet import Acknowledge, Deployment, Expectation, Leg, Load, Plan, Snapshot
from loro_core.plugin.api import Policy

LONGEST_NAME_CHARS = 40
"""A name travels in a header and in every metric's labels."""


def check_policy(policy: Policy) -> None:
    """Return if `policy` keeps the contract, for each of `requests` on each of `snapshots`.

    Raises AssertionError with a sentence that says what was asked and what is wrong with the plan.
    """
    _check_name(policy)
    # Each is made twice: a policy that changes one is seen by the other.
    for ((what, request), (_, same_request)), ((where, fleet), (_, same_fleet)) in itertools.product(
        zip(requests(), requests(), strict=True), zip(snapshots(), snapshots(), strict=True)
    ):
        asked = f"asked for {what} on {where}"
        _check_plans(policy, request, fleet, asked)
        assert (request, fleet) == (same_request, same_fleet), f"{asked} it changed its arguments"


def _check_name(policy: Policy) -> None:
    name: object = policy.name
    plain = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME_CHARS
    plain = plain and all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in str(name))
    assert plain, f"its name is {name!r}, needs 1 to {LONGEST_NAME_CHARS} lower-case letters, digits and hyphens"
    assert isinstance(policy, Policy), "it lacks a part of the protocol: name, plan"


def _check_plans(policy: Policy, request: ChatRequest, fleet: Snapshot, asked: str) -> None:
    """Check the plan for these arguments, and that nothing but them decides."""
    states = random.getstate()
    plans = []
    for now in (1000.0, 1000.0, 86_400.0):
        rng = random.Random(7)  # noqa: S311  # the same chance each time is the point
        try:
            plan = policy.plan(request, fleet, now, rng)
        except Exception as exc:
            raise AssertionError(f"{asked} it raised {type(exc).__name__}: {exc}") from exc
        assert isinstance(plan, Plan), f"{asked} it returned {type(plan).__name__}, needs a Plan"
        _check_plan(policy, plan, asked)  # before plans are compared: not every defect is equal to itself
        plans.append(plan)
    assert plans[0] == plans[1], f"{asked} twice, with the same chance, it planned differently"
    assert plans[0] == plans[2], f"{asked} its plan hangs on the hour: `now` is only good for differences"
    assert random.getstate() == states, f"{asked} it used `random` itself: `rng` is the only source of chance"


def _check_plan(policy: Policy, plan: Plan, asked: str) -> None:
    assert plan.policy == policy.name, f"{asked} its plan names {plan.policy!r}, it is {policy.name!r}"
    assert isinstance(plan.reason, str), f"{asked} its reason is {plan.reason!r}, needs text"
    assert isinstance(plan.announce_tools, bool), f"{asked} announce_tools is {plan.announce_tools!r}, needs a bool"
    if plan.acknowledge is not None:
        _check_acknowledge(plan.acknowledge, asked)


def _check_acknowledge(acknowledge: Acknowledge, asked: str) -> None:
    for name in ("deadline_s", "not_before_s"):
        seconds = getattr(acknowledge, name)
        fits = isinstance(seconds, (int, float)) and math.isfinite(seconds) and seconds >= 0
        assert fits, f"{asked} {name} is {seconds!r}, needs seconds, finite and >= 0"
    words = acknowledge.words
    if words is not None:
        assert isinstance(words, str), f"{asked} its words are {words!r}, needs text"
        assert words.strip(), f"{asked} its words are {words!r}, needs some, or None for the phrase book"
    if acknowledge.tell_answer:
        assert not acknowledge.ask_model, (
            f"{asked} it wants the answering model told the words (tell_answer) and the acknowledging model asked for"
            " others (ask_model): one or the other"
        )


def requests() -> Iterator[tuple[str, ChatRequest]]:
    """Yield valid requests of every kind, each with what it is."""
    tool: Json = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    call: Json = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    user = Message.of("user", "What is the weather in Gruyères?")
    called = Message(role="assistant", text="", fields={"role": "assistant", "content": None, "tool_calls": [call]})
    result = Message(role="tool", text="7", fields={"role": "tool", "content": "7", "tool_call_id": "call_a"})
    talk = (
        Message.of("system", "Be brief."),
        user,
        Message.of("assistant", "Cloudy."),
        Message.of("user", "And then?"),
    )
    yield "a streamed answer", _request(user)
    yield "a whole answer", _request(user, stream=False)
    yield "an answer in a talk", _request(*talk)
    yield "a long talk", _request(*talk * 50)
    yield "an answer to an empty turn", _request(Message.of("user", ""))
    yield "an answer to a very long turn", _request(Message.of("user", "word " * 20_000))
    yield "an answer to silence", _request(Message.of("system", "Be brief."))
    yield "an answer after an assistant's turn", _request(user, Message.of("assistant", "Let me"))
    yield "an answer to a tool's result", _request(user, called, result)
    yield "an answer alone", _request(user, disable_quick_response=True)
    yield "three choices", _request(user, n=3)
    yield "usage", _request(user, include_usage=True)
    for text in ("你好", "これは何？", "안녕하세요", "¿Qué hora es?", "مرحبا", "👩\u200d🚀", "\u0000\u2028"):
        yield f"an answer to {text!r}", _request(Message.of("user", text))
    named_tool: Json = {"type": "function", "function": {"name": "weather"}}
    parameters: dict[str, dict[str, Json]] = {
        "tools": {"tools": [tool]},
        "a tool that must be called": {"tools": [tool], "tool_choice": "required"},
        "a tool that is named": {"tools": [tool], "tool_choice": named_tool},
        "a JSON object": {"response_format": {"type": "json_object"}},
        "plain text": {"response_format": {"type": "text"}},
        "log-probabilities": {"logprobs": True, "top_logprobs": 2},
        "sampling parameters": {"temperature": 0, "max_tokens": 1, "stop": ["."], "seed": 1},
        "fields nobody knows": {"reasoning_effort": "high", "unheard_of": {"a": [1, None]}},
    }
    for what, given in parameters.items():
        yield f"an answer with {what}", _request(user, parameters=given)
    yield "an answer in a call", _request(user, platform={"call": {"id": "c"}, "user_id": "u"})


def snapshots() -> Iterator[tuple[str, Snapshot]]:
    """Yield fleets in every state, each with what it is."""
    small, large, other = (
        Deployment(name=name, provider="scripted", model=name) for name in ("small", "large", "other")
    )
    both: Mapping[Leg, tuple[Deployment, ...]] = {Leg.ACK: (small,), Leg.ANSWER: (large, other)}
    slow = Load(in_flight=3, first_token_p50_s=0.9, first_token_p90_s=2.5, samples=100)
    quick = Load(in_flight=0, first_token_p50_s=0.05, first_token_p90_s=0.1, samples=100)
    yield "a fleet that was never measured", Snapshot(deployments=both)
    at_once, late = (Expectation(points=((after_s, 1.0),), measured=1.0) for after_s in (0.05, 2.5))
    yield (
        "a quick fleet",
        Snapshot(
            deployments=both,
            loads={"large": quick, "other": quick, "small": quick},
            expectations={"large": at_once, "other": at_once, "small": at_once},
        ),
    )
    yield (
        "a slow fleet",
        Snapshot(
            deployments=both,
            loads={"large": slow, "other": slow, "small": slow},
            expectations={"large": late, "other": late, "small": at_once},
        ),
    )
    for kind in TurnKind:
        turn = Turn(kind=kind, number=2, key="k", digest="d", sure=True, acknowledged=True)
        yield (
            f"a slow fleet, for a turn that is {kind.value}",
            Snapshot(deployments=both, expectations={"large": late}, turn=turn),
        )
    yield "a client with a floor", Snapshot(deployments=both, expectations={"large": late}, floor_s=0.4)
    yield "a first turn that is not acknowledged", Snapshot(deployments=both, first_turn=False)
    yield (
        "a fleet with few samples",
        Snapshot(deployments=both, loads={"large": Load(first_token_p50_s=0.2, samples=1)}),
    )
    yield "a fleet whose loads are of others", Snapshot(deployments=both, loads={"gone": slow})
    yield "one model for both legs", Snapshot(deployments={Leg.ACK: (large,), Leg.ANSWER: (large,)})
    yield "an answering model alone", Snapshot(deployments={Leg.ACK: (), Leg.ANSWER: (large,)})
    yield "an answering model and nothing else named", Snapshot(deployments={Leg.ANSWER: (large,)})
    yield "no slack and no time", Snapshot(deployments=both, words_deadline_s=0.0, quick_deadline_s=0.0, slack_s=0.0)


def _request(*messages: Message, **settings: Any) -> ChatRequest:
    return ChatRequest(**{"model": "loro", "messages": messages, "stream": True, **settings})
