"""The pages beside the chat: info, liveness, readiness, models, metrics; and what holds for every path."""

from __future__ import annotations

import pytest

from loro_core.errors import UpstreamUnreachable
from tests.app.serving import serving
from tests.runtime.fakes import STOP, PlayingProvider, says

SCRAPER = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def answering() -> PlayingProvider:
    return PlayingProvider([0.5, says("Air."), STOP])


class Absent(PlayingProvider):
    checks = 0

    async def check(self, deployment, http) -> None:
        self.checks += 1
        await super().check(deployment, http)
        raise UpstreamUnreachable("refused", deployment=deployment.name)


async def test_service_info(autojump_clock):
    async with serving(answering(), answering()) as client:
        info = (await client.get("/")).json
    assert info["mode"] == "gateway" and info["policy"] == "adaptive" and "demo" not in info
    assert info["models"]["large"] == {"model": "large-model", "provider": "large"}
    assert "POST /v1/chat/completions" in info["endpoints"]


async def test_health_asks_nobody(autojump_clock):
    async with serving(Absent([]), Absent([])) as client:
        heard = await client.get("/health")
    assert (heard.status, heard.json) == (200, {"status": "healthy"})


async def test_ready_names_what_is_missing_and_asks_once_for_many_probes(autojump_clock):
    absent = Absent([])
    async with serving(answering(), absent) as client:
        heard = [await client.get("/ready") for _ in range(5)]
    assert {h.status for h in heard} == {503}
    assert heard[0].json["upstreams"] == {"small": {"ready": True}, "large": {"ready": False, "error": "refused"}}
    assert absent.checks == 1


@pytest.mark.parametrize("path", ["/v1/models/vendor/large-model", "/models/vendor%2Flarge-model"])
async def test_one_model_is_told_by_its_name(autojump_clock, path):
    async with serving(None, answering(), LARGE_MODEL_NAME="vendor/large-model") as client:
        one = await client.get(path)
        listed = (await client.get("/v1/models")).json["data"]
        other = await client.get("/v1/models/larg")
    assert one.json["id"] == "vendor/large-model" and one.json in listed
    assert (other.status, other.json["error"]["code"]) == (404, "model_not_found")


async def test_models_are_listed_without_asking_an_upstream(autojump_clock):
    async with serving(answering(), answering()) as client:
        for path in ("/v1/models", "/models"):
            listed = (await client.get(path)).json
            assert [m["id"] for m in listed["data"]] == ["loro", "small-model", "large-model"]


async def test_metrics_have_the_seeds_shape_and_reset(autojump_clock):
    async with serving(answering(), answering()) as client:
        await client.ask()
        numbers = (await client.get("/metrics")).json
        reset = await client.send("POST", "/metrics/reset")
        after = (await client.get("/metrics")).json
    for mode in ("quick_response_mode", "direct_mode"):
        assert {"total_requests", "first_response_latency", "total_response_latency"} <= set(numbers[mode])
        assert set(numbers[mode]["first_response_latency"]) == {"avg", "min", "max", "p50", "p95"}
    assert set(numbers["comparison"]) == {
        "quick_mode_requests",
        "direct_mode_requests",
        "avg_first_response_improvement",
    }
    assert reset.json == {"message": "Metrics reset successfully"}
    assert after["quick_response_mode"]["total_requests"] == 0 and after["upstreams"]["large"]["calls"] == 0


async def test_a_scraper_gets_the_same_numbers_as_text(autojump_clock):
    async with serving(answering(), answering(), LORO_REPLY_POLICY="instant") as client:
        await client.ask()
        text = (await client.get("/metrics", accept=SCRAPER)).body.decode()
        numbers = (await client.get("/metrics")).json
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines['loro_replies_total{mode="quick",outcome="finished"}'] == "1"
    first = numbers["quick_response_mode"]["first_response_latency"]
    assert float(lines['loro_first_response_seconds_sum{mode="quick"}']) == pytest.approx(first["avg"], abs=1e-5)
    assert lines['loro_acknowledgements_total{result="phrase"}'] == "1"
    assert lines['loro_upstream_calls_total{deployment="large"}'] == "1"
    assert lines["loro_connections"] == "1"


async def test_an_unknown_path_is_404_and_names_the_nearest(autojump_clock):
    async with serving(answering(), answering()) as client:
        heard = await client.get("/v1/chat/completion")
    assert heard.status == 404 and "/v1/chat/completions" in heard.json["error"]["message"]


async def test_a_wrong_method_is_405_with_allow(autojump_clock):
    async with serving(answering(), answering()) as client:
        heard = await client.get("/v1/chat/completions")
        assert heard.status == 405 and heard.headers["allow"] == "OPTIONS, POST"
        assert heard.json["error"]["type"] == "invalid_request_error"
        assert (await client.send("DELETE", "/health")).headers["allow"] == "GET, HEAD, OPTIONS"


async def test_head_and_options(autojump_clock):
    async with serving(answering(), answering()) as client:
        head = await client.send("HEAD", "/health")
        options = await client.send("OPTIONS", "/v1/models")
    assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 0
    assert options.status == 204 and options.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_browser_may_ask_from_anywhere_and_reads_errors_too(autojump_clock):
    async with serving(answering(), answering()) as client:
        preflight = await client.send(
            "OPTIONS",
            "/v1/chat/completions",
            headers={
                "origin": "https://app.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization, content-type",
            },
        )
        refused = await client.ask(headers={"origin": "https://app.example"}, messages=[])
    assert (
        preflight.status == 204 and preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    )
    assert refused.status == 400 and refused.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in refused.headers


async def test_a_request_id_is_echoed_or_made(autojump_clock):
    async with serving(answering(), answering()) as client:
        assert (await client.get("/health", **{"x-request-id": "call-7"})).headers["x-request-id"] == "call-7"
        assert (await client.get("/health")).headers["x-request-id"]
        refused = await client.ask(messages=[])
    assert refused.status == 400 and refused.headers["x-request-id"]
