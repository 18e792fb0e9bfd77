from __future__ import annotations

import json

import pytest

from loro_core.fleet import Deployment, Secret
from loro_core.wire.refusal import MAX_MESSAGE_CHARS, read_error, read_refusal, retry_after_s

SMALL = Deployment(name="small", provider="openai", model="m", api_key=Secret("sk-secret"))


def refusal(status, value, **headers):
    return read_refusal(SMALL, status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


def test_openai_shape_keeps_everything():
    error = refusal(
        400,
        {
            "error": {
                "message": "too long",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
                "param": "messages",
            }
        },
    )
    assert (error.message, error.type, error.code, error.param) == (
        "too long",
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    )
    assert (error.status, error.upstream_status, error.deployment) == (400, 400, "small")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"error": "model 'm' not found"}, "model 'm' not found"),
        ([{"error": {"message": "quota", "code": 429}}], "quota"),
        ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, "bad"),
        ({"message": "Unauthorized", "request_id": "1"}, "Unauthorized"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["body", "n"], "msg": "must be 1"}, {"msg": "odd"}]}, "body.n: must be 1; odd"),
        ({"errors": [{"message": "no route", "code": 7000}]}, "no route"),
        ({"error": {"message": None}}, "an error without a message (error)"),
        ({"error": True}, "an error without a message"),
        ("just text", "just text"),
    ],
)
def test_shapes_of_other_upstreams(value, message):
    assert refusal(500, value).message == message


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"", "", "deployment 'small' answered 502 with an empty body"),
        (
            b"<html><head><TITLE>502\n Bad Gateway</TITLE></head>" + b"x" * 5000,
            "text/html",
            "deployment 'small' answered 502 with a page titled '502 Bad Gateway'",
        ),
        (b"<!doctype html><p>x", "text/html; charset=utf-8", "deployment 'small' answered 502 with a page (text/html)"),
        (
            b"upstream connect error\nor\tdisconnect",
            "text/plain",
            "deployment 'small' answered 502: upstream connect error or disconnect",
        ),
        (b"\x00\x01", "application/x", "deployment 'small' answered 502 with 2 bytes of application/x"),
        (b'{"unheard": "of"}', "application/json", "deployment 'small' answered 502 with 17 bytes of application/json"),
    ],
)
def test_what_is_no_error_document_is_told_in_one_line(body, kind, message):
    assert read_refusal(SMALL, 502, {"content-type": kind}, body).message == message


def test_redirect_says_where_to():
    assert "https://b/v1" in read_refusal(SMALL, 308, {"location": "https://b/v1"}, b"").message
    assert read_refusal(SMALL, 308, {}, b"").status == 502


def test_code_may_be_a_number():
    assert refusal(429, {"error": {"message": "m", "code": 429}}).code == "429"


def test_key_that_the_upstream_repeats_is_taken_out():
    assert refusal(401, {"error": {"message": "Incorrect API key: sk-secret."}}).message == "Incorrect API key: [key]."


def test_message_has_an_end():
    assert len(refusal(400, {"error": "x" * 10**5}).message) == MAX_MESSAGE_CHARS


@pytest.mark.parametrize("value", [{"error": None}, {"error": False}, {"error": ""}, {"choices": []}, [], None, 3])
def test_no_error_inside_a_reply(value):
    assert read_error(SMALL, value) is None


def test_error_inside_a_reply_has_no_status_of_its_own():
    error = read_error(SMALL, {"error": {"message": "overloaded", "type": "server_error", "code": "503"}})
    assert error is not None
    assert (error.upstream_status, error.status, error.message, error.code) == (None, 502, "overloaded", "503")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:28:30 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "later"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after_s(headers) == seconds
