"""Voice pairs, and local models in the default one."""

from __future__ import annotations

import pytest

from loro_core.app.config.keys import keys_of
from loro_core.app.config.pairs import PairSettings
from loro_core.app.config.settings import ReplySettings
from loro_core.models import LOCAL

MODELS = """
[[local_models]]
name = "tiny"
model_path = "tiny.gguf"
[[local_models]]
name = "big"
model_path = "big.gguf"
aliases = ["llama"]
first_token_timeout_s = 7
[[local_models]]
name = "vectors"
model_path = "v.gguf"
kinds = ["embedding"]
"""


def test_a_pair_is_made_of_local_models(files):
    settings = files.read(
        MODELS + '[pairs.kitchen]\nacknowledge = "tiny"\nanswer = "llama"\npolicy = "race"\nslack_s = 1'
    )
    pair = settings.pairs["kitchen"]
    assert (pair.acknowledging.provider, pair.acknowledging.model) == (LOCAL, "tiny")
    (answer,) = pair.answering
    assert (answer.name, answer.provider, answer.model, answer.base_url) == ("llama", LOCAL, "llama", "")
    assert answer.first_token_timeout_s == 7
    assert (pair.policy, pair.slack_s, pair.words_deadline_s, pair.source) == ("race", 1, 5, "loro.toml:14")


def test_a_pair_has_what_it_does_not_say_from_reply(files):
    reply = '[reply]\npolicy = "instant"\nquick_deadline_s = 0.1\nfloor_s = 0.2\nfirst_turn = false\napology = "Oh."\n'
    settings = files.read(MODELS + reply + '[pairs.a]\nanswer = "big"\n[pairs.b]\nanswer = "big"\napology = ""\n')
    a, b = settings.pairs.values()
    assert (a.policy, a.quick_deadline_s, a.floor_s, a.first_turn, a.apology) == ("instant", 0.1, 0.2, False, "Oh.")
    assert b.apology == ""
    assert a.acknowledging is None


def test_every_key_of_a_pair_but_its_models_is_one_of_reply():
    names = [key.name for key in keys_of("pairs", PairSettings)]
    assert names[:2] == ["acknowledge", "answer"]
    assert {*names[2:]} <= {key.name for key in keys_of("reply", ReplySettings)}


def test_a_pair_may_be_made_of_the_default_pair_s_models_and_others_behind(files):
    toml = '[pairs.a]\nacknowledge = "small"\nanswer = ["big", "large"]\n'
    settings = files.read(MODELS + toml, SMALL_MODEL_API_KEY="none", LARGE_MODEL_API_KEY="none")
    pair = settings.pairs["a"]
    assert pair.acknowledging == settings.small
    assert [one.name for one in pair.answering] == ["big", "large"]


def test_a_model_with_another_behind_it_is_not_waited_for_as_long_unless_its_table_says_so(files):
    toml = MODELS + '[pairs.a]\nanswer = ["tiny", "llama", "large"]\n[pairs.b]\nanswer = ["large", "tiny"]\n'

    def deadlines(**environ):
        pairs = files.read(toml, LARGE_MODEL_API_KEY="none", **environ).pairs.values()
        return [[one.first_token_timeout_s for one in pair.answering] for pair in pairs]

    assert deadlines() == [[6, 7, 30], [6, 30]]
    assert deadlines(HTTP_TIMEOUT_SECS="20") == [[6, 7, 20], [20, 30]]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[pairs.a]\n", "pairs.a.answer is missing: which model answers?"),
        ('[pairs.a]\nanswer = "bigg"', 'pairs.a.answer is "bigg", which is no model here; did you mean big?'),
        ("[pairs.a]\nanswer = []", "pairs.a.answer is [], needs a model's name, or a list of such"),
        ('[pairs.a]\nanswer = "vectors"', 'pairs.a.answer is "vectors", a model for embedding; needs one for chat'),
        ('[pairs.a]\nanswer = "large"', 'pairs.a.answer is "large", but [models.large] is not configured'),
        (
            '[pairs.a]\nanswer = "big"\nacknowledge = "x"',
            'pairs.a.acknowledge is "x", which is no model here; there are',
        ),
        ('[pairs.loro]\nanswer = "big"', "pairs.loro has the name of the default pair; take another"),
        ('[pairs.a]\nanswer = "big"\nslack_s = 99', "pairs.a.slack_s is 99, needs a number from 0 to 30"),
    ],
)
def test_pairs_that_cannot_be(files, toml, said):
    (problem,) = files.problems(MODELS + toml)
    assert problem.startswith("loro.toml:1")
    assert said in problem


def test_a_model_that_acknowledges_is_pinned_unless_its_table_says_otherwise(files):
    toml = MODELS + '[pairs.a]\nacknowledge = "tiny"\nanswer = "big"\n'
    assert {model.name: model.pinned for model in files.read(toml).models} == {
        "tiny": True,
        "big": False,
        "vectors": False,
    }
    free = toml.replace('"tiny.gguf"', '"tiny.gguf"\npinned = false')
    assert not any(model.pinned for model in files.read(free).models)


# --- the default pair


