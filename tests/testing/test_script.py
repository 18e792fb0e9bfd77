from __future__ import annotations

from dataclasses import fields

import pytest

from loro_core.chat import Delta
from loro_core.testing import (
    Ask,
    Script,
    ScriptedToolCall,
    ScriptError,
    ask_of,
    model_of,
    options_of,
    parse_model,
    parse_script,
    performance,
    tokenise,
)
from loro_core.testing.script_options import RULES


def said(steps):
    return [step for step in steps if isinstance(step, performance.Say)]


def content(steps, index=0):
    deltas = [delta for step in said(steps) for delta in step.deltas]
    return "".join(delta.content or "" for delta in deltas if delta.index == index)


def endings(steps):
    return [delta.finish_reason for step in said(steps) for delta in step.deltas if delta.finish_reason]


def play(script, ask=None):
    return list(performance.perform(script, ask or Ask()))


# --- tokens --------------------------------------------------------------------------------------------------------


def test_words_keep_the_space_before_them():
    assert tokenise("Sure, let me  see.") == ("Sure,", " let", " me", "  see.")


def test_chinese_is_said_character_by_character():
    assert tokenise("好的，看API吧。") == ("好", "的", "，", "看", "API", "吧", "。")


def test_a_short_text_is_said_again_until_there_are_enough_tokens():
    assert Script(text="One two.", tokens=5).says() == ("One", " two.", " One", " two.", " One")
    assert Script(text="一二", tokens=3).says() == ("一", "二", "一")


@pytest.mark.parametrize(
    ("prefill", "text", "said"),
    [
        ("continue", "Well, it is late.", " it is late."),
        ("continue", "It is late.", "It is late."),
        ("continue", "Well,", ""),
        ("continue", "Wel", "Wel"),
        ("echo", "it is late.", "Well, it is late."),
        ("echo", "很晚了。", "Well,很晚了。"),
        ("ignore", "Well, it is late.", "Well, it is late."),
        ("greet", "it is late.", "Hello there! it is late."),
        ("silent", "it is late.", ""),
    ],
)
def test_what_is_made_of_a_reply_that_was_begun(prefill, text, said):
    script = Script(text=text, prefill=prefill)
    assert content(play(script, Ask(prefill="Well,"))) == said
    assert content(play(script)) == text


@pytest.mark.parametrize("prefill", ["continue", "echo"])
@pytest.mark.parametrize(
    ("begun", "left"),
    [
        ("Let me see. So, light from", " the sun."),
        ("Let me see. So, Light from the s", "un."),
        ("Light", " from the sun."),
        ("Let me see. So, flight", None),
        ("Moonlight from", None),
    ],
)
def test_a_reply_that_was_begun_by_others_and_by_itself_is_gone_on_with(prefill, begun, left):
    said = content(play(Script(text="Light from the sun.", prefill=prefill), Ask(prefill=begun)))
    echo = begun if prefill == "echo" else ""
    space = " " if echo and left is None else ""
    assert said == echo + space + ("Light from the sun." if left is None else left)


def test_a_script_without_spaces_is_gone_on_with_at_any_character():
    assert Script(text="很晚了。").says(prefill="我想想。很晚") == ("了", "。")


def test_a_begun_reply_is_cut_inside_of_a_piece():
    assert Script(pieces=("Wel", "l, it", " is")).says(prefill="Well,") == (" it", " is")


def test_a_begun_reply_may_be_refused():
    refuses = Script(text="a", prefill="refuse", error_message="not that way", fault_s=0.2)
    (step,) = play(refuses, Ask(prefill="Well,"))
    assert isinstance(step, performance.Refuse)
    assert (step.at_s, step.status, step.error["message"]) == (0.2, 400, "not that way")
    assert step.error["type"] == "invalid_request_error"
    assert content(play(refuses)) == "a"


USER = {"role": "user", "content": "Late?"}


@pytest.mark.parametrize(
    ("body", "prefill"),
    [
        ({"messages": [USER]}, ""),
        ({"messages": [USER], "prefix": "Well,"}, "Well,"),
        ({"messages": [USER, {"role": "assistant", "content": "Well,"}]}, "Well,"),
        ({"messages": [USER, {"role": "assistant", "content": "Well,", "prefix": True}]}, "Well,"),
        ({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [{}]}]}, ""),
        ({"messages": [{"role": "assistant", "content": "Well,"}, USER]}, ""),
        ({}, ""),
    ],
)
def test_how_a_reply_is_begun(body, prefill):
    assert ask_of(body).prefill == prefill


def test_no_tokens_is_an_empty_answer():
    assert Script(tokens=0).says() == ()
    assert endings(play(Script(text=""))) == ["stop"]


# --- options -------------------------------------------------------------------------------------------------------


def test_every_field_of_a_script_is_an_option():
    assert set(RULES) == {field.name for field in fields(Script)}


