"""loro: an acknowledgement at once, the answer of a large model behind it, merged into one stream.

This is the public face, for plugin authors. Beside it: `loro_core.testing` (conformance kits and a scripted upstream)
and `loro_core.wire.lines`, `.sse`, `.ndjson`, `.json_text` (decoders for upstream bytes) and `.refusal` (their errors).
"""

from __future__ import annotations

from loro_core._version import __version__
from loro_core.chat import (
    ROLES,
    ChatRequest,
    Delta,
    JoinedText,
    Json,
    LastDeltas,
    Message,
    Role,
    ToolCallDelta,
    Turn,
    TurnKind,
    Usage,
    text_delta,
)
from loro_core.errors import (
    LoroError,
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from loro_core.fleet import Acknowledge, Deployment, Expectation, Leg, Load, Plan, Secret, Snapshot
from loro_core.models import Candidate, Ticket
from loro_core.plugin.api import (
    Balancer,
    Call,
    Continues,
    Policy,
    Provider,
    ProviderSettings,
    Recogniser,
    Scorer,
    UpstreamHttp,
    UpstreamResponse,
)
from loro_core.plugin.hookspecs import hookimpl

__all__ = [
    "ROLES",
    "Acknowledge",
    "Balancer",
    "Call",
    "Candidate",
    "ChatRequest",
    "Continues",
    "Delta",
    "Deployment",
    "Expectation",
    "JoinedText",
    "Json",
    "LastDeltas",
    "Leg",
    "Load",
    "LoroError",
    "Message",
    "Plan",
    "Policy",
    "Provider",
    "ProviderSettings",
    "Recogniser",
    "Role",
    "Scorer",
    "Secret",
    "Snapshot",
    "Ticket",
    "ToolCallDelta",
    "Turn",
    "TurnKind",
    "UpstreamClosed",
    "UpstreamError",
    "UpstreamHttp",
    "UpstreamProtocolError",
    "UpstreamResponse",
    "UpstreamStatus",
    "UpstreamTimeout",
    "UpstreamUnreachable",
    "Usage",
    "__version__",
    "hookimpl",
    "text_delta",
]
