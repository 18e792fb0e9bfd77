"""The demo: two scripted models in the place of real ones, when no model is configured."""

from __future__ import annotations

from collections.abc import Mapping

from loro_core.chat import Json

PROVIDER = "scripted"

MODELS: Mapping[str, tuple[str, Mapping[str, Json]]] = {
    "models.small": ("scripted-small", {"demo": "acknowledgement"}),
    "models.large": ("scripted-large", {"demo": "answer"}),
}
"""By table: the model's name and the scripted provider's options, which bring the words and the pace of a real pair."""
