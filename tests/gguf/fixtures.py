"""Models for llama.cpp, made once and kept under build/: the fixture `gguf_models` gives their paths.

They are made by `python -m tests.gguf` in a process of its own. What they are made of is in their file's name, so that
a change of it makes them anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "test-models"
NEEDED = ("gguf", "tokenizers", "numpy")


def missing(names: tuple[str, ...]) -> str:
    """Return why what needs the packages `names` is skipped, "" if they are there."""
    lacking = [name for name in names if importlib.util.find_spec(name) is None]
    return f"needs {', '.join(lacking)} (extra `dev`)" if lacking else ""


@pytest.fixture(scope="session")
def gguf_models() -> Callable[[str], Path]:
    """Give the path of the model that begins its answers with a name: gguf_models("Alpha").

    Alpha and Beta are made here, where no test's time runs.
    """
    if reason := missing(NEEDED):
        pytest.skip(reason)
    for name in ("Alpha", "Beta"):
        made(name)
    return made


@pytest.fixture(scope="session")
def llamacpp() -> None:
    """Skip where llama.cpp is not installed."""
    if reason := missing(("xllamacpp",)):
        pytest.skip(reason)


def made(name: str) -> Path:
    """Return the path of model `name`, which is made if it is not there. Several processes may ask at once."""
    recipe = hashlib.sha256(sys.version.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        recipe.update(source.read_bytes())
    path = KEPT / f"{name.lower()}-{recipe.hexdigest()[:12]}.gguf"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with (KEPT / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                subprocess.run([sys.executable, "-m", "tests.gguf", path, "--name", name], cwd=ROOT, check=True)
    return path
