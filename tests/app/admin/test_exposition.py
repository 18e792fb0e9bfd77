"""The numbers of models for a scraper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.admin.exposition import SWAP_WITHIN_S, ModelTally, model_families, open_tally
from loro_core.app.admin.fleet import Limits
from loro_core.models import FleetEvent, InstanceState
from loro_core.wire.exposition import encode_exposition
from tests.app.admin.fakes import GIB, two_models

OPERATIONS = Path(__file__).parents[3] / "docs" / "models" / "operations.md"


def state(model: str, state: InstanceState, at: float, number: int = 1) -> FleetEvent:
    return FleetEvent(kind="state", at=at, model=model, instance=f"{model}-{number}", state=state)


NO_LIMITS = Limits()


def page(fleet, tally, limits=NO_LIMITS) -> dict[str, float]:
    text = encode_exposition(model_families(fleet.models(), tally, limits)).decode()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}


def test_a_page_of_two_models():
    fleet = two_models()
    fleet.instance("qwen", InstanceState.READY, in_flight=2, memory_bytes=GIB, tokens_per_s=12.5)
    numbers = page(fleet, ModelTally(), Limits(memory_bytes=8 * GIB))
    assert numbers['loro_model_instances{model="qwen",state="ready"}'] == 1
    assert numbers['loro_model_instances{model="bge",state="ready"}'] == 0
    assert numbers['loro_model_in_flight{model="qwen"}'] == 2
    assert numbers['loro_model_slots{model="qwen"}'] == 4
    assert numbers['loro_model_memory_bytes{model="qwen"}'] == GIB
    assert 'loro_model_memory_bytes{model="bge"}' not in numbers
    assert numbers['loro_model_tokens_per_second{model="qwen"}'] == 12.5
    assert numbers["loro_models_memory_limit_bytes"] == 8 * GIB
    assert numbers['loro_model_swaps_total{model="qwen"}'] == 0


def test_a_start_after_anothers_stop_is_a_swap_and_one_after_a_death_a_restart():
    tally = ModelTally()
    for event in (
        state("a", InstanceState.STARTING, 0),
        state("a", InstanceState.STOPPED, 10),
        state("b", InstanceState.STARTING, 11),  # took a's room
        state("b", InstanceState.WAITING, 12),
        state("b", InstanceState.STARTING, 13),  # came back by itself
        state("b", InstanceState.FAILED, 14),
        state("c", InstanceState.STARTING, 15),  # nothing was stopped for it
    ):
        tally.observe(event)
    assert (tally.starts, tally.swaps) == ({"a": 1, "b": 2, "c": 1}, {"b": 1})
    assert (tally.restarts, tally.failures) == ({"b": 1}, {"b": 1})


def test_neither_its_own_return_nor_a_start_much_later_is_a_swap():
    tally = ModelTally()
    tally.observe(state("a", InstanceState.STOPPED, 0))
    tally.observe(state("a", InstanceState.STARTING, 1))
    tally.observe(state("b", InstanceState.STARTING, SWAP_WITHIN_S + 1))
    assert not tally.swaps


events = st.lists(
    st.builds(
        state,
        st.sampled_from("abc"),
        st.sampled_from(list(InstanceState)),
        st.floats(0, 200),
        st.integers(1, 3),
    ),
    max_size=60,
).map(lambda found: sorted(found, key=lambda event: event.at))


@given(events)
def test_no_swap_without_a_stop_and_none_counted_twice(found):
    tally = ModelTally()
    for event in found:
        tally.observe(event)
    stops = sum(1 for event in found if event.state is InstanceState.STOPPED)
    assert sum(tally.swaps.values()) <= stops
    for model in "abc":
        assert tally.swaps[model] + tally.restarts[model] <= tally.starts[model]


async def test_events_are_counted_as_they_happen_and_a_failure_comes_out_as_itself(autojump_clock):
    fleet = two_models(load_s=1)

    async def count() -> None:
        async with open_tally(fleet) as tally:
            await fleet.load("qwen")
            await trio.testing.wait_all_tasks_blocked()
            assert page(fleet, tally)['loro_model_starts_total{model="qwen"}'] == 1
            raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"):
        await count()
    assert not fleet.subscribers


def test_where_no_models_run_there_is_nothing_of_them():
    assert list(model_families([], ModelTally(), NO_LIMITS)) == []


def test_every_metric_of_models_has_its_row_in_the_manual():
    rows = re.findall(r"^\| `(loro_model\w+)` \| (\w+) \|", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    served = [(family.name, family.kind) for family in model_families(two_models().models(), ModelTally(), Limits())]
    assert sorted(rows) == sorted(served)