def test_without_models_of_its_own_the_first_pair_is_the_default_one(files):
    settings = files.read(
        MODELS + '[pairs.b]\nacknowledge = "tiny"\nanswer = ["big", "tiny"]\n[pairs.a]\nanswer = "tiny"\n'
    )
    assert not settings.demo
    assert (settings.small.model, settings.large.model) == ("tiny", "big")
    assert [one.model for one in settings.fallbacks] == ["tiny"]
    assert settings.sources["models.large.name"].where == "pair b, the first one (loro.toml:14)"


def test_without_pairs_the_first_chat_model_answers(files):
    settings = files.read('[[local_models]]\nname = "v"\nmodel_path = "v.gguf"\nkinds = ["embedding"]\n' + MODELS)
    assert (settings.small, settings.large.model, settings.demo) == (None, "tiny", False)
    assert settings.large.provider == LOCAL


def test_models_for_embeddings_alone_leave_the_demo_as_it_is(files):
    settings = files.read('[[local_models]]\nmodel_path = "v.gguf"\nkinds = ["embedding"]\n')
    assert settings.demo
    assert settings.large.provider == "scripted"


def test_the_default_pair_may_name_local_models(files):
    toml = '[models.large]\nprovider = "local"\nname = "llama"\n[models.small]\nprovider = "local"\nname = "tiny"\n'
    settings = files.read(MODELS + toml)
    large = settings.large
    assert (large.name, large.provider, large.model, large.base_url, large.prewarm) == (
        "large",
        LOCAL,
        "llama",
        "",
        False,
    )
    assert [model.name for model in settings.models if model.pinned] == ["tiny"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('provider = "local"', "models.large.name is missing: which local model is it?"),
        (
            'provider = "local"\nname = "bgi"',
            'loro.toml:16: models.large.name is "bgi", which is no model here; did you',
        ),
        ('provider = "local"\nname = "vectors"', 'models.large.name is "vectors", a model for embedding'),
        ('provider = "local"\nname = "big"\nbase_url = "http://x/v1"', "models.large.base_url says nothing to a local"),
        ('provider = "local"\nname = "big"\napi_key = "none"', "models.large.api_key says nothing to a local model"),
    ],
)
def test_a_local_model_in_the_default_pair_that_cannot_be(files, toml, said):
    (problem,) = files.problems(f"{MODELS}[models.large]\n{toml}")
    assert said in problem


def test_a_local_model_takes_the_place_of_one_that_a_weaker_source_names(files):
    toml = MODELS + '[models.large]\nbase_url = "http://x/v1"\napi_key = "sk-1"\nname = "other"\n'
    settings = files.read(toml, LARGE_MODEL_PROVIDER="local", LARGE_MODEL_NAME="big")
    assert (settings.large.base_url, settings.large.api_key, settings.large.model) == ("", None, "big")


# --- one file on the command line


def test_a_file_on_the_command_line_is_the_large_model(files):
    files.write("m/qwen.gguf", "x")
    settings = files.read(local="m/qwen.gguf")
    (model,) = settings.models
    assert (model.name, model.source) == ("qwen", "command line")
    assert model.pinned, "it is loaded at the start"
    assert str(files.directory / "m/qwen.gguf") in model.launch.command
    assert (settings.large.provider, settings.large.model, settings.small, settings.demo) == (
        LOCAL,
        "qwen",
        None,
        False,
    )
    assert settings.sources["models.large.name"].where == "--local (command line)"


def test_a_file_on_the_command_line_is_stronger_than_all_that_is_said_elsewhere(files):
    files.write("qwen.gguf", "x")
    settings = files.read(MODELS, local="qwen.gguf", LARGE_MODEL_API_KEY="sk-1", SMALL_MODEL_API_KEY="none")
    assert (settings.large.model, settings.large.api_key, settings.large.base_url) == ("qwen", None, "")
    assert settings.small.name == "small"
    assert [model.name for model in settings.models] == ["qwen", "tiny", "big", "vectors"]


def test_a_file_on_the_command_line_that_is_not_there(files):
    files.write("qwen2.gguf", "x")
    assert files.problems(local="qwen.gguf") == [
        "command line: --local names a file that is not there: qwen.gguf; did you mean qwen2.gguf?"
    ]


def test_a_file_on_the_command_line_whose_name_is_taken(files):
    files.write("tiny.gguf", "x")
    assert files.problems(MODELS, local="tiny.gguf") == [
        'loro.toml:3: local_models[0].name is "tiny", which is taken already (command line)'
    ]


# --- what a name that nobody has leads to


def test_unknown_models_are_refused_once_there_are_names_to_know(files):
    assert files.read().scheduler.unknown_model == "default"
    assert files.read(MODELS).scheduler.unknown_model == "refuse"
    assert files.read("", LARGE_MODEL_API_KEY="none").scheduler.unknown_model == "refuse", "the file is still there"
    pair = '[pairs.a]\nanswer = "large"\n'
    assert files.read(pair, LARGE_MODEL_API_KEY="none").scheduler.unknown_model == "refuse"
    assert files.read('[scheduler]\nunknown_model = "default"\n' + MODELS).scheduler.unknown_model == "default"
    assert files.read(LORO_SCHEDULER_UNKNOWN_MODEL="Refuse").scheduler.unknown_model == "refuse"
