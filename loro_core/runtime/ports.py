"""Ports for servers that we start.

A port is free when the kernel gives it to us for a moment, and none of ours has it. Between that moment and the
server's own bind a stranger may take it: that is rare, is seen (`runtime.listeners`), and costs another start, not a
wrong answer.
"""

from __future__ import annotations

import socket

_TRIES = 64


class Ports:
    """Who has which port; one for all supervisors of a process."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    def __repr__(self) -> str:
        return f"<Ports {sorted(self._given)}>"

    def take(self, host: str) -> int:
        """Return a port at which nobody listens, for as long as it is not given back. Raises OSError if there is none.

        host: an address of this machine.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for _ in range(_TRIES):
            with socket.socket(family, socket.SOCK_STREAM) as trying:
                trying.bind((host, 0))
                port: int = trying.getsockname()[1]
            if port not in self._given:
                self._given.add(port)
                return port
        raise OSError(f"no free port at {host}")

    def give(self, port: int) -> None:
        """Take `port` back."""
        self._given.discard(port)


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen at `port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trying:
        # As servers do; without it the connections of one that has just ended would keep the port for a minute.
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((host, port))
            trying.listen(1)
        except OSError:
            return False
    return True


PORTS = Ports()
"""The machine has one set of ports."""
