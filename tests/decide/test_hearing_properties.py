"""Laws of hearing: it is what a listener with all the time in the world would find, however the text was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.hearing import Hearing
from loro_core.decide.release.profile import PROFILES, Profile, Releaser
from loro_core.decide.stages import spoken_s

TEXTS = st.text(st.sampled_from("aIZ é好。，、.!? …;:\n()3-؟😀"), max_size=12)
PIECES = st.lists(st.tuples(st.floats(0, 3), TEXTS), max_size=14)
SENTENCES = st.lists(
    st.sampled_from(["The sky is blue. ", "So it goes on. ", "Nobody knows why. ", "天空是蓝色的。"]),
    min_size=1,
    max_size=6,
)
# LiveKit's filter looks only when a piece comes, and Vapi takes a number's point for an end if nothing is behind it.
CUT_ALIKE = sorted(PROFILES.keys() - {"livekit", "vapi"})


def timed(pieces):
    """Return the pieces at the moments that their pauses add up to."""
    at, found = 0.0, []
    for pause, text in pieces:
        at += pause
        found.append((at, text))
    return found


def listened(profile: Profile, pieces, end: float) -> tuple[float | None, float]:
    """Return the same the plain way: each piece to the rule as it comes, and all that was handed over in one text."""
    releaser, whole, said = Releaser(profile), "", 0
    begun, over, longest = None, 0.0, 0.0
    for at, text in [*pieces, (end, None)]:
        whole += text or ""
        if any(map(str.isalnum, "".join(releaser.finish() if text is None else releaser.feed(text)))):
            if begun is None:
                begun = over = at
            longest = max(longest, at - over)
            over = max(over, at) + spoken_s(whole[: releaser.released]) - spoken_s(whole[:said])
            said = releaser.released
    return begun, longest if begun is None else max(longest, end - over)


def hear(profile: Profile, pieces, end: float) -> Hearing:
    hearing = Hearing(profile)
    for at, text in pieces:
        hearing.feed(text, at)
    hearing.end(end)
    return hearing


@given(name=st.sampled_from(sorted(PROFILES)), pieces=PIECES, rest=st.floats(0, 9))
def test_a_hole_is_never_negative_and_never_longer_than_the_reply(name, pieces, rest):
    written = timed(pieces)
    end = (written[-1][0] if written else 0.0) + rest
    found = hear(PROFILES[name], written, end)
    assert 0.0 <= found.longest_hole_s <= end
    assert found.begun is not None or found.longest_hole_s == 0.0


@given(name=st.sampled_from(CUT_ALIKE), pieces=PIECES, rest=st.floats(0, 9))
def test_putting_pieces_together_while_speech_runs_changes_nothing(name, pieces, rest):
    written = timed(pieces)
    end = (written[-1][0] if written else 0.0) + rest
    found = hear(PROFILES[name], written, end)
    begun, longest_s = listened(PROFILES[name], written, end)
    assert found.begun == begun
    assert found.longest_hole_s == pytest.approx(longest_s, abs=1e-6)


@given(
    name=st.sampled_from(sorted(PROFILES)),
    sentences=SENTENCES,
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=30),
    rest=st.floats(0, 9),
)
def test_of_plain_sentences_that_holds_for_every_client(name, sentences, pauses, rest):
    words = [f"{word} " if ord(word[-1]) < 256 else word for word in "".join(sentences).split()]
    written = timed([(pauses[n % len(pauses)], word) for n, word in enumerate(words)])
    end = written[-1][0] + rest
    found = hear(PROFILES[name], written, end)
    begun, longest_s = listened(PROFILES[name], written, end)
    assert found.begun == begun
    assert found.longest_hole_s == pytest.approx(longest_s, abs=1e-6)


@given(name=st.sampled_from(["pipecat", "plain", "homeassistant"]), pieces=PIECES, rest=st.floats(0, 9))
def test_how_text_of_one_moment_is_cut_makes_no_difference(name, pieces, rest):
    written = timed(pieces)
    end = (written[-1][0] if written else 0.0) + rest
    whole, cut = hear(PROFILES[name], written, end), hear(PROFILES[name], [(t, c) for t, s in written for c in s], end)
    assert whole.begun == cut.begun
    assert whole.longest_hole_s == pytest.approx(cut.longest_hole_s, abs=1e-6)


@given(name=st.sampled_from(["pipecat", "plain"]), pieces=PIECES, shift=st.floats(0, 1000))
def test_it_does_not_matter_when_the_reply_began(name, pieces, shift):
    written = timed(pieces)
    end = written[-1][0] if written else 0.0
    found = hear(PROFILES[name], written, end)
    later = hear(PROFILES[name], [(at + shift, text) for at, text in written], end + shift)
    assert (later.begun is None) == (found.begun is None)
    # To the microsecond: a pause as short as the rounding of the sum decides whether speech was over.
    assert later.longest_hole_s == pytest.approx(found.longest_hole_s, abs=1e-6)


@given(st.text(st.characters(max_codepoint=0x10FF), max_size=40))
def test_speech_takes_the_same_time_whichever_way_it_is_reckoned(text):
    """The mark may be wide, so that each character is looked up; it is not spoken."""
    assert spoken_s(f"{text} …") == pytest.approx(spoken_s(text))
