"""Where an acknowledgement would break what the client asked for.

This holds whatever a policy says: words that nobody's contract foresees would end up inside a JSON document, in a
judged answer, in front of a tool's result or of the mark that a client's parser waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from loro_core.chat import ChatRequest
from loro_core.decide.demands import exact_words, leading_marker
from loro_core.decide.reason import Reason
from loro_core.fleet import Plan


def forbids_acknowledgement(request: ChatRequest) -> Reason | None:
    """Return why this reply must be the answer alone, None if words may come before it."""
    broken = _fixed_by_fields(request)
    if broken is not None:
        return broken
    if request.messages[-1].role in ("tool", "function"):
        return Reason.TOOL_RESULT
    return _fixed_by_words(request)


def forbids_announcement(request: ChatRequest) -> Reason | None:
    """Return why nothing may be said before a tool call of this reply, None if something may be.

    A tool's result does not forbid it: what breaks is an acknowledgement in front of what is told of the result.
    """
    return _fixed_by_fields(request) or _fixed_by_words(request)


def _fixed_by_fields(request: ChatRequest) -> Reason | None:
    parameters = request.parameters
    tool_choice = parameters.get("tool_choice")
    if not request.stream:
        return Reason.NOT_STREAMING
    if request.disable_quick_response:
        return Reason.DISABLED
    if request.n > 1:
        return Reason.SEVERAL_CHOICES
    if parameters.get("logprobs"):
        return Reason.LOGPROBS
    if not _is_text(parameters.get("response_format")):
        return Reason.RESPONSE_FORMAT
    if tool_choice == "required" or isinstance(tool_choice, Mapping):
        return Reason.TOOL_CHOICE
    return None


def _fixed_by_words(request: ChatRequest) -> Reason | None:
    if request.messages[-1].role == "assistant":
        return Reason.CONTINUATION
    if leading_marker(request):
        return Reason.LEADING_MARKER
    if exact_words(request):
        return Reason.EXACT_WORDS
    return None


def hold_to_contract(plan: Plan, request: ChatRequest) -> Plan:
    """Return `plan`, without its acknowledgement where the request forbids one."""
    if plan.acknowledge is None:
        return plan
    reason = forbids_acknowledgement(request)
    return plan if reason is None else replace(plan, acknowledge=None, reason=reason.value)


def _is_text(response_format: object) -> bool:
    return response_format is None or (isinstance(response_format, Mapping) and response_format.get("type") == "text")
