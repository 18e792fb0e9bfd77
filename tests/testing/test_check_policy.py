from __future__ import annotations

import dataclasses
import itertools
import random

import pytest

from loro_core import Acknowledge, Plan
from loro_core.decide.contract import hold_to_contract
from loro_core.decide.schedule import Adaptive, Direct, Instant, Race
from loro_core.testing.check_policy import check_policy, requests, snapshots


@pytest.mark.parametrize("policy", [Direct(), Race(), Instant(), Adaptive()], ids=lambda p: p.name)
def test_built_in_policies_keep_the_contract(policy):
    check_policy(policy)


def test_requests_and_fleets_are_of_every_kind():
    asked = [request for _, request in requests()]
    plan = Plan(policy="p", acknowledge=Acknowledge())
    reasons = {hold_to_contract(plan, request).reason for request in asked}
    assert reasons == {
        "",
        "not_streaming",
        "disabled",
        "several_choices",
        "logprobs",
        "response_format",
        "tool_choice",
        "tool_result",
        "continuation",
    }
    assert len({name for name, _ in requests()}) == len(asked)
    assert len(list(snapshots())) > 5


class Altered:
    """A policy that does what it is told."""

    name = "altered"

    def __init__(self, plan):
        self._plan = plan

    def plan(self, request, fleet, now, rng):
        return self._plan(request, fleet, now, rng)


def acknowledges(**settings) -> Altered:
    settings = {"ask_model": False, **settings}
    return Altered(lambda *_: Plan(policy="altered", acknowledge=Acknowledge(**settings)))


def changes_its_request(request, fleet, now, rng):
    fleet.loads.clear()
    return Plan(policy="altered")


def raises(request, fleet, now, rng):
    return Plan(policy="altered", reason=request.parameters["temperature"])


counter = itertools.count()
LATER = Plan(policy="altered", acknowledge=Acknowledge(ask_model=False, words="Hm."))


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (Altered(raises), "raised KeyError"),
        (Altered(lambda *_: None), "returned NoneType, needs a Plan"),
        (Altered(lambda *_: Plan(policy="other")), "its plan names 'other'"),
        (Altered(lambda *_: Plan(policy="altered", reason=None)), "its reason is None"),  # type: ignore[arg-type]
        (Altered(lambda *_: Plan(policy="altered", announce_tools=None)), "announce_tools is None"),  # type: ignore[arg-type]
        (Altered(lambda *_: Plan(policy="altered", reason=str(next(counter)))), "planned differently"),
        (Altered(lambda r, f, now, rng: LATER if now > 2000 else Plan(policy="altered")), "hangs on the hour"),
        (Altered(lambda *_: Plan(policy="altered", reason=str(random.random()))), "planned differently"),
        (Altered(lambda *_: random.random() and Plan(policy="altered")), "used `random` itself"),
        (Altered(changes_its_request), "changed its arguments"),
        (acknowledges(deadline_s=float("inf")), "deadline_s is inf"),
        (acknowledges(deadline_s=float("nan")), "deadline_s is nan"),
        (acknowledges(deadline_s=-1), "deadline_s is -1"),
        (acknowledges(not_before_s=-0.5), "not_before_s is -0.5"),
        (acknowledges(deadline_s=None), "deadline_s is None"),
        (acknowledges(words=" "), "its words are ' '"),
        (acknowledges(words=7), "its words are 7"),
        (acknowledges(ask_model=True, tell_answer=True), "one or the other"),
    ],
)
def test_policy_that_breaks_a_sentence_is_told_which(policy, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_policy(policy)


@pytest.mark.parametrize("name", ["", "Race", "my policy", "mein_plan", "x" * 41, "ü", None])
def test_name(name):
    policy = acknowledges()
    policy.name = name
    with pytest.raises(AssertionError, match="its name is"):
        check_policy(policy)


def test_chance_from_rng_is_pure():
    check_policy(Altered(lambda r, f, now, rng: Plan(policy="altered", reason=str(rng.random()))))


def test_something_that_is_no_policy():
    with pytest.raises(AssertionError, match="lacks a part"):
        check_policy(dataclasses.make_dataclass("Half", [("name", str)])("half"))
