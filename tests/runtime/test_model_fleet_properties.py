"""Whoever comes and goes and whatever dies: each call ends once, slots and budget hold, nothing is left."""

from __future__ import annotations

from collections import Counter

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.errors import UpstreamBusy
from loro_core.models import InstanceState, Model
from tests.runtime.fleet_bench import World, fleet_of, model

NAMES = ("a", "b", "c")

CALLER = st.tuples(st.floats(0, 8), st.sampled_from((*NAMES, "chat")), st.floats(0, 3), st.floats(0, 20), st.booleans())
"""When it comes, what it asks for, how long its call takes, how long it has patience, whether the call fails."""

DEATH = st.tuples(st.floats(0, 12), st.sampled_from(NAMES))
"""When an instance of a model is killed, if there is one."""

ORDER = st.tuples(st.floats(0, 12), st.sampled_from(NAMES), st.sampled_from(("load", "unload", "cut", "change")))
"""When somebody does something by hand, to which model."""

DEADLINE_S = 6.0


@given(
    st.lists(CALLER, min_size=1, max_size=12),
    st.lists(DEATH, max_size=3),
    st.lists(ORDER, max_size=3),
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_every_call_ends_once_and_every_seat_is_given_back(callers, deaths, orders, processes, slots):
    world = World(load_s={"a": 0.5, "b": 2.0, "c": 0.1})
    seated: Counter[str] = Counter()
    ends: list[str] = []

    async def main() -> None:
        models = [model(name, slots=slots, aliases=("chat",), max_instances=2) for name in NAMES]
        async with fleet_of(world, *models, max_instances=processes, queue_deadline_s=DEADLINE_S, turn_s=1.0) as fleet:

            async def call(at: float, name: str, hold_s: float, patience_s: float, fails: bool) -> None:
                await trio.sleep(at)
                came, how = trio.current_time(), "left"
                with trio.move_on_after(patience_s):
                    try:
                        async with fleet.seat(fleet.serving(name)) as seat:
                            assert trio.current_time() - came <= DEADLINE_S + 0.01
                            seated[seat.instance] += 1
                            assert seated[seat.instance] <= slots
                            try:
                                await trio.sleep(hold_s)
                            finally:
                                seated[seat.instance] -= 1
                            if fails:
                                seat.failed()
                        how = "answered"
                    except UpstreamBusy:
                        how = "refused"
                        assert trio.current_time() - came <= DEADLINE_S + 0.01
                ends.append(how)

            async def kill(at: float, name: str) -> None:
                await trio.sleep(at)
                for instance in fleet.seating.of_model(name):
                    world.supervisors[instance.id].die()

            async def order(at: float, name: str, what: str) -> None:
                await trio.sleep(at)
                if what == "load":
                    with trio.move_on_after(1):
                        await fleet.load(name)
                elif what == "change":
                    fleet.apply({m.name: _changed(m, name) for m in models})
                else:
                    await fleet.unload(name, drain=what == "unload")

            async def watch() -> None:
                while True:
                    assert len(world.alive) <= processes
                    await fleet.changed()

            async with trio.open_nursery() as watching:
                watching.start_soon(watch)
                async with trio.open_nursery() as nursery:
                    for caller in callers:
                        nursery.start_soon(call, *caller)
                    for death in deaths:
                        nursery.start_soon(kill, *death)
                    for one in orders:
                        nursery.start_soon(order, *one)
                watching.cancel_scope.cancel()
            assert all(i.in_flight == 0 for status in fleet.models() for i in status.instances)
            assert all(status.waiting == 0 for status in fleet.models())
            await trio.sleep(10)  # what was draining has drained
            states = {i.state for status in fleet.models() for i in status.instances}
            assert states <= {InstanceState.READY, InstanceState.FAILED, InstanceState.LOADING}

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.0))
    assert len(ends) == len(callers)
    assert not +seated


def _changed(before: Model, name: str) -> Model:
    return model(before.name, slots=before.slots, aliases=before.aliases, weight=2 if before.name == name else 1)
