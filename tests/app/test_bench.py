"""bench against servers inside the run: what it measures is what they did, and its exit status says what came of it."""

from __future__ import annotations

import argparse
import io
import json
import signal

import pytest
import trio

from loro_core.app.bench import add_arguments, run, run_bench
from loro_core.app.bench.options import options_of
from loro_core.testing import Script, open_upstream
from tests.app.speaking_server import END, LORO_PAGES, SpeakingServer, chunk, open_server, speak_like_loro

TOLERANCE_S = 0.005
ONE = ("--scenario", "greeting", "--rounds", "1")


@pytest.fixture(autouse=True)
def nothing_of_the_environment(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Ran:
    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    @property
    def json(self):
        return json.loads(self.out)


def options_for(url, *words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_of(parser.parse_args(["--url", url, *words]), {})


async def bench(url, *words, err=None):
    out, err = io.StringIO(), err or io.StringIO()
    status = await run_bench(options_for(url, *words), out, err)
    return Ran(status, out.getvalue(), err.getvalue())


def about(value_s):
    return pytest.approx(value_s, abs=TOLERANCE_S)


# --- timings -----------------------------------------------------------------------------------------------------


async def test_timings_of_a_scripted_model_are_the_scripted_ones(autojump_clock):
    async with open_upstream(Script(first_token_s=0.6, gap_s=0.25, tokens=5)) as upstream:
        ran = await bench(upstream.url, *ONE, "--policies", "quick", "--json")
    assert ran.status == 0
    (found,) = ran.json["samples"]
    assert found["head_s"] == about(0.0)
    assert found["first_content_s"] == about(0.6)
    assert found["first_answer_s"] == about(0.6)
    assert found["longest_gap_s"] == about(0.25)
    assert found["total_s"] == about(0.6 + 4 * 0.25)
    assert found["contents"] == found["reads"] == 5
    assert found["finish_reason"] == "stop"
    assert not found["legs_told"]


async def test_a_voice_clients_speech_begins_later_than_the_text(autojump_clock):
    script = Script(text="Because the air scatters it. So it is.", first_token_s=0.6, gap_s=0.25)
    async with open_upstream(script) as upstream:
        ran = await bench(upstream.url, *ONE, "--policies", "quick", "--client", "pipecat", "--json")
        assert {record.headers["x-loro-client"] for record in upstream.records if record.body} == {"pipecat"}
    (found,) = ran.json["samples"]
    assert ran.json["options"]["client"] == "pipecat"
    assert found["first_content_s"] == about(0.6)
    assert found["first_content_s"] < found["first_speakable_s"] <= found["total_s"]


async def test_a_late_head_is_late(autojump_clock):
    async with open_upstream(Script(first_token_s=0.6, head="late")) as upstream:
        ran = await bench(upstream.openai_url, *ONE, "--policies", "quick", "--json")
    assert ran.json["samples"][0]["head_s"] == about(0.6)


async def test_quick_and_direct_of_a_server_that_tells_its_legs(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES, headers="x-loro-policy: adaptive\r\n")
    async with open_server(server):
        ran = await bench(server.url, "--scenario", "greeting", "--json")
    assert ran.status == 0
    quick, direct = ran.json["scenarios"]
    assert (quick["policy"], quick["replies"], quick["acknowledged"]) == ("quick", 3, 3)
    assert quick["first_content_s"]["median"] == about(0.1)
    assert quick["first_answer_s"]["median"] == about(1.0)
    assert quick["longest_gap_s"]["median"] == about(0.9)
    assert quick["total_s"]["median"] == about(1.5)
    assert (direct["policy"], direct["replies"], direct["acknowledged"]) == ("direct", 3, 0)
    assert direct["first_content_s"]["median"] == direct["first_answer_s"]["median"] == about(1.0)
    assert ran.json["comparisons"]["quick"]["first_content"]["later_s"] == about(-0.9)
    assert ran.json["comparisons"]["quick"]["total"]["is_noise"]
    assert ran.json["policies"]["quick"]["served"] == ["adaptive"]
    assert ran.json["policies"]["quick"]["verdict"] == "excellent"
    assert ran.json["legs_told"]


async def test_a_reply_held_back_until_its_end_is_not_early(autojump_clock):
    held = chunk("One ") + chunk("two ") + chunk("three") + END
    server = SpeakingServer(lambda request: [(2.0, held)])
    async with open_server(server):
        ran = await bench(server.url, *ONE, "--json")
        assert ran.json["samples"][0]["first_content_s"] == about(2.0)
        assert ran.json["policies"]["quick"]["held_back"]
        assert "came in one piece" in (await bench(server.url, *ONE)).out


async def test_the_body_that_stays_open_after_done_costs_nothing(autojump_clock):
    server = SpeakingServer(lambda request: [(0.5, chunk("x") + END), (30.0, b"")])
    async with open_server(server):
        ran = await bench(server.url, *ONE, "--policies", "quick", "--json")
    assert ran.json["samples"][0]["total_s"] == about(0.5)


# --- what is asked for -------------------------------------------------------------------------------------------


async def test_policies_take_turns_reply_by_reply(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        await bench(server.url, "--scenario", "greeting", "--rounds", "2", "--policies", "quick,direct,race")
    asked = [(request.is_direct, request.headers.get("x-loro-policy")) for request in server.chats]
    assert asked == [(False, None), (True, None), (False, "race")] * 2
    assert {request.headers["x-loro-trace"] for request in server.chats} == {"legs"}


async def test_requests_carry_the_options(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        words = ("--model", "mine", "--max-tokens", "9", "--api-key", "sk-secret", "--language", "zh")
        ran = await bench(server.url, *ONE, *words)
    (first, _) = server.chats
    assert first.path == "/v1/chat/completions"
    assert first.headers["authorization"] == "Bearer sk-secret"
    assert first.body == {
        "model": "mine",
        "messages": [{"role": "user", "content": "你好！"}],
        "stream": True,
        "max_tokens": 9,
    }
    assert "sk-secret" not in ran.out + ran.err


async def test_three_turns_carry_each_policys_own_replies(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        ran = await bench(server.url, "--scenario", "three-turns", "--rounds", "1", "--json")
    assert [scenario["scenario"] for scenario in ran.json["scenarios"][::2]] == [
        "three-turns 1 (en)",
        "three-turns 2 (en)",
        "three-turns 3 (en)",
    ]
    quick, direct = server.chats[4:]
    assert [message["role"] for message in quick.body["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert [m["content"] for m in quick.body["messages"][1::2]] == ["Let me see. It is blue."] * 2
    assert [m["content"] for m in direct.body["messages"][1::2]] == ["It is blue."] * 2


async def test_a_conversation_ends_with_its_first_failure(autojump_clock):
    def chat(request):
        return [(0.1, b"data: broken\n\n")] if request.is_direct else speak_like_loro(request)

    server = SpeakingServer(chat, LORO_PAGES)
    async with open_server(server):
        ran = await bench(server.url, "--scenario", "three-turns", "--rounds", "1", "--json")
    asked = [(sample["policy"], sample["turn"]) for sample in ran.json["samples"]]
    assert asked == [("quick", 1), ("direct", 1), ("quick", 2), ("quick", 3)]
    assert ran.status == 0


async def test_the_pause_lies_between_replies_only(autojump_clock):
    server = SpeakingServer(lambda request: [(1.0, chunk("x") + END)])
    async with open_server(server):
        began = trio.current_time()
        await bench(server.url, *ONE, "--pause", "7")
        assert trio.current_time() - began == pytest.approx(1 + 7 + 1, abs=0.1)


# --- what the server says of itself ------------------------------------------------------------------------------


async def test_table_of_a_loro(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        ran = await bench(server.url, *ONE)
    assert ran.status == 0
    assert "loro 1.0, policy adaptive; model loro (the first of 2 listed" in ran.out
    assert "DEMO" not in ran.out
    assert "greeting (en)  quick" in ran.out
    assert "the server's own numbers" in ran.out
    assert "quick   7 requests" in ran.out
    assert ran.err == "[1/2] greeting (en)\n"


async def test_the_demo_is_said_to_be_one(autojump_clock):
    info = {"mode": "demo", "policy": "adaptive", "version": "1.0", "demo": "no model is configured"}
    server = SpeakingServer(speak_like_loro, {**LORO_PAGES, "GET /": (200, info)})
    async with open_server(server):
        assert "DEMO" in (await bench(server.url, *ONE)).out
        assert (await bench(server.url, *ONE, "--json")).json["server"]["demo"]


async def test_a_server_with_none_of_the_pages_is_fine(autojump_clock):
    server = SpeakingServer(speak_like_loro)
    async with open_server(server):
        ran = await bench(server.url, *ONE)
    assert ran.status == 0
    assert "a server that does not say it is loro; model loro" in ran.out
    assert "own numbers" not in ran.out


async def test_metrics_are_reset_only_when_asked(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        await bench(server.url, *ONE)
        assert "/metrics/reset" not in [request.path for request in server.requests]
        await bench(server.url, *ONE, "--reset")
        resets = [request.path for request in server.requests if request.method == "POST"]
        assert resets[2] == "/metrics/reset"


async def test_a_server_that_cannot_reset_is_measured_all_the_same(autojump_clock):
    server = SpeakingServer(speak_like_loro)
    async with open_server(server):
        ran = await bench(server.url, *ONE, "--reset")
    assert ran.status == 0
    assert "did not take POST /metrics/reset" in ran.err


# --- troubles ----------------------------------------------------------------------------------------------------


async def test_no_server_is_status_1_and_says_what_to_check():
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    ran = await bench(f"http://127.0.0.1:{port}", *ONE, "--json")
    assert ran.status == 1
    assert ran.out == ""
    assert f"bench: cannot reach 127.0.0.1:{port}: nothing listens there" in ran.err
    assert "--url" in ran.err


async def test_a_server_that_speaks_no_http_is_status_1(autojump_clock):
    async def garble(stream):
        await stream.receive_some()
        await stream.send_all(b"SSH-2.0-x\r\n\r\n")
        await stream.aclose()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, garble, listeners)
        ran = await bench(f"http://127.0.0.1:{port}", *ONE)
        nursery.cancel_scope.cancel()
    assert ran.status == 1
    assert "does not answer in HTTP/1.1" in ran.err


async def test_errors_of_one_policy_are_counted_and_shown(autojump_clock):
    scripts = {"m": Script(status=503, error_message="the model sleeps", times=1)}
    async with open_upstream(scripts) as upstream:
        ran = await bench(upstream.url, *ONE, "--model", "m")
    assert ran.status == 0
    assert "1 of 2 replies failed (quick 1)" in ran.out
    assert "1 x 503: the model sleeps" in ran.out
    assert "direct: first content" in ran.out
    assert "quick against direct" not in ran.out


async def test_only_errors_is_status_1(autojump_clock):
    async with open_upstream(Script(status=401, error_message="no such key: sk-secret")) as upstream:
        ran = await bench(upstream.url, *ONE, "--api-key", "sk-secret")
    assert ran.status == 1
    assert "2 x 401: no such key: [key]" in ran.out
    assert "milliseconds" not in ran.out


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script(cut_after=2), "closed the connection before its answer was complete"),
        (Script(end_after=2), "cut off"),
        (Script(error_after=2, error_message="out of memory"), "error in the stream: out of memory"),
        (Script(hang="after_head"), "not complete after 3 s (--timeout)"),
        (Script(hang="before_head"), "not complete after 3 s (--timeout)"),
        (Script(hang_after=2), "not complete after 3 s (--timeout)"),
        (Script(text=""), "no text (finish_reason stop)"),
        (Script(malformed_after=1), "not as it should be"),
    ],
)
async def test_a_broken_reply_is_an_error_with_its_reason(autojump_clock, script, why):
    async with open_upstream(script) as upstream:
        ran = await bench(upstream.url, *ONE, "--policies", "quick", "--timeout", "3", "--json")
    assert ran.status == 1
    (error,) = ran.json["errors"]
    assert why in error["message"]


async def test_what_does_not_stream_is_no_reply(autojump_clock):
    whole = (200, {"choices": [{"message": {"content": "whole"}}]})
    async with open_server(SpeakingServer(speak_like_loro, {"POST /v1/chat/completions": whole})) as server:
        ran = await bench(server.url, *ONE, "--json")
    assert ran.status == 1
    assert "application/json where a stream was asked for" in ran.json["errors"][0]["message"]


async def test_a_refusal_without_words_is_the_servers(autojump_clock):
    async with open_server(SpeakingServer(speak_like_loro, {"POST /v1/chat/completions": (502, "")})) as server:
        ran = await bench(server.url, *ONE)
    assert ran.status == 1
    assert "2 x 502: the server answered 502" in ran.out
    assert "deployment" not in ran.out


async def test_it_gives_up_when_nothing_comes(autojump_clock):
    async with open_upstream(Script(hang="before_head")) as upstream:
        ran = await bench(upstream.url, "--timeout", "1")
    assert ran.status == 1
    assert "Given up: the first 6 replies all failed." in ran.out
    assert len(upstream.records) == 6


async def test_an_interrupt_prints_what_has_been_measured(autojump_clock):
    async with open_upstream(Script(first_token_s=1.0)) as upstream, trio.open_nursery() as nursery:

        async def interrupt():
            await upstream.wait_until(lambda records: len(records) == 4)
            signal.raise_signal(signal.SIGINT)

        nursery.start_soon(interrupt)
        ran = await bench(upstream.url)
        assert upstream.records[3].end != "finished"
    assert ran.status == 130
    assert "Interrupted after 3 of 42 replies." in ran.out
    assert "greeting (en)  quick   2" in ran.out


async def test_an_interrupt_before_the_first_reply_prints_nothing(autojump_clock):
    async with open_upstream(Script(first_token_s=1.0)) as upstream, trio.open_nursery() as nursery:

        async def interrupt():
            await upstream.wait_until(lambda records: records)
            signal.raise_signal(signal.SIGINT)

        nursery.start_soon(interrupt)
        ran = await bench(upstream.url, "--json")
    assert ran.status == 130
    assert ran.out == ""


async def test_a_reader_of_the_output_that_went_away_is_a_broken_pipe(autojump_clock):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        with pytest.raises(BrokenPipeError):
            await run_bench(options_for(server.url), Gone(), io.StringIO())


async def test_progress_on_a_terminal_is_one_line_rewritten(autojump_clock):
    server = SpeakingServer(speak_like_loro, LORO_PAGES)
    async with open_server(server):
        ran = await bench(server.url, *ONE, err=Terminal())
    assert ran.err == "\r\x1b[K[1/2] greeting (en), round 1, quick\r\x1b[K[2/2] greeting (en), round 1, direct\r\x1b[K"


def test_run_is_what_the_command_line_calls(capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    # Port 9 of this machine: nothing of a test's listens below 1024.
    assert run(parser.parse_args(["--url", "http://127.0.0.1:9"])) == 1
    assert "cannot reach 127.0.0.1:9" in capsys.readouterr().err
