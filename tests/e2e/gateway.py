"""loro as a user runs it: `python -m loro_core` as a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_WITHIN_S = 15.0
STOP_WITHIN_S = 15.0


class Gateway:
    """url: where it listens. lines: what it has logged so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._url: str | None = None
        self._announced = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            found = re.search(r"loro\.listening url=(\S+)", line)
            if found:
                self._url = found[1]
                self._announced.set()
        self._announced.set()

    @property
    def url(self) -> str:
        assert self._announced.wait(START_WITHIN_S), "loro did not start in time"
        assert self._url is not None, "loro did not start:\n" + "\n".join(self.lines)
        return self._url

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> int:
        """Ask it to end, as an operator would, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self._reader.join(STOP_WITHIN_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def open_sockets(self) -> int:
        fds = Path(f"/proc/{self.pid}/fd")
        return sum(_is_socket(fd) for fd in fds.iterdir())


def _is_socket(fd: Path) -> bool:
    try:
        return str(fd.readlink()).startswith("socket:")
    except FileNotFoundError:  # closed while we looked
        return False


@contextmanager
def gateway(*arguments: str, python: str = sys.executable, **environment: str) -> Iterator[Gateway]:
    """Start loro with `arguments` and `environment` (beside PATH and HOME nothing is passed on), end it afterwards.

    python: the interpreter whose loro it is.
    """
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV") if name in os.environ}
    with tempfile.TemporaryDirectory() as nowhere:  # no loro.toml, no .env
        process = subprocess.Popen(
            [python, "-m", "loro_core", "--host", "127.0.0.1", "--port", "0", *arguments],
            env={**inherited, **environment},
            cwd=nowhere,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Gateway(process)
        try:
            yield running
        finally:
            running.stop()


def models(openai_url: str, *, small: str = "small", large: str = "large") -> dict[str, str]:
    """Return the environment that points both models at an OpenAI-style upstream."""
    return {
        "SMALL_MODEL_BASE_URL": openai_url,
        "SMALL_MODEL_API_KEY": "none",
        "SMALL_MODEL_NAME": small,
        "LARGE_MODEL_BASE_URL": openai_url,
        "LARGE_MODEL_API_KEY": "none",
        "LARGE_MODEL_NAME": large,
    }
