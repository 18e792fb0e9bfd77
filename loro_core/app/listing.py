"""What clients are told of the models they can ask for: the entries of `/v1/models`, and `/v1/info`.

owned_by   kind of entry      beside OpenAI's four fields
---------  -----------------  ------------------------------------------------------------------
loro       a pair             kinds, answering, acknowledging, policy
loro       the default pair   the same; under "loro" and what its models are called upstream
local      a process          kinds, context_length, capabilities, state
upstream   an address         the same
loro       an alias           the same, of the models behind it together; and their names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from loro_core.chat import Json
from loro_core.decide.catalogue import Catalogue, Route
from loro_core.models import InstanceState, Model, ModelKind, ModelStatus


class Listing(Struct, frozen=True, kw_only=True):
    """statuses: by model name; a model without one is not running. created: seconds since 1970."""

    catalogue: Catalogue
    statuses: Mapping[str, ModelStatus]
    policy: str
    created: int

    def entries(self) -> list[dict[str, Json]]:
        """Return the objects of `/v1/models`, each name once: the default pair, pairs, models, aliases."""
        found: dict[str, dict[str, Json]] = {}
        for name, fields in self._all():
            found.setdefault(name, {"id": name, "object": "model", "created": self.created, **fields})
        return list(found.values())

    def by_kind(self) -> dict[str, list[dict[str, Json]]]:
        """Return the models of each kind there is, with what is known of each."""
        return {
            kind.value: [self._described(model) for model in self.catalogue.models if kind in model.kinds]
            for kind in ModelKind
            if any(kind in model.kinds for model in self.catalogue.models)
        }

    def pairs(self) -> dict[str, Json]:
        """Return the voice pairs by name, the default one among them as "loro"."""
        default = self.catalogue.default
        routes = {} if default is None else {"loro": default}
        return {name: self._pair(route) for name, route in {**routes, **self.catalogue.pairs}.items()}

    def _all(self) -> Iterator[tuple[str, dict[str, Json]]]:
        default = self.catalogue.default
        if default is not None:
            yield "loro", {"owned_by": "loro", **self._pair(default)}
        for name, route in self.catalogue.pairs.items():
            yield name, {"owned_by": "loro", **self._pair(route)}
        models = self.catalogue.models
        for model in models:
            owner = "upstream" if model.launch is None else "local"
            yield model.name, {"owned_by": owner, **self._facts(model)}
        for alias in dict.fromkeys(alias for model in models for alias in model.aliases):
            behind = self.catalogue.serving(alias)
            yield alias, {"owned_by": "loro", **self._together(behind)}
        if default is not None:
            for deployment in default.deployments:
                yield deployment.model, {"owned_by": "loro"}

    def _pair(self, route: Route) -> dict[str, Json]:
        return {
            "kinds": [ModelKind.CHAT.value],
            "answering": [deployment.model for deployment in route.answering],
            "acknowledging": None if route.acknowledge is None else route.acknowledge.model,
            "policy": route.policy or self.policy,
        }

    def _facts(self, model: Model) -> dict[str, Json]:
        status = self.statuses.get(model.name) or ModelStatus(model=model)
        return {
            "kinds": kinds_of(model),
            "context_length": model.context_tokens,
            "capabilities": list(model.capabilities),
            "state": status.state.value,
        }

    def _together(self, models: Sequence[Model]) -> dict[str, Json]:
        """Return the facts of an alias: what every model behind it can be relied on for."""
        facts = [self._facts(model) for model in models]
        sizes = [model.context_tokens for model in models if model.context_tokens is not None]
        states = [fact["state"] for fact in facts]
        ready = InstanceState.READY.value
        return {
            "kinds": [kind.value for kind in ModelKind if any(kind in model.kinds for model in models)],
            "context_length": min(sizes) if len(sizes) == len(models) else None,
            "capabilities": [c for c in models[0].capabilities if all(c in model.capabilities for model in models)],
            "state": ready if ready in states else states[0],
            "models": [model.name for model in models],
        }

    def _described(self, model: Model) -> dict[str, Json]:
        status = self.statuses.get(model.name) or ModelStatus(model=model)
        return {
            "name": model.name,
            "aliases": list(model.aliases),
            "context_length": model.context_tokens,
            "capabilities": list(model.capabilities),
            "local": model.launch is not None,
            "state": status.state.value,
            "instances": sum(instance.state is InstanceState.READY for instance in status.instances),
            "slots": status.slots,
            "in_flight": status.in_flight,
            "waiting": status.waiting,
        }


def kinds_of(model: Model) -> list[str]:
    """Return the names of the kinds that `model` serves, in the order of `ModelKind`."""
    return [kind.value for kind in ModelKind if kind in model.kinds]
