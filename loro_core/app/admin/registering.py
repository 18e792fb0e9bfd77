"""`POST /-/upstreams`: what it takes, and the model that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loro_core.app.config.kinds import ApiKey, Flag, Kind, Names, Number, Text, Unfit, Url, Whole, closest, quote
from loro_core.app.config.settings import NAME
from loro_core.errors import BadRequest, Conflict
from loro_core.fleet import Deployment
from loro_core.models import Model, ModelKind
from loro_core.plugin.api import AUTO, Provider, ProviderSettings
from loro_core.wire.json_text import decode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.parameters import kind as kind_of

REGISTERED = "registered"
"""`Model.source` of what was registered at run time."""

# A name stands in addresses, logs and tables; hubs' names have slashes, dots and colons ("Qwen/Qwen3-8B:Q4_K_M").
MODEL_NAME = r"[^\W_][\w./:@+-]{0,199}"
_A_NAME = "letters, digits and ./:@+_- after a letter or digit, at most 200 in all"
_KINDS = tuple(kind.value for kind in ModelKind)

FIELDS: Mapping[str, Kind] = {
    "name": Text(_A_NAME, MODEL_NAME),
    "url": Url(),
    "model": Text("the model's name as the service knows it", r"\S(.*\S)?"),
    "kinds": Names(" and ".join((", ".join(_KINDS[:-1]), _KINDS[-1])), "|".join(_KINDS)),
    "provider": Text("lower-case letters, digits and hyphens", NAME),
    "api_key": ApiKey(),
    "aliases": Names(f"names: {_A_NAME}", MODEL_NAME),
    "slots": Whole(1, 10000),
    "weight": Whole(1, 1000),
    "priority": Whole(-1000, 1000),
    "context_tokens": Whole(1, 1_000_000_000),
    "capabilities": Names("words", r"[\w-]{1,40}"),
    "connect_timeout_s": Number(0.05, 300),
    "first_token_timeout_s": Number(0.1, 3600),
    "idle_timeout_s": Number(0.1, 3600),
    "check": Flag(),
}
REQUIRED = ("name", "url")
TIMEOUTS = ("connect_timeout_s", "first_token_timeout_s", "idle_timeout_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """check: whether the address is asked first if it is there."""

    model: Model
    check: bool


def read_registration(body: bytes, providers: Mapping[str, Provider]) -> Registration:
    """Return what `body`, a JSON object, asks to register.

    providers: those that there are, by name.
    Raises BadRequest with all that is wrong in its message and the first field at fault in `param`. No key is in it.
    """
    given = read_object(body)
    problems: dict[str, str] = {}
    for name in given:
        if name not in FIELDS:
            near = closest(name, FIELDS)
            problems[name] = f"{quote(name)} is no field" + (f"; did you mean {near}?" if near else "")
    values: dict[str, Any] = {}
    for name, kind in FIELDS.items():
        # null stands for a field that is left out, as clients that fill in a form send it.
        if given.get(name) is None:
            if name in REQUIRED:
                problems[name] = f"{name} is missing, needs {kind.wants}"
            continue
        try:
            values[name] = kind.accept(given[name])
        except Unfit as unfit:
            hint = f"; {unfit.hint}" if unfit.hint else ""
            problems[name] = f"{name} is {kind.show_refused(given[name])}, needs {kind.wants}{hint}"
    if values.get("kinds") == ():
        problems["kinds"] = "kinds is empty, needs at least one"
    if not problems:
        registration = _registration(values)
        problems = _provider_problems(registration.model.deployment, providers)
        if not problems:
            return registration
    raise BadRequest("; ".join(problems.values()), param=next(iter(problems)))


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object `body`; an empty body is an empty object. Raises BadRequest."""
    if not body.strip():
        return {}
    try:
        value = decode_json(body)
    except WireFormatError as exc:
        raise BadRequest(f"The body is not JSON: {exc}.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise BadRequest(f"The body must be an object, not {kind_of(value)}.", code="invalid_json")
    return value


def refuse_known(model: Model, known: Sequence[Model]) -> None:
    """Raise Conflict if there is a model of this name, or this address with this model, among `known`."""
    for other in known:
        if other.name == model.name:
            raise Conflict(f"name: there is a model {quote(model.name)} already", param="name", code="name_taken")
    for other in known:
        ours, theirs = model.deployment, other.deployment
        if theirs.base_url and (theirs.base_url, theirs.model) == (ours.base_url, ours.model):
            raise Conflict(
                f"url: {ours.base_url} with its model {quote(ours.model)} is registered as {quote(other.name)}",
                param="url",
                code="url_taken",
            )


def _registration(values: Mapping[str, Any]) -> Registration:
    name = values["name"]
    deployment = Deployment(
        name=name,
        provider=values.get("provider", AUTO),
        base_url=values["url"],
        model=values.get("model", name),
        api_key=values.get("api_key"),
        **{timeout: values[timeout] for timeout in TIMEOUTS if timeout in values},
    )
    limits = {field: values[field] for field in ("slots", "weight", "priority", "context_tokens") if field in values}
    model = Model(
        name=name,
        deployment=deployment,
        aliases=tuple(alias for alias in values.get("aliases", ()) if alias != name),
        kinds=frozenset(map(ModelKind, values.get("kinds", (ModelKind.CHAT.value,)))),
        capabilities=values.get("capabilities", ()),
        source=REGISTERED,
        **limits,
    )
    return Registration(model=model, check=values.get("check", True))


def _provider_problems(deployment: Deployment, providers: Mapping[str, Provider]) -> dict[str, str]:
    if deployment.provider == AUTO:
        return {}
    provider = providers.get(deployment.provider)
    if provider is None:
        names = [AUTO, *sorted(providers)]
        near = closest(deployment.provider, names)
        hint = f"; did you mean {near}?" if near else ""
        return {"provider": f"provider is {quote(deployment.provider)}, needs one of {', '.join(names)}{hint}"}
    if isinstance(provider, ProviderSettings):
        return {problem.partition(":")[0]: problem for problem in provider.problems(deployment)}
    return {}
