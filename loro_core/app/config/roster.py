"""All models, pairs and remote servers that the files name, and what is wrong among them.

Models come from `[[local_models]]`, `[[llama_servers]]` and the files of `[scheduler] config_dir`, in this order, and
perhaps one from the command line, which is the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loro_core.app.config.keys import keys_of
from loro_core.app.config.kinds import quote
from loro_core.app.config.llama_api_file import is_own_file
from loro_core.app.config.local_models import LocalModelSettings
from loro_core.app.config.model_tables import Configured, ReadDocument, name_of_file, read_llama_server, read_model
from loro_core.app.config.scheduling import RemoteServer
from loro_core.app.config.sources import KEYS, Document, Given, Layer
from loro_core.app.config.tables import Entry, entries_of, read_values, whole_file
from loro_core.errors import ConfigError
from loro_core.models import LOCAL

LOCAL_FLAG, COMMAND_LINE = "--local", "command line"
"""The option that names a model's file, and its place."""

RESERVED = {
    "loro": "the default pair",
    "small": "[models.small]",
    "large": "[models.large]",
    "fallback": "[models.fallback]",
    "fallback2": "[models.fallback2]",
}
"""Names that are spoken for. "default" is not among them: the older system called its models so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """models: each with its table. pairs: the tables of `[pairs.NAME]`, by name. problems: all of them."""

    models: Sequence[Configured] = ()
    pairs: Mapping[str, Entry] = field(default_factory=dict)
    remotes: Sequence[RemoteServer] = ()
    problems: Sequence[str] = ()


def read_roster(
    document: Document,
    directory: Path,
    *,
    read: ReadDocument,
    files: Iterable[Path] = (),
    local: Path | None = None,
) -> Roster:
    """Return what `document` and the model files say.

    directory: that of `document`. read: reads a TOML file. files: those of `config_dir`. local: the model's file that
    the command line names.
    """
    entries, problems = entries_of(document, directory)
    models = [] if local is None else [_from_command_line(local, read, problems)]
    for table, reading in (("local_models", read_model), ("llama_servers", read_llama_server)):
        for entry in entries:
            if entry.table == table:
                configured, said = reading(entry, read)
                models.append(configured)
                problems += said
    models += _from_files(files, read, _own_files(models), problems)
    remotes = [(entry, _remote(entry, problems)) for entry in entries if entry.table == "remote_servers"]
    problems += _among(models, remotes)
    return Roster(
        models=models,
        pairs={entry.path.partition(".")[2]: entry for entry in entries if entry.table == "pairs"},
        remotes=[remote for _, remote in remotes],
        problems=problems,
    )


def local_layer(path: Path) -> Layer:
    """Return the layer that makes the model in the file `path`, which the command line names, the large one."""
    said = {"models.large.provider": LOCAL, "models.large.name": name_of_file(path)}
    return {key: Given(place=COMMAND_LINE, name=LOCAL_FLAG, kind=KEYS[key].kind, raw=raw) for key, raw in said.items()}


def model_files(directory: Path, called: str) -> tuple[list[Path], list[str]]:
    """Return the files of the `config_dir` that configure a model each, by name, and what is wrong with it.

    called: how problems call the directory.
    """
    try:
        found = sorted(path for path in directory.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except OSError as exc:
        return [], [f"{called} cannot be read: {exc.strerror}"]
    return [path for path in found if not path.is_dir()], []


def _from_files(
    files: Iterable[Path], read: ReadDocument, own_files: Collection[Path], problems: list[str]
) -> list[Configured]:
    """Return the models of `files`. own_files: those that belong to a server, and configure no model here."""
    models: list[Configured] = []
    left: list[tuple[Path, str]] = []
    for path in files:
        try:
            document = read(path)
        except ConfigError as error:
            problems += error.problems
            continue
        if is_own_file(document.values):
            left.append((path, document.name))
            continue
        entry, unknown = whole_file(document, path.parent, "local_models")
        configured, said = read_model(entry, read)
        models.append(configured)
        problems += [*unknown, *said]
    known = {*own_files, *_own_files(models)}
    problems += [
        f"{name}: this is a llama-api-server's own file, which configures no model here: "
        "let config_path of a [[llama_servers]] table name it"
        for path, name in left
        if path.resolve() not in known
    ]
    return models


def _own_files(models: Iterable[Configured]) -> set[Path]:
    """Return the files that belong to the servers of `models`."""
    said = ((one.entry.directory, one.entry.given.get("config_path")) for one in models)
    return {(directory / Path(str(given.raw)).expanduser()).resolve() for directory, given in said if given is not None}


def _from_command_line(path: Path, read: ReadDocument, problems: list[str]) -> Configured:
    rows = {key.name: key.kind for key in keys_of("local_models", LocalModelSettings)}
    # Whoever names one model by hand wants it, and from the start.
    raws = {"model_path": str(path), "name": name_of_file(path), "pinned": True}
    given = {name: Given(place=COMMAND_LINE, name=LOCAL_FLAG, kind=rows[name], raw=raw) for name, raw in raws.items()}
    entry = Entry(table="local_models", path=LOCAL_FLAG, place=COMMAND_LINE, directory=path.parent, given=given)
    configured, said = read_model(entry, read)
    problems += said
    return configured


def _remote(entry: Entry, problems: list[str]) -> RemoteServer:
    values, said = read_values(entry, RemoteServer)
    problems += said
    problems += [entry.problem(name, "is missing") for name in ("name", "grpc_addr") if name not in entry.given]
    return RemoteServer(**values)


def _among(models: Sequence[Configured], remotes: Sequence[tuple[Entry, RemoteServer]]) -> Iterator[str]:
    """Yield what is wrong among `models` and among `remotes`, each of which may be right."""
    yield from _twice("name", ((one.model.name, one.entry) for one in models))
    yield from _twice("name", ((str(remote.name), entry) for entry, remote in remotes if remote.name is not None))
    yield from _twice("port", ((one.model.launch.port, one.entry) for one in models if one.model.launch is not None))
    named = {one.model.name: one for one in models}
    for one in models:
        name = one.model.name
        if name in RESERVED:
            yield one.entry.problem("name", f"is {quote(name)}, which stands for {RESERVED[name]}; take another")
        for alias in one.model.aliases:
            if alias in RESERVED:
                yield one.entry.problem("aliases", f"has {quote(alias)}, which stands for {RESERVED[alias]}")
            elif alias in named:
                other = named[alias].entry.at("name")
                yield one.entry.problem("aliases", f"has {quote(alias)}, which is the name of another model ({other})")


def _twice(key: str, said: Iterable[tuple[str | int, Entry]]) -> Iterator[str]:
    """Yield a problem for every value of `key` that another table has before; "?" and 0 stand for none."""
    first: dict[str | int, Entry] = {}
    for value, entry in said:
        if value in ("?", 0):
            continue
        if value in first:
            yield entry.problem(key, f"is {quote(value)}, which is taken already ({first[value].at(key)})")
        first.setdefault(value, entry)
