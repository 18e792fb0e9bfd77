"""What holds of any answer behind any words, however it is split and whenever it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.category import Category
from loro_core.decide.folded import Folded, folded_character
from loro_core.decide.openers import BY_LANGUAGE
from loro_core.decide.seam import Seam, SeamLimits, applied
from loro_core.decide.verdict import Kind

WORDS = (
    "Let me think about that one. So,",
    "Hello there!",
    "Okay, let me see about that.",
    "My pleasure entirely.",
    "Hello! Let me look into that. Well,",
    "Let me think... ",
    "让我想一想。嗯，",
    "你好呀！",
    "¡Hola, bienvenido!",
    "네, 한번 볼게요. 음,",
    "Итак,",
    "नमस्ते जी!",
    "حسنًا، دعني أفكر.",
    "👋",
    "So\n",
)
LANGUAGES = (None, "en", "zh", "zh-TW", "es", "ko", "ru", "hi", "ar", "de", "fr", "xx")
PIECES = (
    *("Hello", "hi", "Hi Anna", "Dr.", "Sure", "Okay", "Great question", "Let me think about that one", "So", "Well"),
    *(
        "You're welcome",
        "the",
        "The",
        "There's",
        "I",
        "but",
        "here's",
        "World",
        "你好",
        "好的",
        "嗯",
        "让我想一想",
        "天空",
    ),
    *("안녕하세요", "음", "Привет", "Это", "नमस्ते", "मैं", "مرحبًا", "حسنًا", "¡Hola", "L'", "eau", "1", "```", "- ", "#"),
    *("!", ".", ",", "?", "...", "…", "，", "！", "。", "、", "،", "।", "-", "—", " ", "  ", "\n", "\u00a0", "\u3000"),
    *(
        "👋",
        "🏽",
        "\u200d",
        "👩",
        "\ufe0f",
        "\u0301",
        "🇩",
        "🇪",
        "\ud83d",
        "\u202e",
        "\x00",
        "ß",
        "İ",
        "ﬁ",
        "'",
        "’",
        "“",
    ),
)

words = st.sampled_from(WORDS) | st.text(max_size=30)
languages = st.sampled_from(LANGUAGES)
categories = st.none() | st.sampled_from(Category)
pieces = st.lists(st.sampled_from(PIECES), max_size=14) | st.lists(st.text(max_size=6), max_size=8)
limits = st.builds(
    SeamLimits,
    characters=st.integers(1, 64),
    hold_s=st.sampled_from([0.0, 0.04]),
    likely_hold_s=st.sampled_from([0.04, 0.4]),
)


def whole(seam: Seam, parts: list[str]) -> str:
    return "".join(seam.feed(part, 0.0) for part in parts) + seam.end()


@given(words, languages, categories, pieces, limits, st.data())
def test_any_split_gives_the_same(said, language, category, parts, limit, data):
    answer = "".join(parts)
    limit = SeamLimits(characters=limit.characters)
    at_once, by_character = (Seam(said, language, limit, category=category) for _ in range(2))
    expected = whole(at_once, [answer])
    assert whole(by_character, list(answer)) == expected
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    split = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    seam = Seam(said, language, limit, category=category)
    assert whole(seam, split) == expected
    assert seam.edits == at_once.edits == by_character.edits


@given(words, languages, categories, pieces, limits, st.data())
def test_only_what_is_recorded_is_changed_and_nothing_is_held_too_long_or_too_much(
    said, language, category, parts, limit, data
):
    seam = Seam(said, language, limit, category=category)
    now, out = 0.0, ""
    for part in parts:
        out += seam.feed(part, now)
        assert len(seam.held) <= limit.characters
        deadline = seam.deadline
        assert (deadline is None) == (not seam.held)
        if deadline is not None:
            assert now < deadline <= now + max(limit.hold_s, limit.likely_hold_s)
        now += data.draw(st.sampled_from([0.0, 0.01, 0.05, 0.5]))
        if data.draw(st.booleans()):
            out += seam.tick(now)
            assert seam.deadline is None or seam.deadline > now
    out += seam.end()
    assert seam.done and seam.held == "" and seam.deadline is None and seam.end() == ""
    assert out == applied(seam.edits, "".join(parts))


@given(words, languages, categories, pieces)
def test_the_output_is_the_end_of_the_answer_with_a_space_and_a_letter_of_its_own(said, language, category, parts):
    answer = "".join(parts)
    seam = Seam(said, language, category=category)
    out = whole(seam, [answer])
    body = out.lstrip().removeprefix("¡")
    assert answer.endswith(body[1:])
    assert body[:1].casefold() in answer.casefold()
    assert len(out) <= len(answer) + len("\n\n¡")
    done = 0
    for edit in seam.edits:
        assert edit.at == done or edit.kind is Kind.CASE
        assert edit.kind in (Kind.SPACE, Kind.CASE) or edit.after == ""
        done = edit.at + len(edit.before)


BEGIN_NO_OPENER = "XZ漢鬱ツ뷁ЖΩ𝕏🦜"
"""One of each script and width."""


def test_these_letters_begin_no_opener_of_any_language():
    for openers in BY_LANGUAGE.values():
        phrases = (*openers.greetings, *openers.welcomes, *openers.receipts, *openers.assents)
        for phrase in (*phrases, *openers.praise, *openers.thinking, *openers.lead_ins):
            # A syllable of Hangul is one letter, and several once folded.
            assert not any(phrase.startswith(folded_character(letter)) for letter in BEGIN_NO_OPENER), phrase


@given(words.filter(bool), languages, st.sampled_from(BEGIN_NO_OPENER), st.text(max_size=20))
def test_what_begins_like_no_opener_is_never_held(said, language, first, rest):
    if any(folded_character(first).startswith(c) for c in Folded(said).text):
        return
    seam = Seam(said, language)
    assert seam.feed(first + rest, 0.0).endswith(first + rest) and seam.done


@given(st.text() | st.text(alphabet="e\u0301\u200d👋🏽 \n'’ﬁİ½"))
def test_folding_keeps_places_in_order_and_clusters_whole(text):
    view = Folded(text)
    assert len(view.text) == len(view.starts) == len(view.ends)
    assert all(a < b for a, b in zip(view.starts, view.ends, strict=True))
    assert view.starts == sorted(view.starts) and view.ends == sorted(view.ends)
    assert not view.text or view.ends[-1] == len(text)
