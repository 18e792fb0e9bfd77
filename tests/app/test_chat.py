"""Chat completions through the composed gateway."""

from __future__ import annotations

import random

import pytest

from loro_core import Acknowledge, ChatRequest, Delta, Plan, Snapshot, UpstreamStatus, Usage
from loro_core.errors import UpstreamClosed, UpstreamTimeout, UpstreamUnreachable
from loro_core.fleet import Leg
from loro_core.wire.leg_trace import LegTraceDecoder
from tests.app.serving import serving
from tests.runtime.fakes import STOP, Move, PlayingProvider, says

WORDS = "Good question, let me see. So,"
ANSWER: list[Move] = [0.6, says("Because of"), 0.1, says(" the air."), STOP]
SPENT = Delta(usage=Usage(prompt_tokens=10, completion_tokens=5))


def small(*moves: Move) -> PlayingProvider:
    return PlayingProvider(list(moves) or [0.1, says(WORDS), STOP])


def large(*moves: Move) -> PlayingProvider:
    return PlayingProvider(list(moves) or ANSWER)


async def metrics_of(client):
    return (await client.get("/metrics")).json


async def test_a_raced_reply_has_the_small_models_words_first(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask()
    assert heard.text == f"{WORDS} because of the air."
    assert heard.first_text_s == pytest.approx(0.1) and heard.at_s[-1] == pytest.approx(0.7)
    assert heard.events[-1] == "[DONE]" and heard.headers["x-loro-policy"] == "race"


async def test_the_head_and_the_first_words_travel_together_and_say_the_role_once(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask()
    assert [c["choices"][0]["delta"].get("role") for c in heard.chunks if c["choices"]] == [
        "assistant",
        None,
        None,
        None,
    ]
    assert heard.chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": WORDS}


async def test_the_small_model_is_asked_with_its_own_prompt_and_the_large_one_unchanged(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        await client.ask(seed=7, guided_regex="a+")
        asked = client.large.calls[0].request
        assert asked.messages[0].fields == {"role": "user", "content": "Why is the sky blue?"}
        assert asked.parameters == {"temperature": 0.7, "seed": 7, "guided_regex": "a+"}
        words = client.small.calls[0].request
        assert words.messages[0].role == "system" and "seed" not in words.parameters


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([says("<think>hm</think>")], "think"),
        ([says("The sky is 100 km high.")], "digits"),
        ([STOP], "empty"),
        ([UpstreamStatus("overloaded", upstream_status=400)], "failed"),
        ([UpstreamUnreachable("refused")], "failed"),
        ([30.0, says(WORDS)], "late"),
        ([says("so " * 500)], "too_long"),
    ],
)
async def test_a_small_model_that_fails_or_talks_nonsense_is_replaced_by_a_phrase(said, reason, autojump_clock):
    async with serving(
        small(*said), large(20.0, says("Air."), STOP), LORO_REPLY_POLICY="race", MAX_RETRIES="0"
    ) as client:
        heard = await client.ask()
        acknowledgements = (await metrics_of(client))["acknowledgements"]
    assert heard.status == 200 and heard.text.endswith(" Air.") and len(heard.text) > 10
    assert heard.first_text_s <= 5.001
    assert acknowledgements["by_phrase"] == 1
    (rejected,) = acknowledgements["words_rejected"]
    assert reason in rejected


async def test_instant_says_a_phrase_at_once_and_tells_the_large_model(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="instant") as client:
        heard = await client.ask()
        phrase = heard.chunks[0]["choices"][0]["delta"]["content"]
        assert heard.first_text_s < 0.01 and client.small.calls == []
        assert phrase in client.large.calls[0].request.messages[0].text


async def test_a_phrase_is_not_repeated_within_the_history(autojump_clock):
    history = []
    said = []
    async with serving(None, large(0.6, says("Air."), STOP), LORO_REPLY_POLICY="instant") as client:
        for _ in range(6):
            history.append({"role": "user", "content": "Why is the sky blue?"})
            heard = await client.ask(messages=history)
            said.append(heard.chunks[0]["choices"][0]["delta"]["content"])
            history.append({"role": "assistant", "content": heard.text})
    sentences = [words.split(".")[0] for words in said]
    assert len(set(sentences)) == 6, said


async def test_chinese_gets_chinese_words_without_a_space_before_the_answer(autojump_clock):
    async with serving(None, large(0.6, says("因为空气。"), STOP), LORO_REPLY_POLICY="instant") as client:
        heard = await client.ask(messages=[{"role": "user", "content": "天空为什么是蓝色的？"}])
    assert heard.text.endswith("因为空气。") and heard.text != "因为空气。" and " " not in heard.text


async def test_a_language_without_phrases_is_answered_without_words(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask(messages=[{"role": "user", "content": "perché il cielo è blu?"}])
    assert heard.text == "Because of the air." and client.small.calls == []


async def test_the_small_model_is_not_asked_for_words_about_a_death(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask(messages=[{"role": "user", "content": "my father died last night"}])
    assert client.small.calls == []
    assert heard.text.endswith("Because of the air.") and heard.text != "Because of the air."


async def test_nothing_is_said_before_the_answer_in_an_emergency(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask(messages=[{"role": "user", "content": "call an ambulance, he's not breathing"}])
    assert heard.text == "Because of the air." and client.small.calls == []


async def test_home_assistant_gets_the_long_form_and_no_other_client_does(autojump_clock):
    said = {}
    for name in ("homeassistant", "pipecat"):
        async with serving(None, large(), LORO_REPLY_POLICY="instant") as client:
            heard = await client.ask(headers={"x-loro-client": name})
        said[name] = heard.text.removesuffix("because of the air.").strip()
    assert len(said["homeassistant"]) > 60 > len(said["pipecat"])


@pytest.mark.parametrize(
    "contract",
    [
        {"stream": False},
        {"n": 2},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
        {"disable_quick_response": True},
        {
            "messages": [
                {"role": "user", "content": "Why?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "content": "21 C", "tool_call_id": "c"},
            ]
        },
    ],
    ids=lambda c: next(iter(c)),
)
async def test_no_acknowledgement_where_it_would_break_the_contract(contract, autojump_clock):
    class Eager:
        name = "eager"

        def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
            return Plan(policy="eager", acknowledge=Acknowledge(words="HELLO", ask_model=False, deadline_s=0.0))

    async with serving(small(), large(), Eager(), LORO_REPLY_POLICY="eager") as client:
        heard = await client.ask(**contract)
        assert heard.status == 200 and b"HELLO" not in heard.body
        assert b"HELLO" in (await client.ask()).body


async def test_not_streaming_gives_one_completion_with_usage(autojump_clock):
    async with serving(small(), large(0.5, says("Air."), SPENT, STOP)) as client:
        heard = await client.ask(stream=False)
    assert heard.headers["content-type"] == "application/json"
    assert heard.json["object"] == "chat.completion"
    assert heard.json["choices"][0]["message"]["content"] == "Air."
    assert heard.json["usage"]["total_tokens"] == 15


async def test_usage_counts_the_acknowledgement_and_splits_it_out(autojump_clock):
    spent = Delta(usage=Usage(prompt_tokens=3, completion_tokens=2))
    async with serving(
        small(says(WORDS), spent, STOP), large(0.5, says("Air."), SPENT, STOP), LORO_REPLY_POLICY="race"
    ) as client:
        heard = await client.ask(stream_options={"include_usage": True})
    last = heard.chunks[-1]
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 20
    assert last["usage"]["loro"]["acknowledgement"]["total_tokens"] == 5


async def test_a_policy_is_chosen_by_header(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        assert (await client.ask(headers={"x-loro-policy": "direct"})).text == "Because of the air."
        refused = await client.ask(headers={"x-loro-policy": "fastest"})
    assert refused.status == 400 and refused.json["error"]["param"] == "x-loro-policy"
    assert "adaptive, direct, instant, race" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UpstreamStatus("no such key", upstream_status=401, code="invalid_api_key"), 401),
        (UpstreamStatus("no such model", upstream_status=404), 404),
        (UpstreamStatus("slow down", upstream_status=429, retry_after_s=7.0), 429),
        (UpstreamStatus("broken", upstream_status=500), 500),
        (UpstreamTimeout("late"), 504),
        (UpstreamUnreachable("refused"), 502),
        (UpstreamClosed("gone"), 502),
    ],
    ids=lambda v: str(v),
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_large_model_that_fails_before_anything_was_said_gives_its_own_status(
    error, status, stream, autojump_clock
):
    async with serving(small(5.0), large(error), LORO_REPLY_POLICY="race", MAX_RETRIES="0") as client:
        heard = await client.ask(stream=stream)
    assert heard.status == status
    assert set(heard.json["error"]) == {"message", "type", "param", "code"}
    assert heard.json["error"]["message"] == error.message
    assert heard.headers.get("retry-after") == ("7" if status == 429 else None)


async def test_a_failure_after_the_first_byte_is_one_error_event_and_no_end(autojump_clock):
    broken = large(0.5, says("Because"), UpstreamClosed("the model went away", phase="decode"))
    async with serving(small(), broken, LORO_REPLY_POLICY="race") as client:
        heard = await client.ask()
        numbers = await metrics_of(client)
    assert heard.status == 200 and heard.text == f"{WORDS} Because"
    last = heard.chunks[-1]
    assert list(last) == ["error"] and last["error"]["message"] == "the model went away"
    assert "[DONE]" not in heard.events and not [
        c for c in heard.chunks if c.get("choices") and c["choices"][0]["finish_reason"]
    ]
    assert numbers["quick_response_mode"]["errors"] == 1
    assert numbers["quick_response_mode"]["total_response_latency"]["max"] == 0.0


async def test_an_error_is_spoken_only_where_an_apology_is_configured(autojump_clock):
    broken = large(0.5, says("Because"), UpstreamClosed("gone", phase="decode"))
    async with serving(
        small(), broken, LORO_REPLY_POLICY="race", LORO_REPLY_APOLOGY="Sorry, I lost my thread."
    ) as client:
        heard = await client.ask()
    assert heard.text == f"{WORDS} Because Sorry, I lost my thread."
    assert "error" in heard.chunks[-1] and "[DONE]" not in heard.events


async def test_both_models_dead_is_an_error_and_no_speech_before_it_when_the_answer_fails_first(autojump_clock):
    dead = UpstreamUnreachable("refused")
    async with serving(small(3.0, dead), large(dead), LORO_REPLY_POLICY="race", MAX_RETRIES="0") as client:
        heard = await client.ask()
    assert heard.status == 502


async def test_metrics_tell_first_response_and_first_answer_token_apart(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        await client.ask()
        await client.ask(disable_quick_response=True)
        numbers = await metrics_of(client)
    quick, direct = numbers["quick_response_mode"], numbers["direct_mode"]
    assert quick["first_response_latency"]["avg"] == pytest.approx(0.1, abs=1e-3)
    assert quick["quick_response_latency"]["avg"] == pytest.approx(0.1, abs=1e-3)
    assert quick["answer_first_token_latency"]["avg"] == pytest.approx(0.6, abs=1e-3)
    assert quick["total_response_latency"]["avg"] == pytest.approx(0.7, abs=1e-3)
    assert direct["first_response_latency"]["avg"] == pytest.approx(0.6, abs=1e-3)
    assert numbers["comparison"]["avg_first_response_improvement"] == pytest.approx(0.5, abs=1e-3)
    assert numbers["acknowledgements"]["by_model"] == 1


async def test_a_dropped_acknowledgement_is_counted(autojump_clock):
    async with serving(small(), large(0.05, says("Air."), STOP), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask()
        numbers = await metrics_of(client)
    assert heard.text == "Air." and numbers["acknowledgements"]["dropped"] == 1
    assert numbers["upstreams"]["small"]["cancelled"] == 1 and numbers["upstreams"]["small"]["in_flight"] == 0


async def test_without_a_small_model_phrases_acknowledge(autojump_clock):
    async with serving(None, large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask()
    assert heard.text.endswith(" because of the air.") and heard.first_text_s < 0.01


async def test_a_policys_own_words_are_said(autojump_clock):
    class Brief:
        name = "brief"

        def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
            words = Acknowledge(words="Right.", ask_model=False, deadline_s=0.0, not_before_s=0.2)
            return Plan(policy="brief", acknowledge=words)

    async with serving(small(), large(), Brief(), LORO_REPLY_POLICY="brief") as client:
        heard = await client.ask()
    assert heard.text == "Right. Because of the air." and heard.first_text_s == pytest.approx(0.2)


async def test_a_policy_that_breaks_costs_the_acknowledgement_and_not_the_answer(autojump_clock, caplog):
    class Broken:
        name = "broken"

        def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
            raise ZeroDivisionError

    async with serving(small(), large(), Broken(), LORO_REPLY_POLICY="broken") as client:
        heard = await client.ask()
    assert heard.text == "Because of the air."
    assert "policy.failed policy=broken" in caplog.text


async def test_choices_of_n_are_all_served(autojump_clock):
    both = large(
        0.1, Delta(index=1, content="b"), Delta(index=0, content="a"), Delta(index=1, finish_reason="stop"), STOP
    )
    async with serving(small(), both) as client:
        heard = await client.ask(n=2)
        whole = await client.ask(n=2, stream=False)
    ended = [
        (c["choices"][0]["index"], c["choices"][0]["finish_reason"])
        for c in heard.chunks
        if c["choices"][0]["finish_reason"]
    ]
    assert ended == [(0, "stop"), (1, "stop")]
    assert [c["message"]["content"] for c in whole.json["choices"]] == ["a", "b"]


async def test_legs_are_told_in_comments_to_those_who_ask(autojump_clock):
    async with serving(small(), large(), LORO_REPLY_POLICY="race") as client:
        told = await client.ask(headers={"x-loro-trace": "legs"})
        plain = await client.ask()
    decoder = LegTraceDecoder()
    said = [(leg, event.data) for leg, event in decoder.decode(told.body)]
    assert [leg for leg, _ in said] == [Leg.ACK, *[Leg.ANSWER] * (len(said) - 1)]
    assert told.body.count(b": loro leg=") == 2
    assert b": loro leg=" not in plain.body


async def test_an_answer_alone_is_told_as_one(autojump_clock):
    async with serving(small(), large()) as client:
        told = await client.ask(headers={"x-loro-trace": "legs"}, disable_quick_response=True)
    assert told.body.startswith(b": loro leg=answer\n\ndata: ")
    assert told.body.count(b": loro leg=") == 1


async def test_a_reply_in_one_piece_has_no_comments(autojump_clock):
    async with serving(small(), large()) as client:
        heard = await client.ask(headers={"x-loro-trace": "legs"}, stream=False)
    assert heard.json["choices"][0]["message"]["content"] == "Because of the air."


async def test_a_second_greeting_is_not_heard(autojump_clock):
    greets = large(0.6, says("Hello"), 0.03, says("!"), 0.03, says(" What can I do for you?"), STOP)
    async with serving(None, greets, LORO_REPLY_POLICY="race") as client:
        heard = await client.ask(messages=[{"role": "user", "content": "Hello!"}])
    assert heard.text.endswith(" So, what can I do for you?") and "Hello! " not in heard.text.partition("So,")[2]
    assert len(heard.chunks[1]["choices"][0]["delta"]["content"]) == len(" What can I do for you?")


async def test_the_large_model_does_not_read_the_acknowledgements_of_earlier_turns(autojump_clock):
    history = [
        {"role": "user", "content": "Why is the sky blue?"},
        {"role": "assistant", "content": "Let me think about that one. So, the air scatters blue light."},
        {"role": "user", "content": "And why is it red at night?"},
    ]
    async with serving(None, large(), LORO_REPLY_POLICY="race") as client:
        heard = await client.ask(messages=history)
        asked = client.large.calls[0].request.messages
    assert [message.fields["content"] for message in asked[:3:2]] == [m["content"] for m in history[:3:2]]
    assert asked[1].fields == {"role": "assistant", "content": "The air scatters blue light."}
    assert not heard.text.startswith("Let me think about that one."), "the book still knows that it was said"
