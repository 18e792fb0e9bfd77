"""What the tests of local models' configuration share: a directory of files, and what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loro_core.app import config
from loro_core.app.config.settings import Settings
from loro_core.errors import ConfigError
from loro_core.models import Model


class Files:
    """A directory that settings are read from."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write(".env", "")

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, toml: str = "", *, local: str | None = None, file: str | None = None, **environ: str) -> Settings:
        if toml:
            self.write("loro.toml", toml)
        return config.load(environ=environ, directory=self.directory, file=file, local=local)

    def problems(self, toml: str = "", **kwargs: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.read(toml, **kwargs)
        return list(caught.value.problems)

    def model(self, toml: str = "", **kwargs: str) -> Model:
        """Return the only model that `toml` configures."""
        (model,) = self.read(toml, **kwargs).models
        return model
