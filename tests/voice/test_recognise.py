"""Which client sends a request, on the requests that the installed clients send."""

from __future__ import annotations

import json

import pytest

from loro_core.decide.release.recognise import recognise
from loro_core.wire.openai_in import RequestRules, decode_chat_request

pytestmark = pytest.mark.slow


def test_livekit_is_recognised_and_pipecat_shows_nothing_of_its_own(sent, report):
    found = {}
    for client, message in sent.items():
        request = decode_chat_request(json.dumps(message["body"]).encode(), RequestRules())
        profile = recognise(message["headers"].get, request)
        found[client] = profile.name if profile else None
        report(f"{client}: {message['headers']['user-agent']!r} is taken for {found[client]}")
    assert found == {"livekit": "livekit", "pipecat": None}
