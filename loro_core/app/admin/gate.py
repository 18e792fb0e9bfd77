"""Who may come in: whoever sends the key. Without a key in the settings nobody may, and is told how to open it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from loro_core.errors import Forbidden, Unauthorized
from loro_core.fleet import Secret
from loro_core.wire.http1 import HttpRequest

KEY_HEADER = "x-loro-admin-key"

CLOSED = (
    "The admin API is closed: no key is set. Set [admin] key in loro.toml, or LORO_ADMIN_KEY, and start loro again."
)
NEEDED = f"The admin API needs its key: send Authorization: Bearer KEY, or {KEY_HEADER}: KEY."
WRONG = "This is not the key of the admin API: it is [admin] key of loro.toml, or LORO_ADMIN_KEY."


class KeyNeeded(Unauthorized):
    """No key, or a wrong one."""

    code = "invalid_admin_key"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"www-authenticate": 'Bearer realm="loro admin"'}


class Gate:
    """key: None closes it."""

    def __init__(self, key: Secret | None) -> None:
        self._digest = None if key is None else _digest(key.reveal())

    def admit(self, request: HttpRequest) -> None:
        """Return if `request` may come in. Raises Forbidden if nobody may, KeyNeeded if it has not the key.

        The time that it takes tells nothing of the key: digests are compared, and those as a whole.
        """
        if self._digest is None:
            raise Forbidden(CLOSED, code="admin_closed")
        given = _given(request)
        if not given:
            raise KeyNeeded(NEEDED)
        if not hmac.compare_digest(_digest(given), self._digest):
            raise KeyNeeded(WRONG)


def _given(request: HttpRequest) -> str:
    own = request.header(KEY_HEADER)
    if own is not None:
        return own.strip()
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
