"""An upstream's error, in whichever shape it comes, as the value that goes on to retries, log and caller.

For providers: `read_refusal` takes a response whose status is an error, `read_error` a JSON value from inside a reply.
The upstream's own words are kept. What is not JSON (a proxy's page, a line of text) is told in one line, and the
deployment's key is taken out should an upstream repeat it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from loro_core.errors import UpstreamStatus
from loro_core.fleet import Deployment
from loro_core.wire.json_text import decode_json
from loro_core.wire.lines import WireFormatError

MAX_REFUSAL_BYTES = 64 << 10
"""The most of an error body that is worth reading; OpenAI's are below 1 KiB, validation errors of FastAPI repeat the
request and can be long."""

MAX_MESSAGE_CHARS = 4000
"""The most of an upstream's message that is handed on: two screens of text."""

_MAX_LINE_CHARS = 200
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def read_refusal(deployment: Deployment, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamStatus:
    """Return the error that a response says: any status but 2xx.

    headers: by lower-case name. body: whole, or as much as was read of it.
    """
    try:
        value = decode_json(body)
    except WireFormatError:
        value = None
    said = _fields(value) or {"message": _summary(f"deployment '{deployment.name}'", status, headers, body)}
    return _status_error(deployment, said, status, retry_after_s(headers))


def read_error(deployment: Deployment, value: Any) -> UpstreamStatus | None:
    """Return the error that `value`, a JSON document of a reply, stands for; None if it is no error.

    An object is one if its "error" is truthy, or if its "object" is "error" (vLLM before 0.9).
    """
    if not isinstance(value, dict) or not (value.get("error") or value.get("object") == "error"):
        return None
    return _status_error(deployment, _fields(value) or {}, None, None)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the upstream asks to be left alone, in seconds >= 0; None if it does not say.

    retry-after-ms goes before retry-after, as in the official SDKs. A date counts from the response's own `date`.
    """
    for name, unit_s in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit_s
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        until, now = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        return max(0.0, (until - now).total_seconds())
    except (KeyError, ValueError, TypeError):  # TypeError: one date with a zone, one without
        return None


def _fields(value: Any) -> dict[str, Any] | None:
    """Return message, type, code and param of an error document, None if no message is found.

    Shapes: {"error": {...}} (OpenAI), [{"error": {...}}] (Gemini), {"error": "text"} (Ollama), {"message", "type"}
    (vLLM, Mistral), {"detail": "text" or [{"loc", "msg"}]} (FastAPI), {"errors": [...]} (Cloudflare).
    """
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {"message": value} if isinstance(value, str) and value else None
    for key in ("error", "errors"):
        inner = value.get(key)
        if inner and not isinstance(inner, (bool, int, float)):
            return _fields(inner) or {"message": f"an error without a message ({key})"}
    said = {key: value.get(key) for key in ("message", "type", "code", "param")}
    if said["message"] and isinstance(said["message"], str):
        return said
    if isinstance(value.get("error"), (bool, int, float)) or value.get("object") == "error":
        return said | {"message": "an error without a message"}
    detail = value.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(_validation(item) for item in detail[:5])
    return said | {"message": detail} if isinstance(detail, str) and detail else None


def _validation(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    where = item.get("loc")
    path = ".".join(map(str, where)) if isinstance(where, list) else ""
    return f"{path}: {item.get('msg', 'invalid')}".removeprefix(": ")


def _status_error(
    deployment: Deployment, said: Mapping[str, Any], status: int | None, wait_s: float | None
) -> UpstreamStatus:
    message = str(said.get("message") or "an error without a message")[:MAX_MESSAGE_CHARS]
    if deployment.api_key is not None and deployment.api_key.reveal():
        message = message.replace(deployment.api_key.reveal(), "[key]")
    code, error_type, param = said.get("code"), said.get("type"), said.get("param")
    return UpstreamStatus(
        message,
        upstream_status=status,
        deployment=deployment.name,
        error_type=error_type if isinstance(error_type, str) else None,
        code=str(code) if isinstance(code, (str, int)) and not isinstance(code, bool) else None,
        param=param if isinstance(param, str) else None,
        retry_after_s=wait_s,
    )


def _summary(who: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
    kind = headers.get("content-type", "").partition(";")[0].strip() or "no content type"
    if 300 <= status <= 399:
        return (
            f"{who} answered {status}: it is elsewhere ({headers.get('location', 'nowhere')}); put that into base_url"
        )
    text = body.strip()
    if not text:
        return f"{who} answered {status} with an empty body"
    if text.startswith(b"<"):
        title = _TITLE.search(text)
        return f"{who} answered {status} with a page" + (
            f" titled '{_line(title.group(1))}'" if title else f" ({kind})"
        )
    if kind.startswith("text/"):
        return f"{who} answered {status}: {_line(text)}"
    return f"{who} answered {status} with {len(body)} bytes of {kind}"


def _line(text: bytes) -> str:
    line = " ".join(text.decode("utf-8", "replace").split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line[:_MAX_LINE_CHARS])
