"""Hypothesis profiles: the everyday one is quick, HYPOTHESIS_PROFILE=deep looks longer; both are the same on every run.
HYPOTHESIS_PROFILE=explore looks as long as deep, each time elsewhere: for whoever can fix what it finds.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["loro_core.testing.trio_tests", "tests.alone", "tests.gguf.fixtures", "tests.runtime.fleet.families"]

# Whom this machine trusts is its own affair: read for every gateway of a test, its hundred authorities take 40 ms.
for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
    os.environ.pop(name, None)

settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "deep", max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
