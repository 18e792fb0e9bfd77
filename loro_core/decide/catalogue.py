"""What the `model` of a request leads to: a voice pair, a model, or the default pair.

    the name is                                            the request goes to
    -----------------------------------------------------  -------------------------------------------------------
    that of a pair                                         it: its words, its answer, its policy
    that of a model, or an alias, of the kind asked for    that model; all that share an alias stand behind it
    a name of the default pair's                           the default pair
    of a model of another kind only                        nobody: 404, and which kind it is
    none of these                                          the default pair, where any name goes; else nobody: 404,
                                                           and the nearest names

The default pair's names are "loro", "default" and what its answering model is called upstream. Names are compared as
they are written. A pair hides a model of its name, a model's own name hides an alias.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from loro_core.errors import NotFound
from loro_core.fleet import Deployment, Leg, Snapshot
from loro_core.models import LOCAL, Model, ModelKind, serving

DEFAULT_NAMES = ("loro", "default")

_NEAREST = 3
_SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who serves a chat request.

    acknowledge: who may be asked for the first words; None leaves them to phrases.
    answering: who may answer, the preferred one first; at least one.
    policy: the name of the policy where the request names none; None for loro's default.
    apology: what is said when an answer breaks off, "" for nothing.
    snapshot: what a policy may know, but for what changes; its `deployments` are those of this route.
    """

    answering: tuple[Deployment, ...]
    acknowledge: Deployment | None = None
    policy: str | None = None
    apology: str = ""
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(deployments={}))

    def __post_init__(self) -> None:
        small = () if self.acknowledge is None else (self.acknowledge,)
        deployments = {Leg.ACK: small, Leg.ANSWER: self.answering}
        object.__setattr__(self, "snapshot", replace(self.snapshot, deployments=deployments))

    @property
    def local(self) -> bool:
        """Whether a model of the fleet may answer."""
        return any(deployment.provider == LOCAL for deployment in self.answering)

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return self.answering if self.acknowledge is None else (self.acknowledge, *self.answering)


class Catalogue:
    """All that can be asked for by name.

    default: the default pair, None if there is none. pairs: by name. models: in the operator's order.
    any_name: whether a name that nobody has goes to the default pair.
    """

    def __init__(
        self,
        *,
        default: Route | None,
        pairs: Mapping[str, Route] | None = None,
        models: Iterable[Model] = (),
        any_name: bool = True,
    ) -> None:
        self._default = default
        self._pairs = dict(pairs or {})
        self._models = {model.name: model for model in models}
        self._any_name = any_name
        self._names = dict.fromkeys(
            (*self._models, *(alias for model in self._models.values() for alias in model.aliases))
        )
        self._default_names = frozenset(
            () if default is None else (*DEFAULT_NAMES, *(d.model for d in default.answering if d.provider != LOCAL))
        )
        self._chat_routes = dict(self._pairs)
        for name in self._names:
            if name not in self._chat_routes and any(ModelKind.CHAT in m.kinds for m in self.serving(name)):
                self._chat_routes[name] = self._route_to(name)

    @property
    def default(self) -> Route | None:
        return self._default

    @property
    def pairs(self) -> Mapping[str, Route]:
        return self._pairs

    @property
    def models(self) -> Sequence[Model]:
        return list(self._models.values())

    def serving(self, name: str) -> list[Model]:
        """Return the models that are called `name`, as `loro_core.models.serving` has it."""
        return serving(self._models, name)

    def chat(self, name: str) -> Route:
        """Return who serves a chat request for `name`; raise NotFound."""
        route = self._chat_routes.get(name)
        if route is not None:
            return route
        if self._default is not None and name in self._default_names:
            return self._default
        if self._default is not None and self._any_name and not self.serving(name):
            return self._default
        raise self._unknown(name, ModelKind.CHAT)

    def of_kind(self, name: str, kind: ModelKind) -> list[Model]:
        """Return the models that serve a request of `kind` for `name`, at least one; raise NotFound.

        Where a name says nothing, as with a request for "default", the only model of that kind is meant.
        """
        found = [model for model in self.serving(name) if kind in model.kinds]
        if found:
            return found
        of_kind = [model for model in self._models.values() if kind in model.kinds]
        if len(of_kind) == 1 and (name in DEFAULT_NAMES or (self._any_name and not self.serving(name))):
            return of_kind
        raise self._unknown(name, kind)

    def _route_to(self, name: str) -> Route:
        """Return the route to the chat models called `name`: acknowledged as the default pair is."""
        first = next(model for model in self.serving(name) if ModelKind.CHAT in model.kinds)
        deployment = replace(first.deployment, name=name, provider=LOCAL, model=name, base_url="", prewarm=False)
        if self._default is None:
            return Route(answering=(deployment,))
        acknowledge = self._default.acknowledge
        if acknowledge is not None and acknowledge.provider == LOCAL and acknowledge.model == name:
            acknowledge = None  # it would be asked for words before its own answer
        return replace(self._default, answering=(deployment,), acknowledge=acknowledge)

    def _unknown(self, name: str, kind: ModelKind) -> NotFound:
        others = self.serving(name)
        if others:
            kinds = sorted({other.value for model in others for other in model.kinds})
            said = f"model {name!r} serves {' and '.join(kinds)}, not {kind.value}"
        else:
            said = f"there is no model {name!r}"
        names = self._names_of(kind)
        near = difflib.get_close_matches(name, names, n=_NEAREST, cutoff=0.5)
        if near:
            said += f"; did you mean {' or '.join(map(repr, near))}?"
        elif names:
            shown = ", ".join(names[:_SHOWN_NAMES])
            said += f"; there are {shown}{', ...' if len(names) > _SHOWN_NAMES else ''}"
        elif not others:
            said += f", and none at all that serves {kind.value}"
        return NotFound(said, param="model", code="model_not_found")

    def _names_of(self, kind: ModelKind) -> list[str]:
        names = [name for name in self._names if any(kind in m.kinds for m in self.serving(name))]
        if kind is ModelKind.CHAT:
            names = [*self._pairs, *names, *(["loro"] if self._default is not None else [])]
        return list(dict.fromkeys(names))
