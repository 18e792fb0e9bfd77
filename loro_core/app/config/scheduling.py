"""The settings of the fleet of models: how many run, who waits how long, who may administer it, and its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from loro_core.app.config.keys import setting
from loro_core.app.config.kinds import Address, Choice, Flag, Number, OwnKey, Text, Whole
from loro_core.app.config.kinds_models import AUTO, NONE, Size, Weights
from loro_core.fleet import Secret

AUTO_MEMORY: Literal["auto"] = "auto"

REFUSE, DEFAULT = "refuse", "default"
"""What becomes of a request for a model that nobody knows: 404 with the nearest names, or the default pair's answer."""

BALANCER = r"[a-z][a-z0-9_-]*"
"""How balancing policies and their scorers are called."""

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,119}"
NAME_WANTS = "letters, digits, `_`, `.`, `:`, `@`, `+` and `-`, at most 120 of them"
"""How models, pairs and remote servers are called. No `/`: names stand in the paths of `/-/models/NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """`[scheduler]`: how the fleet of models is run, and who waits for it how long."""

    config_dir: str | None = setting(
        None, Text("a directory", r"\S(.*\S)?"), "the directory whose `*.toml` files configure a model each"
    )
    # 10: the older system's.
    max_instances: int = setting(10, Whole(1, 1000), "how many processes of models may run at once")
    max_load: float = setting(
        1.0,
        Number(0.01, 1),
        "so great a share of a model's slots is given out, one at least; the rest stays free",
    )
    memory: int | Literal["auto"] | None = setting(
        None,
        Size((AUTO, NONE)),
        "what all processes of models may take together; `auto`: most of what this machine or container has",
        shown_default='`"none"`',
    )
    max_waiting: int = setting(100, Whole(0, 100000), "how many requests may wait for a model; more are refused (429)")
    # 30 s: a cold start of a small model takes seconds, and no voice client waits longer.
    queue_deadline_s: float = setting(
        30.0, Number(0.1, 3600), "how long a request may wait for a model before it is refused (503)"
    )
    balance: str = setting(
        "prefix",
        Text("lower-case letters, digits, `_` and `-`", BALANCER, blank=True),
        "the policy that chooses among instances: `prefix`, `least-busy`, `latency`, `two-choices`, `round-robin`, "
        "`weighted`, `sticky` or a plugin's",
        shown_default="`prefix`; not set once there are `balance_weights`",
    )
    balance_weights: Mapping[str, float] = setting(
        {},
        Weights(),
        "a policy of one's own, in the place of `balance`: the weights of `prefix`, `call`, `busy`, `latency`, `turn` "
        "and `weight`",
    )
    scale_after_s: float = setting(
        5.0, Number(0, 3600), "a model whose oldest request has waited this long gets one more instance if it may"
    )
    turn_s: float = setting(
        10.0, Number(0, 3600), "so long a model is served while another one waits for its room; then they take turns"
    )
    unknown_model: str | None = setting(
        None,
        Choice((REFUSE, DEFAULT)),
        "what a request for an unknown model gets: `refuse`: 404 with the nearest names; `default`: the default pair",
        shown_default="`refuse` once there are local models or pairs, else `default`",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """`[admin]`: who may load, unload and register models at run time."""

    key: Secret | None = setting(  # noqa: RUF009 - it makes a field
        None,
        OwnKey(),
        "the key of `/-/`, where models are administered; without one it is closed",
        shown_default="not set: it is closed",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteServer:
    """`[[remote_servers]]`: another gateway of the older system's kind, to hand requests to over gRPC."""

    name: str | None = setting(None, Text(NAME_WANTS, NAME), "how it is called; unique", shown_default="required")
    grpc_addr: tuple[str, int] | None = setting(None, Address(), "where it is", shown_default="required")
    weight: int = setting(1, Whole(1, 1000), "its share among those that could take a request")
    enabled: bool = setting(True, Flag(), "whether it is asked")
