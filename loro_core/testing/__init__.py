"""For plugin authors and our own tests: conformance kits, a scripted upstream, a way to run trio tests.

Importing this package needs nothing beside loro itself; `trio_tests` is a pytest plugin.
"""

from __future__ import annotations

from loro_core.testing import performance
from loro_core.testing.ask import Ask, ask_of
from loro_core.testing.bench import CannotPlay, ProviderBench, Stage, ollama_bench, openai_bench
from loro_core.testing.check_balancer import check_balancer
from loro_core.testing.check_policy import check_policy
from loro_core.testing.check_provider import check_provider
from loro_core.testing.script import Script, ScriptedToolCall, tokenise
from loro_core.testing.script_options import ScriptError, model_of, options_of, parse_model, parse_script
from loro_core.testing.upstream import (
    Moment,
    Record,
    Upstream,
    UpstreamProcess,
    open_upstream,
    serve_upstream,
    upstream_process,
)

__all__ = [
    "Ask",
    "CannotPlay",
    "Moment",
    "ProviderBench",
    "Record",
    "Script",
    "ScriptError",
    "ScriptedToolCall",
    "Stage",
    "Upstream",
    "UpstreamProcess",
    "ask_of",
    "check_balancer",
    "check_policy",
    "check_provider",
    "model_of",
    "ollama_bench",
    "open_upstream",
    "openai_bench",
    "options_of",
    "parse_model",
    "parse_script",
    "performance",
    "serve_upstream",
    "tokenise",
    "upstream_process",
]
