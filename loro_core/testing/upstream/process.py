"""The scripted upstream as a process of its own, for tests against the real clock and for demonstrations."""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loro_core.testing.script import Script
from loro_core.testing.script_options import model_of
from loro_core.testing.upstream.player import Face
from loro_core.testing.upstream.records import Record
from loro_core.testing.upstream.server import ANY, BOTH

# An interpreter on a busy machine needs a second or two to start; after ten it will not.
START_S = 10.0
STOP_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamProcess:
    """A scripted upstream in another process."""

    url: str
    openai_url: str
    pid: int

    def records(self) -> tuple[Record, ...]:
        """Return the chat calls so far, in order of arrival."""
        return tuple(record for record in self.all_records() if record.face)

    def all_records(self) -> tuple[Record, ...]:
        """Return all requests so far, in order of arrival."""
        return tuple(Record.of(fields) for fields in json.loads(self._ask("GET", "/__log__")))

    def reset(self) -> None:
        """Forget all records, and count the calls that `times` is about from 0 again."""
        self._ask("POST", "/__reset__")

    def _ask(self, method: str, path: str) -> bytes:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=STOP_S)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def upstream_process(
    scripts: Script | Mapping[str, Script] | None = None,
    *,
    port: int = 0,
    faces: Iterable[Face] = BOTH,
    log: Path | None = None,
) -> Iterator[UpstreamProcess]:
    """Give a scripted upstream in a process of its own, which ends with the block or with this process.

    scripts: as for `open_upstream`. log: a file to append its records to.
    Raises RuntimeError if it does not come up.
    """
    if scripts is None or isinstance(scripts, Script):
        scripts = {ANY: scripts or Script()}
    command = [sys.executable, "-m", "loro_core.testing.upstream", "--port", str(port), "--until-stdin-closes"]
    command += [part for name, script in scripts.items() for part in ("--script", model_of(name, script))]
    command += [part for face in faces for part in ("--face", face)]
    command += ["--log", str(log)] if log is not None else []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own module
    try:
        yield _ready(process)
    finally:
        _end(process)


def _ready(process: subprocess.Popen[bytes]) -> UpstreamProcess:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        raise RuntimeError(f"the scripted upstream did not start: exit status {process.poll()}")
    ready = json.loads(line)
    return UpstreamProcess(url=ready["url"], openai_url=ready["openai_url"], pid=ready["pid"])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
