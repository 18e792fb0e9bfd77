"""From what the sources say to the settings: the strongest source wins, and every problem is told."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from loro_core.app import demo
from loro_core.app.config.keys import Key, keys_of
from loro_core.app.config.pairing import (
    TAKEOVER_FIRST_TOKEN_S,
    Choices,
    default_roles,
    make_pair,
    no_chat_model,
    stands_for,
)
from loro_core.app.config.pairs import Pair
from loro_core.app.config.roster import Roster
from loro_core.app.config.rules import fleet_problems, pinned
from loro_core.app.config.scheduling import DEFAULT, REFUSE, AdminSettings, SchedulerSettings
from loro_core.app.config.settings import (
    HTTP_ADDR,
    TABLES,
    HedgeSettings,
    LogSettings,
    MetricsSettings,
    ModelSettings,
    PluginSettings,
    ReplySettings,
    ServerSettings,
    Settings,
    Source,
    WordsSettings,
)
from loro_core.app.config.sources import KEYS, Given, Layer
from loro_core.errors import ConfigError
from loro_core.models import LOCAL, Model, ModelKind

SMALL, LARGE = "models.small", "models.large"
FALLBACKS = ("models.fallback", "models.fallback2")
MODELS = (SMALL, LARGE, *FALLBACKS)

# Its ancestors': the protocol was OpenAI's, and these its service and models. Other providers know their own.
OPENAI_PROVIDERS = ("auto", "openai")
BASE_URL = "https://api.siliconflow.cn/v1"
MODEL_NAMES = {SMALL: "Qwen/Qwen2-1.5B-Instruct", LARGE: "deepseek-ai/DeepSeek-V2.5"}

# MAX_RETRIES and HTTP_TIMEOUT_SECS: they tune a model, and do not say that there is one.
_SHARED = {v.name for key in keys_of(LARGE, ModelSettings) for v in key.row.variables if "{TABLE}" not in v.name}


def resolve(stronger: Sequence[Layer], file: Layer, roster: Roster | None = None) -> Settings:
    """Return the settings that the sources amount to.

    stronger: what overrides the file, the strongest first. The file is judged whole, the others where they count.
    roster: the models, pairs and remote servers that the files name, judged already.
    Raises ConfigError with every problem found.
    """
    roster = roster or Roster()
    models = tuple(one.model for one in roster.models)
    resolving = _Resolving()
    layers = [resolving.with_address(layer) for layer in (*stronger, file)]
    configured = {table for table in MODELS if _is_configured(table, layers)}
    stand_in = not configured and (any(ModelKind.CHAT in model.kinds for model in models) or bool(roster.pairs))
    resolving.layers = layers if configured or stand_in else [*layers, _demo()]
    tables = {
        name: resolving.table(name)
        for name in TABLES
        if name in configured or name not in MODELS or (not configured and not stand_in and name not in FALLBACKS)
    }
    for name in sorted(configured):
        if tables[name]["provider"] == LOCAL:
            resolving.complete_local(name, tables[name], models)
        else:
            resolving.complete_model(name, tables[name])
    if configured and LARGE not in configured:
        resolving.problems.append("the large model is missing: set LARGE_MODEL_API_KEY, or write [models.large]")
    resolving.shorten_first_token([(name, tables[name]) for name in (LARGE, *FALLBACKS) if name in tables])
    resolving.check_cors(tables["server"])
    resolving.check_overridden(layers[-1], layers[:-1])
    resolving.complete_scheduler(tables["scheduler"], roster)
    resolving.problems += fleet_problems(tables["server"], tables["scheduler"], resolving.sources, roster)
    roles = {
        name.rpartition(".")[2]: settings(**tables[name]).deployment(name.rpartition(".")[2])
        for name, settings in TABLES.items()
        if name in MODELS and name in tables
    }
    reply = ReplySettings(**tables["reply"])
    choices = Choices(roles=roles if configured else {}, models=models, patient=resolving.patient(roles, roster))
    pairs = resolving.pairs(roster, choices, reply)
    if stand_in and not resolving.problems:
        roles, sources = default_roles(models, pairs)
        resolving.sources |= sources
    if resolving.problems:
        raise ConfigError(resolving.problems)
    small, large = roles.pop("small", None), roles.pop("large")
    return Settings(
        server=ServerSettings(**tables["server"]),
        small=small,
        large=large,
        fallbacks=tuple(roles.values()),
        demo=not configured and not stand_in,
        reply=reply,
        hedge=HedgeSettings(**tables["hedge"]),
        words=WordsSettings(**tables["words"]),
        metrics=MetricsSettings(**tables["metrics"]),
        log=LogSettings(**tables["log"]),
        plugins=PluginSettings(**tables["plugins"]),
        scheduler=SchedulerSettings(**tables["scheduler"]),
        admin=AdminSettings(**tables["admin"]),
        models=pinned(roster.models, [small, *(pair.acknowledging for pair in pairs.values())]),
        pairs=MappingProxyType(pairs),
        remotes=tuple(roster.remotes),
        sources=MappingProxyType(resolving.sources),
    )


def _is_configured(table: str, layers: Sequence[Layer]) -> bool:
    """Whether anything that any layer says makes the model of `table` one that was configured."""
    says = (given.name for layer in layers for path, given in layer.items() if path.startswith(f"{table}."))
    return any(name not in _SHARED for name in says)


def _demo() -> Layer:
    layer: Layer = {}
    for table, (name, options) in demo.MODELS.items():
        for key, value in (("provider", demo.PROVIDER), ("name", name), ("options", options)):
            path = f"{table}.{key}"
            layer[path] = Given(place="demo", name=path, kind=KEYS[path].kind, raw=value)
    return layer


@dataclass(slots=True)
class _Resolving:
    """What is known half-way: the layers, the sources of the settings taken, and the problems."""

    layers: Sequence[Layer] = ()
    sources: dict[str, Source] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def with_address(self, layer: Layer) -> Layer:
        """Return `layer` with `http_addr` told as the two keys that it is short for."""
        short = layer.get(HTTP_ADDR.path)
        if short is None:
            return layer
        layer = {path: given for path, given in layer.items() if path != HTTP_ADDR.path}
        try:
            address = short.take()
        except ConfigError as error:
            self.problems += error.problems
            return layer
        for name, value in zip(("host", "port"), address, strict=True):
            key = KEYS[f"server.{name}"]
            own = layer.get(key.path)
            # The older names HOST and PORT give way, as they do to the rule's names.
            if own is not None and own.name in (key.path, key.variables[0][0]):
                self.problems.append(f"{short.place}: {short.name} and {own.name} ({own.place}) say the same; keep one")
            layer[key.path] = Given(place=short.place, name=short.name, kind=key.kind, raw=value)
        return layer

    def table(self, name: str) -> dict[str, Any]:
        """Return the values of the table `name`; the default stands in for one that does not fit."""
        values: dict[str, Any] = {}
        for key in keys_of(name, TABLES[name]):
            sayings = [layer[key.path] for layer in self.layers if key.path in layer]
            values[key.name], where = self._value(key, sayings)
            self.sources[key.path] = Source(shown=key.kind.show(values[key.name]), where=where)
        return values

    def _value(self, key: Key, sayings: Sequence[Given]) -> tuple[Any, str]:
        """Return the value that `sayings`, the strongest first, amount to, and where it comes from."""
        if not sayings:
            return key.default, "default"
        strongest, *weaker = sayings
        try:
            value = strongest.take()
        except ConfigError as error:
            self.problems += error.problems
            return key.default, "default"
        if strongest.adds and weaker:
            rest, where = self._value(key, weaker)
            return tuple(dict.fromkeys((*rest, *value))), f"{where}, {strongest.source}"
        return value, strongest.source

    def complete_model(self, table: str, values: dict[str, Any]) -> None:
        """Fill in what depends on the provider, and tell what is missing."""
        variable = f"{table.rpartition('.')[2].upper()}_MODEL"
        if values["provider"] not in OPENAI_PROVIDERS:
            if values["name"] is None:
                self.problems.append(
                    f"{table}.name is missing: set {variable}_NAME; provider {values['provider']} has no default model"
                )
            return
        defaults = (("base_url", BASE_URL), ("name", MODEL_NAMES[table])) if table in MODEL_NAMES else ()
        for name in ("base_url", "name") if table in FALLBACKS else ():
            if not self._is_said(f"{table}.{name}"):
                self.problems.append(f"{table}.{name} is missing: set {variable}_{name.upper()}")
        for name, default in defaults:
            if values[name] is None:
                path = f"{table}.{name}"
                values[name] = default
                self.sources[path] = Source(shown=KEYS[path].kind.show(default), where="default")
        if not self._is_said(f"{table}.api_key"):
            self.problems.append(
                f"{table}.api_key is missing: set {variable}_API_KEY; for a service without keys, to `none`"
            )

    def complete_local(self, table: str, values: dict[str, Any], models: Sequence[Model]) -> None:
        """Judge a model whose provider is a local model; what that has itself is not asked for here."""
        if values["name"] is None:
            self.problems.append(f"{table}.name is missing: which local model is it?")
        elif stands_for(models, values["name"]) is None:
            where = self.sources[f"{table}.name"].where
            self.problems.append(f"{where}: {table}.name {no_chat_model(models, values['name'])}")
        provider = self._strength(f"{table}.provider")
        for name in ("base_url", "api_key"):
            path = f"{table}.{name}"
            # A weaker source spoke of the model in whose place this one came.
            if self._strength(path) < provider:
                values[name] = None
                self.sources[path] = Source(shown=KEYS[path].kind.show(None), where="default for a local model")
            elif self._is_said(path):
                self.problems.append(f"{self.sources[path].where}: {path} says nothing to a local model; leave it out")
        values["prewarm"] = False
        path = f"{table}.prewarm"
        self.sources[path] = Source(shown=KEYS[path].kind.show(False), where="default for a local model")

    def pairs(self, roster: Roster, choices: Choices, reply: ReplySettings) -> dict[str, Pair]:
        """Return the pairs, and tell what is wrong with them."""
        pairs: dict[str, Pair] = {}
        for name, entry in roster.pairs.items():
            pair, problems = make_pair(name, entry, choices, reply)
            self.problems += problems
            if pair is not None:
                pairs[name] = pair
        return pairs

    def patient(self, roles: Iterable[str], roster: Roster) -> frozenset[str]:
        """Return the roles and models whose first-token deadline the operator has set."""
        key = "first_token_timeout_s"
        said = [role for role in roles if self._is_said(f"models.{role}.{key}")]
        return frozenset((*said, *(one.model.name for one in roster.models if key in one.entry.given)))

    def complete_scheduler(self, scheduler: dict[str, Any], roster: Roster) -> None:
        """Fill in what depends on other keys, and on whether there are local models."""
        if scheduler["balance_weights"] and not self._is_said("scheduler.balance"):
            scheduler["balance"] = ""
            self.sources["scheduler.balance"] = Source(shown='""', where="default, as balance_weights are set")
        path = "scheduler.unknown_model"
        if scheduler["unknown_model"] is None:
            scheduler["unknown_model"] = REFUSE if roster.models or roster.pairs else DEFAULT
            self.sources[path] = Source(shown=KEYS[path].kind.show(scheduler["unknown_model"]), where="default")

    def shorten_first_token(self, answering: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Give all but the last of the `answering` tables a first-token deadline that leaves time for the next one."""
        for (table, values), (behind, _) in itertools.pairwise(answering):
            path = f"{table}.first_token_timeout_s"
            if not self._is_said(path):
                values["first_token_timeout_s"] = TAKEOVER_FIRST_TOKEN_S
                shown = KEYS[path].kind.show(TAKEOVER_FIRST_TOKEN_S)
                self.sources[path] = Source(shown=shown, where=f"default, as {behind} is behind it")

    def check_cors(self, server: Mapping[str, Any]) -> None:
        if server["cors_credentials"] and "*" in server["cors_origins"]:
            # Browsers refuse the pair, and answering with each caller's own origin instead would let any page act
            # as the user (WHATWG Fetch, 3.3.5 "CORS protocol and credentials").
            where = self.sources["server.cors_credentials"].where
            self.problems.append(
                f'{where}: server.cors_credentials is true, needs server.cors_origins to name origins, not "*"'
            )

    def check_overridden(self, file: Layer, stronger: Sequence[Layer]) -> None:
        """Judge what stands in the file although something stronger takes its place."""
        for path, given in file.items():
            if any(path in layer and not layer[path].adds for layer in stronger):
                self.problems += judge(given)

    def _is_said(self, path: str) -> bool:
        return any(path in layer for layer in self.layers)

    def _strength(self, path: str) -> int:
        """Return how strong the source is that says `path`; 0 if none does."""
        return next((len(self.layers) - at for at, layer in enumerate(self.layers) if path in layer), 0)


def judge(given: Given) -> Sequence[str]:
    """Return what is wrong with the value of `given`."""
    try:
        given.take()
    except ConfigError as error:
        return error.problems
    return ()
