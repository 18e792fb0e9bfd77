"""Hypothesis profiles: the everyday one is quick and the same on every run; HYPOTHESIS_PROFILE=deep looks longer."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["loro_core.testing.trio_tests"]

settings.register_profile(
    "default", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
