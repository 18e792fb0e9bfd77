"""Models whose servers are fakes, and what their logs tell."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from loro_core.fleet import Deployment
from loro_core.models import Launch, Model
from loro_core.testing import Record

FAKE = Path(__file__).with_name("fake_model.py")


def fake_command(name: str, *options: object) -> tuple[str, ...]:
    """Return how a fake server for the model `name` is started; "{port}" is left for whoever starts it."""
    return (sys.executable, str(FAKE), "--port", "{port}", "--alias", name, *map(str, options))


def fake_model(name: str, *options: object, launch: dict[str, Any] | None = None, **changes: Any) -> Model:
    """Return a model served by a fake. options: of `fake_model.py`. launch, changes: fields of `Launch` and `Model`."""
    return Model(
        name=name,
        deployment=changes.pop("deployment", None)
        or Deployment(name=name, provider="openai", model=name, max_retries=0),
        launch=Launch(
            **{
                "kind": "fake",
                "command": fake_command(name, *options),
                "load_timeout_s": 15.0,
                "stop_grace_s": 2.0,
                **(launch or {}),
            }
        ),
        **changes,
    )


def llama_model(name: str, path: Path, *, launch: dict[str, Any] | None = None, **changes: Any) -> Model:
    """Return a model that the real llama.cpp serves. path: its file. launch, changes: as for a fake."""
    command: tuple[str, ...] = (
        sys.executable,
        "-m",
        "loro_llamacpp",
        "--model",
        str(path),
        "--port",
        "{port}",
        "--alias",
        name,
    )
    # More threads than free processors wait for one another by spinning.
    command += ("--threads", "1", "--ctx-size", "2048", "--parallel", str(changes.get("slots", 1)))
    return fake_model(name, launch={"kind": "llama.cpp", "command": command, **(launch or {})}, **changes)


def records(log: Path) -> list[Record]:
    """Return the calls that one or several fakes have written to `log`, each as it was last told of."""
    told = [Record.of(msgspec.json.decode(line)) for line in log.read_bytes().splitlines()]
    latest = {(record.number, record.arrived.monotonic_s): record for record in told}
    return list(latest.values())


def most_at_once(calls: Iterable[Record]) -> int:
    """Return how many of `calls` were under way at the same time, at the most."""
    moves: list[tuple[float, int]] = []
    for call in calls:
        moves.append((call.arrived.monotonic_s, 1))
        if call.ended is not None:
            moves.append((call.ended.monotonic_s, -1))
    most = now = 0
    for _, step in sorted(moves):  # an end counts before an arrival of the same instant
        now += step
        most = max(most, now)
    return most


def swaps(served: Sequence[str]) -> int:
    """Return how often, of the names in the order of their service, one follows another."""
    return sum(served[n] != served[n - 1] for n in range(1, len(served)))
