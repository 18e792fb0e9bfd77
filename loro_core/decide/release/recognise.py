"""Which voice client sends a request, by what it says of itself or by what only it sends.

The header `x-loro-client` decides where it is sent. Else a client is recognised by:

    livekit        User-Agent "LiveKit Agents/1.8.9 (python 3.11.7)"
    vapi           the field `call` or `phoneNumber`, in either spelling; not with `metadataSendMode` off
    elevenlabs     the field `elevenlabs_extra_body` or `user_id`, or one of the platform's own tools
    homeassistant  User-Agent "HomeAssistant/2026.8 ...", or one of Assist's own tools

Pipecat shows nothing of its own: it sends what any program with OpenAI's library sends, so its users name it in a
header (`default_headers`) or the operator in the settings. The User-Agents of LiveKit and Pipecat were read from
requests of the installed packages; the suite in tests/voice reads them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from loro_core.chat import ChatRequest, Json
from loro_core.decide.release.profile import PROFILES, Profile
from loro_core.errors import BadRequest

CLIENT_HEADER = "x-loro-client"


def recognise(header: Callable[[str], str | None], request: ChatRequest) -> Profile | None:
    """Return the profile of the client that sent `request`, None if nothing shows which it is.

    header: gives a header field's value by its name in small letters, None where it was not sent.
    Raises BadRequest for an `x-loro-client` that names no profile.
    """
    named = header(CLIENT_HEADER)
    if named is not None:
        return named_profile(named)
    agent = (header("user-agent") or "").casefold()
    livekit, home_assistant = agent.startswith("livekit agents/"), agent.startswith("homeassistant/")
    if not request.platform and "tools" not in request.parameters:
        # What nearly all requests are: only the name can show it.
        return PROFILES["livekit"] if livekit else PROFILES["homeassistant"] if home_assistant else None
    fields = request.platform.keys()
    tools = frozenset(_tool_names(request.parameters.get("tools")))
    signs = (
        ("livekit", livekit),
        ("vapi", not _VAPI_FIELDS.isdisjoint(fields)),
        ("elevenlabs", "elevenlabs_extra_body" in fields or not _ELEVENLABS_TOOLS.isdisjoint(tools)),
        ("homeassistant", home_assistant or not _HOME_ASSISTANT_TOOLS.isdisjoint(tools)),
        # A field that anybody may use; so it comes last.
        ("elevenlabs", "user_id" in fields),
    )
    return next((PROFILES[name] for name, shown in signs if shown), None)


def named_profile(name: str) -> Profile:
    """Return the profile called `name`, in any case.

    Raises BadRequest, with all names, if there is none.
    """
    profile = PROFILES.get(name.strip().casefold())
    if profile is None:
        raise BadRequest(f"unknown client {name!r}; there are {', '.join(sorted(PROFILES))}", param=CLIENT_HEADER)
    return profile


_VAPI_FIELDS = frozenset({"call", "phoneNumber", "phone_number"})

# Names that a program of one's own would hardly give a tool; `end_call` and `language_detection` it might.
_ELEVENLABS_TOOLS = frozenset({"skip_turn", "transfer_to_agent", "voicemail_detection", "play_keypad_touch_tone"})
_HOME_ASSISTANT_TOOLS = frozenset({"HassTurnOn", "HassTurnOff", "HassLightSet", "GetLiveContext"})


def _tool_names(tools: Json) -> Iterable[str]:
    if not isinstance(tools, list | tuple):
        return
    for tool in tools:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(name, str):
            yield name
