"""What a client hears when the answering model fails, is silent or breaks off, and there is another one."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from loro_core.chat import Delta, ToolCallDelta, Usage
from loro_core.decide.splice import SURE
from loro_core.errors import (
    UpstreamClosed,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from loro_core.plugin.registry import Registry, load_plugins
from loro_core.runtime.http_service import Service
from loro_core.testing import Script, open_upstream
from tests.app.serving import QUESTION, Heard, composed, send
from tests.runtime.cancelling import cancel_at_every_checkpoint
from tests.runtime.fakes import STOP, Continuing, Move, PlayingProvider, says

TEXT = "Light from the sun is scattered by the air, and blue light is scattered the most."
HALF, REST = TEXT[:21], TEXT[21:]
SAID, GOES_ON = says(HALF), says(REST)


class Talk:
    """A gateway with the answering models `a` and `b`, and its client."""

    def __init__(self, service: Service, a: PlayingProvider, b: PlayingProvider) -> None:
        self.service, self.a, self.b = service, a, b

    async def ask(self, **more: Any) -> Heard:
        body = json.dumps({**QUESTION, "stream": True, **more}).encode()
        return await send(self.service, "POST", "/v1/chat/completions", body=body)

    async def get(self, path: str) -> Any:
        return (await send(self.service, "GET", path)).json

    async def upstream(self, name: str) -> Any:
        return (await self.get("/metrics"))["upstreams"][name]


@asynccontextmanager
async def talk(
    a: PlayingProvider, b: PlayingProvider, c: PlayingProvider | None = None, *, policy: str = "direct", **environ: str
) -> AsyncIterator[Talk]:
    providers = {"a": a, "b": b, "c": c or PlayingProvider([STOP])}
    tables = {"LARGE": "a", "FALLBACK": "b", **({"FALLBACK2": "c"} if c else {})}
    settings = {"LORO_REPLY_POLICY": policy, "LORO_HEDGE_SHARE": "0"}
    for table, name in tables.items():
        settings |= {f"{table}_MODEL_PROVIDER": name, f"{table}_MODEL_NAME": name}
    plugins = Registry(providers=providers, policies=load_plugins(installed=[]).policies, plugins=(), broken=())
    async with composed({**settings, **environ}, plugins) as service:
        yield Talk(service, a, b)


def finished(heard: Heard) -> str:
    """Return what was said in a reply that ended well."""
    assert heard.status == 200 and heard.events[-1] == "[DONE]", heard.body
    reasons = [c["choices"][0]["finish_reason"] for c in heard.chunks if c["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"]
    assert not [c for c in heard.chunks if "error" in c]
    return heard.text


def broken(heard: Heard) -> dict[str, Any]:
    """Return the error of a reply that broke off."""
    assert "[DONE]" not in heard.events
    assert not [c for c in heard.chunks[:-1] if c["choices"][0]["finish_reason"]]
    return dict(heard.chunks[-1]["error"])


# --- before anything of the answer is written ------------------------------------------------------------------------

OWN_TROUBLE = {
    "unreachable": UpstreamUnreachable("nobody there"),
    "connect timeout": UpstreamTimeout("late", phase="connect"),
    "closed": UpstreamClosed("closed"),
    "protocol": UpstreamProtocolError("not JSON"),
    "401": UpstreamStatus("bad key", upstream_status=401),
    "404": UpstreamStatus("no such model", upstream_status=404),
    "429": UpstreamStatus("too many", upstream_status=429, retry_after_s=60.0),
    "503": UpstreamStatus("overloaded", upstream_status=503),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", OWN_TROUBLE)
async def test_what_is_one_models_trouble_is_another_ones_answer_at_once(name, stream, autojump_clock):
    whole = [Delta(content=TEXT, finish_reason="stop")]
    b = PlayingProvider([0.3, says(TEXT), STOP] if stream else [0.3, *whole])
    async with talk(PlayingProvider([0.1, OWN_TROUBLE[name]]), b) as client:
        start = trio.current_time()
        heard = await client.ask(stream=stream)
        assert trio.current_time() - start == pytest.approx(0.4, abs=0.02)
        said = finished(heard) if stream else heard.json["choices"][0]["message"]["content"]
        assert said == TEXT and len(client.a.calls) == 1
        assert (await client.upstream("fallback"))["taken_over"] == {"before": 1, "after": 0}


async def test_headers_then_nothing_is_answered_within_the_deadline_and_the_others_own_time(autojump_clock):
    async with talk(PlayingProvider([3600.0]), PlayingProvider([0.5, says(TEXT), STOP])) as client:
        heard = await client.ask()
        assert finished(heard) == TEXT
        assert heard.first_text_s == pytest.approx(6.5, abs=0.05)
        assert client.a.open_calls == 0


async def test_after_an_acknowledgement_too(autojump_clock):
    a = PlayingProvider([3600.0])
    async with talk(
        a,
        Continuing([0.5, says(" it scatters."), STOP]),
        policy="race",
        LORO_MODELS_LARGE_FIRST_TOKEN_TIMEOUT_S="1.5",
    ) as client:
        heard = await client.ask()
        words = heard.chunks[0]["choices"][0]["delta"]["content"]
        assert finished(heard) == f"{words.rstrip()} it scatters." and heard.first_text_s < 0.1
        # It is told what the user has heard, though the policy would not have told the first one.
        assert [call.prefill for call in client.b.calls] == [words.strip()]
        assert [call.prefill for call in client.a.calls] == [""]


async def test_what_the_seam_holds_of_the_first_is_not_said(autojump_clock):
    a = PlayingProvider([0.1, says("Good"), 0.01, UpstreamClosed("cut")])
    b = PlayingProvider([0.3, says("The sky scatters."), STOP])
    async with talk(a, b, policy="instant") as client:
        heard = await client.ask()
        words = heard.chunks[0]["choices"][0]["delta"]["content"]
        assert finished(heard).removeprefix(words).strip().lower() == "the sky scatters."


async def test_a_model_that_dies_while_it_thinks_has_not_answered(autojump_clock):
    a = PlayingProvider([Delta(fields={"reasoning_content": "hm"}), 1.0, UpstreamClosed("cut")])
    async with talk(a, PlayingProvider([says(TEXT), STOP])) as client:
        assert finished(await client.ask()) == TEXT


async def test_a_request_that_is_wrong_in_itself_is_not_taken_elsewhere(autojump_clock):
    wrong = UpstreamStatus("messages: too odd", upstream_status=400)
    async with talk(PlayingProvider([0.1, wrong]), PlayingProvider([says(TEXT), STOP])) as client:
        heard = await client.ask()
        assert heard.status == 400 and heard.json["error"]["message"] == "messages: too odd"
        assert not client.b.calls


async def test_the_last_one_left_is_tried_again(autojump_clock):
    b = PlayingProvider([UpstreamStatus("busy", upstream_status=503)], [says(TEXT), STOP])
    async with talk(PlayingProvider([UpstreamClosed("cut")]), b) as client:
        assert finished(await client.ask()) == TEXT and len(b.calls) == 2


async def test_with_both_dead_the_error_is_a_status(autojump_clock):
    dead = UpstreamStatus("overloaded", upstream_status=503)
    async with talk(
        PlayingProvider([UpstreamClosed("cut")]), PlayingProvider([dead]), MAX_RETRIES="0", LORO_REPLY_APOLOGY="Sorry."
    ) as client:
        heard = await client.ask()
        assert heard.status == 503 and heard.json["error"]["message"] == "overloaded"


@pytest.mark.parametrize("apology", ["", "Sorry, that broke off."])
async def test_with_both_dead_after_the_acknowledgement_nothing_is_said_but_the_apology(apology, autojump_clock):
    dead = PlayingProvider([0.1, UpstreamClosed("cut")])
    async with talk(dead, dead, policy="instant", MAX_RETRIES="0", LORO_REPLY_APOLOGY=apology) as client:
        heard = await client.ask()
        words = heard.chunks[0]["choices"][0]["delta"]["content"]
        assert broken(heard)["code"] == "upstream_closed"
        said = "".join(c["choices"][0]["delta"].get("content") or "" for c in heard.chunks[:-1])
        assert said == words + (f" {apology}" if apology else "")


async def test_a_third_one_is_asked_after_the_second(autojump_clock):
    a, b = (PlayingProvider([0.1, UpstreamClosed("cut")]) for _ in range(2))
    async with talk(a, b, PlayingProvider([says(TEXT), STOP])) as client:
        assert finished(await client.ask()) == TEXT
        assert (await client.upstream("fallback2"))["taken_over"]["before"] == 1


async def test_one_that_fails_again_and_again_is_asked_last_until_it_answers(autojump_clock):
    silent: list[Move] = [3600.0]
    a = PlayingProvider(silent, silent, silent, [says("Back."), STOP])
    async with talk(a, PlayingProvider([says(TEXT), STOP])) as client:
        waits = [(await client.ask()).first_text_s for _ in range(5)]
        assert [round(wait) for wait in waits] == [6, 6, 6, 0, 0] and len(a.calls) == 3
        assert (await client.upstream("large"))["set_aside"] == 1
        await trio.sleep(30)
        assert [finished(await client.ask()) for _ in range(2)] == ["Back.", "Back."]


async def test_one_that_fails_beside_another_counts_as_failed_too(autojump_clock):
    a = PlayingProvider([0.6, UpstreamClosed("cut")])
    async with talk(
        a, PlayingProvider([0.3, says(TEXT), STOP]), LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="1"
    ) as client:
        for _ in range(4):
            assert finished(await client.ask()) == TEXT
        assert len(a.calls) == 3
        large = await client.upstream("large")
        assert (large["wasted"], large["errors"]) == (0, {"closed": 3})


async def test_a_winner_of_which_nothing_is_written_is_the_one_that_failed(autojump_clock):
    """Its first word is held at the seam when it breaks."""
    a, b = PlayingProvider([60.0, STOP]), PlayingProvider([0.1, says("Good"), 0.01, UpstreamClosed("cut")])
    c = PlayingProvider([0.1, says("Air."), STOP])
    hedged = {"LORO_HEDGE_AFTER_S": "0.5", "LORO_HEDGE_SHARE": "1"}
    async with talk(a, b, c, policy="instant", **hedged) as client:
        for _ in range(3):
            assert finished(await client.ask()).endswith("ir.")
        assert (await client.upstream("fallback"))["set_aside"] == 1
        assert (await client.upstream("large"))["set_aside"] == 0


# --- in the middle -------------------------------------------------------------------------------------------------

BREAKS: dict[str, list[Any]] = {
    "closed": [UpstreamClosed("cut")],
    "silent": [3600.0],
    "an error in the stream": [UpstreamStatus("out of memory", upstream_status=None)],
    "not JSON": [UpstreamProtocolError("not JSON")],
}


@pytest.mark.parametrize("name", BREAKS)
async def test_another_one_goes_on_from_what_was_said(name, autojump_clock):
    a = PlayingProvider([0.1, SAID, *BREAKS[name]])
    async with talk(a, Continuing([0.2, GOES_ON, STOP])) as client:
        assert finished(await client.ask()) == TEXT
        assert [call.prefill for call in client.b.calls] == [HALF.rstrip()]
        assert (await client.upstream("fallback"))["taken_over"] == {"before": 0, "after": 1}
        assert client.a.open_calls == 0


async def test_wherever_it_breaks_no_word_is_lost_or_said_twice(autojump_clock):
    """Whether the other one repeats what it was handed or not; a character at a time."""
    cuts = [(at, echo) for at in range(1, len(TEXT), 3) for echo in (False, True) if at >= SURE or not echo]
    broken_off: list[list[Move]] = [[*map(says, TEXT[:at]), UpstreamClosed("cut")] for at, _ in cuts]
    a = PlayingProvider(*broken_off)
    handed = [TEXT[:at].rstrip() for at, _ in cuts]
    b = Continuing(
        *[
            [*([says(said)] if echo else []), *map(says, TEXT[len(said) :]), STOP]
            for said, (_, echo) in zip(handed, cuts, strict=True)
        ]
    )
    async with talk(a, b) as client:
        for at, echo in cuts:
            assert finished(await client.ask()) == TEXT, (at, echo)
    assert [call.prefill for call in b.calls] == handed


@pytest.mark.parametrize("policy", ["race", "instant"])
async def test_what_goes_on_is_handed_the_acknowledgement_too(policy, autojump_clock):
    a = Continuing([0.3, says(HALF), UpstreamClosed("cut")])
    async with talk(a, Continuing([0.2, GOES_ON, STOP]), policy=policy) as client:
        heard = await client.ask()
        words = heard.chunks[0]["choices"][0]["delta"]["content"]
        said = finished(heard)
        assert said.lower() == f"{words.strip()} {TEXT}".lower() and said.endswith(REST)
        assert [call.prefill for call in client.b.calls] == [said[: -len(REST)].rstrip()]


@pytest.mark.parametrize("style", ["prefix-field", "continue-final-message", "ollama"])
async def test_services_go_on_by_their_own_ways(style):
    async with open_upstream(Script(text=TEXT, cut_after=5)) as a, open_upstream(Script(text=TEXT)) as b:
        settings = {
            "LORO_REPLY_POLICY": "direct",
            "LARGE_MODEL_BASE_URL": a.openai_url,
            "LARGE_MODEL_API_KEY": "none",
            "FALLBACK_MODEL_BASE_URL": b.url if style == "ollama" else b.openai_url,
            "FALLBACK_MODEL_NAME": "b",
            "FALLBACK_MODEL_API_KEY": "none",
        }
        if style == "ollama":
            settings["FALLBACK_MODEL_PROVIDER"] = "ollama"
        else:
            settings["LORO_MODELS_FALLBACK_OPTIONS"] = json.dumps({"prefill": style})
        async with composed(settings, load_plugins()) as service:
            body = json.dumps({**QUESTION, "stream": True}).encode()
            assert finished(await send(service, "POST", "/v1/chat/completions", body=body)) == TEXT
        assert len(a.records) == len(b.records) == 1


async def test_a_second_one_that_breaks_is_gone_on_from_as_well(autojump_clock):
    a, b = (
        PlayingProvider([says(TEXT[:10]), UpstreamClosed("cut")]),
        Continuing([says(TEXT[10:30]), UpstreamClosed("x")]),
    )
    c = Continuing([says(TEXT[30:]), STOP])
    async with talk(a, b, c) as client:
        assert finished(await client.ask()) == TEXT
        assert [call.prefill for call in c.calls] == [TEXT[:30]]


async def test_the_first_that_can_go_on_does(autojump_clock):
    c = Continuing([GOES_ON, STOP])
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), PlayingProvider([STOP]), c) as client:
        assert finished(await client.ask()) == TEXT and not client.b.calls


REFUSAL = UpstreamStatus("This model does not support assistant message prefill.", upstream_status=400)
CANNOT: dict[str, list[Any]] = {
    "refuses": [REFUSAL],
    "is dead": [UpstreamClosed("dead")],
    "begins anew": [says("Light from the sun is"), says("n't blue."), STOP],
    "ends at once": [STOP],
    "thinks": [says("<think>"), says("\nWell"), STOP],
}


@pytest.mark.parametrize("name", CANNOT)
async def test_where_the_other_one_cannot_it_is_the_first_ones_error(name, autojump_clock):
    said = says("Light from the sun isn't only")
    a = PlayingProvider([said, UpstreamClosed("deployment 'large' closed")])
    async with talk(a, Continuing(CANNOT[name]), MAX_RETRIES="0") as client:
        heard = await client.ask()
        assert broken(heard)["message"] == "deployment 'large' closed"
        assert "".join(c["choices"][0]["delta"].get("content") or "" for c in heard.chunks[:-1]) == said.content


async def test_after_a_whole_sentence_there_may_be_no_more_to_say(autojump_clock):
    async with talk(PlayingProvider([says("Because."), UpstreamClosed("cut")]), Continuing([STOP])) as client:
        assert finished(await client.ask()) == "Because."


async def test_one_that_refused_is_not_asked_to_go_on_again(autojump_clock):
    a = PlayingProvider([SAID, UpstreamClosed("cut")])
    async with talk(a, Continuing([REFUSAL]), MAX_RETRIES="0") as client:
        broken(await client.ask())
        broken(await client.ask())
        assert len(client.b.calls) == 1


async def test_a_provider_that_does_not_continue_is_not_asked_in_the_middle(autojump_clock):
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), PlayingProvider([GOES_ON, STOP])) as client:
        assert broken(await client.ask())["code"] == "upstream_closed"
        assert not client.b.calls


CALLS = Delta(tool_calls=(ToolCallDelta(index=0, id="c", name="weather", arguments="{"),))
TOOLS = [{"type": "function", "function": {"name": "weather"}}]
UNFIT: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "a tool call has begun": ([SAID, CALLS], {"tools": TOOLS}),
    "several choices": ([SAID], {"n": 2}),
    "logprobs": ([SAID], {"logprobs": True}),
    "a format": ([SAID], {"response_format": {"type": "json_object"}}),
    "a content filter": ([SAID, UpstreamStatus("filtered", upstream_status=None, code="content_filter")], {}),
    "a refusal": ([Delta(fields={"refusal": "No"})], {}),
}


@pytest.mark.parametrize("name", UNFIT)
async def test_what_cannot_be_gone_on_with_is_an_error(name, autojump_clock):
    moves, more = UNFIT[name]
    async with talk(PlayingProvider([*moves, UpstreamClosed("cut")]), Continuing([GOES_ON, STOP])) as client:
        assert broken(await client.ask(**more))["code"] in ("upstream_closed", "content_filter")
        assert not client.b.calls


async def test_a_complete_answer_is_not_taken_over(autojump_clock):
    async with talk(PlayingProvider([SAID, STOP, UpstreamClosed("cut")]), Continuing([GOES_ON, STOP])) as client:
        assert finished(await client.ask()) == HALF and not client.b.calls


async def test_one_that_goes_on_may_call_a_tool(autojump_clock):
    call = Delta(tool_calls=(ToolCallDelta(index=0, id="c", name="weather", arguments="{}"),))
    b = Continuing([says(REST), call, Delta(finish_reason="tool_calls")])
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), b) as client:
        heard = await client.ask(tools=TOOLS)
        assert heard.text == TEXT and heard.events[-1] == "[DONE]"
        assert [c["choices"][0]["finish_reason"] for c in heard.chunks][-1] == "tool_calls"


@pytest.mark.parametrize(
    ("first", "second", "total"), [((10, 5), (15, 12), (25, 17)), (None, (15, 12), (15, 12)), ((10, 5), None, (10, 5))]
)
async def test_the_tokens_of_both_are_counted_and_none_made_up(first, second, total, autojump_clock):
    def usage(tokens: tuple[int, int] | None) -> list[Delta]:
        return [] if tokens is None else [Delta(usage=Usage(prompt_tokens=tokens[0], completion_tokens=tokens[1]))]

    a = PlayingProvider([SAID, *usage(first), UpstreamClosed("cut")])
    async with talk(a, Continuing([GOES_ON, STOP, *usage(second)])) as client:
        heard = await client.ask(stream_options={"include_usage": True})
        counted = next(c["usage"] for c in heard.chunks if c.get("usage"))
        assert (counted["prompt_tokens"], counted["completion_tokens"]) == total


# --- a second one beside a silent one ---------------------------------------------------------------------------------


async def test_a_quick_second_answers_for_a_slow_first(autojump_clock):
    a, b = PlayingProvider([5.0, says("Slow."), STOP]), PlayingProvider([0.2, says("Quick."), STOP])
    async with talk(a, b, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.05") as client:
        heard = await client.ask()
        assert finished(heard) == "Quick." and heard.first_text_s == pytest.approx(0.7, abs=0.02)
        assert client.a.open_calls == 0
        large, fallback = await client.upstream("large"), await client.upstream("fallback")
        assert (large["cancelled"], large["wasted"], fallback["hedges"], fallback["hedges_won"]) == (1, 1, 1, 1)


async def test_the_budget_holds(autojump_clock):
    a, b = PlayingProvider([1.0, says("Slow."), STOP]), PlayingProvider([0.1, says("Quick."), STOP])
    async with talk(a, b, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.1") as client:
        said = [finished(await client.ask()) for _ in range(40)]
        assert said[:3] == ["Quick.", "Quick.", "Slow."] and 5 <= said.count("Quick.") <= 6
        assert (await client.upstream("fallback"))["hedges"] == said.count("Quick.")


async def test_the_delay_is_learned(autojump_clock):
    usual: list[Move] = [0.3, says("Usual."), STOP]
    a = PlayingProvider(*[usual] * 12, [5.0, says("Slow."), STOP])
    b = PlayingProvider([0.1, says("Quick."), STOP])
    async with talk(a, b, LORO_HEDGE_SHARE="0.05") as client:
        said = [finished(await client.ask()) for _ in range(12)]
        assert said == ["Usual."] * 12 and not b.calls
        heard = await client.ask()
        assert finished(heard) == "Quick." and heard.first_text_s == pytest.approx(0.475, abs=0.02)


async def test_an_unmeasured_model_is_not_hedged_and_a_whole_reply_never(autojump_clock):
    a, b = PlayingProvider([3.0, Delta(content="Slow.", finish_reason="stop")]), PlayingProvider([says("Quick."), STOP])
    async with talk(a, b, LORO_HEDGE_SHARE="0.5") as client:
        assert finished(await client.ask()) == "Slow."
    async with talk(a, b, LORO_HEDGE_SHARE="0.5", LORO_HEDGE_AFTER_S="0.5") as client:
        heard = await client.ask(stream=False)
        assert heard.json["choices"][0]["message"]["content"] == "Slow."
    assert not b.calls


async def test_a_hedge_that_failed_is_asked_again_when_the_first_fails(autojump_clock):
    a = PlayingProvider([1.0, UpstreamClosed("cut")])
    b = PlayingProvider([UpstreamStatus("busy", upstream_status=503)], [says(TEXT), STOP])
    async with talk(a, b, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.05") as client:
        assert finished(await client.ask()) == TEXT and len(b.calls) == 2


async def test_a_winner_that_breaks_off_is_gone_on_from_by_a_third_only(autojump_clock):
    a, b = Continuing([60.0, STOP]), PlayingProvider([0.1, SAID, UpstreamClosed("cut")])
    c = Continuing([GOES_ON, STOP])
    async with talk(a, b, c, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.05") as client:
        assert finished(await client.ask()) == TEXT and len(a.calls) == 1


async def test_a_loser_may_still_go_on_from_a_first_that_breaks_off(autojump_clock):
    a = PlayingProvider([0.6, SAID, UpstreamClosed("cut")])
    b = Continuing([0.3, says("Other."), STOP], [GOES_ON, STOP])
    async with talk(a, b, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.05") as client:
        assert finished(await client.ask()) == TEXT and len(b.calls) == 2


async def test_a_second_one_is_told_the_words_that_were_said_meanwhile(autojump_clock):
    a, b = PlayingProvider([5.0, says("Slow."), STOP]), Continuing([0.2, says(" it scatters."), STOP])
    async with talk(a, b, policy="race", LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.05") as client:
        heard = await client.ask()
        words = heard.chunks[0]["choices"][0]["delta"]["content"]
        assert finished(heard) == f"{words.rstrip()} it scatters."
        assert [call.prefill for call in b.calls] == [words.strip()]


# --- how it is told --------------------------------------------------------------------------------------------------


async def test_prometheus_gets_the_same_numbers(autojump_clock):
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), Continuing([GOES_ON, STOP])) as client:
        await client.ask()
        text = (await send(client.service, "GET", "/metrics", headers={"accept": "text/plain"})).body.decode()
    assert 'loro_upstream_taken_over_total{deployment="fallback",when="after"} 1' in text
    assert 'loro_upstream_hedges_total{deployment="fallback"} 0' in text


class Checked(PlayingProvider):
    """One whose service may be down."""

    def __init__(self, error: UpstreamError | None) -> None:
        super().__init__([STOP])
        self._error = error

    async def check(self, deployment: Any, http: Any) -> None:
        await trio.lowlevel.checkpoint()
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(("a_up", "b_up", "ready"), [(1, 1, 1), (1, 0, 1), (0, 1, 1), (0, 0, 0)])
async def test_one_answering_model_is_enough_to_be_ready(a_up, b_up, ready, autojump_clock):
    a, b = (Checked(None if up else UpstreamUnreachable("down")) for up in (a_up, b_up))
    async with talk(a, b) as client:
        heard = await send(client.service, "GET", "/ready")
        assert heard.status == (200 if ready else 503)
        assert {role: found["ready"] for role, found in heard.json["upstreams"].items()} == {
            "large": bool(a_up),
            "fallback": bool(b_up),
        }
        assert set((await client.get("/"))["models"]) == {"large", "fallback"}


# --- cancellation --------------------------------------------------------------------------------------------------

SCENES: dict[str, tuple[list[Any], list[Any]]] = {
    "taken over before": ([0.1, UpstreamClosed("cut")], [0.1, says(TEXT), STOP]),
    "taken over after": ([0.1, SAID, UpstreamClosed("cut")], [0.1, GOES_ON, STOP]),
    "hedged, won": ([5.0, STOP], [0.1, says(TEXT), STOP]),
    "hedged, lost": ([0.6, says(TEXT), STOP], [0.3, says("No."), STOP]),
}


@pytest.mark.parametrize("policy", ["direct", "instant"])
@pytest.mark.parametrize("scene", SCENES)
async def test_cancelled_at_every_checkpoint_nothing_is_left(scene, policy, autojump_clock):
    a, b = (Continuing(moves) for moves in SCENES[scene])
    # A share of 1: each of these replies may be hedged.
    async with talk(a, b, policy=policy, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="1") as client:

        def make():
            async def run() -> None:
                finished(await client.ask())

            return run

        def nothing_is_left() -> None:
            assert a.open_calls == 0 and b.open_calls == 0
            assert client.service.counts.connections == 0 and client.service.counts.in_flight == 0

        steps = await cancel_at_every_checkpoint(make, nothing_is_left)
        assert steps > 10
        upstreams = (await client.get("/metrics"))["upstreams"]
        assert {upstream["in_flight"] for upstream in upstreams.values()} == {0}


async def test_the_ledger_of_a_reply_tells_who_answered(autojump_clock):
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), Continuing([GOES_ON, STOP])) as client:
        body = json.dumps({**QUESTION, "stream": True}).encode()
        headers = {"x-loro-ledger": "usage"}
        heard = await send(client.service, "POST", "/v1/chat/completions", headers=headers, body=body)
    assert heard.chunks[-1]["loro"]["answer"] == {"by": "fallback", "hedge": None, "taken_over": "after"}


# --- the log ---------------------------------------------------------------------------------------------------------


async def logged(caplog: pytest.LogCaptureFixture, client: Talk, times: int = 1) -> list[str]:
    caplog.clear()
    caplog.set_level(logging.INFO)
    for _ in range(times):
        finished(await client.ask())
    lines = [r.getMessage() for r in caplog.records if r.name == "loro.upstream"]
    return [line for line in lines if not line.startswith("upstream.failed")]


async def test_the_log_tells_who_was_asked_instead_and_who_is_asked_last(caplog, autojump_clock):
    async with talk(PlayingProvider([UpstreamClosed("cut")]), PlayingProvider([says(TEXT), STOP])) as client:
        before = "upstream.taken_over deployment=fallback failed=large when=before"
        aside = "upstream.set_aside deployment=large pause_s=30"
        assert await logged(caplog, client, 4) == [before, before, aside, before]
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), Continuing([GOES_ON, STOP])) as client:
        assert await logged(caplog, client) == ["upstream.taken_over deployment=fallback failed=large when=after"]


async def test_the_log_tells_who_could_not_go_on(caplog, autojump_clock):
    async with talk(PlayingProvider([SAID, UpstreamClosed("cut")]), PlayingProvider([STOP])) as client:
        broken(await client.ask())
    (line,) = [r.getMessage() for r in caplog.records if "not_taken_over" in r.getMessage()]
    assert line.startswith("upstream.not_taken_over deployment=fallback") and "options.prefill" in line


async def test_the_log_tells_of_a_hedge(caplog, autojump_clock):
    a, b = PlayingProvider([5.0, says("Slow."), STOP]), PlayingProvider([0.2, says("Quick."), STOP])
    async with talk(a, b, LORO_HEDGE_AFTER_S="0.5", LORO_HEDGE_SHARE="0.05") as client:
        assert await logged(caplog, client) == ["upstream.hedged deployment=fallback silent=large after_s=0.500"]
