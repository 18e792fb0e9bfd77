"""What differs between two settings: what a reload puts into effect, and what waits for the next start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace

from loro_core.app.config.settings import Settings
from loro_core.fleet import Deployment
from loro_core.models import LOCAL, Model

WAITING = ("server", "metrics", "plugins", "admin", "remote_servers")
"""Tables that are read at the start: what they say holds until the next one."""

WAITING_KEYS = frozenset(("scheduler.balance", "scheduler.balance_weights"))
"""Keys of other tables of which the same is true."""

_DERIVED = frozenset(("models", "pairs", "sources", "warnings", "demo"))
_TABLES = {
    "small": "models.small",
    "large": "models.large",
    "fallbacks": "models.fallback",
    "remotes": "remote_servers",
}
_KEYS = {"model": "name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """added, changed, removed: models by name, in the order of the settings. pairs: those that are new, other or gone.

    changed: those whose processes have to be started anew are in `restarted`, too.
    settings: paths of other keys that differ and took effect. waits: of those that take effect at the next start.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        """For the log: each kind of change there is, with what it is about."""
        said = ((field.name, getattr(self, field.name)) for field in fields(self))
        return " ".join(f"{name}={','.join(about)}" for name, about in said if about) or "nothing_changed"


def changes(old: Settings, new: Settings) -> Changes:
    """Return what differs between the settings in force and those that were read anew."""
    before, after = ({model.name: _judged(model) for model in settings.models} for settings in (old, new))
    common = [name for name in after if name in before]
    changed = [name for name in common if before[name] != after[name]]
    pairs = {name: replace(pair, source="") for name, pair in old.pairs.items()}
    new_pairs = {name: replace(pair, source="") for name, pair in new.pairs.items()}
    return Changes(
        added=tuple(name for name in after if name not in before),
        changed=tuple(changed),
        restarted=tuple(name for name in changed if _process(before[name]) != _process(after[name])),
        removed=tuple(name for name in before if name not in after),
        pairs=tuple(name for name in dict.fromkeys((*pairs, *new_pairs)) if pairs.get(name) != new_pairs.get(name)),
        settings=tuple(path for path in _differing(old, new) if not _waits(path)),
        waits=tuple(path for path in _differing(old, new) if _waits(path)),
    )


def _waits(path: str) -> bool:
    return path in WAITING_KEYS or path.partition(".")[0] in WAITING


def _judged(model: Model) -> Model:
    """Return `model` without the line on which it stands: that is no change of it."""
    return replace(model, source="")


def _process(model: Model) -> object:
    """Return what a running process of `model` was started with."""
    return model.launch, model.size_bytes


def _differing(old: Settings, new: Settings) -> Iterator[str]:
    """Yield the paths of the keys of single tables that differ."""
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name in _DERIVED or before == after or (_follows(before) and _follows(after)):
            continue
        table = _TABLES.get(field.name, field.name)
        if before is None or after is None or not is_dataclass(before):
            yield table
            continue
        for member in fields(before):
            if getattr(before, member.name) != getattr(after, member.name):
                yield f"{table}.{_KEYS.get(member.name, member.name)}"


def _follows(role: object) -> bool:
    """Whether `role` of the default pair is nobody or a local model: then it is found anew with the models."""
    return role is None or (isinstance(role, Deployment) and role.provider == LOCAL)
