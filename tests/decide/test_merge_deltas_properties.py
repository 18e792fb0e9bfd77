"""The law of deltas that come together: the merge decides about them as if each had come alone."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import Delta, JoinedText, LastDeltas
from loro_core.decide.merge import Acknowledged, Action, Answered, AnswerEnded, Emit, Finish, Merge
from loro_core.fleet import Leg

WORDS = ["", "Hm, ", "Let me see. ", "Gute Frage. ", "嗯，"]
pieces = st.sampled_from(
    ["Sure", ",", " the", "Hm", ", ", "Let me see.", " Paris", "!", "好", " a", "é", "\n", "Gut", "e"]
)
reads = st.lists(st.lists(pieces, min_size=1, max_size=8), max_size=4)


def texts(actions: Sequence[Action]) -> list[tuple[str, Leg, bool]]:
    """Return what is said, piece by piece, by whom, and whether it opens the reply."""
    said: list[tuple[str, Leg, bool]] = []
    for action in actions:
        if not isinstance(action, Emit):
            continue
        content = action.delta.content or ""
        parts = [piece.decode() for piece in content.pieces] if isinstance(content, JoinedText) else [content]
        said += [(part, action.leg, action.role and not at) for at, part in enumerate(parts)]
    return said


def together(texts_: list[str]) -> list[Delta]:
    """Return the deltas of one read, neighbours that a JSON string can hold as they are joined."""
    deltas: list[Delta] = []
    run: list[bytes] = []
    for text in [*texts_, None]:
        if text is not None and text != "\n":
            run.append(text.encode())
            continue
        if run:
            deltas.append(Delta(content=JoinedText.of(run), chunk_fields={"f": 1}))
            run = []
        if text is not None:
            deltas.append(Delta(content=text, chunk_fields={"f": 1}))
    return deltas


@given(reads, st.sampled_from(WORDS), st.integers(-1, 4), st.booleans())
def test_deltas_that_come_together_are_decided_about_one_by_one(read, words, acknowledged_at, last):
    """acknowledged_at: before which read the words are said, -1 for a reply without an acknowledgement."""
    acknowledging = acknowledged_at >= 0
    alone, joined = Merge(acknowledging=acknowledging), Merge(acknowledging=acknowledging)
    said, said_joined = list[Action](), list[Action]()
    for at, texts_ in enumerate(read):
        if at == acknowledged_at:
            event = Acknowledged(words=words, language="en")
            said += alone.receive(event)
            said_joined += joined.receive(event)
        for text in texts_:
            said += alone.receive(Answered(delta=Delta(content=text, chunk_fields={"f": 1}), now=float(at)))
        deltas = together(texts_)
        is_last = last and at == len(read) - 1
        said_joined += joined.receive_deltas(LastDeltas(deltas) if is_last else deltas, float(at))
        assert texts(said_joined) == texts(said) or is_last
    said += alone.receive(AnswerEnded())
    said_joined += joined.receive(AnswerEnded())
    assert texts(said_joined) == texts(said)
    assert [type(action) for action in said_joined if not isinstance(action, Emit)] == [
        type(action) for action in said if not isinstance(action, Emit)
    ]
    assert isinstance(said_joined[-1], Finish)
    assert joined.seam_edits == alone.seam_edits
