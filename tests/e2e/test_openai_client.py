"""The official `openai` client, unchanged, against loro as a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import openai
import pytest
from openai import OpenAI

from loro_core.testing import Script, ScriptedToolCall, upstream_process
from tests.e2e.gateway import Gateway, gateway, models

QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]
WORDS = "Good question, let me see. So,"
ANSWER = "Because the air scatters blue light the most."
JOINED = f"{WORDS} because the air scatters blue light the most."  # one sentence: "So, because ..."
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}]
STATUSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}
LARGE = {
    "large": Script(text=ANSWER, first_token_s=0.2, tokens_per_s=200.0),
    "calling": Script(
        tool_calls=(ScriptedToolCall(name="look_up", arguments='{"what": "sky"}', id="call_7"),), first_token_s=0.2
    ),
    "breaking": Script(text=ANSWER, first_token_s=0.2, error_after=3, error_message="the model ran out of memory"),
    "cut": Script(text=ANSWER, first_token_s=0.2, cut_after=3),
    **{f"status-{n}": Script(status=n, error_message=f"scripted {n}", error_code=f"code_{n}") for n in STATUSES},
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with upstream_process({"small": Script(text=WORDS, first_token_s=0.05), **LARGE}) as running:
        yield running.openai_url


class Clients:
    """One gateway for each large model, started when it is asked for."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._open: list[AbstractContextManager[Gateway]] = []
        self._clients: dict[str, OpenAI] = {}

    def __getitem__(self, large: str) -> OpenAI:
        if large not in self._clients:
            context = gateway("--policy", "race", **models(self._upstream, large=large), MAX_RETRIES="0")
            self._open.append(context)
            running = context.__enter__()
            self._clients[large] = OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0)
        return self._clients[large]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        for context in self._open:
            context.__exit__(None, None, None)


@pytest.fixture(scope="module")
def clients(upstream) -> Iterator[Clients]:
    running = Clients(upstream)
    yield running
    running.close()


def test_streaming(clients):
    chunks = list(clients["large"].chat.completions.create(model="loro", messages=QUESTION, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == JOINED
    assert len({(c.id, c.created, c.model) for c in chunks}) == 1 and chunks[0].model == "loro"
    assert [c.choices[0].delta.role for c in chunks if c.choices[0].delta.role] == ["assistant"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(c.usage is None for c in chunks)


def test_not_streaming(clients):
    reply = clients["large"].chat.completions.create(model="loro", messages=QUESTION)
    assert reply.choices[0].message.content == ANSWER
    assert reply.choices[0].finish_reason == "stop" and reply.usage is not None and reply.model == "loro"


def test_the_stream_helper_puts_the_reply_together(clients):
    with clients["large"].chat.completions.stream(model="loro", messages=QUESTION) as stream:
        reply = stream.get_final_completion()
    assert reply.choices[0].message.content == JOINED


def test_usage_comes_when_it_is_asked_for_with_both_legs_told_apart(clients):
    chunks = list(
        clients["large"].chat.completions.create(
            model="loro", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    *others, last = chunks
    assert all(c.usage is None for c in others) and last.choices == [] and last.usage is not None
    legs = last.usage.model_dump()["loro"]
    both = [legs["acknowledgement"], legs["answer"]]
    assert last.usage.total_tokens == sum(leg["total_tokens"] for leg in both)
    assert all(leg["completion_tokens"] > 0 for leg in both)


def test_the_ledger_comes_in_the_last_chunk_when_a_header_asks(clients):
    headers = {"x-loro-ledger": "usage", "x-loro-client": "pipecat"}
    create = clients["large"].chat.completions.create
    *others, last = create(model="loro", messages=QUESTION, stream=True, extra_headers=headers)
    assert "".join(c.choices[0].delta.content or "" for c in others) == JOINED
    assert not any(c.model_extra for c in others) and last.choices == []
    ledger = last.model_extra["loro"]
    assert ledger["acknowledgement"]["outcome"] == "spoken" and ledger["acknowledgement"]["source"] == "model"
    assert 40 <= ledger["acknowledgement_ms"] < ledger["answer_first_token_ms"] <= ledger["total_ms"]
    assert ledger["first_speakable_ms"] == ledger["acknowledgement_ms"] and ledger["longest_hole_ms"] == 0
    assert ledger["tokens"]["answer"]["completion_tokens"] > 0
    whole = create(model="loro", messages=QUESTION, extra_headers=headers)
    assert whole.choices[0].message.content == ANSWER and whole.model_extra["loro"]["longest_hole_ms"] is None


def test_the_stream_helper_puts_a_reply_with_a_ledger_together(clients):
    headers = {"x-loro-ledger": "usage"}
    with clients["large"].chat.completions.stream(model="loro", messages=QUESTION, extra_headers=headers) as stream:
        reply = stream.get_final_completion()
    assert reply.choices[0].message.content == JOINED and reply.usage is not None


def test_tool_calls_stream(clients):
    with clients["calling"].chat.completions.stream(model="loro", messages=QUESTION, tools=TOOLS) as stream:
        reply = stream.get_final_completion()
    (call,) = reply.choices[0].message.tool_calls or []
    assert (call.id, call.function.name, call.function.arguments) == ("call_7", "look_up", '{"what": "sky"}')
    assert reply.choices[0].finish_reason == "tool_calls"


def test_tool_calls_whole(clients):
    reply = clients["calling"].chat.completions.create(model="loro", messages=QUESTION, tools=TOOLS)
    (call,) = reply.choices[0].message.tool_calls or []
    assert (call.id, call.function.name) == ("call_7", "look_up")
    assert reply.choices[0].message.content is None


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "number", [n if n in (401, 429, 500) else pytest.param(n, marks=pytest.mark.slow) for n in STATUSES]
)
def test_each_status_of_the_large_model_is_kept_with_its_words(clients, number, stream):
    with pytest.raises(STATUSES[number]) as caught:
        clients[f"status-{number}"].chat.completions.create(model="loro", messages=QUESTION, stream=stream)
    assert caught.value.status_code == number
    assert f"scripted {number}" in caught.value.message
    assert caught.value.code == f"code_{number}"
    assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("large", ["breaking", "cut"])
def test_an_answer_that_breaks_off_raises_and_is_never_finished(clients, large):
    chunks = []
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012
        for chunk in clients[large].chat.completions.create(model="loro", messages=QUESTION, stream=True):
            chunks.append(chunk)  # noqa: PERF402  # what came before the error is wanted
    assert "".join(c.choices[0].delta.content or "" for c in chunks).startswith(WORDS)
    assert not [c for c in chunks if c.choices[0].finish_reason]
    assert large == "cut" or "ran out of memory" in caught.value.message


def test_a_bad_request_names_the_field(clients):
    with pytest.raises(openai.BadRequestError) as caught:
        clients["large"].chat.completions.create(
            model="loro",
            messages=[*QUESTION, {"role": "assistant", "content": "Hm."}, {"role": "wizard", "content": "x"}],
        )
    assert caught.value.param == "messages[2].role" and "wizard" in caught.value.message


def test_models_are_listed(clients):
    assert "loro" in [m.id for m in clients["large"].models.list()]
    assert clients["large"].models.retrieve("loro").owned_by == "loro"


def test_leaving_in_the_middle_leaves_the_client_usable(clients):
    for _ in range(3):
        with clients["large"].chat.completions.create(model="loro", messages=QUESTION, stream=True) as stream:
            next(iter(stream))
    assert (
        clients["large"].chat.completions.create(model="loro", messages=QUESTION).choices[0].message.content == ANSWER
    )
