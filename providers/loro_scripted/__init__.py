"""The provider `scripted`: a model that says what its deployment's options tell it to. No network, no model.

    provider = "scripted"
    options = { text = "Sixteen degrees and clear.", first_token_s = 1.2, tokens_per_s = 25 }

The options are the fields of `loro_core.testing.Script`, faults included; framing options do nothing here. `demo` is
one more: "answer" and "acknowledgement" bring the words and the pace of the demonstration. Tests of a runtime use it
with an autojump clock: it waits by trio and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from loro_core import Provider, hookimpl
from loro_scripted.provider import ScriptedProvider

__all__ = ["ScriptedProvider"]


@hookimpl
def loro_register_providers(register: Callable[[Provider], None]) -> None:
    register(ScriptedProvider())
