"""Finding plugins and holding what they registered.

Entry points of the group `loro` are loaded one by one: pluggy's own loader stops at the first that fails to import, and
the rest would never load. A broken one is named with its distribution and skipped; whoever wants to stop on it reads
`Registry.broken`. A checkout that is not installed has no entry points: modules can be named by hand.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from types import MappingProxyType, ModuleType
from typing import Any

import pluggy

from loro_core.decide import balance, schedule
from loro_core.errors import PluginError
from loro_core.plugin import hookspecs
from loro_core.plugin.api import AUTO, Balancer, Policy, Provider

NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
CORE = "loro-core"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlugin:
    """One plugin that loaded. name: its entry point's name, or the module named by hand."""

    name: str
    distribution: str
    version: str
    providers: tuple[str, ...]
    policies: tuple[str, ...]
    balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What can be named in a configuration, and where it came from. broken: plugins that were skipped, and why."""

    providers: Mapping[str, Provider]
    policies: Mapping[str, Policy]
    plugins: tuple[LoadedPlugin, ...]
    broken: tuple[PluginError, ...]
    balancers: Mapping[str, Balancer] = field(default_factory=lambda: balance.BUILT_IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A plugin before it is imported. load: imports it and returns the object that carries its hooks."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]

    @property
    def label(self) -> str:
        return f"{self.name!r} ({self.distribution} {self.version})" if self.distribution else repr(self.name)


def installed_plugins() -> Iterator[Found]:
    """Yield the installed distributions' entry points of the group `loro`, by name."""
    for point in sorted(metadata.entry_points(group=hookspecs.PROJECT), key=lambda p: p.name):
        distribution = point.dist.name if point.dist else ""
        version = point.dist.version if point.dist else ""
        yield Found(name=point.name, distribution=distribution, version=version, load=point.load)


def named_plugin(module: str) -> Found:
    """Return the plugin in `module`, named by hand."""

    def load() -> ModuleType:
        return importlib.import_module(module)

    return Found(name=module, distribution="", version="", load=load)


def load_plugins(
    modules: Sequence[str] = (), disabled: Sequence[str] = (), *, installed: Sequence[Found] | None = None
) -> Registry:
    """Return what all installed plugins and `modules` bring.

    disabled: entry point names that are not even imported. installed: in place of what is installed, for tests.
    """
    found = [f for f in (installed_plugins() if installed is None else installed) if f.name not in disabled]
    known = {f.name for f in found}
    found += [named_plugin(m) for m in modules if m not in known]
    shelf = _Shelf()
    broken: list[PluginError] = []
    plugins: list[LoadedPlugin] = []
    for one in found:
        try:
            plugins.append(shelf.take(one))
        except PluginError as error:
            broken.append(error)
    return Registry(
        providers=MappingProxyType(shelf.providers),
        policies=MappingProxyType(shelf.policies),
        plugins=tuple(plugins),
        broken=tuple(broken),
        balancers=MappingProxyType(shelf.balancers),
    )


@dataclass(frozen=True, slots=True)
class _Brought:
    """What one plugin registered."""

    providers: list[Provider] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    balancers: list[Balancer] = field(default_factory=list)


class _Shelf:
    """Takes plugins one by one; one that breaks on the way leaves nothing behind."""

    def __init__(self) -> None:
        self.providers: dict[str, Provider] = {}
        self.policies: dict[str, Policy] = {policy.name: policy for policy in schedule.BUILT_IN}
        self.balancers: dict[str, Balancer] = dict(balance.BUILT_IN)
        self._owner = {f"policy {name}": CORE for name in self.policies}
        # A balancer that scores is weighed by its name, beside the built-in scorers.
        self._owner.update({f"balancer {name}": CORE for name in (*self.balancers, *balance.SCORERS)})

    def take(self, found: Found) -> LoadedPlugin:
        brought = _Brought()
        try:
            _call_hooks(found.load(), brought)
        except Exception as exc:  # whatever a stranger's code raises, the others still load
            raise PluginError(f"{type(exc).__name__}: {exc}", plugin=found.label) from exc
        owner = {
            **self._check(found, "provider", brought.providers, Provider),
            **self._check(found, "policy", brought.policies, Policy),
            **self._check(found, "balancer", brought.balancers, Balancer),
        }
        self._owner.update(owner)
        self.providers.update({p.name: p for p in brought.providers})
        self.policies.update({p.name: p for p in brought.policies})
        self.balancers.update({b.name: b for b in brought.balancers})
        return LoadedPlugin(
            name=found.name,
            distribution=found.distribution,
            version=found.version,
            providers=tuple(p.name for p in brought.providers),
            policies=tuple(p.name for p in brought.policies),
            balancers=tuple(b.name for b in brought.balancers),
        )

    def _check(
        self, found: Found, kind: str, brought: Sequence[Provider | Policy | Balancer], protocol: Any
    ) -> dict[str, str]:
        """Return whose the names are from now on. Raises PluginError for the first that cannot be taken."""
        owner: dict[str, str] = {}
        for one in brought:
            if not isinstance(one, protocol):
                missing = [m for m in _members(protocol) if not hasattr(one, m)]
                raise PluginError(f"{kind} {one!r} lacks {', '.join(missing)}", plugin=found.label)
            if not isinstance(one.name, str) or not NAME.match(one.name):
                raise PluginError(
                    f"{kind} name {one.name!r} is not lower-case letters, digits and hyphens", plugin=found.label
                )
            if kind == "provider" and one.name == AUTO:
                raise PluginError(f"{kind} name {AUTO!r} stands for asking the service", plugin=found.label)
            name = f"{kind} {one.name}"
            taken_by = self._owner.get(name) or owner.get(name)
            if taken_by is not None:
                raise PluginError(f"{kind} {one.name!r} is already registered by {taken_by}", plugin=found.label)
            owner[name] = found.label
        return owner


def _call_hooks(plugin: object, brought: _Brought) -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()  # A misspelt hook name would be silent otherwise.
    if not manager.get_hookcallers(plugin):
        raise LookupError("it implements no hook of loro; mark one with loro_core.hookimpl")
    manager.hook.loro_register_providers(register=brought.providers.append)
    manager.hook.loro_register_policies(register=brought.policies.append)
    manager.hook.loro_register_balancers(register=brought.balancers.append)


def _members(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]
