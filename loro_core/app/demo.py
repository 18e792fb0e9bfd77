"""The demo: two scripted models in the place of real ones, when no model is configured."""

from __future__ import annotations

from collections.abc import Mapping

from loro_core.chat import Json

PROVIDER = "scripted"

MODELS: Mapping[str, tuple[str, Mapping[str, Json]]] = {
    # The first tokens of a quick small model and of a large one that thinks for a moment.
    "models.small": ("scripted-small", {"text": "Let me see,", "first_token_s": 0.1, "tokens_per_s": 50}),
    "models.large": ("scripted-large", {"first_token_s": 1.2, "tokens_per_s": 25}),
}
"""By table: the model's name and the scripted provider's options."""
