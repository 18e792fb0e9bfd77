"""Which client sends a request, by what it shows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from loro_core.chat import ChatRequest, Json, Message
from loro_core.decide.release.profile import PROFILES
from loro_core.decide.release.recognise import recognise
from loro_core.errors import BadRequest


def found(headers: Mapping[str, str] | None = None, *, tools: Json = None, **platform: Json) -> str | None:
    request = ChatRequest(
        model="loro",
        messages=(Message.of("user", "Hello"),),
        parameters={} if tools is None else {"tools": tools},
        platform=platform,
    )
    profile = recognise((headers or {}).get, request)
    return profile.name if profile else None


def tool(name: str) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": {}}}


@pytest.mark.parametrize("name", PROFILES)
def test_the_header_names_a_profile(name):
    assert found({"x-loro-client": name}) == name
    assert found({"x-loro-client": f" {name.upper()} "}) == name


def test_the_header_wins_over_everything_else():
    assert found({"x-loro-client": "plain", "user-agent": "LiveKit Agents/1.8.9"}, call={"id": "1"}) == "plain"


@pytest.mark.parametrize("value", ["retell", "", "pipecat, livekit"])
def test_an_unknown_name_is_refused_with_the_known_ones(value):
    with pytest.raises(
        BadRequest, match="elevenlabs, homeassistant, livekit, pipecat, pipecat-token, plain, vapi"
    ) as e:
        found({"x-loro-client": value})
    assert e.value.param == "x-loro-client"


@pytest.mark.parametrize(
    ("headers", "fields", "name"),
    [
        ({"user-agent": "LiveKit Agents/1.8.9 (python 3.11.7)"}, {}, "livekit"),
        ({"user-agent": "OpenAI/JS 4.89.0"}, {"call": {"id": "1"}}, "vapi"),
        ({}, {"phoneNumber": {"id": "1"}}, "vapi"),
        ({}, {"elevenlabs_extra_body": {}}, "elevenlabs"),
        ({}, {"user_id": "7"}, "elevenlabs"),
        ({}, {"tools": [tool("weather"), tool("skip_turn")]}, "elevenlabs"),
        ({"user-agent": "HomeAssistant/2026.8.1 aiohttp/3.12 Python/3.13"}, {}, "homeassistant"),
        ({"user-agent": "AsyncOpenAI/Python 3.54.0"}, {"tools": [tool("HassTurnOn")]}, "homeassistant"),
        ({"user-agent": "AsyncOpenAI/Python 3.54.0"}, {}, None),
        ({}, {"tools": "none"}, None),
        ({}, {"tools": [None, {"function": "HassTurnOn"}, {"function": {"name": ["HassTurnOn"]}}]}, None),
    ],
)
def test_a_client_is_known_by_what_only_it_sends(headers, fields, name):
    assert found(headers, **fields) == name