def test_all_problems_are_named_by_their_keys():
    with pytest.raises(ScriptError) as caught:
        parse_script({"first_token_s": -1, "tokens": "many", "tokenz": 3, "head": "soon", "bom": 1, "status": 200})
    keys = [problem.partition(":")[0] for problem in caught.value.problems]
    assert keys == ["first_token_s", "tokens", "tokenz", "head", "bom", "status"]
    assert "needs one of early, late" in caught.value.problems[3]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"cut_after": 3, "reset_after": 4}, "reset_after"),
        ({"status": 500, "unreachable": True}, "unreachable"),
        ({"gap_s": 0.1, "tokens_per_s": 5}, "gap_s"),
        ({"ttft": 1, "first_token_s": 2}, "first_token_s"),
        ({"text": "a", "pieces": ["a"]}, "text"),
        ({"stall_s": 3}, "stall_s"),
        ({"tokens_per_s": 0}, "tokens_per_s"),
        ({"tokens": True}, "tokens"),
        ({"first_token_s": float("nan")}, "first_token_s"),
        ({"tool_calls": [{"nam": "f"}]}, "tool_calls"),
        ({"tool_calls": [{"arguments": {}}]}, "tool_calls"),
        ({"pieces": ["a", 1]}, "pieces"),
    ],
)
def test_contradictions_and_wrong_values_are_refused(options, key):
    with pytest.raises(ScriptError) as caught:
        parse_script(options)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [key]


def test_a_fault_that_is_asked_for_takes_the_place_of_the_base_scripts():
    base = Script(status=503, tokens_per_s=5, text="Hello.")
    assert parse_script({"cut_after": 1, "gap_s": 1}, base) == Script(cut_after=1, gap_s=1.0, text="Hello.")
    assert parse_script({"tokens": 2}, base).status == 503


def test_the_query_behind_a_model_name():
    name, options = parse_model("scripted?ttft=0.6&tokens=20&rate=50&cut_after=5&text=Well%2C%20yes&bom=true")
    assert name == "scripted"
    assert parse_script(options) == Script(
        first_token_s=0.6, tokens=20, tokens_per_s=50.0, cut_after=5, text="Well, yes", bom=True
    )
    assert parse_model("plain:8b") == ("plain:8b", {})
    assert parse_model("m?") == ("m", {})


def test_a_text_that_looks_like_a_number_stays_a_text():
    assert parse_model("m?text=42")[1] == {"text": "42"}


@pytest.mark.parametrize("name", ["m?tokens", "m?tokens=1&&bom=true", "m?tokens=1&tokens=2"])
def test_a_query_that_cannot_be_read_is_refused(name):
    with pytest.raises(ScriptError):
        parse_model(name)


def test_a_script_as_a_model_name_and_back():
    script = Script(
        text="50% & more?", tool_calls=(ScriptedToolCall(name="f", arguments='{"a": 1}'),), hang="after_head", times=2
    )
    name, options = parse_model(model_of("m", script))
    assert (name, parse_script(options)) == ("m", script)
    assert options_of(Script()) == {}


# --- the timetable -------------------------------------------------------------------------------------------------


def test_tokens_come_at_their_times():
    steps = play(Script(text="a b c", first_token_s=0.5, tokens_per_s=4))
    assert [(step.at_s, step.deltas[0].content) for step in said(steps) if step.token] == [
        (0.5, "a"),
        (0.75, " b"),
        (1.0, " c"),
    ]
    assert steps[0] == performance.Head(at_s=0.0)
    assert steps[-1] == performance.Done(at_s=1.0)


def test_a_late_head_comes_with_the_first_token():
    assert play(Script(head="late", first_token_s=0.5))[0] == performance.Head(at_s=0.5)


def test_a_stall_delays_what_comes_after_it():
    steps = play(Script(text="a b c", gap_s=1.0, stall_after=1, stall_s=10.0))
    assert [step.at_s for step in said(steps) if step.token] == [0.0, 11.0, 12.0]


def test_max_tokens_ends_by_length():
    steps = play(Script(text="a b c"), Ask(max_tokens=2))
    assert (content(steps), endings(steps)) == ("a b", ["length"])


def test_a_stop_text_across_tokens_ends_the_text_before_it():
    steps = play(Script(text="one two three"), Ask(stop=("o thr", "zzz")))
    assert (content(steps), endings(steps)) == ("one tw", ["stop"])


def test_each_choice_says_it_all():
    steps = play(Script(text="a b"), Ask(n=2))
    assert (content(steps, 0), content(steps, 1), endings(steps)) == ("a b", "a b", ["stop", "stop"])


def test_usage_counts_what_was_said():
    steps = play(Script(text="a b", reasoning="hm so ok"), Ask(include_usage=True, prompt_tokens=7, n=2))
    usage = said(steps)[-1].deltas[0].usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (7, 10)
    assert usage.details == {"completion_tokens_details": {"reasoning_tokens": 3}}
    assert all(delta.usage is None for step in said(play(Script(text="a"))) for delta in step.deltas)


def test_reasoning_and_think_come_before_the_text():
    steps = play(Script(text="yes", reasoning="hm", think="well"))
    assert said(steps)[0].deltas == (Delta(fields={"reasoning_content": "hm"}),)
    assert content(steps) == "<think>\nwell\n</think>\n\nyes"


