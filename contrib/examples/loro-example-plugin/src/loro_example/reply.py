"""What the service replies: lines as deltas. Without I/O, so that every split and every defect is a plain test.

{"text": "Good "}                                        a piece of the reply
{"done": "stop", "heard_tokens": 3, "said_tokens": 2}    the end, with or without counts
{"error": "out of breath"}                               the end, in a bad way
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loro_core import Delta, Deployment, UpstreamClosed, UpstreamError, UpstreamProtocolError, Usage
from loro_core.wire.lines import WireFormatError
from loro_core.wire.ndjson import NdjsonDecoder
from loro_core.wire.refusal import read_error


class LineReader:
    """Makes deltas of a reply.

    complete: the service has said that this is all. failure: why the reply cannot go on; nothing may be decoded then.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.complete = False
        self.failure: UpstreamError | None = None
        self._deployment = deployment
        self._lines = NdjsonDecoder()

    def decode(self, data: bytes) -> list[Delta]:
        """Return the deltas that `data` completes, in order, up to the end or the failure."""
        deltas: list[Delta] = []
        try:
            for line in self._lines.decode(data):
                deltas.append(self._delta(line))
                if self.complete:
                    break
        except WireFormatError as error:
            self.failure = UpstreamProtocolError(f"its reply holds {error}", deployment=self._deployment.name)
        except UpstreamError as error:
            self.failure = error
        return deltas

    def cut(self) -> UpstreamClosed:
        """Return the error for a body that ends before the reply does: a truncated answer never looks finished."""
        return UpstreamClosed("its reply ended without a line that says so", deployment=self._deployment.name)

    def _delta(self, line: Any) -> Delta:
        error = read_error(self._deployment, line)
        if error is not None:
            raise error
        match line:
            case {"text": str(text)}:
                return Delta(content=text)
            case {"done": str(reason)}:
                self.complete = True
                return Delta(finish_reason=reason, usage=_usage(line))
        raise WireFormatError("a line that is neither text nor done nor error")


def whole(deltas: Sequence[Delta]) -> Delta:
    """Return a complete reply as one delta."""
    last = deltas[-1]
    return Delta(
        content="".join(delta.content or "" for delta in deltas),
        finish_reason=last.finish_reason,
        usage=last.usage,
    )


def _usage(line: Any) -> Usage | None:
    match line:
        case {"heard_tokens": int(heard), "said_tokens": int(said)}:
            return Usage(prompt_tokens=heard, completion_tokens=said)
    return None
