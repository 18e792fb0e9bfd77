"""How far the measuring is, on stderr: one line rewritten in place on a terminal, else one line a scenario."""

from __future__ import annotations

from typing import TextIO

from loro_core.app.bench.rounds import Asking

_CLEAR = "\r\x1b[K"


class Progress:
    """planned: how many replies will be asked for."""

    def __init__(self, out: TextIO, planned: int) -> None:
        self._out = out
        self._planned = planned
        self._asked = 0
        self._name = ""
        self._rewrites = out.isatty()

    def tell(self, asking: Asking) -> None:
        """Say that one more reply is asked for."""
        self._asked += 1
        scenario = asking.scenario
        if self._rewrites:
            self._out.write(
                f"{_CLEAR}[{self._asked}/{self._planned}] {asking.label}, round {asking.round}, {asking.policy}"
            )
        elif self._name != f"{scenario.name} ({scenario.language})":
            self._name = f"{scenario.name} ({scenario.language})"
            self._out.write(f"[{self._asked}/{self._planned}] {self._name}\n")
        self._out.flush()

    def clear(self) -> None:
        """Leave an empty line to whoever writes next."""
        if self._rewrites and self._asked:
            self._out.write(_CLEAR)
            self._out.flush()
