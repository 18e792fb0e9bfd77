"""Whatever stands in a file, reading it gives settings or problems; what it gives can be told to another process."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from loro_core.app import config
from loro_core.app.config import templates
from loro_core.app.config.keys import keys_of
from loro_core.app.config.settings import ARRAYS, NAMED
from loro_core.app.processes.messages import decode, encode
from loro_core.errors import ConfigError

ODD = ["", " ", "a", "b", "local", "command", "vllm", "llama-api-server", "own.toml", "{port}", "x {", "'", "1GiB"]
texts = st.sampled_from(ODD) | st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=5)
plain = texts | st.integers(-2, 9000) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False, width=16)
values = plain | st.lists(plain, max_size=2) | st.dictionaries(st.sampled_from(["A", "b"]), plain, max_size=2)


def tables(name):
    """Return how the table `name` may look: some of its keys, with what fits them or anything else."""
    keys = {key.name: st.just(templates._shown(key)) for key in keys_of(name, (ARRAYS | NAMED)[name])}
    fitting = st.fixed_dictionaries({}, optional=keys)
    odd = st.dictionaries(st.sampled_from(sorted(keys)), values, max_size=1)
    least = {"local_models": {"model_path": "a.gguf"}, "remote_servers": {"name": "r", "grpc_addr": "h:1"}}
    return st.tuples(st.just(least.get(name, {})), fitting | st.just({}), odd).map(
        lambda said: said[0] | said[1] | said[2]
    )


def written(said):
    lines = []
    for header, members in said:
        lines += [header, *(f"{name} = {templates._toml(value)}" for name, value in members.items())]
    return "\n".join(lines) + "\n"


documents = st.lists(
    st.one_of(
        *(st.tuples(st.just(f"[[{name}]]"), tables(name)) for name in ARRAYS),
        st.tuples(st.just("[pairs.p]"), tables("pairs")),
    ),
    max_size=4,
    unique_by=lambda table: table[0] if table[0].startswith("[p") else id(table),
)


def read(files):
    """Return the settings, or None and the problems."""
    try:
        return config.load(environ={}, directory=files.directory), ()
    except ConfigError as error:
        return None, error.problems


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents)
def test_any_file_gives_settings_or_problems_that_name_it(files, said):
    files.write("own.toml", '[server]\nsocket_addr = "127.0.0.1:8010"\n')
    files.write("loro.toml", written(said))
    found, problems = read(files)
    for problem in problems:
        assert problem.startswith(("loro.toml:", "own.toml:", "default: "))
        assert len(problem.splitlines()) == 1
    if found is None:
        assert problems
        event("problems")
        return
    event(f"{len(found.models)} models")
    assert len({model.name for model in found.models}) == len(found.models)
    assert decode(encode(found)) == found


@pytest.mark.parametrize("index", range(2))
def test_reading_twice_gives_the_same(files, index):
    toml = ['[[local_models]]\nmodel_path = "a.gguf"\n', '[[local_models]]\nname = "b"\nbase_url = "http://h:1"\n'][
        index
    ]
    assert files.read(toml) == files.read(toml)
