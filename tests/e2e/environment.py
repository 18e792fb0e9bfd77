"""A fresh virtual environment: the wheels under test, and of what is installed here the third-party packages only."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

RUN_WITHIN_S = 60.0


class Environment:
    """python: its interpreter. site: where its packages are."""

    def __init__(self, at: Path) -> None:
        self._at = at
        self.python = at / "bin" / "python"
        paths = sysconfig.get_paths(vars={"base": str(at), "platbase": str(at)})
        self.site = Path(paths["purelib"])

    def run(self, *command: str, status: int = 0, cwd: Path | None = None, **environment: str) -> str:
        """Return what a command of this environment writes to both its outputs; its exit status must be `status`."""
        inherited = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
        done = subprocess.run(
            [str(self._at / "bin" / command[0]), *command[1:]],
            env={**inherited, "PATH": str(self._at / "bin"), **environment},
            cwd=cwd or self._at,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_WITHIN_S,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


def fresh_environment(at: Path, wheels: Sequence[Path]) -> Environment:
    """Return a new environment with `wheels` installed into it by pip.

    Their dependencies are links to what is installed here: no index is asked, and the sources are out of sight.
    """
    venv.create(at / "venv", with_pip=False, symlinks=True)
    environment = Environment(at / "venv")
    third_party = at / "third-party"
    third_party.mkdir()
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(site).iterdir():
            if "loro" not in entry.name and entry.suffix != ".pth":
                (third_party / entry.name).symlink_to(entry)
    (environment.site / "third-party.pth").write_text(f"{third_party}\n")
    environment.run("python", "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", *map(str, wheels))
    return environment
