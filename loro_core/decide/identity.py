"""Whose request this is: the call that a voice platform names, in whichever of its ways.

    platform      where it stands                                            names
    ------------  ---------------------------------------------------------  --------
    any           header x-loro-call                                         a call
    Hume          custom_session_id in the query, or in the body             a call
    Vapi          call.id in the body                                        a call
    ElevenLabs    a call's key in elevenlabs_extra_body                      a call
    LiveKit, any  a call's key in metadata                                   a call
    ElevenLabs    user_id                                                    a person
    LiveKit, any  user                                                       a person

The first row that is there holds. A person may have several calls at once, so a person's name tells requests of other
people apart and no more. Names are only compared, never shown: a key is a digest, salted with the caller's credentials,
so that one tenant's choice of names cannot touch another's calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Protocol
from urllib.parse import parse_qsl

from msgspec import Struct

from loro_core.chat import ChatRequest

CALL_HEADER = "x-loro-call"

_CALL_KEYS = (
    *("call_id", "callId", "call_sid", "callSid", "conversation_id", "conversationId"),
    *("session_id", "sessionId", "room_id", "roomId", "room", "room_name", "job_id"),
)
"""How people call a call in the free-form objects: `metadata` has no keys of its own, extra bodies neither."""

_MAY_NAME = frozenset({"metadata", "user"})
"""OpenAI's own fields that may say who calls."""

_LONGEST_NAME = 256
"""Names are identifiers; what is longer is something else."""


class HeaderFields(Protocol):
    def get(self, name: str, /) -> str | None: ...


class Caller(Struct, frozen=True, kw_only=True):
    """key: the same for all requests of one call. certain: whether a call was named, not just a person or nobody."""

    key: str = ""
    certain: bool = False


def caller_of(request: ChatRequest, headers: HeaderFields, query: str = "") -> Caller:
    """Return who asks. headers: by lower-case name. query: of the request target, as sent. Any values are taken."""
    tenant = headers.get("authorization") or ""
    if not (query or request.platform or headers.get(CALL_HEADER)) and _MAY_NAME.isdisjoint(request.parameters):
        return Caller(key=_digest(tenant))
    for kind, name in _named(request, headers, query):
        if name:
            return Caller(key=_digest(tenant, kind, name), certain=kind == "call")
    return Caller(key=_digest(tenant))


def _named(request: ChatRequest, headers: HeaderFields, query: str) -> Iterator[tuple[str, str]]:
    platform, parameters = request.platform, request.parameters
    yield "call", _name(headers.get(CALL_HEADER))
    yield "call", _name(dict(parse_qsl(query)).get("custom_session_id") if query else None)
    yield "call", _name(platform.get("custom_session_id"))
    yield "call", _name(_member(platform.get("call"), ("id",)))
    yield "call", _name(_member(platform.get("elevenlabs_extra_body"), _CALL_KEYS))
    yield "call", _name(_member(parameters.get("metadata"), _CALL_KEYS))
    yield "person", _name(platform.get("user_id"))
    yield "person", _name(parameters.get("user"))


def _member(value: object, keys: tuple[str, ...]) -> object:
    if not isinstance(value, Mapping):
        return None
    return next((value[key] for key in keys if value.get(key)), None)


def _name(value: object) -> str:
    """Return `value` as a name, "" if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    # An integer of that many bits has more digits than a name may have, and Python refuses to write it out.
    if isinstance(value, int) and value.bit_length() > _LONGEST_NAME:
        return ""
    text = str(value).strip()
    return text if len(text) <= _LONGEST_NAME else ""


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
