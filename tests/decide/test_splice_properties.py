"""What holds of two texts in one, wherever the first one broke and however the second one comes."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from loro_core.decide.splice import ANEW, SURE, Splice

texts = st.text(alphabet="abA ,.好の\n", max_size=40) | st.lists(
    st.sampled_from(["Light", " from", " the", " sun.", "\n\n", "光", "は", " So,", " "]), max_size=20
).map("".join)
words = st.sampled_from(["", "Let me see. So, ", "让我想想。", "Okay... "])


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """`text` in pieces."""
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


def run(splice: Splice, pieces: list[str]) -> str:
    return "".join([splice.feed(piece) for piece in pieces if piece]) + splice.end()


def looks_like(text: str, continuation: str) -> bool:
    """Whether what goes on begins as if it said `text` again: then nobody can tell."""
    return bool(text) and continuation.lower().startswith(text.lower()[:ANEW])


@given(st.data(), words, texts)
def test_no_word_is_lost_or_said_twice(data: st.DataObject, before: str, text: str) -> None:
    """A model that goes on exactly where its prefill ends gives the text that it would have given alone."""
    at = data.draw(st.integers(0, len(text)))
    said, answer = before + text[:at], text[:at]
    splice = Splice(said, answer)
    assert not splice.prefill[-1:].isspace() and said.startswith(splice.prefill)
    continuation = (before + text)[len(splice.prefill) :]
    assume(not looks_like(splice.prefill, continuation) and not looks_like(answer.strip(), continuation))
    assert said + run(splice, data.draw(cut(continuation))) == before + text
    assert not splice.began_anew and not splice.echoed


@given(st.data(), words, texts, st.booleans())
def test_what_is_repeated_is_not_said_again(data: st.DataObject, before: str, text: str, all_of_it: bool) -> None:
    """A model that first repeats what it was handed, or its answer in it, gives the same text."""
    at = data.draw(st.integers(0, len(text)))
    said, answer = before + text[:at], text[:at]
    splice = Splice(said, answer)
    echo = splice.prefill if all_of_it else answer.strip()
    assume(len(echo) >= SURE)
    continuation = (before + text)[len(splice.prefill) :]
    longer = splice.prefill
    assume(all_of_it or not (echo + continuation).lower().startswith(longer.lower()) or longer == echo)
    assume(all_of_it or not longer.lower().startswith((echo + continuation).lower()) or longer == echo)
    assert said + run(splice, data.draw(cut(echo + continuation))) == before + text


@given(st.data(), words, texts, texts)
def test_the_pieces_make_no_difference(data: st.DataObject, before: str, text: str, given_: str) -> None:
    said = before + text
    whole, cut_up = Splice(said, text), Splice(said, text)
    assert run(whole, [given_]) == run(cut_up, data.draw(cut(given_))) or whole.began_anew
    assert whole.began_anew == cut_up.began_anew


@given(st.data(), words, texts, texts)
def test_nothing_is_invented(data: st.DataObject, before: str, text: str, given_: str) -> None:
    out = run(Splice(before + text, text), data.draw(cut(given_)))
    assert given_.endswith(out)
