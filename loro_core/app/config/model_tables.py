"""From what a table or a file says of a model to the `Model`: its worker, its command, its deployment.

the table says                 it is served by
-----------------------------  --------------------------------------------------------
base_url                       somebody else, at that address; nothing is started
worker                         that kind of worker
command                        that command
none of these                  llama.cpp
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loro_core.app.config.kinds import Choice
from loro_core.app.config.launches import (
    WORKER_KINDS,
    WorkerKind,
    fill_command,
    fill_environment,
    fill_words,
    names_port,
)
from loro_core.app.config.llama_api_file import OwnFile, read_own_file
from loro_core.app.config.local_models import COMMAND, LLAMA_API_SERVER, LLAMA_CPP, OLLAMA, WORKERS, LocalModelSettings
from loro_core.app.config.scheduling import NAME
from loro_core.app.config.sources import Document, Given
from loro_core.app.config.tables import Entry, read_values
from loro_core.errors import ConfigError
from loro_core.fleet import Deployment
from loro_core.models import Launch, Model, ModelKind

ReadDocument = Callable[[Path], Document]
"""Reads a TOML file; raises ConfigError that names it."""

ADDRESS_PROVIDER = "auto"
ADDRESS_SLOTS = 64

_WORKER_KEYS = frozenset(key for kind in WORKER_KINDS.values() for key in (*kind.needs, *kind.takes))
# What says how a process is started and kept; at an address there is none.
_PROCESS_KEYS = frozenset(
    (
        *("worker", "args", "port", "health_path", "base_path", "directory", "environment", "min_instances"),
        *("max_instances", "memory", "idle_ttl_s", "pinned", "load_timeout_s", "stop_grace_s"),
    )
)
_AT_ADDRESS = ("model", "ctx_size")
_FILES = ("model_path", "embedding_model_path", "tts_model_path", "config_path", "wasm_path", "directory")
_FIRST_OF_SEVERAL = re.compile(r"-(0*1)-of-([0-9]+)\.gguf$")
_OLDER_KEYS = {"chat_model_path": "model_path"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A model and the table that configures it.

    pins: whether the table says itself if the model is pinned. files: what it reads, by the key that says so.
    """

    model: Model
    entry: Entry
    pins: bool
    files: tuple[tuple[str, str], ...] = ()


def read_model(entry: Entry, read: ReadDocument) -> tuple[Configured, list[str]]:
    """Return the model that `entry`, a table of `[[local_models]]` or a file, configures, and what is wrong with it.

    With a problem, the model is of use for its names only.
    """
    values, problems = read_values(entry, LocalModelSettings)
    for name in _FILES:
        if values[name] is not None:
            values[name] = str(entry.directory / Path(values[name]).expanduser())
    model = _Reading(entry, values, read, problems).model()
    files = [name for name in _FILES if name != "directory" and (name in entry.given or name == "wasm_path")]
    if model.launch is None or model.launch.kind != LLAMA_API_SERVER:
        files = [name for name in files if name == "model_path"]
    read_by_it = tuple((name, values[name]) for name in files)
    return Configured(model=model, entry=entry, pins="pinned" in entry.given, files=read_by_it), problems


def read_llama_server(entry: Entry, read: ReadDocument) -> tuple[Configured, list[str]]:
    """Return the model that `entry`, a table of `[[llama_servers]]`, configures, and what is wrong with it."""
    given = {_OLDER_KEYS.get(name, name): said for name, said in entry.given.items()}
    given["worker"] = Given(place=entry.place, name=entry.path, kind=Choice(WORKERS), raw=LLAMA_API_SERVER)
    return read_model(replace(entry, table="local_models", given=given), read)


def name_of_file(path: Path) -> str:
    """Return how the model in the file `path` is called where nobody says it."""
    name = re.sub(r"[^A-Za-z0-9_.:@+-]+", "-", path.name.removesuffix(path.suffix))
    name = re.sub(r"-0*1-of-[0-9]+$", "", name).strip("-.:@+")
    return name[:120] or "model"


