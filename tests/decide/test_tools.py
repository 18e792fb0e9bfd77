"""Tool calls as clients expect them, whatever the upstream sends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import ToolCallDelta
from loro_core.decide.tools import ToolCalls


def run(*pieces: ToolCallDelta) -> list[ToolCallDelta]:
    calls = ToolCalls("r")
    return [*(out for piece in pieces for out in calls.receive((piece,))), *calls.end()]


def test_a_call_as_openai_sends_it_passes_unchanged():
    pieces = [
        ToolCallDelta(index=0, id="c", name="f", fields={"type": "function"}),
        ToolCallDelta(index=0, arguments='{"a"'),
        ToolCallDelta(index=0, arguments=":1}"),
    ]
    assert run(*pieces) == pieces


def test_calls_are_numbered_from_zero_in_the_order_they_begin():
    out = run(ToolCallDelta(index=3, id="a", name="f"), ToolCallDelta(index=1, id="b", name="g"))
    assert [(p.index, p.id) for p in out] == [(0, "a"), (1, "b")]


def test_an_id_that_comes_before_the_name_waits_for_it_with_the_arguments():
    out = run(
        ToolCallDelta(index=0, id="a"),
        ToolCallDelta(index=0, arguments="{"),
        ToolCallDelta(index=0, name="f", arguments="}"),
    )
    assert out == [ToolCallDelta(index=0, id="a", name="f", arguments="{}")]


def test_id_and_name_repeated_in_every_piece_go_out_once():
    piece = ToolCallDelta(index=0, id="a", name="f", arguments="x")
    assert run(piece, piece) == [piece, ToolCallDelta(index=0, arguments="x")]


def test_a_call_that_never_got_an_id_gets_one_at_the_end():
    assert run(ToolCallDelta(index=2, name="f", arguments="{}")) == [
        ToolCallDelta(index=0, id="r_0", name="f", arguments="{}")
    ]


pieces = st.builds(
    ToolCallDelta,
    index=st.integers(0, 3),
    id=st.sampled_from([None, "a"]),
    name=st.sampled_from([None, "f"]),
    arguments=st.text(alphabet="xy", max_size=2),
)


@given(st.lists(pieces, max_size=12))
def test_nothing_is_lost_and_each_call_begins_whole(sent):
    out = run(*sent)
    begun: dict[int, ToolCallDelta] = {}
    for piece in out:
        if piece.index not in begun:
            assert piece.index == len(begun) and piece.id is not None
            begun[piece.index] = piece
        else:
            assert piece.id is None and piece.name is None
    order = list(dict.fromkeys(p.index for p in sent))
    assert len(begun) == len(order)
    said = ["".join(p.arguments for p in out if p.index == i) for i in begun]
    assert sorted(said) == sorted("".join(p.arguments for p in sent if p.index == i) for i in order)
