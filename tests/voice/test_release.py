"""The release profiles against the installed clients: is text let out to speech when the profile says so?

Prints how often. `make voice` runs it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loro_core.decide.phrasebook import Phrasebook
from loro_core.decide.release.profile import PROFILES, Phrasing, Profile, Releaser, shape
from tests.voice.conftest import Heard, Piece, Report, Say

pytestmark = pytest.mark.slow

INSTALLED = ("pipecat", "pipecat-token", "livekit")
ACKNOWLEDGED_S, FIRST_TOKEN_S, TOKENS_PER_S = 0.05, 1.2, 25

ANSWERS = {
    " ": "the answer to that is rather simple. There are two ways to get there, and both of them are good. "
    "Shall I tell you more about one of them?",
    "": "这个问题的答案其实很简单。到那里有两条路，两条路都不错。您想让我再介绍一下其中的哪一条呢？"
    "第一条经过公园和老城，第二条沿着河边一直走，都不到半个小时就能到。",
}


def predicted(profile: Profile, pieces: Sequence[Piece]) -> Heard:
    releaser = Releaser(profile)
    heard: Heard = [(at_s, text) for at_s, piece in pieces for text in releaser.feed(piece)]
    return heard + [(None, text) for text in releaser.finish()]


def times(heard: Heard) -> list[float | None]:
    return [at_s for at_s, _ in heard]


def letters(heard: Heard) -> str:
    return "".join(re.sub(r"[\W_]", "", text) for _, text in heard)


def reply(acknowledgement: str, join: str) -> list[Piece]:
    """An acknowledgement, then the answer token by token: in a spaced script its words, else its characters."""
    answer = ANSWERS[" " if acknowledgement.isascii() else ""]
    if acknowledgement.rstrip().endswith((".", "!")):  # only after a lead-in does the answer go on in lower case
        answer = answer[0].upper() + answer[1:]
    tokens = re.findall(r"\s*\S+", (join if acknowledgement else "") + answer) if answer.isascii() else list(answer)
    pieces = [(round(FIRST_TOKEN_S + at / TOKENS_PER_S, 3), token) for at, token in enumerate(tokens)]
    return [(ACKNOWLEDGED_S, acknowledgement), *pieces] if acknowledgement else pieces


# --- thirteen acknowledgements, short and long ---------------------------------------------------------------------

THIRTEEN = (
    "",
    "Sure,",
    "Sure.",
    "Let me think about that... ",
    "Sure, let me check that for you.",
    "Sure, let me check that for you. So,",
    "Sure. So,",
    "Okay, <flush />",
    "Sure, let me check that for you, this may take a look or two. So,",
    "让我想想，",
    "让我想想。",
    "好的。我看一下，",
    "好的，请稍等一下，我马上帮您查一下这个问题。嗯，",
)


def test_the_thirteen_acknowledgements_are_let_out_when_the_profiles_say(say: Say, report: Report):
    wrong = []
    report("")
    report(f"first speech at, in s   {'  '.join(f'{name:>13}' for name in PROFILES)}")
    for acknowledgement in THIRTEEN:
        pieces = reply(acknowledgement, " " if acknowledgement.isascii() else "")
        firsts = []
        for name, profile in PROFILES.items():
            expected = predicted(profile, pieces)
            firsts.append(expected[0][0])
            if name in INSTALLED and times(say(name, pieces)) != times(expected):
                wrong.append((name, acknowledgement))
        report(f"{acknowledgement[:22]:<24}{'  '.join(f'{first:13.2f}' for first in firsts)}")
    assert not wrong


# --- the shipped phrases --------------------------------------------------------------------------------------------


def sayings(book: Phrasebook) -> Iterator[tuple[str, Phrasing]]:
    """Yield (join, phrasing) of everything in the book."""
    for chapter in book.chapters.values():
        for phrases in chapter.phrases.values():
            for sentence in phrases.sentences:
                for lead_in in phrases.lead_ins or ("",):
                    yield chapter.join, Phrasing(sentence=sentence, lead_in=lead_in)


@pytest.mark.parametrize("name", INSTALLED)
def test_every_shipped_phrase_is_let_out_as_its_shape_says(say: Say, book: Phrasebook, report: Report, name: str):
    profile = PROFILES[name]
    outcomes: Counter[str] = Counter()
    wrong = []
    for join, phrasing in sayings(book):
        shaped = shape([phrasing], profile, join=join)
        pieces = reply(shaped.text, shaped.join)
        heard = say(name, pieces)
        at_once = bool(heard) and heard[0][0] == ACKNOWLEDGED_S
        outcomes["at once" if at_once else "later"] += 1
        if at_once != shaped.at_once or times(heard) != times(predicted(profile, pieces)):
            wrong.append((shaped.text, heard))
    report(f"{name}: shipped phrases let out {dict(outcomes)}, foretold wrongly: {len(wrong)}")
    assert not wrong


LANGUAGES = {
    "en": ("Okay, let me see about that.", "So,", " "),
    "zh-CN": ("好，这个问题让我先仔细地想一想，再来看一看。", "嗯，", ""),
    "zh-TW": ("好，這個問題讓我先仔細地想一想，再來看一看。", "嗯，", ""),
    "ja": ("そうですね、その件について少しお調べいたします。", "では、", ""),
    "ko": ("네, 그 부분을 제가 한번 자세히 살펴볼게요.", "음,", " "),
    "es": ("Vale, déjame echarle un vistazo a eso.", "Pues,", " "),
    "fr": ("D'accord, laissez-moi regarder cela.", "Alors,", " "),
    "de": ("Gut, das sehe ich mir einmal genauer an.", "Also,", " "),
    "pt": ("Certo, deixe-me dar uma olhada nisso.", "Então,", " "),
    "ru": ("Хорошо, давайте посмотрим на это.", "Итак,", " "),
    "ar": ("حسنًا، دعني ألقي نظرة على هذا الأمر.", "إذن،", " "),
    "hi": ("ठीक है, मुझे इस पर एक नज़र डालने दीजिए।", "तो,", " "),
}


@pytest.mark.parametrize("name", INSTALLED)
def test_a_sentence_and_a_lead_in_are_let_out_at_once_in_twelve_languages(say: Say, report: Report, name: str):
    held = []
    for language, (sentence, lead_in, join) in LANGUAGES.items():
        shaped = shape([Phrasing(sentence=sentence, lead_in=lead_in)], PROFILES[name], join=join)
        heard = say(name, [(ACKNOWLEDGED_S, shaped.text), (FIRST_TOKEN_S, "x")])
        if not (shaped.at_once and heard[0][0] == ACKNOWLEDGED_S and heard[0][1].startswith(sentence)):
            held.append((language, shaped, heard))
    report(f"{name}: held in {[language for language, _, _ in held]} of {len(LANGUAGES)} languages")
    assert not held


# --- texts of any kind ----------------------------------------------------------------------------------------------

WORDS = {
    "en": "I you we think that the answer is yes maybe seven hello sure okay well so let me check weather today Paris "
    "was warm red no me in ok Dr. e.g. U.S. 3.5 7 42 don't it's really great thing now then light house Sun. Monday",
    "es": "Vale déjame ver eso Así que hoy hace sol García años él el tiempo bueno una pregunta",
    "de": "Gut ich sehe mir das an Also heute ist es schön Über Ärger und München das Wetter",
    "ru": "Хорошо давайте посмотрим на это Москва сегодня погода и я думаю что ответ",
    "ar": "مرحبا دعني أرى ذلك الطقس اليوم جميل جدا نعم",
    "hi": "नमस्ते मुझे देखने दो आज मौसम अच्छा है हाँ",
    "ko": "안녕하세요 잠시만요 제가 확인해 볼게요 오늘 날씨가 좋아요 네",
    "zh": "我 你 让我 想一想 今天 天气 很好 我们 来看看 这个 问题 嗯 那么 可以 因为 北京 25 度",
    "ja": "はい それは 東京 です 今日 天気 ちょっと 確認 します では そうですね",
}
MARKS = {
    "ar": (".", "؟", "!", "،"),
    "hi": ("।", "?", "!", ","),
    "zh": ("。", "？", "！", "，", "、", "；", "…"),
    "ja": ("。", "？", "！", "、"),
}
LATIN_MARKS = (".", ".", ".", "?", "!", ",", ",", "...", ";", ":")
UNSPACED = ("zh", "ja")
DRESSINGS = (
    "{}",
    "{}",
    "{}",
    "{}",
    '"{}"',
    "({})",
    "“{}”",
    "*{}*",
    "**{}**",
    "`{}`",
    "{}\n",
    "- {}",
    "{} 😀",
    "「{}」",
)


@st.composite
def texts(draw: st.DrawFn, *, dressed: bool) -> str:
    language = draw(st.sampled_from(sorted(WORDS)))
    words = st.sampled_from(WORDS[language].split())
    join = "" if language in UNSPACED else " "
    sentences = []
    for _ in range(draw(st.integers(1, 5))):
        sentence = join.join(draw(st.lists(words, min_size=1, max_size=9)))
        if draw(st.integers(0, 9)):
            sentence = sentence[0].upper() + sentence[1:]
        if dressed:
            sentence = draw(st.sampled_from(DRESSINGS)).format(sentence)
        sentences.append(sentence + draw(st.sampled_from(MARKS.get(language, LATIN_MARKS))))
    return join.join(sentences)


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """Return `text` as a stream has it: whole, by words, in small pieces, or with a long beginning."""
    sizes = draw(st.sampled_from((st.just(len(text)), st.integers(1, 6), st.integers(1, 40))))
    pieces = []
    if draw(st.booleans()) and " " in text:
        return re.findall(r"\s*\S+|\s+", text)
    while text:
        size = draw(sizes)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


# The least that must be foretold rightly: (the first release, every release). What is missing is in docs/voice.
AGREEMENT = {
    ("pipecat-token", False): (1.0, 1.0),
    ("pipecat-token", True): (1.0, 1.0),
    ("pipecat", False): (0.99, 0.985),
    ("pipecat", True): (0.97, 0.95),
    ("livekit", False): (0.99, 0.985),
    ("livekit", True): (0.97, 0.95),
}


@pytest.mark.parametrize(("name", "dressed"), AGREEMENT)
def test_texts_in_nine_languages_are_let_out_as_foretold(say: Say, report: Report, name: str, dressed: bool):
    agreed: Counter[str] = Counter()
    examples: list[tuple[list[str], Heard, Heard]] = []

    @settings(max_examples=400, database=None, suppress_health_check=list(HealthCheck))
    @given(texts(dressed=dressed).flatmap(cut))
    def compare(cuts: list[str]) -> None:
        pieces = [(float(at), piece) for at, piece in enumerate(cuts)]
        # In token mode a space by itself is handed over too; it is nothing to be heard.
        heard = [(at_s, text) for at_s, text in say(name, pieces) if text.strip()]
        expected = predicted(PROFILES[name], pieces)
        agreed["texts"] += 1
        agreed["first"] += times(heard)[:1] == times(expected)[:1]
        agreed["all"] += times(heard) == times(expected)
        if times(heard) != times(expected):
            examples.append((cuts, heard, expected))
        # Whatever is let out when, nothing of it is lost.
        if not dressed:
            assert letters(heard) == letters(expected)

    compare()
    first, every = agreed["first"] / agreed["texts"], agreed["all"] / agreed["texts"]
    kind = "with quotes and markup" if dressed else "plain"
    report(f"{name}: {agreed['texts']} texts, {kind}: first release {first:.2%}, every release {every:.2%} as foretold")
    least_first, least_every = AGREEMENT[name, dressed]
    assert first >= least_first, examples[:5]
    assert every >= least_every, examples[:5]
