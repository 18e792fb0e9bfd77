"""Reading the settings: command line over environment over `.env` over the configuration file over defaults.

Everything is read before anything is refused, so the operator hears of all problems at once. Files are only ever read.

- Each key has a variable by one rule, LORO_<TABLE>_<KEY>, and perhaps an older name for it, which is the weaker.
- A variable that is set but blank counts as not set, and in the environment it hides the same one in `.env`.
- What a stronger source overrides is not judged, except in the file: that is checked whole.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from loro_core.app.config import dotenv
from loro_core.app.config.missing import missing_parts, near
from loro_core.app.config.resolve import resolve
from loro_core.app.config.roster import COMMAND_LINE, LOCAL_FLAG, local_layer, model_files, read_roster
from loro_core.app.config.settings import Settings
from loro_core.app.config.sources import (
    FILE_VARIABLE,
    Document,
    Layer,
    Option,
    Variable,
    document_layer,
    options_layer,
    unknown_variables,
    variables_layer,
)
from loro_core.app.config.toml_lines import key_lines
from loro_core.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_FILE = "loro.toml"


def load(
    *,
    environ: Mapping[str, str],
    directory: Path,
    file: str | None = None,
    options: Iterable[Option] = (),
    local: str | None = None,
) -> Settings:
    """Return the settings. It may be called again at any time: nothing is kept and nothing written.

    environ: the process's variables. directory: where the file and `.env` are looked for, the latter also above it.
    file: the configuration file, in the place of LORO_CONFIG and ./loro.toml.
    local: the file of a model that is served as the large one, in the place of what else is said of that.
    Raises ConfigError with every problem found.
    """
    environment = [Variable(place="environment", name=name, text=text) for name, text in environ.items()]
    dot, problems = _read_dotenv(directory)
    dot = [variable for variable in dot if variable.name not in environ]
    problems += unknown_variables([*environment, *dot])
    try:
        document, beside = _configuration_file(directory, file, [*environment, *dot])
    except ConfigError as error:
        # What it configures is unknown now: judging the rest would tell of problems that are none.
        raise ConfigError([*problems, *error.problems]) from None
    layer, unknown = document_layer(document)
    problems += unknown
    stronger = [options_layer(options), variables_layer(environment), variables_layer(dot)]
    if local is not None:
        stronger.insert(0, local_layer(Path(local)))
    files, said, warnings = _model_files(stronger, layer, directory, beside)
    problems += said
    roster = read_roster(
        document,
        beside,
        read=lambda path: read_document(path, _called(path, directory)),
        files=files,
        local=None if local is None else directory / local,
    )
    problems += roster.problems
    if local is not None and not (directory / local).is_file():
        problems.append(
            f"{COMMAND_LINE}: {LOCAL_FLAG} names a file that is not there: {local}{near(directory / local)}"
        )
    try:
        settings = resolve(stronger, layer, roster)
    except ConfigError as error:
        # A variable may set two keys, and is wrong but once.
        raise ConfigError(list(dict.fromkeys([*problems, *error.problems]))) from None
    if problems:
        raise ConfigError(problems)
    return replace(settings, warnings=(*warnings, *missing_parts(roster.models)))


class TextFile(Protocol):
    """A Path, or a resource of a package."""

    def read_text(self, encoding: str | None = None) -> str: ...


def read_toml(file: TextFile) -> Mapping[str, Any]:
    """Return what the TOML `file` says. Raises ConfigError that names the file and the line."""
    name = str(file)
    return _parsed(_read_text(file, name), name)


def read_document(file: TextFile, name: str) -> Document:
    """Return the TOML `file`, called `name` in problems, with the lines of its keys. Raises ConfigError."""
    text = _read_text(file, name)
    return Document(name=name, values=_parsed(text, name), lines=key_lines(text, tomllib.loads))


def _parsed(text: str, name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        message = str(exc)
        at = re.search(r" \(at line ([0-9]+), column [0-9]+\)", message)
        where, what = (f"{name}:{at[1]}", message.replace(at[0], "")) if at else (name, message)
        raise ConfigError([f"{where}: not TOML: {what}"]) from None
    except RecursionError:
        raise ConfigError([f"{name}: not TOML that loro can read: nested too deeply"]) from None


def _configuration_file(directory: Path, file: str | None, variables: Iterable[Variable]) -> tuple[Document, Path]:
    """Return the configuration file, an empty one if there is none, and its directory; raise ConfigError."""
    said = (v.text.strip() for v in variables if v.name == FILE_VARIABLE)
    named = file or next(said, "")
    path = directory / (named or DEFAULT_FILE)
    if not named and not path.exists():
        return Document(name=DEFAULT_FILE, values={}, lines={}), directory
    return read_document(path, _called(path, directory)), path.parent


def _model_files(
    stronger: Sequence[Layer], file: Layer, directory: Path, beside: Path
) -> tuple[list[Path], list[str], list[str]]:
    """Return the files that configure a model each, what is wrong with their directory, and what to be warned of.

    directory: where a relative one begins that a variable names. beside: where one begins that the file names.
    """
    key = "scheduler.config_dir"
    given = next((layer[key] for layer in (*stronger, file) if key in layer), None)
    if given is None:
        return [], [], []
    try:
        path = (beside if given is file.get(key) else directory) / Path(given.take()).expanduser()
    except ConfigError:
        return [], [], []  # `resolve` tells it
    called = f"{given.place}: {given.name}: {path}"
    if not path.exists():
        # The older system made it; it may be filled later.
        return [], [], [f"{called} is not there, so it configures no model"]
    files, problems = model_files(path, called)
    return files, problems, []


def _read_dotenv(directory: Path) -> tuple[list[Variable], list[str]]:
    """Return what the nearest `.env` sets, and what is wrong with it."""
    path = dotenv.find(directory)
    if path is None:
        return [], []
    name = _called(path, directory)
    try:
        lines = dotenv.parse(_read_text(path, name))
    except ConfigError as error:
        return [], list(error.problems)
    # Of a name that comes twice the last line holds.
    last = {line.name: line for line in lines if isinstance(line, dotenv.Assignment)}
    variables = [Variable(place=f"{name}:{line.line}", name=line.name, text=line.value) for line in last.values()]
    return variables, [f"{name}:{line.line}: needs {line.wants}" for line in lines if isinstance(line, dotenv.Mistake)]


def _read_text(file: TextFile, name: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")  # some editors put a mark in front
    except UnicodeDecodeError as exc:
        raise ConfigError([f"{name}: byte {exc.start + 1} is not UTF-8"]) from None
    except OSError as exc:
        raise ConfigError([f"{name}: cannot be read: {exc.strerror}"]) from None


def _called(path: Path, directory: Path) -> str:
    """Return how `path` is told to somebody in `directory`: as near as it is."""
    return min(str(path), os.path.relpath(path, directory), key=len)
