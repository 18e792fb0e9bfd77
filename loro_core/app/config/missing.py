"""What is not there of what the models need: programs, files, directories. None of it stops the start.

A model whose file is missing fails when it is to be loaded, and says why; the others can be used meanwhile.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from loro_core.app.config.kinds import closest
from loro_core.app.config.launches import LAUNCHER, LAUNCHER_NEEDS, WORKER_KINDS
from loro_core.app.config.local_models import COMMAND, LLAMA_CPP
from loro_core.app.config.model_tables import Configured
from loro_core.models import Launch

INSTALL_LLAMA_CPP = "pip install 'loro-core[llamacpp]'"


def missing_parts(models: Iterable[Configured]) -> Iterator[str]:
    """Yield a sentence for each thing that is not there now, with the place that asks for it."""
    for one in models:
        launch = one.model.launch
        if launch is None:
            continue
        for said in launch_problems(launch):
            yield f"{one.entry.at('worker')}: model {one.model.name}: {said}"
        for key, path in one.files:
            if not Path(path).is_file():
                yield one.entry.problem(key, f"names a file that is not there: {path}{near(Path(path))}")


def launch_problems(launch: Launch) -> Iterator[str]:
    """Yield why `launch` cannot be started here and now: its program or its directory is not there."""
    program = WORKER_KINDS[launch.kind].program if launch.kind in WORKER_KINDS else ""
    if launch.kind == LLAMA_CPP:
        if not all(map(find_spec, LAUNCHER_NEEDS)):
            yield f"{LAUNCHER} or its llama.cpp is not installed: {INSTALL_LLAMA_CPP}"
        return
    if launch.kind == COMMAND:
        program = launch.command[0].replace("{{", "{").replace("}}", "}")
    path = launch.environment.get("PATH", os.environ.get("PATH"))
    found = program if os.sep not in program else str(Path(launch.directory or ".") / program)
    if shutil.which(found, path=path) is None:
        where = "on the PATH" if os.sep not in program else "there, or cannot be run"
        yield f"its program {program} is not {where}"
    if launch.directory is not None and not Path(launch.directory).is_dir():
        yield f"there is no directory {launch.directory} to start it in"


def near(file: Path) -> str:
    """Return a hint at the file that was probably meant, "" if none is near."""
    try:
        names = [path.name for path in file.parent.iterdir()]
    except OSError:
        return ""
    close = closest(file.name, names)
    return f"; did you mean {close}?" if close else ""
