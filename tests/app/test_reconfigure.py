"""Other settings for a gateway that serves: the new ones for what comes, the old ones for what is under way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from loro_core.app.build import Gateway, open_gateway
from loro_core.app.config import load
from loro_core.app.config.changes import Changes
from loro_core.app.config.settings import Settings
from loro_core.errors import ConfigError
from loro_core.runtime.http_service import Counts, Service
from loro_core.wire.openai_out import error_body
from tests.app.serving import NOWHERE, QUESTION, Heard, registry, send
from tests.runtime.fakes import STOP, PlayingProvider, says

ADMIN_KEY = "a-key-of-sixteen-and-more"


def settings(model: str, **environ: str) -> Settings:
    said = {"LARGE_MODEL_PROVIDER": "large", "LARGE_MODEL_NAME": model, "LORO_REPLY_POLICY": "direct", **environ}
    return load(environ=said, directory=NOWHERE)


@asynccontextmanager
async def running(large: PlayingProvider) -> AsyncIterator[tuple[Gateway, Service]]:
    counts = Counts()
    async with open_gateway(settings("old"), registry(large, large), counts) as gateway:
        common = gateway.common_headers
        yield gateway, Service(handler=gateway.handler, common_headers=common, error_body=error_body, counts=counts)


async def ask(service: Service) -> Heard:
    return await send(service, "POST", "/v1/chat/completions", body=json.dumps({**QUESTION, "stream": True}).encode())


async def test_a_reply_in_the_making_goes_on_and_the_next_one_is_made_with_the_new_settings(autojump_clock):
    large = PlayingProvider([says("One, "), 1.0, says("two."), STOP])
    async with running(large) as (gateway, service), trio.open_nursery() as nursery:
        heard: list[Heard] = []

        async def first() -> None:
            heard.append(await ask(service))

        nursery.start_soon(first)
        await trio.sleep(0.5)
        gateway.reconfigure(settings("new"))
        heard.append(await ask(service))
    assert [h.text for h in heard] == ["One, two.", "One, two."]
    assert [call.deployment.model for call in large.calls] == ["old", "new"]


async def test_settings_that_the_plugins_do_not_have_change_nothing(autojump_clock):
    large = PlayingProvider([says("Yes."), STOP])
    async with running(large) as (gateway, service):
        with pytest.raises(ConfigError, match=r"reply\.policy"):
            gateway.reconfigure(settings("new", LORO_REPLY_POLICY="unheard-of"))
        assert (await ask(service)).text == "Yes."
    assert [call.deployment.model for call in large.calls] == ["old"]


async def test_the_new_models_are_listed_and_asked_whether_they_are_there(autojump_clock):
    async with running(PlayingProvider([STOP])) as (gateway, service):
        assert (await send(service, "GET", "/ready")).status == 200
        gateway.reconfigure(settings("new"))
        names = [entry["id"] for entry in (await send(service, "GET", "/v1/models")).json["data"]]
        assert names == ["loro", "new"]
        assert (await send(service, "GET", "/ready")).status == 200


async def test_a_model_that_is_registered_needs_no_file_that_was_read_at_the_start(autojump_clock, tmp_path):
    words = tmp_path / "words.toml"
    words.write_text('[en.greeting]\nphrases = ["Welcome!"]\n')
    large, counts = PlayingProvider([says("Yes."), STOP]), Counts()
    said = settings("old", LORO_WORDS_FILES=str(words), LORO_ADMIN_KEY=ADMIN_KEY)

    async def nothing_new() -> Changes:
        raise AssertionError("nobody asked for it")

    async with open_gateway(said, registry(large, large), counts, reload=nothing_new) as gateway:
        service = Service(handler=gateway.handler, error_body=error_body, counts=counts)
        words.write_text("no TOML")
        body = {"name": "far", "url": "http://192.0.2.7/v1", "provider": "large", "check": False}
        added = await send(
            service,
            "POST",
            "/-/upstreams",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            body=json.dumps(body).encode(),
        )
        assert added.status == 201, added.body
        names = [entry["id"] for entry in (await send(service, "GET", "/v1/models")).json["data"]]
        assert "far" in names
