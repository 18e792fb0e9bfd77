"""Whether the settings name what the plugins bring: the part of their check that needs the plugins loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

from loro_core.app.config.kinds import closest
from loro_core.app.config.settings import Settings
from loro_core.decide.balance import balance_problems
from loro_core.fleet import Deployment
from loro_core.models import LOCAL, Model
from loro_core.plugin.api import AUTO, ProviderSettings
from loro_core.plugin.registry import Registry

HTTP2_PACKAGES = ("httpx", "h2")


def plugin_problems(settings: Settings, registry: Registry) -> Iterator[str]:
    """Yield what is wrong with `settings` given the plugins that were loaded, in the words of a ConfigError."""
    if settings.plugins.strict:
        for error in registry.broken:
            yield f"{_where(settings, 'plugins.strict')}: plugins.strict is true, but {error.message}"
    policy = settings.reply.policy
    if policy not in registry.policies:
        yield _unknown(settings, "reply.policy", policy, sorted(registry.policies))
    for deployment in settings.deployments:
        yield from _deployment_problems(settings, deployment, registry)
    for pair in settings.pairs.values():
        if pair.policy not in registry.policies:
            yield _needs_one_of(f"{pair.source}: pairs.{pair.name}.policy", pair.policy, sorted(registry.policies))
    for model in settings.models:
        yield from _model_problems(model, registry)
    yield from _balance_problems(settings, registry)


def _deployment_problems(settings: Settings, deployment: Deployment, registry: Registry) -> Iterator[str]:
    table = f"models.{deployment.name}"
    if deployment.http2 and not all(map(find_spec, HTTP2_PACKAGES)):
        yield (
            f"{_where(settings, f'{table}.http2')}: {table}.http2 is true, needs packages that are not installed: "
            "pip install 'loro-core[http2]'"
        )
    if deployment.provider in (AUTO, LOCAL):
        return
    provider = registry.providers.get(deployment.provider)
    if provider is None:
        yield _unknown(settings, f"{table}.provider", deployment.provider, [AUTO, LOCAL, *sorted(registry.providers)])
    elif isinstance(provider, ProviderSettings):
        for problem in provider.problems(deployment):
            yield f"{_where(settings, f'{table}.provider')}: {table}: {problem}"


def _model_problems(model: Model, registry: Registry) -> Iterator[str]:
    deployment = model.deployment
    if deployment.provider == AUTO:
        return
    if model.launch is not None:
        # Its process has an address once it runs.
        deployment = replace(deployment, base_url=f"http://127.0.0.1{model.launch.base_path}")
    provider = registry.providers.get(deployment.provider)
    if provider is None:
        names = [AUTO, *sorted(registry.providers)]
        yield _needs_one_of(f"{model.source}: provider of model {model.name}", deployment.provider, names)
    elif isinstance(provider, ProviderSettings):
        for problem in provider.problems(deployment):
            yield f"{model.source}: model {model.name}: {problem}"


def _balance_problems(settings: Settings, registry: Registry) -> Iterator[str]:
    scheduler = settings.scheduler
    for problem in balance_problems(scheduler.balance, scheduler.balance_weights, registry.balancers):
        key = "balance_weights" if problem.startswith("balance_weights") else "balance"
        yield f"{_where(settings, f'scheduler.{key}')}: scheduler.{problem}"


def _unknown(settings: Settings, path: str, name: str, names: list[str]) -> str:
    return _needs_one_of(f"{_where(settings, path)}: {path}", name, names)


def _needs_one_of(what: str, name: str, names: list[str]) -> str:
    close = closest(name, names)
    hint = f"; did you mean {close}?" if close else ""
    return f'{what} is "{name}", needs one of {", ".join(names)}{hint}'


def _where(settings: Settings, path: str) -> str:
    return settings.sources[path].where
