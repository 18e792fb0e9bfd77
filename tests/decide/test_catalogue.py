"""What a model's name leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.catalogue import Catalogue, Route
from loro_core.errors import NotFound
from loro_core.fleet import Deployment
from loro_core.models import LOCAL, Model, ModelKind

LARGE = Deployment(name="large", provider="openai", model="big-model")
SMALL = Deployment(name="small", provider="openai", model="tiny-model")
DEFAULT = Route(answering=(LARGE,), acknowledge=SMALL)
CHAT, EMBEDDING, SPEECH = ModelKind.CHAT, ModelKind.EMBEDDING, ModelKind.SPEECH


def model(name: str, *aliases: str, kinds: tuple[ModelKind, ...] = (CHAT,)) -> Model:
    deployment = Deployment(name=name, provider="openai", model=name, first_token_timeout_s=77)
    return Model(name=name, aliases=aliases, kinds=frozenset(kinds), deployment=deployment)


def catalogue(*models: Model, any_name: bool = False, default: Route | None = DEFAULT, **pairs: Route) -> Catalogue:
    return Catalogue(default=default, pairs=pairs, models=models, any_name=any_name)


def test_without_pairs_and_models_every_name_goes_to_the_default_pair():
    assert Catalogue(default=DEFAULT).chat("whatever") is DEFAULT


@pytest.mark.parametrize("name", ["loro", "default", "big-model"])
def test_the_default_pair_keeps_its_names_where_others_are_refused(name):
    assert catalogue(model("qwen")).chat(name) is DEFAULT


def test_a_pair_is_asked_for_by_its_name():
    pair = Route(answering=(SMALL,), policy="instant")
    assert catalogue(model("kitchen"), kitchen=pair).chat("kitchen") is pair


def test_a_model_is_asked_for_by_its_name_and_acknowledged_as_the_default_is():
    route = catalogue(model("qwen")).chat("qwen")
    (answering,) = route.answering
    assert (answering.name, answering.provider, answering.model, answering.base_url) == ("qwen", LOCAL, "qwen", "")
    assert answering.first_token_timeout_s == 77
    assert route.acknowledge is SMALL


def test_a_model_that_acknowledges_by_default_is_not_asked_for_words_before_its_own_answer():
    small = Deployment(name="small", provider=LOCAL, model="qwen")
    route = catalogue(model("qwen"), default=Route(answering=(LARGE,), acknowledge=small)).chat("qwen")
    assert route.acknowledge is None


def test_all_models_that_share_an_alias_stand_behind_it():
    two = catalogue(model("a", "fast"), model("b", "fast"), model("c"))
    assert [m.name for m in two.serving("fast")] == ["a", "b"]
    assert two.chat("fast").answering[0].model == "fast"


def test_a_models_own_name_hides_an_alias():
    two = catalogue(model("a", "b"), model("b"))
    assert [m.name for m in two.serving("b")] == ["b"]


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(NotFound, match="did you mean 'qwen-small'") as refused:
        catalogue(model("qwen-small"), model("llama")).chat("qwen-smal")
    assert (refused.value.status, refused.value.code, refused.value.param) == (404, "model_not_found", "model")


def test_a_name_near_to_nothing_is_told_what_there_is():
    with pytest.raises(NotFound, match="there are house, llama, loro"):
        catalogue(model("llama"), house=DEFAULT).chat("zzzzzz")


def test_any_name_may_go_to_the_default_pair_by_setting():
    assert catalogue(model("qwen"), any_name=True).chat("gpt-4o") is DEFAULT


def test_an_embedding_model_does_not_chat():
    with pytest.raises(NotFound, match="'bge' serves embedding, not chat"):
        catalogue(model("bge", kinds=(EMBEDDING,)), any_name=True).chat("bge")


def test_an_alias_leads_to_those_of_the_kind_asked_for():
    both = catalogue(model("a", "main"), model("b", "main", kinds=(EMBEDDING,)))
    assert [m.name for m in both.of_kind("main", EMBEDDING)] == ["b"]


def test_the_only_model_of_a_kind_is_meant_by_default():
    one = catalogue(model("bge", kinds=(EMBEDDING,)))
    assert [m.name for m in one.of_kind("default", EMBEDDING)] == ["bge"]
    with pytest.raises(NotFound):
        one.of_kind("text-embedding-3-small", EMBEDDING)


def test_without_any_model_of_a_kind_that_is_said():
    with pytest.raises(NotFound, match="none at all that serves speech"):
        catalogue(model("qwen")).of_kind("tts-1", SPEECH)


def test_without_a_default_pair_only_what_is_there_can_be_asked_for():
    alone = catalogue(model("qwen"), default=None, any_name=True)
    assert alone.chat("qwen").acknowledge is None
    with pytest.raises(NotFound):
        alone.chat("loro")


NAMES = st.text("abcl", min_size=1, max_size=4)
MODELS = st.lists(
    st.builds(
        lambda name, aliases, kinds: model(name, *aliases, kinds=tuple(kinds)),
        NAMES,
        st.lists(NAMES, max_size=3, unique=True),
        st.lists(st.sampled_from(ModelKind), min_size=1, unique=True),
    ),
    max_size=6,
    unique_by=lambda m: m.name,
)


@given(MODELS, NAMES, st.sampled_from(ModelKind))
def test_whoever_serves_a_name_has_it_and_is_of_the_kind(models, name, kind):
    found = catalogue(*models)
    try:
        serving = found.of_kind(name, kind)
    except NotFound:
        assert not any(kind in m.kinds and name == m.name for m in models)
    else:
        assert serving
        assert all(kind in m.kinds and (name == m.name or name in m.aliases) for m in serving)


@given(MODELS, NAMES)
def test_a_route_is_found_exactly_where_a_model_that_chats_has_the_name(models, name):
    found = catalogue(*models, default=None)
    chats = any(CHAT in m.kinds for m in found.serving(name))
    try:
        route = found.chat(name)
    except NotFound:
        assert not chats
    else:
        assert chats
        assert route.answering[0].model == name
