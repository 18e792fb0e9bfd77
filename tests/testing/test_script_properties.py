from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.testing import (
    Ask,
    Script,
    ScriptedToolCall,
    ScriptError,
    model_of,
    options_of,
    parse_model,
    parse_script,
    performance,
    tokenise,
)

texts = st.text(max_size=30)
seconds = st.floats(min_value=0, max_value=100, allow_nan=False)
counts = st.integers(min_value=0, max_value=12)

sayings = st.fixed_dictionaries(
    {},
    optional={
        "text": texts,
        "tokens": counts,
        "think": texts,
        "reasoning": texts,
        "first_token_s": seconds,
        "gap_s": seconds,
        "head": st.sampled_from(["early", "late"]),
        "role": st.sampled_from(["with_first_token", "with_head", "never"]),
        "finish": st.sampled_from(["alone", "empty_content", "with_content", "with_usage", "never"]),
        "usage": st.sampled_from(["asked", "always", "never"]),
        "done": st.booleans(),
        "keepalives": counts,
        "malformed_after": counts,
        "tool_calls": st.lists(
            st.builds(lambda name, arguments: {"name": name, "arguments": arguments}, texts, texts), max_size=2
        ),
        "times": counts,
        "prefill": st.sampled_from(["continue", "echo", "ignore", "greet", "silent"]),
    },
)
faults = st.one_of(
    st.just({}),
    st.builds(
        lambda key, k: {key: k},
        st.sampled_from(["cut_after", "reset_after", "end_after", "error_after", "hang_after", "stall_after"]),
        counts,
    ),
    st.sampled_from([{"hang": "before_head"}, {"hang": "after_head"}, {"unreachable": True}, {"status": 429}]),
)
scripts = st.builds(lambda says, fault: parse_script({**says, **fault}), sayings, faults)
asks = st.builds(
    Ask,
    include_usage=st.booleans(),
    n=st.integers(1, 3),
    max_tokens=st.none() | st.integers(1, 8),
    stop=st.lists(st.text(min_size=1, max_size=3), max_size=2).map(tuple),
    after_tool=st.booleans(),
    prefill=st.just("") | texts,
)


@given(st.text())
def test_tokens_joined_are_the_text(text):
    assert "".join(tokenise(text)) == text
    assert "" not in tokenise(text)


@given(scripts)
def test_options_make_the_same_script_again(script):
    assert parse_script(options_of(script)) == script


@given(st.text(alphabet="abc*:-./", max_size=8), scripts)
def test_a_model_name_makes_the_same_script_again(name, script):
    base, options = parse_model(model_of(name, script))
    assert (base, parse_script(options)) == (name, script)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(sorted(set(Script.__slots__) | {"ttft", "rate"})) | texts


@given(st.dictionaries(keys, json_values, max_size=6))
def test_any_options_are_a_script_or_name_their_problems(options):
    try:
        script = parse_script(options)
    except ScriptError as error:
        problems = error.problems
    else:
        assert parse_script(options_of(script)) == script
        return
    assert problems
    assert all(":" in problem for problem in problems)


@given(texts)
def test_any_model_name_is_read_or_refused(text):
    try:
        name, options = parse_model(text)
    except ScriptError:
        return
    assert text.startswith(name)
    assert isinstance(options, dict)


@given(scripts, asks)
def test_time_does_not_run_backwards_and_there_is_one_end(script, ask):
    steps = list(performance.perform(script, ask))
    times = [step.at_s for step in steps]
    assert times == sorted(times)
    ends = (performance.Done, performance.End, performance.Refuse, performance.Fail, performance.Break)
    assert [isinstance(step, (*ends, performance.Hang)) for step in steps] == [False] * (len(steps) - 1) + [True]


@given(scripts, asks)
def test_a_complete_reply_has_one_finish_reason_a_choice_and_one_usage_at_most(script, ask):
    steps = list(performance.perform(script, ask))
    deltas = [delta for step in steps if isinstance(step, performance.Say) for delta in step.deltas]
    finished = [delta.index for delta in deltas if delta.finish_reason]
    complete = isinstance(steps[-1], performance.Done) or getattr(steps[-1], "complete", False)
    assert sorted(finished) == (list(range(ask.n)) if complete and script.finish != "never" else [])
    assert sum(delta.usage is not None for delta in deltas) <= 1


@given(scripts, asks)
def test_folding_loses_nothing(script, ask):
    """What does not stream says what the stream says."""
    steps = list(performance.perform(script, ask))
    if not isinstance(steps[-1], performance.Done) or script.malformed_after is not None:
        return
    folded = performance.whole(script, ask)
    for index in range(ask.n):
        mine = [d for s in steps if isinstance(s, performance.Say) for d in s.deltas if d.index == index]
        reply = folded.replies[index]
        assert (reply.content or "") == "".join(d.content or "" for d in mine)
        assert "".join(c.arguments for c in reply.tool_calls) == "".join(
            c.arguments for d in mine for c in d.tool_calls
        )
        assert reply.finish_reason == next((d.finish_reason for d in mine if d.finish_reason), None)


@given(st.lists(st.builds(ScriptedToolCall, name=texts, arguments=texts), max_size=3).map(tuple))
def test_each_tool_call_opens_once_with_id_and_name(calls):
    steps = performance.perform(Script(tool_calls=calls), Ask())
    pieces = [c for s in steps if isinstance(s, performance.Say) for d in s.deltas for c in d.tool_calls]
    assert [(p.index, p.name) for p in pieces if p.id] == [(i, call.name) for i, call in enumerate(calls)]
