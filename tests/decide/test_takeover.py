"""Which failures another deployment may help with, and what may be gone on with."""

from __future__ import annotations

from typing import Any

import pytest

from loro_core.chat import ChatRequest, Delta, Message, ToolCallDelta, Usage
from loro_core.decide.takeover import Given, added, may_be_asked_elsewhere, may_be_gone_on_with
from loro_core.errors import (
    UpstreamClosed,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnreachable,
)


@pytest.mark.parametrize(
    "error",
    [
        UpstreamUnreachable("gone"),
        UpstreamTimeout("late", phase="connect"),
        UpstreamTimeout("silent", phase="prefill"),
        UpstreamTimeout("silent", phase="decode"),
        UpstreamClosed("cut"),
        UpstreamProtocolError("what?"),
        *[
            UpstreamStatus("no", upstream_status=status)
            for status in (401, 402, 403, 404, 405, 408, 409, 410, 413, 425, 429, 500, 501, 502, 503, 504, 529, None)
        ],
        UpstreamStatus("bad key", upstream_status=400, code="invalid_api_key"),
        UpstreamStatus("no such model", upstream_status=400, code="model_not_found"),
        UpstreamStatus("too long here", upstream_status=400, code="context_length_exceeded"),
    ],
    ids=str,
)
def test_a_deployments_own_trouble_is_no_reason_not_to_ask_another(error):
    assert may_be_asked_elsewhere(error)


@pytest.mark.parametrize(
    "error",
    [
        UpstreamStatus("messages: field required", upstream_status=400),
        UpstreamStatus("temperature is a string", upstream_status=422, code="validation_failed"),
        UpstreamStatus("filtered", upstream_status=400, code="content_filter"),
        UpstreamStatus("filtered", upstream_status=None, code="content_filter"),
        UpstreamStatus("policy", upstream_status=403, code="content_policy_violation"),
        UpstreamStatus("not here", upstream_status=451),
    ],
    ids=str,
)
def test_what_would_fail_there_too_and_a_filters_word_stand(error):
    assert not may_be_asked_elsewhere(error)


def request(*, stream: bool = True, n: int = 1, last: str = "user", **parameters: Any) -> ChatRequest:
    messages = (Message.of("user", "Why?"), Message.of(last, "Well"))  # type: ignore[arg-type]
    return ChatRequest(model="m", messages=messages, stream=stream, n=n, parameters=parameters)


TOOLS = [{"type": "function", "function": {"name": "weather"}}]


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(last="tool"),
        request(tools=TOOLS),
        request(tools=TOOLS, tool_choice="auto"),
        request(response_format={"type": "text"}),
        request(logprobs=False),
    ],
)
def test_a_text_may_be_gone_on_with(asked):
    assert may_be_gone_on_with(asked)


@pytest.mark.parametrize(
    "asked",
    [
        request(stream=False),
        request(n=2),
        request(last="assistant"),
        request(logprobs=True),
        request(response_format={"type": "json_object"}),
        request(tools=TOOLS, tool_choice="required"),
        request(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "weather"}}),
        request(prefix="Well,"),
    ],
)
def test_what_would_not_fit_is_not(asked):
    assert not may_be_gone_on_with(asked)


def test_what_was_given_is_text_or_more_than_that():
    given = Given()
    given.take([Delta(fields={"reasoning_content": "hm"}), Delta(content="Li"), Delta(content="ght")])
    assert (given.text, given.plain, given.ended) == ("Light", True, set())
    given.take([Delta(finish_reason="stop", usage=Usage(prompt_tokens=1, completion_tokens=2))])
    assert given.ended == {0} and given.usage == Usage(prompt_tokens=1, completion_tokens=2)


@pytest.mark.parametrize(
    "delta",
    [
        Delta(tool_calls=(ToolCallDelta(index=0, id="c", name="f"),)),
        Delta(fields={"refusal": "No."}),
        Delta(fields={"audio": {"data": "xx"}}),
        Delta(index=1, content="Other"),
    ],
)
def test_more_than_text(delta):
    given = Given()
    given.take([Delta(content="Light"), delta])
    assert not given.plain


def test_the_tokens_of_two_calls_are_counted_together():
    one = Usage(prompt_tokens=10, completion_tokens=5, details={"x": 1})
    other = Usage(prompt_tokens=15, completion_tokens=7, details={"y": 2})
    assert added(one, other) == Usage(prompt_tokens=25, completion_tokens=12, details={"y": 2})
