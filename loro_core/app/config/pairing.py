"""From names to deployments: which models make a pair, and who stands for a local model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from loro_core.app.config.kinds import closest, quote
from loro_core.app.config.pairs import NOBODY, Pair, PairSettings
from loro_core.app.config.roster import RESERVED
from loro_core.app.config.settings import ReplySettings, Source
from loro_core.app.config.tables import Entry, read_values
from loro_core.fleet import Deployment
from loro_core.models import LOCAL, Model, ModelKind

TAKEOVER_FIRST_TOKEN_S = 6.0
"""The first-token deadline of a model that another stands behind, if none is set: ElevenLabs asks again after 8 s,
LiveKit gives up after 10 s, and the one behind needs a second or two of that."""


def serving(models: Iterable[Model], name: str) -> list[Model]:
    """Return those of `models` that are called `name`: the one whose name it is, else all whose alias it is."""
    models = list(models)
    return [model for model in models if model.name == name] or [model for model in models if name in model.aliases]


def stands_for(models: Iterable[Model], name: str) -> Deployment | None:
    """Return the deployment that stands for the chat models called `name`, None if there are none."""
    first = next((model for model in serving(models, name) if ModelKind.CHAT in model.kinds), None)
    return None if first is None else _stand_in(first, name)


def _stand_in(model: Model, name: str) -> Deployment:
    return replace(model.deployment, name=name, provider=LOCAL, model=name, base_url="", prewarm=False)


def no_chat_model(models: Sequence[Model], name: str, others: Iterable[str] = ()) -> str:
    """Return what is to be said of `name`, which no chat model has. others: what else would have been right."""
    if name in RESERVED:
        return f"is {quote(name)}, but {RESERVED[name]} is not configured"
    found = serving(models, name)
    if found:
        kinds = " and ".join(sorted(kind.value for kind in found[0].kinds))
        return f"is {quote(name)}, a model for {kinds}; needs one for chat"
    names = [called for model in models if ModelKind.CHAT in model.kinds for called in (model.name, *model.aliases)]
    names += others
    close = closest(name, names)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(names)}" if names else "none is configured"
    return f"is {quote(name)}, which is no model here; {hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a pair can be made of. roles: the deployments of `[models.*]`, by role. models: the local ones.

    patient: roles and models whose first-token deadline the operator has set.
    """

    roles: Mapping[str, Deployment]
    models: Sequence[Model]
    patient: Collection[str] = ()

    def find(self, name: str) -> Deployment | None:
        return self.roles.get(name) or stands_for(self.models, name)

    def in_front(self, name: str, deployment: Deployment) -> Deployment:
        """Return `deployment`, called `name`, with a first-token deadline that leaves time for one behind it."""
        whose = name if name in self.roles else serving(self.models, name)[0].name
        if whose in self.patient:
            return deployment
        return replace(deployment, first_token_timeout_s=TAKEOVER_FIRST_TOKEN_S)


def make_pair(name: str, entry: Entry, choices: Choices, reply: ReplySettings) -> tuple[Pair | None, list[str]]:
    """Return the pair that the table `entry` makes, and what is wrong with it."""
    values, problems = read_values(entry, PairSettings)
    if name in RESERVED:
        problems.append(f"{entry.place}: {entry.path} has the name of {RESERVED[name]}; take another")
    acknowledge = values.pop("acknowledge")
    if acknowledge == NOBODY:
        acknowledge = None
    answer = values.pop("answer")
    if "answer" not in entry.given:
        problems.append(entry.problem("answer", "is missing: which model answers?"))
    said = [("answer", one) for one in answer] + ([] if acknowledge is None else [("acknowledge", acknowledge)])
    found = {one: choices.find(one) for _, one in said}
    for key, one in said:
        if found[one] is None:
            problems.append(entry.problem(key, no_chat_model(choices.models, one, choices.roles)))
    if problems:
        return None, problems
    deployments = {one: deployment for one, deployment in found.items() if deployment is not None}
    *front, last = answer
    inherited = {field.name: getattr(reply, field.name) for field in fields(PairSettings) if field.name in values}
    inherited |= {key: value for key, value in values.items() if value is not None}
    pair = Pair(
        name=name,
        acknowledging=None if acknowledge is None else deployments[acknowledge],
        answering=(*(choices.in_front(one, deployments[one]) for one in front), deployments[last]),
        source=entry.place,
        **inherited,
    )
    return pair, []


def default_roles(
    models: Sequence[Model], pairs: Mapping[str, Pair]
) -> tuple[dict[str, Deployment], dict[str, Source]]:
    """Return who makes the default pair where no `[models.*]` does, by role, and whence: the first pair or chat model.

    models, pairs: one of them has a chat model.
    """
    roles: dict[str, Deployment] = {}
    if pairs:
        pair = next(iter(pairs.values()))
        where = f"pair {pair.name}, the first one ({pair.source})"
        if pair.acknowledging is not None:
            roles["small"] = pair.acknowledging
        names = ("large", "fallback", *(f"fallback{number}" for number in range(2, len(pair.answering))))
        roles |= dict(zip(names, pair.answering, strict=False))
    else:
        model = next(model for model in models if ModelKind.CHAT in model.kinds)
        where = f"the first local model ({model.source})"
        roles["large"] = _stand_in(model, model.name)
    said = {
        f"models.{role}.{key}": Source(shown=quote(value), where=where)
        for role, deployment in roles.items()
        for key, value in (("provider", deployment.provider), ("name", deployment.model))
    }
    return roles, said
