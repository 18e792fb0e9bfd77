"""Distributions built from a copy of the sources: a build leaves files where it works, and takes old ones for new."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "contrib" / "examples" / "loro-example-plugin"

BUILD_WITHIN_S = 60.0
_OURS = ("pyproject.toml", "README.md", "LICENSE", "loro_core", "providers", "contrib", "tests")
_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "build", "dist", "*.egg-info", ".*")


def copy_of_loro(to: Path) -> Path:
    """Return `to`, with what a distribution of loro is built from."""
    to.mkdir(parents=True)
    for name in _OURS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=_LEFT_BEHIND)
        else:
            shutil.copy2(source, to / name)
    return to


def copy_of_example(to: Path) -> Path:
    """Return `to`, with the example of a plugin."""
    return Path(shutil.copytree(EXAMPLE, to, ignore=_LEFT_BEHIND))


def package(to: Path, files: Mapping[str, str]) -> Path:
    """Return `to`, with the files of a package written into it, by their names."""
    to.mkdir(parents=True)
    for name, text in files.items():
        (to / name).write_text(text, encoding="utf-8")
    return to


def build(source: Path, *arguments: str) -> list[Path]:
    """Return the distributions that `python -m build` makes of `source`, with the tools that are installed here."""
    out = source / "dist"
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), *arguments, str(source)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return sorted(out.iterdir())


def build_wheel(source: Path) -> Path:
    """Return the wheel of `source`."""
    (wheel,) = build(source, "--wheel")
    return wheel
