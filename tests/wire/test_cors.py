from __future__ import annotations

import pytest

from loro_core.wire.cors import CorsRules, cors_headers, preflight, problems
from loro_core.wire.http1 import Headers, HttpRequest

APP = "https://app.example"


def options(**headers: str) -> HttpRequest:
    items = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest(method="OPTIONS", target="/v1/models", path="/v1/models", headers=Headers(items))


def test_any_page_may_read_by_default() -> None:
    headers = dict(cors_headers(CorsRules(), APP))
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    assert "vary" not in headers
    assert cors_headers(CorsRules(), None) == []


def test_listed_page_is_echoed_and_caches_are_told() -> None:
    rules = CorsRules(origins=(APP,), credentials=True)
    headers = dict(cors_headers(rules, APP))
    assert headers["access-control-allow-origin"] == APP
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", [None, "https://evil.example", "https://app.example.evil", "null", APP.upper()])
def test_other_page_gets_nothing_but_vary(origin: str | None) -> None:
    assert cors_headers(CorsRules(origins=(APP,)), origin) == [("vary", "Origin")]


def test_no_origins_turn_it_off() -> None:
    assert cors_headers(CorsRules(origins=()), APP) == []


def test_preflight_is_answered_by_name() -> None:
    """ "*" in Access-Control-Allow-Headers does not cover Authorization."""
    request = options(
        origin=APP,
        access_control_request_method="POST",
        access_control_request_headers="Authorization, content-type,,b@d",
    )
    reply = preflight(CorsRules(), request)
    assert reply is not None
    assert (reply.status, reply.body) == (204, b"")
    headers = dict(reply.headers)
    assert headers["access-control-allow-headers"] == "authorization, content-type"
    assert headers["access-control-allow-methods"] == "GET, HEAD, POST, OPTIONS"
    assert headers["access-control-max-age"] == "600"
    assert "access-control-allow-origin" not in headers  # cors_headers says it, on every reply


def test_preflight_grants_only_listed_headers() -> None:
    rules = CorsRules(headers=("Content-Type",))
    asked = options(
        origin=APP, access_control_request_method="POST", access_control_request_headers="content-type,authorization"
    )
    reply = preflight(rules, asked)
    assert reply is not None
    assert ("access-control-allow-headers", "content-type") in reply.headers


def test_preflight_of_another_page_gets_no_permission() -> None:
    reply = preflight(
        CorsRules(origins=(APP,)), options(origin="https://evil.example", access_control_request_method="GET")
    )
    assert reply is not None
    assert [name for name, _ in reply.headers] == ["vary"]


def test_plain_options_is_not_a_preflight() -> None:
    assert preflight(CorsRules(), options(origin=APP)) is None
    assert preflight(CorsRules(), options(access_control_request_method="GET")) is None
    asked = Headers([("origin", APP), ("access-control-request-method", "GET")])
    assert preflight(CorsRules(), HttpRequest(method="GET", target="/", path="/", headers=asked)) is None


def test_credentials_for_everybody_are_refused() -> None:
    rules = CorsRules(credentials=True)
    assert any("credentials" in problem for problem in problems(rules))
    assert cors_headers(rules, APP) == [("vary", "Origin")]


@pytest.mark.parametrize(
    "rules",
    [
        CorsRules(origins=("app.example",)),
        CorsRules(origins=("https://app.example/",)),
        CorsRules(origins=("https://App.example",)),
        CorsRules(origins=("https://a.example\r\nx: y",)),
        CorsRules(max_age_s=-1),
        CorsRules(methods=("GET ",)),
        CorsRules(headers=("a b",)),
        CorsRules(exposed=("",)),
    ],
)
def test_problems_are_named(rules: CorsRules) -> None:
    assert len(problems(rules)) == 1


def test_good_rules_have_no_problem() -> None:
    assert problems(CorsRules()) == []
    assert problems(CorsRules(origins=(APP, "http://localhost:3000", "null"), credentials=True)) == []
