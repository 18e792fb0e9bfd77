"""An answer alone takes a way of its own, and its client cannot tell: the same bytes, however it came and ended.

The full way is the one with a leg beside the answer, which here says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.replies import StreamEncoding, gist_of
from loro_core.chat import Delta, JoinedText, LastDeltas, ToolCallDelta, Usage
from loro_core.decide.merge import Action, Merge
from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamStatus
from loro_core.fleet import Leg
from loro_core.runtime.attempt import run_leg
from loro_core.runtime.race import run_race
from loro_core.wire.openai_out import ReplyHead
from tests.runtime.fakes import Move, Notes, PlayingProvider, call

HEAD = ReplyHead(id="chatcmpl-1", created=1, model="m", include_usage=True)

texts = st.sampled_from(["a", " b", "é", "讓", "\n", '"', "\u2028"]).map(lambda text: Delta(content=text))
others = st.sampled_from(
    [
        Delta(content=""),
        Delta(fields={"reasoning_content": "hm"}),
        Delta(index=1, content="c"),
        Delta(tool_calls=(ToolCallDelta(index=0, id="c1", name="look", arguments="{}"),)),
    ]
)
endings = st.sampled_from(
    [
        [Delta(finish_reason="stop")],
        [Delta(content="!", finish_reason="length"), Delta(usage=Usage(prompt_tokens=1, completion_tokens=2))],
        [],
    ]
)
faults = st.sampled_from([None, None, None, UpstreamClosed("gone"), UpstreamStatus("busy", upstream_status=503)])
waits = st.sampled_from([0.0, 0.0, 0.1, 0.3, 0.6, 3.0])

scripts = st.tuples(st.lists(texts | texts | others, max_size=12), endings).map(lambda parts: parts[0] + parts[1])


def joined(deltas: Sequence[Delta]) -> list[Delta]:
    """Return `deltas` with neighbours that only add plain text to the first choice as one."""
    together: list[Delta] = []
    run: list[bytes] = []
    for delta in [*deltas, None]:
        if delta is not None and delta.is_text and not delta.index and delta.content not in ("\n", '"'):
            run.append((delta.content or "").encode())
            continue
        if run:
            together.append(Delta(content=JoinedText.of(run)))
            run = []
        if delta is not None:
            together.append(delta)
    return together


def in_reads(deltas: list[Delta], sizes: list[int], pauses: list[float], fault: UpstreamError | None) -> list[Move]:
    """Return what a provider plays that gets so many of `deltas` a read, after a pause, and calls none the last."""
    moves: list[Move] = []
    left = list(deltas)
    for size, pause in zip(sizes, pauses, strict=False):
        moves += [pause, left[:size]] if left[:size] else [pause]
        left = left[size:]
    moves += [left] if left else []
    return moves + ([fault] if fault is not None else [])


def together(moves: list[Move]) -> list[Move]:
    """Return the same as a provider plays it that puts texts together and says which read is the last."""
    played: list[Move] = [joined(move) if isinstance(move, list) else move for move in moves]
    if played and isinstance(played[-1], list):
        played[-1] = LastDeltas(played[-1])
    return played


def one_by_one(moves: list[Move]) -> list[Move]:
    return [single for move in moves for single in (move if isinstance(move, list) else [move])]


async def reply(moves: list[Move], *, beside: bool, leaves_after_s: float) -> tuple[bytes, float, list[Any]]:
    """Return what is written, when it was over, and what happened on the leg.

    beside: whether the answer is made beside another leg. leaves_after_s: when the client leaves.
    """
    provider, notes = PlayingProvider(moves), Notes()
    encoding, written = StreamEncoding(HEAD), bytearray()

    async def answer(deliver: Any) -> None:
        limited = call(first_token_timeout_s=2.0, idle_timeout_s=0.5, max_retries=0)
        await run_leg(Leg.ANSWER, provider, limited, deliver, observer=notes, rng=random.Random(1))

    async def says_nothing(say: Any) -> None:
        await trio.lowlevel.checkpoint()

    async def write(actions: Sequence[Action]) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        part = encoding.part(actions, gist_of(actions))
        written.extend(part.data + (part.closing(None) if part.closing is not None else b""))

    start = trio.current_time()
    with trio.move_on_after(leaves_after_s):
        await run_race(Merge(acknowledging=False), answer, says_nothing if beside else None, write)
    assert provider.open_calls == 0
    return bytes(written), round(trio.current_time() - start, 2), [type(happening) for happening in notes.happened]


def run(moves: list[Move], *, beside: bool = False, leaves_after_s: float = 1000.0) -> tuple[bytes, float, list[Any]]:
    async def main() -> tuple[bytes, float, list[Any]]:
        return await reply(moves, beside=beside, leaves_after_s=leaves_after_s)

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


reads = st.builds(
    in_reads, scripts, st.lists(st.integers(0, 6), max_size=4), st.lists(waits, min_size=4, max_size=4), faults
)
# Never at the very moment of something else: which of the two is first is nobody's promise.
leaving = st.sampled_from([0.05, 0.15, 0.35, 0.75, 1000.0])


@given(reads, leaving, st.booleans())
def test_alone_and_beside_another_leg_an_answer_is_the_same(
    moves: list[Move], leaves_after_s: float, puts_together: bool
) -> None:
    moves = together(moves) if puts_together else moves
    alone = run(moves, leaves_after_s=leaves_after_s)
    assert alone == run(moves, beside=True, leaves_after_s=leaves_after_s)


@given(reads, leaving)
def test_however_its_deltas_are_put_together_an_answer_is_the_same(moves: list[Move], leaves_after_s: float) -> None:
    apart = run(one_by_one(moves), leaves_after_s=leaves_after_s)
    assert run(moves, leaves_after_s=leaves_after_s) == apart
    assert run(together(moves), leaves_after_s=leaves_after_s) == apart
