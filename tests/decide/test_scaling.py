"""How many instances a model has, when one more is started and when an idle one is stopped."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide import scaling, turns
from loro_core.decide.alarms import Alarms
from tests.decide.fleet_bench import model


@pytest.mark.parametrize(
    ("fields", "floor", "ceiling"),
    [
        ({}, 0, 1),
        ({"pinned": True}, 1, 1),
        ({"min_instances": 2, "max_instances": 4}, 2, 4),
        ({"min_instances": 2, "max_instances": 4, "pinned": True}, 2, 4),
        ({"min_instances": 3, "max_instances": 1}, 1, 1),
        ({"max_instances": 4, "port": 8123}, 0, 1),
        ({"address": True, "max_instances": 4}, 1, 1),
    ],
)
def test_floor_and_ceiling(fields, floor, ceiling):
    one = model("m", **fields)
    assert (scaling.floor(one), scaling.ceiling(one)) == (floor, ceiling)


def grows(**state) -> bool:
    situation = {"instances": 1, "loading": 0, "oldest": 100.0, "now": 102.0, "after_s": 2.0}
    return scaling.grows(model("m", max_instances=2), **{**situation, **state})


def test_one_more_when_the_oldest_has_waited_long():
    assert grows()
    assert not grows(now=101.9)
    assert not grows(instances=2)
    assert not grows(oldest=None)


def test_one_at_a_time():
    assert not grows(loading=1)


def test_the_first_one_at_once():
    assert grows(instances=0, now=100.0)


def test_an_idle_one_is_stopped_after_the_end_of_its_last_call():
    one = model("m", idle_ttl_s=60.0)
    assert scaling.stops_at(one, idle_since=100.0, instances=1, floor=0) == 160.0
    assert scaling.stops_at(one, idle_since=100.0, instances=1, floor=1) == math.inf
    assert scaling.stops_at(one, idle_since=100.0, instances=2, floor=1) == 160.0
    assert scaling.stops_at(replace(one, idle_ttl_s=None), idle_since=100.0, instances=1, floor=0) == math.inf


def test_a_model_in_use_is_likelier_wanted_than_one_that_nobody_asked_for():
    often = scaling.likelihood(idle_s=5, gap_s=10)
    seldom = scaling.likelihood(idle_s=5, gap_s=3600)
    forgotten = scaling.likelihood(idle_s=7200, gap_s=10)
    assert 1 >= often > seldom > forgotten > 0
    assert scaling.likelihood(idle_s=0, gap_s=None) == 1.0
    assert scaling.likelihood(idle_s=math.inf, gap_s=None) == 0.0


def test_a_load_takes_what_it_took_last():
    assert scaling.reload_s(3.5, 10**12) == 3.5
    assert scaling.reload_s(None, 5 * 10**9) == 10.0
    assert scaling.reload_s(None, None) == scaling.LOAD_S


@given(st.floats(0, 1e6), st.none() | st.floats(0, 1e6))
def test_a_likelihood_is_between_nought_and_one(idle_s, gap_s):
    assert 0.0 <= scaling.likelihood(idle_s=idle_s, gap_s=gap_s) <= 1.0


def test_a_turn_lasts_from_when_both_are_there():
    assert turns.turn_over_at(ready_since=100, rival_since=90, turn_s=10) == 110
    assert turns.turn_over_at(ready_since=50, rival_since=90, turn_s=10) == 100


def test_a_step_of_priority_is_worth_a_turn_of_waiting():
    low = turns.urgency(since=100, priority=0, turn_s=10)
    assert turns.urgency(since=105, priority=1, turn_s=10) < low
    assert turns.urgency(since=115, priority=1, turn_s=10) > low


def test_who_has_waited_for_a_turn_is_not_passed():
    assert turns.passed_by(since=100, now=109, turn_s=10)
    assert not turns.passed_by(since=100, now=110, turn_s=10)


def test_alarms_come_once_in_order_the_earlier_of_two():
    alarms: Alarms[str] = Alarms()
    assert alarms.next_at == math.inf
    alarms.set("b", 5)
    alarms.set("a", 9)
    alarms.set("a", 3)
    alarms.set("a", 7)
    alarms.set("never", math.inf)
    assert alarms.next_at == 3
    assert alarms.due(2) == []
    assert alarms.due(5) == ["a", "b"]
    assert alarms.next_at == math.inf
    alarms.set("a", 8)
    alarms.clear("a")
    assert alarms.due(100) == []
    assert len(alarms) == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), max_size=30))
def test_alarms_agree_with_a_dictionary(found):
    alarms: Alarms[int] = Alarms()
    model_: dict[int, float] = {}
    now = 0.0
    for key, at in found:
        if key == 0:
            now = max(now, at)
            due = sorted((k for k, v in model_.items() if v <= now), key=lambda k: model_[k])
            assert sorted(alarms.due(now)) == sorted(due)
            model_ = {k: v for k, v in model_.items() if v > now}
        else:
            alarms.set(key, at)
            model_[key] = min(at, model_.get(key, math.inf))
        assert alarms.next_at == min(model_.values(), default=math.inf)
