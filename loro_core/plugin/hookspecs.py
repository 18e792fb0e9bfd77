"""The hooks, all called once, at start-up. Nothing on the path of a request goes through pluggy."""

from __future__ import annotations

from collections.abc import Callable

import pluggy

from loro_core.plugin.api import Balancer, Policy, Provider

PROJECT = "loro"
"""pluggy's project name and the entry point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as a hook: it has the name and arguments of one of those below."""


@hookspec
def loro_register_providers(register: Callable[[Provider], None]) -> None:
    """Call `register` with each provider this plugin brings."""


@hookspec
def loro_register_policies(register: Callable[[Policy], None]) -> None:
    """Call `register` with each scheduling policy this plugin brings."""


@hookspec
def loro_register_balancers(register: Callable[[Balancer], None]) -> None:
    """Call `register` with each balancing policy this plugin brings."""
