"""Who has seen the beginning of a prompt."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.prefixes import CHUNK_BYTES, PrefixIndex, prefix_hashes

texts = st.lists(st.text(max_size=700), max_size=4)


def shared(one, other) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@given(texts, texts)
def test_a_conversation_that_goes_on_keeps_its_hashes(beginning, more):
    assert prefix_hashes([*beginning, *more])[: len(prefix_hashes(beginning))] == prefix_hashes(beginning)


@given(st.integers(0, 2000), st.integers(0, 1999))
def test_prompts_share_hashes_as_far_as_they_are_the_same(length, at):
    prompt = "".join(chr(97 + number % 23) for number in range(length))
    changed = prompt[:at] + "!" + prompt[at + 1 :] if at < length else prompt
    same = min(at, length) // CHUNK_BYTES
    assert shared(prefix_hashes([prompt]), prefix_hashes([changed])) == (
        same if at < length else len(prefix_hashes([prompt]))
    )


def test_where_messages_end_counts():
    one = "a" * 300
    assert prefix_hashes([one, one]) != prefix_hashes([one + one]) and prefix_hashes(["", one]) != prefix_hashes([one])


def test_a_short_prompt_has_none_and_a_very_long_one_has_some_hundreds():
    assert prefix_hashes([]) == prefix_hashes(["hello"]) == ()
    assert len(prefix_hashes(["a" * 255])) == 1
    assert 300 < len(prefix_hashes(["word " * 200_000])) < 500


def test_any_text_has_hashes():
    assert len(prefix_hashes(["\ud800" * 400])) > 1


def test_they_are_the_same_in_every_process():
    assert prefix_hashes(["a" * 600]) == (zlib.crc32(b"a" * 256), zlib.crc32(b"a" * 512))


def test_what_an_instance_has_seen_counts_from_the_beginning_without_a_gap():
    index = PrefixIndex()
    assert index.matched("a", (1, 2)) == 0
    index.note("a", (1, 2, 3))
    assert [index.matched("a", prefix) for prefix in ((1, 2, 3, 4), (1, 9, 3), (9, 2), ())] == [3, 1, 0, 0]
    assert index.matched("b", (1, 2)) == 0
    index.forget("a")
    index.forget("nobody")
    assert index.matched("a", (1,)) == 0


def test_what_is_longest_out_of_use_goes_first_and_a_beginning_after_its_end():
    index = PrefixIndex(4)
    index.note("a", (1, 2, 3))
    index.note("a", (7, 8))
    assert index.matched("a", (1, 2, 3)) == 2 and index.matched("a", (7, 8)) == 2
    index.note("a", (1, 5))
    assert index.matched("a", (1, 5)) == 2 and index.matched("a", (7, 8)) == 2
    index.note("a", tuple(range(100, 110)))
    assert index.matched("a", tuple(range(100, 110))) == 4
    with pytest.raises(ValueError, match="most is 0"):
        PrefixIndex(0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 9), max_size=5)), max_size=20))
def test_it_never_claims_what_was_not_seen(notes):
    index = PrefixIndex(6)
    seen: dict[str, set[int]] = {"a": set(), "b": set()}
    for instance, prefix in notes:
        index.note(instance, prefix)
        seen[instance] |= set(prefix)
        assert index.matched(instance, prefix) == len(prefix)
        for other in "ab":
            assert set(prefix[: index.matched(other, prefix)]) <= seen[other]
