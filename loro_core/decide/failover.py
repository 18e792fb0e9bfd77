"""Whose failure it was, and whether another place may be asked at once.

what the call came to              speaks against the instance   another one may be asked
---------------------------------  ----------------------------  ------------------------------------------
no connection, or not in time      yes                           yes
closed, or not its protocol        yes                           before the first delta
status 408, 425, 429, 5xx          yes                           before the first delta
silent for too long                yes                           no: it has the work, which would be done twice
any other status                   no: it has answered           no: the next one would say the same
no seat in time, queue full        no: nobody was asked          no
"""

from __future__ import annotations

from loro_core.errors import UpstreamBusy, UpstreamError, UpstreamStatus, UpstreamTimeout

MOST_PLACES = 4
"""So many places are asked for one call, the first included: what breaks four servers would break the fifth."""

_TROUBLED = frozenset({408, 425, 429})
"""Statuses below 500 that say something of the server and nothing of the request."""


def blames_instance(error: UpstreamError) -> bool:
    """Return whether `error` is a reason to trust the instance less."""
    if isinstance(error, UpstreamBusy):
        return False
    if isinstance(error, UpstreamStatus) and error.upstream_status is not None:
        return error.upstream_status >= 500 or error.upstream_status in _TROUBLED
    return True


def may_move(error: UpstreamError, *, asked: int) -> bool:
    """Return whether the call may be made elsewhere at once. asked: how many places have failed it, from 1."""
    if asked >= MOST_PLACES or error.phase == "decode" or not blames_instance(error):
        return False
    return not isinstance(error, UpstreamTimeout) or error.phase == "connect"
