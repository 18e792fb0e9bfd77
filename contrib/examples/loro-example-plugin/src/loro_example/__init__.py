"""An example of a loro plugin: the provider `echo-lines`, the policy `long-questions`, the balancer `fullest`.

The entry point in pyproject.toml names this module, because the hooks are here.
"""

from __future__ import annotations

from collections.abc import Callable

from loro_core import Balancer, Policy, Provider, hookimpl
from loro_example.fullest import Fullest
from loro_example.long_questions import LongQuestions
from loro_example.provider import EchoLines


@hookimpl
def loro_register_providers(register: Callable[[Provider], None]) -> None:
    register(EchoLines())


@hookimpl
def loro_register_policies(register: Callable[[Policy], None]) -> None:
    register(LongQuestions())


@hookimpl
def loro_register_balancers(register: Callable[[Balancer], None]) -> None:
    register(Fullest())
