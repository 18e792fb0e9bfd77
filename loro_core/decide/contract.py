"""Where an acknowledgement would break what the client asked for.

This holds whatever a policy says: words that nobody's contract foresees would end up inside a JSON document, in a
judged answer, in front of a tool's result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from loro_core.chat import ChatRequest
from loro_core.fleet import Plan


def forbids_acknowledgement(request: ChatRequest) -> str | None:
    """Return why this reply must be the answer alone, None if words may come before it."""
    parameters = request.parameters
    response_format = parameters.get("response_format")
    tool_choice = parameters.get("tool_choice")
    reasons = (
        (not request.stream, "not streaming"),
        (request.disable_quick_response, "disabled by the request"),
        (request.n > 1, "n > 1"),
        (bool(parameters.get("logprobs")), "logprobs"),
        (response_format is not None and not _is_text(response_format), "response_format"),
        (tool_choice == "required" or isinstance(tool_choice, Mapping), "tool_choice"),
        (request.messages[-1].role in ("tool", "function"), "tool result"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def hold_to_contract(plan: Plan, request: ChatRequest) -> Plan:
    """Return `plan`, without its acknowledgement where the request forbids one."""
    if plan.acknowledge is None:
        return plan
    reason = forbids_acknowledgement(request)
    return plan if reason is None else replace(plan, acknowledge=None, reason=reason)


def _is_text(response_format: object) -> bool:
    return isinstance(response_format, Mapping) and response_format.get("type") == "text"
