"""The processes of a bench, each on a free port of the loopback and ended with its block."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loro_core import __version__
from tests.bench.shapes import Shape, to_json
from tests.e2e.gateway import gateway, models

ROOT = Path(__file__).parent.parent.parent
PEERS = (ROOT / os.environ.get("PEERS", ".venv-peers")).resolve()
"""The virtual environment of the peers that come from PyPI (`make bench-peers`)."""

START_WITHIN_S = 120.0
STOP_WITHIN_S = 10.0


class CannotMeasure(Exception):
    """A process that a case needs is not here or does not start; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway that serves. version: as it tells it."""

    name: str
    port: int
    pid: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRunning:
    """The bench's upstream."""

    port: int
    pid: int

    def play(self, **shapes: Shape) -> None:
        """Have each model reply in its shape from now on, and forget the counts."""
        self._ask("POST", "/__play__", to_json(shapes))

    def counts(self) -> dict[str, Any]:
        """Return the counts since `play`; see `upstream`."""
        counted: dict[str, Any] = json.loads(self._ask("GET", "/__counts__", b""))
        return counted

    def _ask(self, method: str, path: str, body: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STOP_WITHIN_S)
        try:
            connection.request(method, path, body)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def upstream() -> Iterator[UpstreamRunning]:
    """Start the bench's upstream."""
    command = [sys.executable, "-m", "tests.bench.upstream"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CannotMeasure(f"the upstream did not start: exit status {process.wait(STOP_WITHIN_S)}")
        yield UpstreamRunning(port=int(line), pid=process.pid)
    finally:
        _end(process)


@contextmanager
def loro(upstream_port: int, *arguments: str, **environment: str) -> Iterator[Running]:
    """Start loro with both models at the upstream, and `arguments` and `environment` beside that."""
    addresses = models(f"http://127.0.0.1:{upstream_port}/v1")
    # Load is not what it is told of here: a line a reply would be measured with it, and read by us.
    settings = {"LORO_LOG_LEVEL": "warn", "LORO_SERVER_MAX_CONNECTIONS": "4096", **addresses, **environment}
    port = free_port()
    with gateway("--port", str(port), *arguments, **settings) as started:
        wait_for(port, "/health", started.process, "loro")
        yield Running(name="loro", port=port, pid=started.pid, version=loro_version())


def loro_version() -> str:
    """Return the version with the commit, where there is one."""
    commit = _output("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    return f"{__version__} ({commit})" if commit else __version__


NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 100000000;
  upstream service {{
    server 127.0.0.1:{upstream_port};
    keepalive 1024;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


@contextmanager
def nginx(upstream_port: int) -> Iterator[Running]:
    """Start nginx, one worker, as a proxy that passes on what it reads. Raises CannotMeasure if it is not here."""
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise CannotMeasure("nginx is not here (Debian: apt-get install nginx)")
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "nginx.conf"
        configuration.write_text(NGINX.format(directory=directory, port=port, upstream_port=upstream_port))
        command = [found, "-c", str(configuration), "-p", directory]
        with _started(command, {}) as process:
            wait_for(port, "/health", process, "nginx", any_status=True)
            version = _output(found, "-v").rpartition("/")[2].split(" ")[0]
            yield Running(name="nginx", port=port, pid=process.pid, version=version)


@contextmanager
def litellm(upstream_port: int) -> Iterator[Running]:
    """Start the LiteLLM proxy, one worker, without telemetry or a database. Raises CannotMeasure if it is not here."""
    command = PEERS / "bin" / "litellm"
    if not command.exists():
        raise CannotMeasure(f"the LiteLLM proxy is not in {PEERS.name} (make bench-peers installs it)")
    port = free_port()
    base = f"http://127.0.0.1:{upstream_port}/v1"
    served = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_base": base, "api_key": "none"}}
        for name in ("small", "large")
    ]
    quiet = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices
        "LITELLM_TELEMETRY": "False",
        "LITELLM_LOG": "ERROR",
        "NO_DOCS": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # no key of its own, as the others have none
    }
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "litellm.yaml"
        configuration.write_text(json.dumps({"model_list": served}))  # JSON is YAML
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        with _started([str(command), "--config", str(configuration), *arguments], quiet) as process:
            wait_for(port, "/health/liveliness", process, "the LiteLLM proxy")
            code = "import importlib.metadata as m; print(m.version('litellm'))"
            version = _output(str(PEERS / "bin" / "python"), "-c", code)
            yield Running(name="litellm", port=port, pid=process.pid, version=version)


def wait_for(port: int, path: str, process: subprocess.Popen[Any], name: str, *, any_status: bool = False) -> None:
    """Return once `path` is answered with 200 (`any_status`: with whatever). Raises CannotMeasure if it never is."""
    end = time.monotonic() + START_WITHIN_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise CannotMeasure(f"{name} did not start: exit status {process.returncode}")
        status = status_of(port, path)
        if status == 200 or (any_status and status is not None):
            return
        time.sleep(0.005)
    raise CannotMeasure(f"{name} does not answer after {START_WITHIN_S:g} s")


def status_of(port: int, path: str) -> int | None:
    """Return the status that `path` is answered with, None if nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def free_port() -> int:
    """Return a port at which nobody listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        command,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _output(*command: str) -> str:
    """Return the first line that a command prints, to either output; "" if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = (done.stdout + done.stderr).strip()
    return said.splitlines()[0] if said and done.returncode == 0 else ""


def machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": str(os.cpu_count()),
        "processor": cpu[1].strip() if cpu else os.uname().machine,
        "system": f"{os.uname().sysname} {os.uname().release.split('-')[0]}",
        "python": sys.version.split()[0],
    }
