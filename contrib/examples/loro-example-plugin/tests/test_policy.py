"""The policy `long-questions` keeps the contract, and counts words in more than one script."""

from __future__ import annotations

import random

import pytest

from loro_core import ChatRequest, Deployment, Leg, Message, Snapshot
from loro_core.testing import check_policy
from loro_example.long_questions import LongQuestions

LARGE = Deployment(name="large", provider="echo-lines", model="parrot")
ALONE = Snapshot(deployments={Leg.ANSWER: (LARGE,)})


def plan(text, fleet=ALONE, words=4):
    request = ChatRequest(model="loro", messages=(Message.of("user", text),), stream=True)
    return LongQuestions(words=words).plan(request, fleet, 0.0, random.Random(1))


def test_it_keeps_the_contract():
    check_policy(LongQuestions())


@pytest.mark.parametrize("text", ["", "Is it late?", "one two three four", "现在几点", "いま何時"])
def test_a_short_question_is_answered(text):
    assert plan(text).acknowledge is None


@pytest.mark.parametrize("text", ["one two three four five", "现在几点了", "abc现在几点", "Wo ist denn der Bahnhof?"])
def test_a_long_question_is_acknowledged(text):
    assert plan(text).acknowledge is not None


def test_the_acknowledging_model_is_asked_where_there_is_one():
    alone, both = plan("a b c d e"), plan("a b c d e", Snapshot(deployments={Leg.ACK: (LARGE,), Leg.ANSWER: (LARGE,)}))
    assert alone.acknowledge is not None
    assert both.acknowledge is not None
    assert not alone.acknowledge.ask_model
    assert both.acknowledge.ask_model
