"""The access line: one a request, whichever way it ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import trio

from loro_core.app import log
from loro_core.app.log import Field, Over
from loro_core.app.metrics import ReplyRecord
from loro_core.app.routes import Fields, Routes
from loro_core.chat import Usage
from loro_core.errors import LoroError
from loro_core.runtime.http_reply import Reply
from loro_core.wire.http1 import HttpRequest

GONE = 499
"""The status of a client that left before anything was sent; nginx's number for it."""

GATHERED_S = 0.02
"""So long lines are gathered: what is written together costs a third of what is written one by one."""

TOGETHER = 16
"""So many lines are written before the streams have their turn: half a millisecond's work."""


class Access:
    """Serves a request through `routes` and has its line written: at once, or soon while `keep_writing` runs."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._over: list[Over] = []
        self._wake: Callable[[], None] | None = None

    async def __call__(self, request: HttpRequest, reply: Reply) -> None:
        fields = Fields()
        status = GONE
        try:
            await self._routes(request, reply, fields)
        except LoroError as error:
            status = error.status
            fields.setdefault("error", error.code or error.type)
            raise
        except Exception:
            status = 500
            fields.setdefault("error", "internal_error")
            raise
        finally:
            if log.tells_access():
                self._tell(request, reply.status or status, fields)

    def _tell(self, request: HttpRequest, status: int, fields: Fields) -> None:
        told = {"client": request.client, "duration_s": trio.current_time() - request.received_at, **fields}
        self._over.append(
            Over(
                request_id=request.id,
                method=request.method,
                path=request.path,
                status=status,
                at=time.time(),
                fields=told,
                late=fields.late,
            )
        )
        if self._wake is None:
            self._write(len(self._over))
        elif len(self._over) == 1:
            self._wake()

    async def keep_writing(self) -> None:
        """Write the lines of what is over, many at once; what is left when this is cancelled, too."""
        try:
            while True:
                ended = trio.Event()
                self._wake = ended.set
                await ended.wait()
                await trio.sleep(GATHERED_S)
                while self._over:
                    self._write(TOGETHER)
                    await trio.lowlevel.checkpoint()
        finally:
            self._wake = None
            self._write(len(self._over))

    def _write(self, count: int) -> None:
        over, self._over = self._over[:count], self._over[count:]
        log.access(over)


def reply_fields(record: ReplyRecord) -> dict[str, Field]:
    """Return what the access line tells of a reply. winner: whose words were the first on the wire."""
    usage = record.usage.answer if record.usage is not None else None
    first = "announcement" if record.announced else None
    if record.acknowledged_s is not None:
        first = record.acknowledgement
    return {
        "model": record.model,
        "policy": record.policy,
        "reason": record.reason,
        "turn": record.turn.value,
        "adopted": record.adopted or None,
        "outcome": record.outcome,
        "winner": first or ("answer" if record.answer_first_token_s is not None else None),
        "voice_client": record.client,
        "ttft_s": record.first_response_s,
        "speakable_s": record.first_speakable_s,
        "answer_ttft_s": record.answer_first_token_s,
        "hole_s": record.longest_hole_s,
        "ack": record.ack_outcome.value,
        "seam": ",".join(f"{kind}:{count}" for kind, count in record.seam_edits.items()) or None,
        "wasted_tokens": record.wasted_tokens or None,
        "wasted_characters": record.wasted_characters or None,
        "told": record.told.value if record.told else None,
        "taken_up": record.taken_up.value if record.taken_up else None,
        "answered_by": record.answered_by,
        "hedge": record.hedge,
        "taken_over": record.taken_over,
        **_tokens(usage),
        "finish_reason": record.finish_reason,
        "progressed": record.progressed or None,
        "announced": record.announced,
        "words_rejected": record.words_rejected,
        "error": record.error,
    }


def _tokens(usage: Usage | None) -> dict[str, Field]:
    if usage is None:
        return {}
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
