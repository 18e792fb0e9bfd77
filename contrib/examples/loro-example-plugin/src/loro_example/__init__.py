"""An example of a loro plugin: the provider `echo-lines` and the policy `long-questions`.

The entry point in pyproject.toml names this module, because the hooks are here.
"""

from __future__ import annotations

from collections.abc import Callable

from loro_core import Policy, Provider, hookimpl
from loro_example.long_questions import LongQuestions
from loro_example.provider import EchoLines


@hookimpl
def loro_register_providers(register: Callable[[Provider], None]) -> None:
    register(EchoLines())


@hookimpl
def loro_register_policies(register: Callable[[Policy], None]) -> None:
    register(LongQuestions())
