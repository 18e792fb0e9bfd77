"""A llama-api-server's own configuration file: what loro has to know of it. The server reads it itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loro_core.app.config.kinds import Address, Unfit, quote
from loro_core.app.config.sources import Document

_HERE = ("0.0.0.0", "127.0.0.1", "localhost", "::", "::1")  # noqa: S104 - what the file may say, not where we listen


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """What a llama-api-server's own configuration file says. place: where it says where it listens."""

    name: str | None = None
    directory: str | None = None
    place: str = ""
    port: int | None = None
    model_name: str | None = None
    ctx_size: int | None = None


def is_own_file(values: Mapping[str, Any]) -> bool:
    """Whether a file with these `values` is a llama-api-server's own, and not one of ours."""
    server = values.get("server")
    return isinstance(server, Mapping) and "socket_addr" in server


def read_own_file(document: Document, path: Path) -> tuple[OwnFile, list[str]]:
    """Return what the llama-api-server's own file says that loro has to know; it passes on the rest unread."""
    server, chat = (document.values.get(name) for name in ("server", "chat"))
    place = document.place(("server", "socket_addr"))
    said = server.get("socket_addr") if isinstance(server, Mapping) else None
    try:
        host, port = Address().accept(said)
    except Unfit:
        wants = "HOST:PORT, like 127.0.0.1:8010"
        shown = "missing" if said is None else quote(said)
        return OwnFile(), [f"{place}: server.socket_addr is {shown}, needs {wants}"]
    problems = []
    if host not in _HERE:
        problems.append(f"{place}: server.socket_addr is {quote(said)}, needs to be reachable at 127.0.0.1")
    model_name, ctx_size = None, None
    if isinstance(chat, Mapping):
        model_name = chat["model_name"] if isinstance(chat.get("model_name"), str) else None
        ctx_size = chat["ctx_size"] if isinstance(chat.get("ctx_size"), int) else None
    return (
        OwnFile(
            name=path.name,
            directory=str(path.parent),
            place=place,
            port=port,
            model_name=model_name or None,
            ctx_size=ctx_size,
        ),
        problems,
    )
