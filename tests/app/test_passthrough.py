"""Embeddings and speech: handed on to a model of their kind, byte by byte, and to another one where it fails."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio

from loro_core.app.access import Access
from loro_core.app.metrics import Metrics
from loro_core.app.passthrough import PATHS, Passthrough
from loro_core.app.routes import Routes
from loro_core.decide.balance import BUILT_IN
from loro_core.decide.catalogue import Catalogue
from loro_core.decide.orders import DispatchSettings
from loro_core.errors import UpstreamClosed, UpstreamUnreachable
from loro_core.fleet import Deployment, Secret
from loro_core.models import Model, ModelKind
from loro_core.runtime.http_service import Service
from loro_core.runtime.model_fleet import ModelFleet, open_fleet
from loro_core.wire.cors import CorsRules
from loro_core.wire.openai_out import error_body
from tests.app.serving import Heard, send
from tests.providers.fake_http import Answer, Asked, FakeHttp
from tests.runtime.cancelling import cancel_at_every_checkpoint

KEY = "sk-of-the-upstream"
VECTOR = b'{"object":"list","data":[{"embedding":[0.5]}],"model":"bge-upstream"}'


def model(name: str, *aliases: str, kind: ModelKind = ModelKind.EMBEDDING, **limits: Any) -> Model:
    deployment = Deployment(
        name=name,
        provider="openai",
        base_url=f"http://{name}/v1/",
        model=f"{name}-upstream",
        api_key=Secret(KEY),
        **limits,
    )
    return Model(name=name, aliases=aliases, kinds=frozenset({kind}), deployment=deployment)


class Desk:
    """The routes of what is handed on, and the fleet behind them."""

    def __init__(self, service: Service, fleet: ModelFleet, metrics: Metrics) -> None:
        self.service, self.fleet, self.metrics = service, fleet, metrics

    async def post(self, path: str, body: object) -> Heard:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await send(self.service, "POST", path, body=raw)

    @property
    def in_flight(self) -> int:
        return sum(instance.in_flight for status in self.fleet.models() for instance in status.instances)

    @property
    def failed(self) -> Mapping[str, int]:
        return {i.model: i.failed for status in self.fleet.models() for i in status.instances}


@asynccontextmanager
async def desk(http: FakeHttp, *models: Model) -> AsyncIterator[Desk]:
    named = {one.name: one for one in models}
    balancer = BUILT_IN["round-robin"]
    async with open_fleet(named, DispatchSettings(), lambda _: balancer, rng=random.Random(1)) as fleet:
        metrics = Metrics(100)
        passthrough = Passthrough(
            fleet, lambda _: http, Catalogue(default=None, models=models, any_name=False), metrics
        )
        table = {path: {"POST": passthrough.handler(path)} for path in PATHS}
        routes = Routes(table, CorsRules(origins=("*",)))
        yield Desk(Service(handler=Access(routes), error_body=error_body), fleet, metrics)


async def test_the_body_goes_on_with_the_instances_name_for_the_model(autojump_clock):
    http = FakeHttp(Answer([VECTOR[:20], VECTOR[20:]], headers={"content-type": "application/json"}))
    async with desk(http, model("bge", extra_fields={"truncate": True})) as at:
        heard = await at.post("/embeddings", {"model": "bge", "input": ["a", "b"], "dimensions": 8})
    assert (heard.status, heard.body, heard.complete) == (200, VECTOR, True)
    assert heard.headers["content-type"] == "application/json"
    (asked,) = http.asked
    assert (asked.method, asked.url) == ("POST", "http://bge/v1/embeddings")
    assert asked.json == {"model": "bge-upstream", "input": ["a", "b"], "dimensions": 8, "truncate": True}
    assert asked.headers["authorization"] == f"Bearer {KEY}"


async def test_sound_is_passed_on_as_it_comes(autojump_clock):
    http = FakeHttp(Answer([b"RIFF", b"\x00\xff", b"data"], headers={"content-type": "audio/wav"}))
    async with desk(http, model("voice", kind=ModelKind.SPEECH)) as at:
        heard = await at.post("/audio/speech", {"model": "voice", "input": "Hello."})
    assert (heard.body, heard.headers["content-type"]) == (b"RIFF\x00\xffdata", "audio/wav")
    assert heard.headers["x-accel-buffering"] == "no"


async def test_an_empty_reply_is_a_reply(autojump_clock):
    async with desk(FakeHttp(Answer()), model("voice", kind=ModelKind.SPEECH)) as at:
        heard = await at.post("/audio/speech", {"input": "", "model": "voice"})
    assert (heard.status, heard.body, heard.complete) == (200, b"", True)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"[1]", 400, None),
        ({"model": 7}, 400, "model"),
        ({"model": " "}, 400, "model"),
        ({"model": "bg"}, 404, "model"),
        ({"model": "voice"}, 404, "model"),
    ],
)
async def test_what_cannot_be_served_is_refused_and_says_why(autojump_clock, body, status, param):
    http = FakeHttp(Answer())
    async with desk(http, model("bge"), model("voice", kind=ModelKind.SPEECH)) as at:
        heard = await at.post("/embeddings", body)
        assert sum(at.metrics.errors.values()) == 1
    assert (heard.status, heard.json["error"]["param"]) == (status, param)
    assert not http.asked


async def test_a_request_that_names_no_model_gets_the_only_one_there_is(autojump_clock):
    async with desk(FakeHttp(Answer([VECTOR])), model("bge"), model("voice", kind=ModelKind.SPEECH)) as at:
        assert (await at.post("/embeddings", {"input": "a"})).status == 200


async def test_what_fails_before_the_first_byte_is_asked_of_another_model_of_the_name(autojump_clock):
    def answer(asked: Asked) -> Answer:
        if "http://a/" in asked.url:
            raise UpstreamUnreachable("refused", deployment="a")
        return Answer([VECTOR])

    http = FakeHttp(answer)
    async with desk(http, model("a", "main"), model("b", "main")) as at:
        for _ in range(2):
            assert (await at.post("/embeddings", {"model": "main"})).body == VECTOR
        assert (at.failed["b"], at.in_flight) == (0, 0)
        assert at.failed["a"] >= 1


async def test_an_upstreams_no_is_told_and_asked_of_nobody_else(autojump_clock):
    refusal = b'{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}'
    http = FakeHttp(lambda _: Answer([refusal], status=400))
    async with desk(http, model("a", "main"), model("b", "main")) as at:
        heard = await at.post("/embeddings", {"model": "main"})
        assert sum(at.failed.values()) == 0
    assert (heard.status, heard.json["error"]["code"], len(http.asked)) == (400, "context_length_exceeded", 1)


async def test_a_reply_that_breaks_off_is_no_whole_one(autojump_clock):
    http = FakeHttp(Answer([b"RIFF", UpstreamClosed("cut", deployment="voice", phase="decode")]))
    async with desk(http, model("voice", kind=ModelKind.SPEECH)) as at:
        with pytest.raises(Exception) as broken:  # noqa: PT011  # h11's, in the client's nursery
            await at.post("/audio/speech", {"model": "voice"})
        assert "RemoteProtocolError" in repr(broken.value)
        assert (at.failed["voice"], at.in_flight, len(http.asked)) == (1, 0, 1)


class Silent(Answer):
    """An upstream that says one thing and then nothing more."""

    async def __anext__(self) -> bytes:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            await trio.sleep_forever()
            raise


async def test_a_model_that_says_nothing_is_given_up_in_time(autojump_clock):
    http = FakeHttp(lambda _: Silent())
    async with desk(http, model("bge", reply_timeout_s=7.0)) as at:
        start = trio.current_time()
        heard = await at.post("/embeddings", {"model": "bge"})
        assert heard.status == 504
        assert trio.current_time() - start == pytest.approx(7.0)
        assert at.in_flight == 0


async def test_whoever_leaves_gives_the_seat_back_wherever_it_is(autojump_clock):
    http = FakeHttp(lambda _: Answer([b"a", b"b"]))
    async with desk(http, replace(model("voice", kind=ModelKind.SPEECH), slots=1)) as at:

        async def ask() -> None:
            await at.post("/audio/speech", {"model": "voice"})

        def nothing_left() -> None:
            assert (at.in_flight, http.open) == (0, 0)

        assert await cancel_at_every_checkpoint(lambda: ask, nothing_left) > 5
