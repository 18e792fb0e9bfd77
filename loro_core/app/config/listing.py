"""What `check-config` tells of models, workers and pairs, as rows of a table."""

from __future__ import annotations

from loro_core.app.config.kinds import Address
from loro_core.app.config.kinds_models import size_text
from loro_core.app.config.launches import shown_command
from loro_core.app.config.pairs import Pair
from loro_core.app.config.scheduling import RemoteServer
from loro_core.app.config.settings import Settings
from loro_core.models import Model

Row = tuple[str, ...]


def model_rows(settings: Settings) -> list[Row]:
    """Return a row for each model: its name, what it serves, by what, how much of it, where it is configured."""
    return [_model_row(model) for model in settings.models]


def command_rows(settings: Settings) -> list[Row]:
    """Return for each model that is started its name and its command, with `{port}` and `{host}` as they are."""
    return [(model.name, shown_command(model.launch.command)) for model in settings.models if model.launch is not None]


def pair_rows(settings: Settings) -> list[Row]:
    """Return a row for each pair: its name, who makes its replies, and how."""
    return [_pair_row(pair) for pair in settings.pairs.values()]


def remote_rows(settings: Settings) -> list[Row]:
    """Return a row for each remote server: its name, its address, its weight, whether it is used."""
    return [_remote_row(one) for one in settings.remotes]


def _remote_row(remote: RemoteServer) -> Row:
    used = "" if remote.enabled else "disabled"
    return (str(remote.name), Address().show(remote.grpc_addr), f"weight {remote.weight}", used)


def _model_row(model: Model) -> Row:
    names = " ".join((model.name, *(f"({alias})" for alias in model.aliases)))
    kinds = "+".join(sorted(kind.value for kind in model.kinds))
    slots = f"{model.slots} slot{'s' if model.slots > 1 else ''}"
    if model.launch is None:
        return (names, kinds, f"at {model.deployment.base_url}", slots, "", "", model.source)
    least, most = model.min_instances, model.max_instances
    count = f"{most} process{'es' if most > 1 else ''}" if least in (0, most) else f"{least} to {most} processes"
    memory = model.memory_bytes or model.size_bytes
    facts = [f"port {model.launch.port}"] if model.launch.port else []
    facts += ["pinned"] if model.pinned else []
    facts += [] if model.idle_ttl_s is None or model.pinned else [f"idle {model.idle_ttl_s:g} s"]
    facts += [] if memory is None else [_about(memory)]
    return (names, kinds, model.launch.kind, slots, count, ", ".join(facts), model.source)


def _about(count: int) -> str:
    """Return `count` bytes for people, to three digits; small ones exactly."""
    for power, unit in ((3, "GiB"), (2, "MiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.3g} {unit}"
    return size_text(count)


def _pair_row(pair: Pair) -> Row:
    words = "phrases" if pair.acknowledging is None else pair.acknowledging.name
    answer = " else ".join(deployment.name for deployment in pair.answering)
    return (pair.name, f"{words}, then {answer}", f"policy {pair.policy}", pair.source)