class _Reading:
    """A model half-way. values: those of `entry`, its paths absolute. problems: what is found is added."""

    def __init__(self, entry: Entry, values: dict[str, Any], read: ReadDocument, problems: list[str]) -> None:
        self._entry = entry
        self._values = values
        self._problems = problems
        self._worker: str | None = None
        self._kind: WorkerKind | None = None
        if values["base_url"] is None:
            self._worker = values["worker"] or (COMMAND if values["command"] else LLAMA_CPP)
            self._kind = WORKER_KINDS[self._worker]
        self._name = self._named()
        self._own = self._own_file(read)

    def model(self) -> Model:
        values, kind = self._values, self._kind
        self._check_keys()
        kinds = self._kinds()
        slots = values["slots"] or (ADDRESS_SLOTS if kind is None else kind.slots)
        ctx_size = values["ctx_size"] or self._own.ctx_size
        if values["min_instances"] > values["max_instances"]:
            self._say(
                "min_instances", f"is {values['min_instances']}, needs at most max_instances: {values['max_instances']}"
            )
        launch = None if kind is None else self._launch(kind, kinds, slots)
        if launch is not None and launch.port and values["max_instances"] > 1:
            self._say(
                "max_instances",
                f"is {values['max_instances']}, but all of them would listen at port "
                f"{launch.port}: leave `port` out, or have one",
            )
        return Model(
            name=self._name,
            deployment=self._deployment(),
            aliases=tuple(alias for alias in values["aliases"] if alias != self._name),
            kinds=kinds,
            launch=launch,
            slots=slots,
            min_instances=values["min_instances"],
            max_instances=values["max_instances"],
            weight=values["weight"],
            memory_bytes=values["memory"],
            size_bytes=None if kind is None else self._size(),
            idle_ttl_s=values["idle_ttl_s"] if kind is not None else None,
            pinned=bool(values["pinned"]),
            priority=values["priority"],
            context_tokens=ctx_size,
            capabilities=values["capabilities"],
            source=self._entry.place,
        )

    def _say(self, key: str, said: str) -> None:
        self._problems.append(self._entry.problem(key, said))

    def _named(self) -> str:
        """Return the model's name: as said, else that of a file."""
        if "name" in self._entry.given:
            return str(self._values["name"] or "?")  # what does not fit is told already
        if not self._entry.path:
            return name_of_file(Path(self._entry.place))
        for key in ("model_path", "embedding_model_path", "tts_model_path"):
            if self._values[key]:
                return name_of_file(Path(self._values[key]))
        model = self._values["model"]
        if model is not None and re.fullmatch(NAME, model):
            return str(model)
        self._say("name", "is missing")
        return "?"

    def _check_keys(self) -> None:
        """Tell which keys are missing for this worker, and which are there and would change nothing."""
        entry, kind = self._entry, self._kind
        if kind is None:
            taken, who = {*_AT_ADDRESS}, "an address that somebody else serves (base_url)"
        else:
            taken, who = {*kind.needs, *kind.takes, *_PROCESS_KEYS}, f"a worker of kind {self._worker}"
            for name in kind.needs:
                if not self._values[name] and name not in entry.given:
                    self._say(name, f"is missing, {who} needs it")
        for name in entry.given:
            if name in (_WORKER_KEYS | _PROCESS_KEYS) and name not in taken:
                self._say(name, f"says nothing to {who}; leave it out")

    def _kinds(self) -> frozenset[ModelKind]:
        values, kind = self._values, self._kind
        if self._worker == LLAMA_API_SERVER:
            paths = (
                ("model_path", ModelKind.CHAT),
                ("embedding_model_path", ModelKind.EMBEDDING),
                ("tts_model_path", ModelKind.SPEECH),
            )
            found = frozenset(served for key, served in paths if values[key])
            if not found:
                self._problems.append(f"{self._entry.place}: {self._entry.path or self._name} names no model's file")
            elif "kinds" in self._entry.given:
                self._say("kinds", f"says nothing to a {LLAMA_API_SERVER}: the files of its models do")
            return found or frozenset({ModelKind.CHAT})
        kinds = frozenset(map(ModelKind, values["kinds"]))
        for missing in sorted(served.value for served in kinds - (kind.serves if kind is not None else kinds)):
            self._say("kinds", f'has "{missing}", which a worker of kind {self._worker} does not serve')
        return kinds

    def _launch(self, kind: WorkerKind, kinds: frozenset[ModelKind], slots: int) -> Launch:
        values = self._values
        names = self._names(kinds, slots)
        command = fill_command(kind.command, names) + self._written("command", names, values["command"])
        command += self._written("args", names, values["args"])
        environment = fill_environment(kind, names)
        for name, value in values["environment"].items():
            environment[name] = "".join(self._written("environment", names, [value]))
        port = self._port()
        told = names_port((*command, *environment.values()))
        if self._worker == COMMAND and values["command"] and not port and not told:
            self._say("command", "names no {port}, and port is not set: nobody would know where it listens")
        return Launch(
            kind=self._worker or COMMAND,
            command=command,
            directory=values["directory"] or self._own.directory,
            environment=environment,
            port=port,
            health_path=values["health_path"] or kind.health_path,
            base_path=(values["base_path"] or kind.base_path).rstrip("/"),
            load_timeout_s=values["load_timeout_s"],
            stop_grace_s=values["stop_grace_s"],
        )

    def _written(self, key: str, names: Mapping[str, str | None], words: Sequence[str]) -> tuple[str, ...]:
        """Return the `words` that the operator wrote under `key`, filled in."""
        try:
            return fill_words(words, names)
        except ConfigError as error:
            for problem in error.problems:
                self._say(key, problem)
            return ()

    def _names(self, kinds: frozenset[ModelKind], slots: int) -> Mapping[str, str | None]:
        """Return what stands for the names in commands."""
        values = self._values
        ctx_size = values["ctx_size"]
        names = {
            "name": self._name,
            "model": values["model"] or self._name,
            "config_name": self._own.name,
            "slots": slots,
            "ctx_total": ctx_size and ctx_size * slots,
            **{
                key: values[key]
                for key in (*_FILES[:3], "wasm_path", "ctx_size", "batch_size", "threads", "gpu_layers")
            },
            **{f"when_{kind.value}": "" if kind in kinds else None for kind in ModelKind},
            "when_chat_and_embedding": "" if {ModelKind.CHAT, ModelKind.EMBEDDING} <= kinds else None,
        }
        return {name: None if value is None else str(value) for name, value in names.items()}

    def _port(self) -> int:
        said: int = self._values["port"]
        own = self._own.port
        if said and own and said != own:
            self._say("port", f"is {said}, but {self._own.place} has it listen at {own}; keep one")
        return said or own or 0

    def _deployment(self) -> Deployment:
        values, kind = self._values, self._kind
        # What the server calls the model: workers that are told a name know it by that.
        knows_own = self._worker in (None, OLLAMA, COMMAND)
        return Deployment(
            name=self._name,
            provider=values["provider"] or (ADDRESS_PROVIDER if kind is None else kind.provider),
            base_url=values["base_url"] or "",
            model=(values["model"] if knows_own else self._own.model_name) or self._name,
            api_key=values["api_key"],
            connect_timeout_s=values["connect_timeout_s"],
            first_token_timeout_s=values["first_token_timeout_s"],
            idle_timeout_s=values["idle_timeout_s"],
            reply_timeout_s=values["reply_timeout_s"],
            max_retries=values["max_retries"],
            # A process that is to be started has no address yet.
            prewarm=kind is None,
            drop_fields=frozenset(values["drop_fields"]),
            extra_fields=values["extra_fields"],
            options=values["options"],
        )

    def _size(self) -> int | None:
        """Return what the model's files take on disk, None if that is not known."""
        found = [_size_of(Path(self._values[key])) for key in _FILES[:3] if self._values[key]]
        known = [size for size in found if size is not None]
        return sum(known) if known and len(known) == len(found) else None

    def _own_file(self, read: ReadDocument) -> OwnFile:
        path = self._values["config_path"]
        if path is None or self._worker != LLAMA_API_SERVER:
            return OwnFile()
        try:
            document = read(Path(path))
        except ConfigError as error:
            self._problems += [
                f"{self._entry.at('config_path')}: {self._entry.called('config_path')}: {problem}"
                for problem in error.problems
            ]
            return OwnFile()
        own, said = read_own_file(document, Path(path))
        self._problems += said
        return own


def _size_of(path: Path) -> int | None:
    """Return the size of a model's file, or of all the files that one in several parts has."""
    several = _FIRST_OF_SEVERAL.search(path.name)
    try:
        if several is None:
            return path.stat().st_size
        begin, width = path.name[: several.start()], len(several[1])
        parts = (f"{begin}-{part:0{width}d}-of-{several[2]}.gguf" for part in range(1, int(several[2]) + 1))
        return sum((path.parent / part).stat().st_size for part in parts)
    except OSError:
        return None
