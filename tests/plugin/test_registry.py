"""One broken plugin is named and skipped; the others load."""

from __future__ import annotations

import random
import sys
from types import ModuleType, SimpleNamespace

import pytest

from loro_core import ChatRequest, Plan, Snapshot, hookimpl
from loro_core.decide.balance import BUILT_IN
from loro_core.plugin.registry import Found, load_plugins


class Quiet:
    def __init__(self, name="quiet"):
        self.name = name

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
        return Plan(policy=self.name)


def plugin(*policies) -> object:
    @hookimpl
    def loro_register_policies(register):
        for policy in policies:
            register(policy)

    return SimpleNamespace(loro_register_policies=loro_register_policies)


class Cheapest:
    def __init__(self, name="cheapest"):
        self.name = name

    def pick(self, candidates, ticket, now, rng):
        return candidates[0]


def balancing(*balancers) -> object:
    @hookimpl
    def loro_register_balancers(register):
        for balancer in balancers:
            register(balancer)

    return SimpleNamespace(loro_register_balancers=loro_register_balancers)


def found(name: str, load, distribution="loro-quiet") -> Found:
    return Found(name=name, distribution=distribution, version="1.2", load=load)


def fail() -> object:
    raise ImportError("no module named torch")


def test_the_installed_distribution_brings_its_providers_by_entry_point():
    registry = load_plugins()
    assert registry.broken == ()
    assert {"openai", "ollama", "scripted"} <= set(registry.providers)
    assert {p.distribution for p in registry.plugins} == {"loro-core"}


def test_the_built_in_policies_are_there_without_any_plugin():
    assert set(load_plugins(installed=[]).policies) == {"direct", "race", "instant", "adaptive"}


def test_the_built_in_balancers_are_there_without_any_plugin():
    assert load_plugins(installed=[]).balancers == BUILT_IN


def test_a_plugin_brings_balancers():
    cheapest = Cheapest()
    registry = load_plugins(installed=[found("cheap", lambda: balancing(cheapest, Cheapest("next-to-nothing")))])
    assert registry.balancers["cheapest"] is cheapest
    assert registry.plugins[0].balancers == ("cheapest", "next-to-nothing") and registry.broken == ()


@pytest.mark.parametrize("name", ["prefix", "least-busy", "busy", "call"])
def test_a_balancer_cannot_take_the_name_of_a_built_in_one_nor_of_a_scorer(name):
    (error,) = load_plugins(installed=[found("thief", lambda: balancing(Cheapest(name)))]).broken
    assert f"balancer {name!r} is already registered by loro-core" in str(error)


def test_two_plugins_with_the_same_balancer_are_both_named():
    twins = [found(name, lambda: balancing(Cheapest())) for name in ("one", "two")]
    (error,) = load_plugins(installed=twins).broken
    assert "plugin 'two'" in str(error) and "'cheapest' is already registered by 'one'" in str(error)


def test_a_balancer_may_be_called_as_a_policy_is():
    both = [found("cheap", lambda: balancing(Cheapest("race"))), found("quiet", lambda: plugin(Quiet("cheapest")))]
    assert load_plugins(installed=both).broken == ()


@pytest.mark.parametrize(("wrong", "says"), [(SimpleNamespace(name="half"), "lacks pick"), (Cheapest("A b"), "'A b'")])
def test_a_balancer_is_looked_at_like_the_others(wrong, says):
    registry = load_plugins(installed=[found("odd", lambda: balancing(Cheapest(), wrong))])
    assert says in str(registry.broken[0]) and "cheapest" not in registry.balancers


def test_a_broken_plugin_is_named_and_the_others_load():
    registry = load_plugins(installed=[found("broken", fail), found("quiet", lambda: plugin(Quiet()))])
    assert "quiet" in registry.policies
    (error,) = registry.broken
    assert "'broken' (loro-quiet 1.2)" in str(error) and "no module named torch" in str(error)


def test_a_misspelt_hook_is_named():
    @hookimpl
    def loro_register_policy(register):
        register(Quiet())

    misspelt = SimpleNamespace(loro_register_policy=loro_register_policy)
    (error,) = load_plugins(installed=[found("typo", lambda: misspelt)]).broken
    assert "loro_register_policy" in str(error)


def test_a_plugin_without_any_hook_is_named():
    (error,) = load_plugins(installed=[found("empty", SimpleNamespace)]).broken
    assert "no hook" in str(error)


def test_a_hook_that_asks_for_too_much_is_named():
    @hookimpl
    def loro_register_policies(register, config):
        pass

    greedy = SimpleNamespace(loro_register_policies=loro_register_policies)
    (error,) = load_plugins(installed=[found("greedy", lambda: greedy)]).broken
    assert "config" in str(error)


@pytest.mark.parametrize("name", ["Quiet", "", "a b", "-x", 3, "quiet\n"])
def test_a_name_that_no_configuration_could_hold_is_refused(name):
    (error,) = load_plugins(installed=[found("named", lambda: plugin(Quiet(name)))]).broken
    assert repr(name) in str(error)


def test_a_policy_that_lacks_its_method_is_refused_by_that_name():
    (error,) = load_plugins(installed=[found("half", lambda: plugin(SimpleNamespace(name="half")))]).broken
    assert "lacks plan" in str(error)


def test_a_name_taken_twice_names_both_plugins_and_keeps_the_first():
    first = Quiet()
    registry = load_plugins(installed=[found("a", lambda: plugin(first)), found("b", lambda: plugin(Quiet()))])
    assert registry.policies["quiet"] is first
    (error,) = registry.broken
    assert "'b'" in str(error) and "already registered by 'a'" in str(error)


def test_a_plugin_cannot_take_the_name_of_a_built_in_policy():
    (error,) = load_plugins(installed=[found("thief", lambda: plugin(Quiet("race")))]).broken
    assert "already registered by loro-core" in str(error)


def test_a_provider_cannot_be_called_auto():
    provider = SimpleNamespace(name="auto", open=None, check=None)

    @hookimpl
    def loro_register_providers(register):
        register(provider)

    thief = SimpleNamespace(loro_register_providers=loro_register_providers)
    (error,) = load_plugins(installed=[found("thief", lambda: thief)]).broken
    assert "'auto'" in str(error)


def test_a_plugin_that_breaks_halfway_leaves_nothing_behind():
    registry = load_plugins(installed=[found("half", lambda: plugin(Quiet("one"), Quiet("one")))])
    assert "one" not in registry.policies and len(registry.broken) == 1


def test_a_disabled_plugin_is_not_even_imported():
    registry = load_plugins(disabled=["broken"], installed=[found("broken", fail)])
    assert registry.broken == () and registry.plugins == ()


def test_a_module_is_loaded_by_hand(monkeypatch):
    module = ModuleType("stranger_by_hand")
    module.loro_register_policies = plugin(Quiet()).loro_register_policies  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stranger_by_hand", module)
    registry = load_plugins(["stranger_by_hand", "not_there_at_all"], installed=[])
    assert "quiet" in registry.policies
    (error,) = registry.broken
    assert "not_there_at_all" in str(error)
