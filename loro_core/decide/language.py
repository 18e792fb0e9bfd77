"""Which language a turn is in, as far as its letters and commonest words show it.

A wrong language is worse than no acknowledgement, so three answers are kept apart:

- a language tag (BCP 47, without region): the text shows it;
- "und": it is in some language that this module cannot name;
- None: nothing shows it (numerals, emoji, a name, "ok"); an earlier turn may.

Every language gets points: so many letters of its script as make a word count one, in Latin script a common word of
the language does. The language that the text opens with gets half a point more, for people quote and borrow in the
middle ("how do you say 你好", "帮我 play 一首 jazz"). Most points win.

What it cannot do: a Japanese turn of Chinese characters only, none of them written in Japan's own way ("日本語"), looks
Chinese, unless the user has used kana before. Simplified and traditional Chinese are both "zh".
"""

from __future__ import annotations

import re
import unicodedata

from loro_core.chat import ChatRequest
from loro_core.decide.lexicon import ENGLISH, LOANS, OTHERS

UNDETERMINED = "und"
"""ISO 639-3's tag for a language that could not be named."""

LOOKED_AT_CHARACTERS = 1000
"""So much of a text is looked at. A language shows within a sentence; a pasted document must not cost milliseconds."""

LOOKED_AT_TURNS = 6
"""So many of the user's turns are looked at when the last one shows nothing."""

