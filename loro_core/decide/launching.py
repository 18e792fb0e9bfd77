"""How a model's server is started at one address: its command and variables, filled in.

{port}, {host}    the instance's port and address
{{, }}            braces
anything else     stands for itself: JSON in an argument keeps its single braces
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from loro_core.models import Launch

# The keys to models' services and to loro's own administration are nobody's business but loro's.
_OURS = re.compile(r"LORO_(?:MODELS|ADMIN)_\w+|(?:SMALL|LARGE|FALLBACK\d*)_MODEL_API_KEY")

_PLACES = re.compile(r"\{\{|\}\}|\{port\}|\{host\}")


def command_of(launch: Launch, host: str, port: int) -> tuple[str, ...]:
    """Return the program and its arguments for an instance at `host` and `port`."""
    return tuple(_filled(part, host, port) for part in launch.command)


def environment_of(launch: Launch, host: str, port: int) -> Mapping[str, str]:
    """Return the variables that the program gets beside ours."""
    return {name: _filled(value, host, port) for name, value in launch.environment.items()}


def inherited(ours: Mapping[str, str]) -> dict[str, str]:
    """Return what of loro's own variables a server gets: all but those that hold keys."""
    return {name: value for name, value in ours.items() if not _OURS.fullmatch(name)}


def base_url_of(launch: Launch, host: str, port: int) -> str:
    """Return where its OpenAI-like face begins, without a trailing slash."""
    return f"http://{host}:{port}/{launch.base_path.strip('/')}".rstrip("/")


def _filled(text: str, host: str, port: int) -> str:
    values = {"{{": "{", "}}": "}", "{port}": str(port), "{host}": host}
    return _PLACES.sub(lambda place: values[place[0]], text)
