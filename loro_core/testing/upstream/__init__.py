"""A fake model service: scripted models behind an OpenAI and an Ollama face, on a real socket.

    async with open_upstream(Script(first_token_s=0.6)) as upstream: ...     in the same trio run
    with upstream_process({"small": Script(), "large": Script()}) as upstream: ...      as a process
    python -m loro_core.testing.upstream --port 0 --ttft 0.6                 by hand

The model's name picks the script: one of those it was started with, and over it whatever the query behind the name
says (`small?cut_after=5`). It misbehaves to the byte as scripted, so no line of it is shared with loro's own server.
"""

from __future__ import annotations

from loro_core.testing.upstream.process import UpstreamProcess, upstream_process
from loro_core.testing.upstream.records import Moment, Record
from loro_core.testing.upstream.server import Upstream, open_upstream, serve_upstream

__all__ = [
    "Moment",
    "Record",
    "Upstream",
    "UpstreamProcess",
    "open_upstream",
    "serve_upstream",
    "upstream_process",
]
