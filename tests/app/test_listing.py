"""What clients are told of the models."""

from __future__ import annotations

from typing import Any

from loro_core.app.listing import Listing
from loro_core.decide.catalogue import Catalogue, Route
from loro_core.fleet import Deployment, Secret
from loro_core.models import InstanceState, InstanceStatus, Launch, Model, ModelKind, ModelStatus

LARGE = Deployment(name="large", provider="openai", model="big-model", api_key=Secret("sk-hidden"))
SMALL = Deployment(name="small", provider="openai", model="tiny-model")
DEFAULT = Route(answering=(LARGE,), acknowledge=SMALL)


def model(name: str, *aliases: str, launch: bool = True, **more) -> Model:
    deployment = Deployment(name=name, provider="openai", model=name, api_key=Secret("sk-hidden"))
    command = Launch(kind="command", command=("serve",)) if launch else None
    return Model(name=name, aliases=aliases, deployment=deployment, launch=command, **more)


def status(of: Model, *states: InstanceState, in_flight: int = 0, waiting: int = 0) -> ModelStatus:
    instances = tuple(
        InstanceStatus(id=f"{of.name}-{n}", model=of.name, state=state, since=0.0, in_flight=in_flight, slots=4)
        for n, state in enumerate(states, 1)
    )
    return ModelStatus(model=of, instances=instances, waiting=waiting)


def listing(*models: Model, statuses: tuple[ModelStatus, ...] = (), **pairs: Route) -> Listing:
    return Listing(
        catalogue=Catalogue(default=DEFAULT, pairs=pairs, models=models),
        statuses={s.model.name: s for s in statuses},
        policy="adaptive",
        created=1700000000,
    )


def told(of: Listing, name: str) -> Any:
    (entry,) = [entry for entry in of.entries() if entry["id"] == name]
    return entry


def test_without_local_models_the_names_are_those_of_the_default_pair():
    entries = listing().entries()
    assert [entry["id"] for entry in entries] == ["loro", "tiny-model", "big-model"]
    assert entries[0] == {
        "id": "loro",
        "object": "model",
        "created": 1700000000,
        "owned_by": "loro",
        "kinds": ["chat"],
        "answering": ["big-model"],
        "acknowledging": "tiny-model",
        "policy": "adaptive",
    }


def test_a_local_model_tells_its_kinds_size_and_state():
    qwen = model("qwen", kinds=frozenset({ModelKind.EMBEDDING, ModelKind.CHAT}), context_tokens=4096)
    (entry,) = [
        e for e in listing(qwen, statuses=(status(qwen, InstanceState.LOADING),)).entries() if e["id"] == "qwen"
    ]
    assert entry["owned_by"] == "local"
    assert (entry["kinds"], entry["context_length"], entry["state"]) == (["chat", "embedding"], 4096, "loading")


def test_a_model_that_does_not_run_is_listed_as_stopped():
    entry = told(listing(model("qwen")), "qwen")
    assert entry["state"] == "stopped"


def test_an_alias_promises_what_every_model_behind_it_has():
    a = model("a", "fast", context_tokens=8192, capabilities=("tools", "vision"))
    b = model("b", "fast", context_tokens=4096, capabilities=("vision",), launch=False)
    entry = told(listing(a, b, statuses=(status(b, InstanceState.READY),)), "fast")
    assert entry["models"] == ["a", "b"]
    assert (entry["context_length"], entry["capabilities"], entry["state"]) == (4096, ["vision"], "ready")


def test_each_name_is_listed_once():
    names = [entry["id"] for entry in listing(model("big-model"), model("b", "loro"), kitchen=DEFAULT).entries()]
    assert len(names) == len(set(names))


def test_info_tells_models_by_kind_with_their_load():
    qwen, bge = model("qwen"), model("bge", kinds=frozenset({ModelKind.EMBEDDING}))
    said = listing(qwen, bge, statuses=(status(qwen, InstanceState.READY, in_flight=3, waiting=2),)).by_kind()
    assert list(said) == ["chat", "embedding"]
    chat: Any = said["chat"][0]
    assert (chat["state"], chat["instances"], chat["slots"], chat["in_flight"], chat["waiting"]) == (
        "ready",
        1,
        4,
        3,
        2,
    )


def test_info_tells_the_pairs_by_name():
    pairs: Any = listing(kitchen=Route(answering=(SMALL,), policy="instant")).pairs()
    assert list(pairs) == ["loro", "kitchen"]
    assert pairs["kitchen"]["policy"] == "instant"


def test_no_key_is_told():
    qwen = model("qwen", "q", launch=False)
    both = listing(qwen, kitchen=DEFAULT)
    assert "sk-hidden" not in repr([both.entries(), both.by_kind(), both.pairs()])


def test_the_state_of_a_model_is_the_most_useful_one_of_its_instances():
    qwen = model("qwen")
    assert status(qwen, InstanceState.FAILED, InstanceState.READY, InstanceState.LOADING).state is InstanceState.READY
    assert status(qwen, InstanceState.FAILED, InstanceState.WAITING).state is InstanceState.WAITING
    assert status(qwen).state is InstanceState.STOPPED
