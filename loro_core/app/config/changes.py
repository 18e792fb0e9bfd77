"""What differs between two settings: what a reload puts into effect, and what waits for the next start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace

from loro_core.app.config.settings import Settings
from loro_core.models import Model

WAITS = (
    *("server.", "metrics.", "plugins.", "admin.", "remote_servers"),
    *("scheduler.balance", "scheduler.balance_weights"),
)
"""How the paths of keys begin that take effect at the next start only; the others do at a reload."""

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

    restarted: those among `changed` whose processes are of no use any more.
    keys: paths of other keys that differ and take effect. waits: of those that do at the next start.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
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
    differing = list(dict.fromkeys(_differing(old, new)))  # a deployment's two names are one key
    return Changes(
        added=tuple(name for name in after if name not in before),
        changed=tuple(changed),
        restarted=tuple(name for name in changed if _process(before[name]) != _process(after[name])),
        removed=tuple(name for name in before if name not in after),
        pairs=tuple(name for name in dict.fromkeys((*pairs, *new_pairs)) if pairs.get(name) != new_pairs.get(name)),
        keys=tuple(path for path in differing if not path.startswith(WAITS)),
        waits=tuple(path for path in differing if path.startswith(WAITS)),
    )


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
        if field.name in _DERIVED or before == after:
            continue
        table = _TABLES.get(field.name, field.name)
        if before is None or after is None or not is_dataclass(before):
            yield table
            continue
        for member in fields(before):
            if getattr(before, member.name) != getattr(after, member.name):
                yield f"{table}.{_KEYS.get(member.name, member.name)}"