def test_tool_calls_are_made_once_and_the_tools_result_is_answered_in_words():
    script = Script(tool_calls=(ScriptedToolCall(name="f", arguments='{"a": 1}'), ScriptedToolCall(name="g")))
    steps = play(script)
    pieces = [call for step in said(steps) for call in step.deltas[0].tool_calls]
    assert [(p.index, p.id, p.name) for p in pieces if p.name] == [(0, "call_0", "f"), (1, "call_1", "g")]
    assert "".join(p.arguments for p in pieces if p.index == 0) == '{"a": 1}'
    assert (content(steps), endings(steps)) == ("", ["tool_calls"])
    after = play(script, Ask(after_tool=True))
    assert (content(after)[:4], endings(after)) == ("This", ["stop"])


@pytest.mark.parametrize(
    ("finish", "shape"),
    [
        ("alone", [(None, "stop", False), (None, None, True)]),
        ("empty_content", [("", "stop", False), (None, None, True)]),
        ("with_content", [(" b", "stop", False), (None, None, True)]),
        ("with_usage", [(" b", None, False), (None, "stop", True)]),
        ("never", [(" b", None, False), (None, None, True)]),
    ],
)
def test_ways_to_finish(finish, shape):
    steps = said(play(Script(text="a b", finish=finish), Ask(include_usage=True)))
    last = [step.deltas[0] for step in steps[-2:]]
    assert [(d.content, d.finish_reason, d.usage is not None) for d in last] == shape


@pytest.mark.parametrize(
    ("options", "last"),
    [
        ({"cut_after": 1}, performance.Break(at_s=2.0, how="cut")),
        ({"reset_after": 1}, performance.Break(at_s=2.0, how="reset")),
        ({"end_after": 1}, performance.End(at_s=2.0, complete=False)),
        ({"hang_after": 1}, performance.Hang(at_s=2.0)),
        ({"done": False}, performance.End(at_s=3.0, complete=True)),
        ({"done": False, "finish": "never"}, performance.End(at_s=3.0, complete=False)),
        ({"reset_before_head": True, "fault_s": 0.5}, performance.Break(at_s=0.5, how="reset")),
        ({"unreachable": True}, performance.Break(at_s=0.0, how="unreachable")),
        ({"hang": "before_head"}, performance.Hang(at_s=0.0)),
    ],
)
def test_faults_end_the_timetable(options, last):
    steps = play(parse_script({"text": "a b", "first_token_s": 2, "gap_s": 1, **options}))
    assert steps[-1] == last


def test_a_fault_beyond_the_last_token_strikes_before_the_finish_reason():
    steps = play(Script(text="a b", cut_after=99))
    assert (content(steps), endings(steps), steps[-1]) == ("a b", [], performance.Break(at_s=0.0, how="cut"))


def test_a_fault_after_the_last_token_leaves_no_finish_reason_on_it():
    steps = play(Script(text="a b", cut_after=2, finish="with_content"))
    assert (content(steps), endings(steps)) == ("a b", [])


def test_a_fault_after_no_token_strikes_when_the_first_was_due():
    steps = play(Script(error_after=0, first_token_s=2.0, status=None, error_message="full", error_code="busy"))
    assert said(steps) == []
    assert steps[-1] == performance.Fail(
        at_s=2.0, error={"message": "full", "type": "server_error", "param": None, "code": "busy"}
    )


def test_faults_strike_the_first_calls_only():
    script = Script(status=503, times=2)
    assert [script.on_call(number).status for number in range(4)] == [503, 503, None, None]
    assert Script(status=503).on_call(1000).status == 503


def test_a_reply_that_does_not_stream_is_the_stream_folded():
    script = Script(
        text="a b", reasoning="hm", tool_calls=(ScriptedToolCall(name="f", arguments='{"a": 1}'),), gap_s=1.0
    )
    folded = performance.whole(script, Ask(stream=False, prompt_tokens=3))
    reply = folded.replies[0]
    assert (reply.content, reply.finish_reason, reply.fields) == ("a b", "tool_calls", {"reasoning_content": "hm"})
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", '{"a": 1}')]
    assert reply.usage is not None
    assert folded.ending == performance.Done(at_s=float(folded.tokens - 1))


# --- what a request asks for ---------------------------------------------------------------------------------------


def test_a_request_is_read():
    ask = ask_of(
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hi there"}, {"type": "image_url"}]},
                {"role": "tool", "content": "sunny"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "n": 2,
            "max_completion_tokens": 9,
            "stop": "END",
        }
    )
    assert ask == Ask(
        stream=True, include_usage=True, n=2, max_tokens=9, stop=("END",), prompt_tokens=3, after_tool=True
    )


def test_nonsense_in_a_request_is_as_good_as_absent():
    assert ask_of({"messages": 3, "n": "x", "max_tokens": True, "stop": [1, "a", ""], "stream": 1}) == Ask(
        stream=False, stop=("a",)
    )
