"""The installed voice clients, as processes in the environment that `make voice-env` makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from loro_core.decide.phrasebook import Phrasebook

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent
PYTHON = Path(os.environ.get("VOICE_PYTHON", ROOT / ".venv-voice" / "bin" / "python"))

Piece = tuple[float, str]
Heard = list[tuple[float | None, str]]
"""What was handed to speech, each text with the time of the piece that let it out; None: the end of the reply."""

Say = Callable[[str, Sequence[Piece]], Heard]
Report = Callable[[str], None]


def script(name: str) -> list[str]:
    if not PYTHON.exists():
        pytest.skip("the voice clients are not installed: make voice-env")
    return [str(PYTHON), "-W", "ignore", str(Path(__file__).parent / name)]


class Clients:
    """The process that runs the clients' TTS paths, asked case by case. versions: of the packages."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.versions: dict[str, str] = self._read()

    def say(self, client: str, pieces: Sequence[Piece]) -> Heard:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"client": client, "pieces": pieces}) + "\n")
        self._process.stdin.flush()
        return [(at_s, text) for at_s, text in self._read()]

    def _read(self):
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the voice clients' process has ended"
        return json.loads(line)


@pytest.fixture(scope="session")
def clients() -> Iterator[Clients]:
    with subprocess.Popen(
        script("clients.py"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as process:
        yield Clients(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def say(clients: Clients) -> Say:
    return clients.say


@pytest.fixture(scope="session")
def sent() -> dict[str, dict[str, dict[str, object]]]:
    """What the clients' LLM plugins send, by client: "headers" and "body"."""
    run = subprocess.run(script("senders.py"), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(run.stdout)


@pytest.fixture(scope="session")
def book() -> Phrasebook:
    files = sorted((ROOT / "loro_core" / "phrases").glob("*.toml"))
    return Phrasebook.from_tables({path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in files})


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Prints a line whether the test passes or not: the figure is what this suite is run for."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(line + "\n")

    return write
