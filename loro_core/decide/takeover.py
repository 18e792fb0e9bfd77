"""Whether another deployment is asked in the place of one that failed, and whether it can go on where that one stopped.

Nothing of the answer is written yet (acknowledgement or not): the next one is asked, from the beginning.

    the failure                                                   the next one
    ------------------------------------------------------------  ----------------------------------------------------
    no connection, none in time                                   is asked
    silent past its first-token deadline, no reply in time        is asked
    closed, or not its protocol                                   is asked
    429, 5xx, 408, 409, 425: too much, too often, broken          is asked: its load is its own
    401, 402, 403, 404, 405, 410, 413: key, bill, name, size      is asked: each has its own key, models and limits
    400, 422 with a code that says one of these                   is asked
    400, 422: the request cannot be understood                    is not: it would fail there, too
    a content filter's refusal, 451                               is not: it is an answer, and nobody is asked around it
    an error object inside the stream                             is asked, but for a content filter's

Some of the answer is written: the next one goes on from it, if it can.

    what was written                                              the next one
    ------------------------------------------------------------  ----------------------------------------------------
    text, and the next one can be handed words to go on from      goes on (`splice`)
    text, and it cannot                                           is not asked: the error is told
    a tool call's beginning, a refusal, sound                     is not asked: half of it cannot be gone on from
    every choice's finish reason                                  is not needed: the reply was complete
    anything of several choices, with logprobs, of a format, with  is not asked: the parts would not fit
    a forced tool, or of a reply that the client began itself

What the failed call spent is counted if it said so; most do not, and nothing is made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loro_core.chat import ChatRequest, Delta, Usage
from loro_core.decide.telling import OWN_PREFILL
from loro_core.errors import UpstreamError, UpstreamStatus

UNREADABLE = frozenset({400, 422})
"""How services refuse a request that they do not understand or do not want; 422 is FastAPI's."""

OWN_CODES = frozenset(
    {
        "context_length_exceeded",
        "invalid_api_key",
        "insufficient_quota",
        "model_not_found",
        "model_not_available",
        "rate_limit_exceeded",
    }
)
"""What is one deployment's own trouble whatever the status: Google's OpenAI face tells of a wrong key by 400."""

FILTER_CODES = frozenset({"content_filter", "content_policy_violation"})

_BY_LAW = 451


def may_be_asked_elsewhere(error: UpstreamError) -> bool:
    """Return whether another deployment may answer what failed with `error`, nothing of the answer being written."""
    if not isinstance(error, UpstreamStatus):
        return True
    if error.code in FILTER_CODES or error.upstream_status == _BY_LAW:
        return False
    return error.upstream_status not in UNREADABLE or error.code in OWN_CODES


def may_be_gone_on_with(request: ChatRequest) -> bool:
    """Return whether a reply to `request` that breaks off in its text may be gone on with by another model."""
    parameters = request.parameters
    tool_choice = parameters.get("tool_choice")
    response_format = parameters.get("response_format")
    is_text = response_format is None or (
        isinstance(response_format, Mapping) and response_format.get("type") == "text"
    )
    return (
        request.stream
        and request.n == 1
        and request.messages[-1].role != "assistant"
        and not parameters.get("logprobs")
        and is_text
        and tool_choice != "required"
        and not isinstance(tool_choice, Mapping)
        and not any(name in parameters for name in OWN_PREFILL)
    )


class Given:
    """What one answer has given so far: its text as the upstream wrote it, and whether it was nothing but text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.plain = True
        self.ended: set[int] = set()
        self.usage: Usage | None = None

    def __repr__(self) -> str:
        return f"<Given {sum(map(len, self._pieces))} characters, {'plain' if self.plain else 'not plain'}>"

    @property
    def text(self) -> str:
        """What choice 0 said."""
        return "".join(self._pieces)

    def take(self, deltas: Sequence[Delta]) -> None:
        """Take in what the answer added."""
        for delta in deltas:
            if delta.content:
                self._pieces.append(delta.content)
            if delta.finish_reason is not None:
                self.ended.add(delta.index)
            if delta.usage is not None:
                self.usage = delta.usage
            if delta.index or delta.tool_calls or delta.fields.get("refusal") or delta.fields.get("audio"):
                self.plain = False


def added(one: Usage, other: Usage) -> Usage:
    """Return the tokens of two calls together; the details are those of `other`, the later one."""
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        details=other.details,
    )
