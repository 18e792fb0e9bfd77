"""The scripted provider keeps the contract that real ones keep; its bench is its own options."""

from __future__ import annotations

from contextlib import asynccontextmanager

from loro_core import Deployment
from loro_core.testing import options_of
from loro_core.testing.bench import ProviderBench, Stage
from loro_core.testing.check_provider import check_provider
from loro_scripted import ScriptedProvider
from tests.runtime.fakes import NoHttp


@asynccontextmanager
async def play(script):
    deployment = Deployment(name="bench", provider="scripted", model="m", options=options_of(script))
    yield Stage(deployment=deployment, http=NoHttp())


async def test_scripted_keeps_the_contract(autojump_clock):
    assert await check_provider(ScriptedProvider(), ProviderBench(play=play)) == ("text_is_exact_in_every_framing",)