_ENGLISH_SHARE = 5
"""One word of so many must be a common English one for a text to be English. In running English it is every second;
a command with a title in it ("play despacito by luis fonsi") still has one of five."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々]")
_KANA = re.compile("[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]")
_LATIN_WORD = re.compile("[a-z\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff]+(?:['-][a-z\u00df-\u00f6\u00f8-\u024f]+)*")
_ACCENTED = re.compile("[\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff]")
_ELISION = re.compile("(?:[djln]|qu)'[a-z\u00e0-\u00ff]{2}")  # d'accord, j'aime, l'heure: no English word begins so
_LETTER = re.compile(r"[^\W\d_]")

# Written so in Japan only: neither traditional nor simplified Chinese has these forms.
_JAPANESE_FORMS = re.compile(
    "[気駅図円込働畑売帰県広応択鉄験発転戻渋桜経済対変辺読続関実絵楽薬検険権観顔様歩毎収戦単営覚浜沢銭悪圧囲塩仮価]"
)
# Never used in Japanese: pronouns and particles of Chinese, and simplified forms in every second sentence.
_CHINESE_FORMS = re.compile("[你您们們她吗嗎呢吧啊哪这這么麼很没沒说說谁誰给給让讓哦嗯]")
# Written Cantonese, which a Mandarin phrase does not answer.
_CANTONESE_FORMS = re.compile("[唔嘅咗佢啲冇嚟喺哋嘢]")

# script -> (its letters, letters to a word, language, letters that show another language in the same script)
_SCRIPTS: tuple[tuple[re.Pattern[str], float, str, re.Pattern[str] | None], ...] = (
    (re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"), 2.5, "ko", None),
    (re.compile("[\u0400-\u052f]"), 5, "ru", re.compile("[іїєґўјљњћђџѓќғқңөүұһәӣӯҳҷ]")),
    (re.compile("[\u0620-\u065f\u066e-\u06ef\u06fa-\u06ff\u0750-\u077f]"), 4, "ar", re.compile("[پچژگکیٹڈڑےںہ]")),
    (re.compile("[\u0900-\u0963\u0970-\u097f]"), 4, "hi", re.compile("[ळ]")),
    (re.compile("[\u0e00-\u0e4f]"), 5, "th", None),
)
_HAN_TO_A_WORD = 1.6


def language_of(request: ChatRequest) -> str | None:
    """Return the language that the user speaks: the last turn's, or the latest one that an earlier turn shows.

    A turn of Chinese characters that might be either is Japanese when the user's turn before it was.
    """
    turns = [m.text for m in reversed(request.messages) if m.role == "user"][:LOOKED_AT_TURNS]
    if not turns:
        return None
    language = language_of_text(turns[0])
    if language is not None and not (language == "zh" and _may_be_japanese(turns[0])):
        return language
    earlier = next((found for turn in turns[1:] if (found := language_of_text(turn)) is not None), None)
    if language == "zh":
        return "ja" if earlier == "ja" else "zh"
    return earlier


def language_of_text(text: str) -> str | None:
    """Return the language of one text: a tag, "und", or None if nothing in it shows one. Any text is taken."""
    folded = _folded(text)
    points: dict[str, float] = {}
    openings: dict[str, int] = {}
    for language, score, start in (*_east_asian(folded), *_latin(folded), *_by_script(folded)):
        points[language] = points.get(language, 0) + score
        openings[language] = min(start, openings.get(language, start))
    if not points:
        return None
    points[min(openings, key=openings.__getitem__)] += 0.5
    most = max(points.values())
    best = [language for language, score in points.items() if score == most]
    return best[0] if len(best) == 1 else None


Finding = tuple[str, float, int]
"""A language, its points, and where it begins in the text."""


def _east_asian(text: str) -> list[Finding]:
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if not han and not kana:
        return []
    start = min(m.start() for m in (_HAN.search(text), _KANA.search(text)) if m)
    score = (han + kana) / _HAN_TO_A_WORD
    # A lone の in a Chinese sentence is a brand's; Japanese has a kana for every few characters.
    if kana and kana * 5 >= han:
        return [("ja", score, start)]
    if _JAPANESE_FORMS.search(text) and not _CHINESE_FORMS.search(text):
        return [("ja", score, start)]
    return [("yue" if _CANTONESE_FORMS.search(text) else "zh", score, start)]


def _latin(text: str) -> list[Finding]:
    words = [m.group() for m in _LATIN_WORD.finditer(text)]
    if not words:
        return []
    start = next(_LATIN_WORD.finditer(text)).start()
    english = sum((1 - 0.5 * (word in LOANS)) * (word in ENGLISH) for word in words)
    others = {tag: sum(word in common for word in words) for tag, common in OTHERS.items()}
    elisions = sum(bool(_ELISION.match(word)) for word in words)
    for tag in ("fr", "it"):
        others[tag] += elisions
    most = max(others.values())
    if english > most:
        return [("en", english, start)] if english * _ENGLISH_SHARE >= len(words) else []
    if most > english:
        best = [tag for tag, count in others.items() if count == most]
        return [(best[0] if len(best) == 1 else UNDETERMINED, most, start)]
    if not most and _ACCENTED.search(text):
        return [(UNDETERMINED, 1, start)]
    return []


def _by_script(text: str) -> list[Finding]:
    if text.isascii():
        return []
    findings: list[Finding] = []
    rest = _LATIN_WORD.sub(" ", _KANA.sub(" ", _HAN.sub(" ", text)))
    for letters, to_a_word, language, strangers in _SCRIPTS:
        found = letters.findall(rest)
        if found:
            named = language if strangers is None or not strangers.search(rest) else UNDETERMINED
            findings.append((named, len(found) / to_a_word, text.index(found[0])))
            rest = letters.sub(" ", rest)
    unknown = _LETTER.findall(rest)
    if unknown:
        findings.append((UNDETERMINED, len(unknown) / 5, text.index(unknown[0])))
    return findings


def _may_be_japanese(text: str) -> bool:
    folded = _folded(text)
    return not _CHINESE_FORMS.search(folded) and not _LATIN_WORD.search(folded)


def _folded(text: str) -> str:
    """Return the beginning of `text` with full-width letters, case and curly apostrophes evened out."""
    return unicodedata.normalize("NFKC", text[:LOOKED_AT_CHARACTERS]).casefold().replace("’", "'")
